//! The program as its users see it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::duplicate_mod,
    reason = "what is tested of stores on files is tested of stores behind a service, too"
)]

mod bad_input;
#[cfg(unix)]
mod documents;
mod exit_codes;
mod generate;
mod help;
mod kill;
mod program;
mod real_files;
#[cfg(all(unix, feature = "client", feature = "server"))]
mod remote;
mod replay;
#[cfg(all(unix, feature = "server"))]
mod running;
#[cfg(all(unix, feature = "server"))]
mod serve;
mod store;
mod verify;

use program::{file, gpu_credit, run, stderr, stdout};

const ENGINES: [&str; 3] = ["indexed", "list", "heap"];
