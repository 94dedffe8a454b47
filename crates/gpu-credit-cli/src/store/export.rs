//! `gpu-credit export`: writes the journal, or the records as an events file.

use std::io::{self, BufWriter, Write};

use clap::{Args, ValueEnum};

use super::{OpenStore, StoreArguments};
use crate::escape::Escapes;
use crate::output_file::OutputArguments;

pub(crate) const HELP: &str = "\
The journal is JSON lines: the store's unit of time, the files without ids that
were imported, and then an entry each. Importing it into a new store restores
this one; only accounts that were deleted are not known any more. The events file
is what gpu-credit replay reads: the records as they stand; what it leaves out is
said on standard error.

Example:
  gpu-credit export --output journal.jsonl";

#[derive(Args)]
pub(crate) struct ExportArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// What is written
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t = Form::Journal)]
    form: Form,
    #[command(flatten)]
    output: OutputArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// Every entry, as JSON lines
    Journal,
    /// The records that stand, as an events file
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
            store.ask(|store| store.export_journal(output, |_| ()))?;
        }
        Form::Events => {
            let left_out = store.ask(|store| store.export_events(output, |_| ()))?;
            // If it cannot be said, the file is good all the same.
            let _ = writeln!(io::stderr(), "gpu-credit: {left_out}");
        }
    }
    Ok(())
}
