//! The `gpu-credit` program: keeps accounts of credit in a file, and replays, verifies and generates
//! files of events.
//!
//! It is thin. What is kept and answered is `gpu-credit-store`'s, and each command on a store is a
//! file of [`store`]: what it is told, its help, and what it does. [`time`] and [`rows`] are how
//! people type and read. The commands on files of events have [`arguments`], [`input`], and the
//! [`engine`]s under one trait.

mod answers;
mod arguments;
mod engine;
mod generate;
mod input;
mod output_file;
mod party;
mod progress;
mod replay;
mod rows;
mod shrink;
mod store;
mod time;
mod verify;

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use store::{
    account, accounts, balance, check, copy, draws, export, history, import, plot, post, statement,
};

/// Engines disagree, or something is wrong with a store.
const FAILED: u8 = 1;
/// Bad input or usage, or storage that fails; also what clap exits with.
const BAD_INPUT: u8 = 2;

fn main() -> ExitCode {
    let done = run(Arguments::parse().command);
    done.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        // Nothing is left to be done if even this cannot be written.
        let _ = writeln!(io::stderr(), "gpu-credit: {error:#}");
        ExitCode::from(BAD_INPUT)
    })
}

/// Whether all is well: a verification or a check can fail.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Account(command) => account::run(&command)?,
        Command::Accounts(arguments) => accounts::run(&arguments)?,
        Command::Import(arguments) => import::run(&arguments)?,
        Command::Grant(arguments) => post::grant(&arguments)?,
        Command::Use(arguments) => post::usage(&arguments)?,
        Command::Retract(arguments) => post::retract(&arguments)?,
        Command::Revoke(arguments) => post::revoke(&arguments)?,
        Command::Change(arguments) => post::change(&arguments)?,
        Command::Close(arguments) => post::close(&arguments)?,
        Command::Balance(arguments) => balance::run(&arguments)?,
        Command::Statement(arguments) => statement::run(&arguments)?,
        Command::Draws(arguments) => draws::run(&arguments)?,
        Command::History(arguments) => history::run(&arguments)?,
        Command::Plot(arguments) => plot::run(&arguments)?,
        Command::Check(arguments) => return Ok(exit_code(check::run(&arguments)?)),
        Command::Export(arguments) => export::run(&arguments)?,
        Command::Copy(arguments) => copy::run(&arguments)?,
        Command::Replay(arguments) => replay::run(&arguments)?,
        Command::Verify(arguments) => return Ok(exit_code(verify::run(&arguments)?)),
        Command::Generate(arguments) => generate::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn exit_code(is_well: bool) -> ExitCode {
    match is_well {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

/// Writes a line to standard output.
fn say(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// Whether who reads the output has had enough, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
