//! The service, asked over sockets of this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(dead_code, reason = "the tests that need it come next")]

mod access;
mod accounts;
mod document;
mod server;
