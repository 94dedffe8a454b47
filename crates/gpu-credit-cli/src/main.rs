//! The `gpu-credit` program: replays, verifies and generates files of credit events.
//!
//! It is thin. Rows come from `gpu-credit-workload`, answers from the engines, and what is left is
//! here: [`arguments`], [`input`], the [`engine`]s behind one trait, the three commands, and the
//! exit codes.

mod answers;
mod arguments;
mod engine;
mod generate;
mod input;
mod party;
mod progress;
mod replay;
mod shrink;
mod verify;

use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

/// Engines disagree.
const VERIFICATION_FAILED: u8 = 1;
/// Bad input or usage; also what clap exits with.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Replay(arguments) => replay::run(&arguments).map(|()| ExitCode::SUCCESS),
        Command::Verify(arguments) => verify::run(&arguments).map(|agreed| match agreed {
            true => ExitCode::SUCCESS,
            false => ExitCode::from(VERIFICATION_FAILED),
        }),
        Command::Generate(arguments) => generate::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        // Nothing is left to be done where even this cannot be written.
        let _ = writeln!(io::stderr(), "gpu-credit: {error:#}");
        ExitCode::from(BAD_INPUT)
    })
}

/// Whether who reads the output has had enough, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
