//! `gpu-credit man` and `completions`: what clap makes of the command line for the system it runs on.

use std::io::{self, Write};

use anyhow::Context;
use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::help::command;

pub(crate) const HELP: &str = "\
Example:
  gpu-credit man > gpu-credit.1
  gpu-credit man account create > gpu-credit-account-create.1";

#[derive(Args)]
pub(crate) struct ManArguments {
    /// The command that the page is about; the program itself if not given
    #[arg(value_name = "COMMAND")]
    words: Vec<String>,
}

pub(crate) fn man(arguments: &ManArguments) -> anyhow::Result<()> {
    let mut command = command().name("gpu-credit");
    command.build();
    let found = (arguments.words.iter()).try_fold(&command, |command: &Command, word| {
        command.find_subcommand(word)
    });
    let found = found.with_context(|| {
        let words = arguments.words.join(" ");
        format!("there is no command {words:?}; `gpu-credit --help` lists them")
    })?;
    let mut page = Vec::new();
    clap_mangen::Man::new(found.clone()).render(&mut page)?;
    Ok(io::stdout().write_all(&page)?)
}

pub(crate) const COMPLETIONS_HELP: &str = "\
Example:
  gpu-credit completions bash > gpu-credit.bash";

#[derive(Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    shell: Shell,
}

pub(crate) fn completions(arguments: &CompletionsArguments) -> anyhow::Result<()> {
    let mut script = Vec::new();
    generate(arguments.shell, &mut command(), "gpu-credit", &mut script);
    Ok(io::stdout().write_all(&script)?)
}
