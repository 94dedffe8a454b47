//! The `gpu-credit` program: keeps accounts of credit in a file, and replays, verifies and generates
//! files of events.
//!
//! It is thin. What is kept and answered is `gpu-credit-store`'s, and each command on a store is a
//! file of [`store`]: what it is told, its help, and what it does. [`time`] and [`rows`] are how
//! people type and read, [`escape`] is how names and ids of others are shown, and [`output_file`] where
//! files go. [`help`] is what holds for all commands. The commands on files of events have [`input`], and
//! the [`engine`]s under one trait.

mod answers;
mod arguments;
mod confirm;
mod disagreement;
mod engine;
mod escape;
mod generate;
mod help;
mod input;
mod integer;
mod interrupt;
mod man;
mod name;
mod os_error;
mod output_file;
mod own_questions;
mod party;
mod progress;
mod replay;
mod rows;
#[cfg(feature = "server")]
mod service;
mod shrink;
mod store;
mod time;
mod tips;
mod verify;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use std::{env, fmt};

use anyhow::Context;
use clap::FromArgMatches;

use arguments::{Arguments, Command};
use escape::{printable, shortened};
use os_error::words;
use output_file::refuse_store_on_standard_output;
use store::{
    account, accounts, balance, change, check, close, copy, draws, export, grant, history, holds,
    import, job, plot, spendable, statement, undo, usage,
};

/// Engines disagree, or something is wrong with a store.
const FAILED: u8 = 1;
/// Bad input or usage, or storage that fails; also what clap exits with.
const BAD_INPUT: u8 = 2;
/// Not all is posted and counts: an import has left out rows, or what was posted again is retracted.
const PART: u8 = 3;
/// A hold is refused.
const REFUSED: u8 = 4;

fn main() -> ExitCode {
    let done = match arguments() {
        Ok(Typed::Arguments(arguments)) => {
            refuse_store_on_standard_output().and_then(|()| run(arguments.command))
        }
        Ok(Typed::Page(page)) => show(&page).map(|()| ExitCode::SUCCESS),
        Err(wrong) => {
            complain(format_args!("{}", wrong.trim_end()));
            return ExitCode::from(BAD_INPUT);
        }
    };
    done.unwrap_or_else(|error| {
        if is_closed_pipe(&error) {
            return ExitCode::SUCCESS;
        }
        // What else can fail says where.
        let is_of_output = error.is::<io::Error>() && error.chain().count() == 1;
        let place = if is_of_output {
            "standard output: "
        } else {
            ""
        };
        let line = format!("gpu-credit: {place}{}", told(&error));
        complain(format_args!("{}", printable(&line)));
        ExitCode::from(BAD_INPUT)
    })
}

/// An error and its causes, in words.
fn told(error: &anyhow::Error) -> String {
    let causes = error
        .chain()
        .map(|cause| match cause.downcast_ref::<io::Error>() {
            Some(error) => words(error),
            None => cause.to_string(),
        });
    causes.collect::<Vec<_>>().join(": ")
}

/// What the command line says.
enum Typed {
    Arguments(Box<Arguments>),
    /// It asks for a page of help, or for the version.
    Page(clap::Error),
}

/// Writes a page of help.
fn show(page: &clap::Error) -> anyhow::Result<()> {
    page.print()?;
    Ok(io::stdout().flush()?)
}

/// What the command line says; if it is wrong, what is wrong with it.
fn arguments() -> Result<Typed, String> {
    let typed: Vec<OsString> = env::args_os().collect();
    let matches = help::command().try_get_matches_from(&typed);
    let error_as_typed = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => return Ok(Typed::Arguments(Box::new(arguments))),
        Err(error) => error,
    };
    if !error_as_typed.use_stderr() {
        return Ok(Typed::Page(error_as_typed));
    }
    // The same error, with what was typed escaped.
    let typed = typed.iter().map(|word| match word.to_str() {
        Some(word) => printable(word).into_owned(),
        None => printable(&word.to_string_lossy()).into_owned(),
    });
    let error = help::command().try_get_matches_from(typed).err();
    let mut error = error.unwrap_or(error_as_typed);
    tips::improve(&mut error);
    let lines = error.render().to_string();
    let lines = match lines.strip_prefix("error: ") {
        Some(wrong) => format!("gpu-credit: {wrong}"),
        None => lines,
    };
    let lines = lines.lines().map(without_environment);
    let lines: Vec<String> = lines.collect();
    let mut lines: Vec<_> = lines.iter().map(|line| printable(line)).collect();
    if unit_of_environment_is_wrong(&lines) {
        lines.push("The variable GPU_CREDIT_UNIT has that value.".into());
    }
    Err(lines.join("\n"))
}

/// A line without the options that nobody has typed: of a command line that is wrong, they are shown as if
/// they were required if the environment has them.
fn without_environment(line: &str) -> String {
    if !line.starts_with("Usage: ") {
        return line.to_owned();
    }
    let options = [
        ("--unit", " --unit <UNIT>"),
        ("--db", " --db <STORE>"),
        ("--server", " --server <URL>"),
        ("--token-file", " --token-file <FILE>"),
        ("--ca-certificate", " --ca-certificate <FILE>"),
    ];
    let untyped = options.into_iter().filter(|(option, _)| !is_typed(option));
    untyped.fold(line.to_owned(), |line, (_, shown)| line.replace(shown, ""))
}

/// Whether an option is typed.
pub(crate) fn is_typed(option: &str) -> bool {
    env::args_os().any(|word| word.to_string_lossy().starts_with(option))
}

/// Whether what is wrong is the unit, and nobody has typed it.
fn unit_of_environment_is_wrong(lines: &[Cow<'_, str>]) -> bool {
    !is_typed("--unit")
        && lines
            .first()
            .is_some_and(|line| line.contains("'--unit <UNIT>'"))
}

/// Whether all is well: a verification or a check can fail.
fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Account(command) => account::run(&command)?,
        Command::Accounts(arguments) => accounts::run(&arguments)?,
        Command::Import(arguments) => return Ok(all_or_part(import::run(&arguments)?)),
        Command::Grant(arguments) => return Ok(all_or_part(grant::run(&arguments)?)),
        Command::Use(arguments) => return Ok(all_or_part(usage::run(&arguments)?)),
        Command::Run(arguments) => return Ok(all_or_part(job::run(&arguments)?)),
        Command::Stop(arguments) => job::stop(&arguments)?,
        Command::Authorise(arguments) => return Ok(given(holds::authorise(&arguments)?)),
        Command::Settle(arguments) => holds::settle(&arguments)?,
        Command::Release(arguments) => holds::release(&arguments)?,
        Command::Holds(arguments) => holds::holds(&arguments)?,
        Command::Retract(arguments) => return Ok(all_or_part(undo::retract(&arguments)?)),
        Command::Revoke(arguments) => return Ok(all_or_part(undo::revoke(&arguments)?)),
        Command::Change(arguments) => return Ok(all_or_part(change::run(&arguments)?)),
        Command::Close(arguments) => return Ok(all_or_part(close::run(&arguments)?)),
        Command::Balance(arguments) => balance::run(&arguments)?,
        Command::Spendable(arguments) => spendable::spendable(&arguments)?,
        Command::RunsDry(arguments) => spendable::runs_dry(&arguments)?,
        Command::Statement(arguments) => statement::run(&arguments)?,
        Command::Draws(arguments) => draws::run(&arguments)?,
        Command::History(arguments) => history::run(&arguments)?,
        Command::Plot(arguments) => plot::run(&arguments)?,
        Command::Check(arguments) => return Ok(exit_code(check::run(&arguments)?)),
        Command::Export(arguments) => export::run(&arguments)?,
        Command::Copy(arguments) => copy::run(&arguments)?,
        #[cfg(feature = "server")]
        Command::Serve(arguments) => service::serve::run(&arguments)?,
        #[cfg(feature = "server")]
        Command::Token(command) => service::token::run(&command)?,
        Command::Replay(arguments) => replay::run(&arguments)?,
        Command::Verify(arguments) => return Ok(exit_code(verify::run(&arguments)?)),
        Command::Generate(arguments) => generate::run(&arguments)?,
        Command::Completions(arguments) => man::completions(&arguments)?,
        Command::Man(arguments) => man::man(&arguments)?,
        Command::Help(arguments) => help::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn exit_code(is_well: bool) -> ExitCode {
    match is_well {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(FAILED),
    }
}

fn given(is_given: bool) -> ExitCode {
    match is_given {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(REFUSED),
    }
}

fn all_or_part(is_all: bool) -> ExitCode {
    match is_all {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(PART),
    }
}

/// Writes a line to standard output; what it says is in the error otherwise.
fn say(line: fmt::Arguments<'_>) -> anyhow::Result<()> {
    let line = line.to_string();
    writeln!(io::stdout(), "{}", printable(&line)).with_context(|| {
        format!("standard output cannot be written, which would have said {line:?}")
    })
}

/// What was written, even if nobody reads it to the end: what it says of is done all the same.
fn heard(written: anyhow::Result<()>) -> anyhow::Result<()> {
    match written {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        written => written,
    }
}

/// Writes lines to standard error. Nothing is left to be done if even they cannot be written.
fn complain(lines: fmt::Arguments<'_>) {
    let lines = lines.to_string();
    let lines: Vec<_> = lines.lines().map(shortened).collect();
    let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
}

/// Whether who reads the output has had enough, as `head` does.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}
