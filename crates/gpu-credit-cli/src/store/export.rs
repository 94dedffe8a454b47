//! `gpu-credit export`: writes the journal, or the records as an events file.

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};

use super::{OpenStore, StoreArguments};
use crate::escape::Escapes;
use crate::output_file::OutputArguments;

pub(crate) const HELP: &str = "\
The journal is JSON Lines: the store's unit of time, the files without ids that
were imported, and an object for each entry. Import it into a new store to
restore this one, without accounts that were deleted. The events file is what
gpu-credit replay reads: the records as they are now, corrections applied. What
it cannot hold is left out and counted on standard error.

Example:
  gpu-credit export -o journal.jsonl";

#[derive(Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// What to write
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Form::Journal)]
    form: Form,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Every entry, as JSON lines
    Journal,
    /// The records as they are now, as an events file
    Events,
}

pub(crate) fn run(arguments: &ExportArguments) -> anyhow::Result<()> {
    let store = arguments.store.open_to_ask()?;
    let escapes = match arguments.form {
        Form::Journal => Escapes::Json,
        Form::Events => Escapes::Text,
    };
    let write = |output: &mut dyn Write| write(arguments.form, &store, output);
    arguments.output.write(escapes, write)
}

fn write(form: Form, store: &OpenStore, output: impl Write) -> anyhow::Result<()> {
    let output = BufWriter::new(output);
    match form {
        Form::Journal => {
            if let Some(remote) = &store.remote {
                return remote
                    .export(output)
                    .map_err(|failure| failure.told(&store.name));
            }
            store.ask(|store| store.export_journal(output, |_| ()))?;
        }
        Form::Events => {
            store.fetch::<&str>(&[])?;
            let left_out = store.ask(|store| store.export_events(output, |_| ()))?;
            // If it cannot be said, the file is good all the same.
            let _ = writeln!(io::stderr(), "note: {left_out}");
        }
    }
    Ok(())
}
