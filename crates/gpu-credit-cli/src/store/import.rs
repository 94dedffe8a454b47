//! `gpu-credit import`: posts the records of a file, all of them or none.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use flate2::bufread::MultiGzDecoder;
use gpu_credit_store::{Error, ImportError, ImportMode, Imported, Refusal};

use super::{OpenStore, StoreArguments, counted};
use crate::arguments::Policy;
use crate::input::{Source, column};
use crate::progress::Progress;

pub(crate) const HELP: &str = "\
The file is an events file (see gpu-credit replay --help) or a journal as
gpu-credit export writes it: what begins with { is a journal. Plain or gzip.
Records of an events file have no ids, so each gets one of the digest of the file
and its line: importing the same file again posts nothing. Its questions are
passed over. A store that is not there is made.

Example:
  gpu-credit import events.csv.gz --policy carry";

#[derive(Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The events file or the journal, plain or gzip; - for standard input
    file: PathBuf,
    /// The policy of accounts that an events file makes; those that are there keep theirs
    #[arg(long, value_enum, default_value_t = Policy::Carry)]
    policy: Policy,
    /// Check all of it and post nothing
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn run(arguments: &ImportArguments) -> anyhow::Result<()> {
    let source = Source::open(&arguments.file)?;
    let progress = Progress::of(source.length).followed_by("checking and posting");
    let mut text = plain_text(progress.watch(source.bytes))
        .with_context(|| format!("{}: cannot be read", source.name))?;
    let is_journal = text
        .fill_buf()
        .with_context(|| format!("{}: cannot be read", source.name))?
        .starts_with(b"{");

    let (store, mode) = match arguments.dry_run {
        true => (arguments.store.open_or_pretend()?, ImportMode::DryRun),
        false => (arguments.store.open_or_create()?, ImportMode::Post),
    };
    let imported = match is_journal {
        true => store.store.import_journal(text, mode, |_| ()),
        false => (store.store).import_events(text, arguments.policy.into(), mode, |_| ()),
    };
    progress.clear();
    let imported = imported.map_err(|error| refused(&store, &source.name, error))?;
    store.ensure_in_place()?;
    crate::say(format_args!("{}", summary(&imported, mode)))
}

/// The text of a file, decompressed if it is gzip.
fn plain_text(bytes: impl Read + 'static) -> std::io::Result<Box<dyn BufRead>> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let mut bytes = BufReader::with_capacity(1 << 16, bytes);
    if bytes.fill_buf()?.starts_with(&GZIP_MAGIC) {
        let text = MultiGzDecoder::new(bytes);
        return Ok(Box::new(BufReader::with_capacity(1 << 16, text)));
    }
    Ok(Box::new(bytes))
}

/// Names the place of what was refused: the file, the line, and the column if it is a limit.
fn refused(store: &OpenStore, file: &str, error: Error) -> anyhow::Error {
    let Error::Import(import) = &error else {
        return store.explain(error);
    };
    match &**import {
        ImportError::Refused {
            line,
            error: Error::Refused {
                account, refusal, ..
            },
        } => {
            let column = match refusal {
                Refusal::Limit(limit) => column(limit),
                _ => "",
            };
            anyhow!(
                "{file}: line {line}{column}: account {account:?}: {refusal}; nothing was posted"
            )
        }
        import => anyhow!("{file}: {import}; nothing was posted"),
    }
}

fn summary(imported: &Imported, mode: ImportMode) -> String {
    let Imported {
        posted,
        already_posted,
        accounts,
        questions,
    } = imported;
    let said = match mode {
        ImportMode::Post => "",
        ImportMode::DryRun => "nothing was posted; it would be ",
    };
    let entries = counted(posted - accounts, "entry", "entries");
    let accounts = counted(*accounts, "account", "accounts");
    let mut summary =
        format!("{said}{entries} posted, {accounts} opened, {already_posted} there already");
    if *questions > 0 {
        let questions = counted(*questions, "question", "questions");
        let _ = write!(summary, "; {questions} passed over");
    }
    summary
}
