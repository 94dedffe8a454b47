//! The service, asked over sockets of this machine.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod access;
mod accounts;
mod batches;
mod bodies;
mod browser;
mod changes;
mod document;
mod events;
mod exports;
mod forms;
mod history;
mod holds;
mod imports;
mod page;
mod questions;
mod records;
mod server;
mod serving;
