//! `gpu-credit import`: posts the records of a file, all of them or none.

use std::fmt::Write;
use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use flate2::bufread::MultiGzDecoder;
use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, ImportError, ImportMode, ImportOptions, ImportStep, Imported, Refusal, TimeUnit,
};

use super::import_sacct::{self, SacctArguments};
use super::{OpenStore, StoreArguments, counted};
use crate::arguments::QuietArguments;
use crate::input::{Source, column};
use crate::integer::integer;
use crate::progress::Progress;
use crate::time::Unit;

pub(crate) const HELP: &str = "\
The file is an events file (see gpu-credit replay --help), or a journal that
gpu-credit export wrote; plain or gzip. A store is created if there is none.
All of the file is posted, or nothing: an error names the line. Queries are
ignored.

Importing a file again, or one that has grown:
* A row with an id is posted once. A row with another content under a known id
  is an error. So give rows ids if a log may be cut, rotated or merged.
* A file without ids that begins with all rows of a file imported before
  continues it: the rows after those are posted.
* Any other file without ids is refused if one of its rows equals a row that
  was imported without id; --again posts them all. Equal rows within one file
  are separate records.

--from sacct reads what sacct --parsable2 --allusers prints, with at least
--format=JobIDRaw,Cluster,Account,User,Submit,Start,End,AllocTRES,State. Each
job is one record at a rate of its GPUs, under the id
CLUSTER/JOBIDRAW/SUBMITTED. A job that runs ends for now at its Timelimit, if
that column is there, or at --now. Later output moves that end (id
.../until/INSTANT), and sets the final one (id .../end). No import moves a
final end, or one that was corrected by hand. Steps and jobs that have not
started are ignored.

Rows are checked in a temporary file beside the store; others post meanwhile,
and wait only while the rows are written. A journal brings its unit of time and
what it knows of files without ids. An import deletes no account.

Example:
  gpu-credit import events.csv.gz --policy carry
  gpu-credit import jobs.txt --from sacct --timezone Europe/Berlin";

#[derive(Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    store: StoreArguments,
    /// The events file or the journal, plain or gzip; - for standard input
    file: PathBuf,
    /// The policy of accounts that the file opens: carry, carry:C or forfeit (see gpu-credit help
    /// policies)
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    pub(super) policy: Overdraft,
    /// Check all of the file and post nothing
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Post all rows without id, whatever was imported before
    #[arg(long)]
    again: bool,
    /// The unit of the times in the file: s, ms, us or ns. A store converts those of another unit than
    /// its own, and refuses a journal of another (see gpu-credit help units)
    #[arg(
        long,
        value_enum,
        help_heading = "Store",
        env = "GPU_CREDIT_UNIT",
        hide_env_values = true,
        hide_possible_values = true
    )]
    pub(super) unit: Option<Unit>,
    /// Post so many records at a time, so that others wait less. If it stops halfway, what was posted
    /// stays; import the file again to go on from there. A journal is always posted at once
    #[arg(long, value_name = "RECORDS", value_parser = integer(NonZeroU64::MIN, NonZeroU64::MAX), allow_negative_numbers = true)]
    batches: Option<NonZeroU64>,
    /// How much memory the import may take, such as 512M or 4G
    #[arg(long, value_name = "BYTES", default_value = "1G", value_parser = parse_bytes, allow_negative_numbers = true)]
    pub(super) memory: usize,
    #[command(flatten)]
    pub(super) sacct: SacctArguments,
    #[command(flatten)]
    quiet: QuietArguments,
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
        .map_err(|error| unreadable(&source.name, error))?;
    let is_journal = text
        .fill_buf()
        .map_err(|error| unreadable(&source.name, error))?
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
        return arguments.quiet.say(format_args!("{said}"));
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
    let tell = |step| {
        tell(&progress, step);
        ControlFlow::Continue(())
    };
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
    (arguments.quiet).say(format_args!("{}", summary(&imported, mode)))
}

/// Says how far it is once the file is read.
fn tell(progress: &Progress, step: ImportStep) {
    match step {
        ImportStep::Read(_) | ImportStep::Prepared(_) => {}
        ImportStep::Checked(records) => progress.say(format!("{records} records checked")),
        ImportStep::Written(records) => progress.say(format!("{records} records written")),
    }
}

/// The text of a file, decompressed if it is gzip.
fn plain_text(bytes: impl Read + 'static) -> io::Result<Box<dyn BufRead>> {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let mut bytes = BufReader::with_capacity(1 << 16, bytes);
    if bytes.fill_buf()?.starts_with(&GZIP_MAGIC) {
        let text = MultiGzDecoder::new(bytes);
        return Ok(Box::new(BufReader::with_capacity(1 << 16, text)));
    }
    Ok(Box::new(bytes))
}

fn unreadable(name: &str, error: io::Error) -> anyhow::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => {
            anyhow!("{name}: cannot be read: the gzip data ends early, expected the rest of it")
        }
        _ => anyhow::Error::new(error).context(format!("{name}: cannot be read")),
    }
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
            let refusal = store.told_refusal(account, refusal);
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
        let queries = counted(*questions, "query", "queries");
        let _ = write!(summary, "; {queries} ignored");
    }
    summary
}
