//! `gpu-credit import`: posts the records of a file, all of them or none.

use std::fmt::Write;
use std::io::{BufRead, BufReader, Read};
use std::num::NonZeroU64;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use clap::Args;
use flate2::bufread::MultiGzDecoder;
use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, ImportError, ImportMode, ImportOptions, ImportStep, Imported, Refusal, TimeUnit,
};

use super::import_sacct::{self, SacctArguments};
use super::{OpenStore, StoreArguments, counted};
use crate::input::{Source, column};
use crate::progress::Progress;
use crate::time::Unit;

pub(crate) const HELP: &str = "\
The file is an events file (see gpu-credit replay --help) or a journal as
gpu-credit export writes it: what begins with { is a journal. Plain or gzip. A
store that is not there is made. Questions are passed over.

A file may be imported again, and may have grown. Rows with an id (a column of
the events file) are posted once, in any order; a row that says something else
than what was posted under its id is an error. A file without ids that begins
with all rows of one imported before continues it: only what follows is posted.
Any other file without ids is refused if a row equals, in all columns, one that
was imported before without id; --again posts it all the same. If only some rows
have ids, the others must be new. Rows of accounts that were deleted since are
still known. Within a file, equal rows without id are as many records.

With --from sacct the file is what sacct --parsable2 --allusers prints, with at
least --format=JobIDRaw,Cluster,Account,User,Submit,Start,End,AllocTRES,State, in
any order: one metered record a job, at a rate of its GPUs, under the id
CLUSTER/JOBIDRAW/SUBMITTED. A job that runs ends for now at its Timelimit, if the
column is there, or at --now. The output may have grown, and may be older: an end
for now moves, under the id .../until/INSTANT, and a job that has ended is closed,
under .../end; no import moves a final end, or one that was corrected by hand. Steps
and jobs that have not started are passed over.

All is posted or nothing; nobody waits for it but while it is written. The rows
wait in a temporary file beside the store. An import deletes no account.

A journal brings its unit of time, and the files without ids that were imported.

Example:
  gpu-credit import events.csv.gz --policy carry
  gpu-credit import jobs.txt --from sacct --timezone Europe/Berlin";

#[derive(Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The events file or the journal, plain or gzip; - for standard input
    file: PathBuf,
    /// The policy of accounts that an events file makes, carry, carry:C or forfeit; those that are there
    /// keep theirs
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    pub(super) policy: Overdraft,
    /// Check all of it and post nothing
    #[arg(long)]
    dry_run: bool,
    /// Post every row that has no id, whatever was imported before
    #[arg(long)]
    again: bool,
    /// The unit of the times in the file: those of another unit than the store's are converted, exactly,
    /// and a journal of another is refused. A store keeps the first unit that is said as its own
    #[arg(long, value_enum, env = "GPU_CREDIT_UNIT", hide_env_values = true)]
    pub(super) unit: Option<Unit>,
    /// Post so many records at a time, so that others wait less: if it stops halfway, what was posted
    /// stays, and importing the file again goes on from there. A journal is always posted at once
    #[arg(long, value_name = "RECORDS")]
    batches: Option<NonZeroU64>,
    /// How much memory it may take, such as 512M or 4G
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = parse_bytes)]
    pub(super) memory: usize,
    #[command(flatten)]
    pub(super) sacct: SacctArguments,
}

/// A number of bytes, with K, M or G for powers of 1024.
fn parse_bytes(typed: &str) -> Result<usize, String> {
    let (digits, factor) = match typed.as_bytes().last() {
        Some(b'K') => (&typed[..typed.len() - 1], 1 << 10),
        Some(b'M') => (&typed[..typed.len() - 1], 1 << 20),
        Some(b'G') => (&typed[..typed.len() - 1], 1 << 30),
        _ => (typed, 1),
    };
    let bytes = digits.parse::<usize>().ok();
    let bytes = bytes.and_then(|bytes| bytes.checked_mul(factor));
    bytes.ok_or_else(|| "expected a number of bytes, such as 512M or 4G".to_owned())
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

    let (mut store, mode) = match arguments.dry_run {
        true => (arguments.store.open_or_pretend()?, ImportMode::DryRun),
        false => (arguments.store.open_or_create()?, ImportMode::Post),
    };
    if arguments.sacct.is_sacct() {
        let said = import_sacct::import(arguments, text, &source.name, &store, mode);
        progress.clear();
        let said = said?;
        store.ensure_in_place()?;
        return crate::say(format_args!("{said}"));
    }
    let options = ImportOptions {
        mode,
        policy: arguments.policy,
        again: arguments.again,
        unit: arguments.unit.map(TimeUnit::from),
        memory_bytes_max: arguments.memory,
        batch_rows: arguments.batches,
        folder: arguments.store.folder().to_owned(),
    };
    let tell = |step| tell(&progress, step);
    let imported = match is_journal {
        true => store.store.import_journal(text, &options, tell),
        false => store.store.import_events(text, &options, tell),
    };
    progress.clear();
    let imported = imported.map_err(|error| refused(&store, &source.name, error))?;
    // A file grows by doubling: if most of it is new, it is worth the time to give back what is not used.
    if mode == ImportMode::Post && imported.posted > store.store.last_sequence().get() / 2 {
        // Everything is posted, whatever becomes of this.
        let _ = store.store.compact();
    }
    store.ensure_in_place()?;
    crate::say(format_args!("{}", summary(&imported, mode)))
}

/// Says how far it is once the file is read.
fn tell(progress: &Progress, step: ImportStep) {
    match step {
        ImportStep::Read(_) => {}
        ImportStep::Checked(records) => progress.say(format!("{records} records checked")),
        ImportStep::Written(records) => progress.say(format!("{records} records written")),
    }
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
pub(super) fn refused(store: &OpenStore, file: &str, error: Error) -> anyhow::Error {
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
        ImportError::Stopped { .. } => {
            anyhow!("{file}: {import}; importing the file again goes on from there")
        }
        ImportError::Equal { .. } => {
            anyhow!("{file}: {import}; nothing was posted; --again posts them all the same")
        }
        ImportError::Memory { .. } => {
            anyhow!("{file}: {import}; nothing was posted; --memory sets the limit")
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
        continued,
    } = imported;
    let said = match mode {
        ImportMode::Post => "",
        ImportMode::DryRun => "nothing was posted; it would be ",
    };
    let entries = counted(posted - accounts, "entry", "entries");
    let accounts = counted(*accounts, "account", "accounts");
    let mut summary =
        format!("{said}{entries} posted, {accounts} opened, {already_posted} there already");
    if *continued > 0 {
        let rows = counted(*continued, "row is", "rows are");
        let _ = write!(
            summary,
            "; it continues a file that was imported before: its first {rows} known"
        );
    }
    if *questions > 0 {
        let questions = counted(*questions, "question", "questions");
        let _ = write!(summary, "; {questions} passed over");
    }
    summary
}
