//! `gpu-credit import`: posts the records of a file, all of them or none.

use std::fmt::{Display, Write};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek};
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use clap::Args;
use flate2::bufread::MultiGzDecoder;
use gpu_credit::Overdraft;
use gpu_credit_store::{ImportMode, ImportOptions, ImportStep, Imported, TimeUnit};

use super::import_effects::write_effects;
use super::import_refused::{refused, warn_of_refused};
use super::import_remote;
use super::import_sacct::{self, SacctArguments};
use super::{StoreArguments, counted};
use crate::arguments::QuietArguments;
use crate::heard;
use crate::input::Source;
use crate::integer::integer;
use crate::progress::Progress;
use crate::time::Unit;

pub(crate) const HELP: &str = "\
The file is an events file (see gpu-credit replay --help), or a journal that
gpu-credit export wrote; plain or gzip. A store is created if there is none.
All of the file is posted, or nothing: an error names the line. With
--skip-refused the rows that are refused are left out and listed, and the exit
code is 3. Queries are ignored. Accounts that are not there are opened, with
--policy; --no-new-accounts refuses their rows.

Importing a file again, or one that has grown:
* A row with an id is posted once. A row with another content under a known id
  is an error. So give rows ids if a log may be cut, rotated or merged.
* A file without ids that begins with all rows of a file imported before
  continues it: the rows after those are posted.
* Any other file without ids is refused if one of its rows equals a row that
  was imported without id; --again posts them all. Equal rows within one file
  are separate records.

--from sacct reads what this prints:
  TZ=UTC sacct --allusers --duplicates --parsable2 --starttime now-3days \\
    --format JobIDRaw,Cluster,Account,User,Submit,Start,End,Timelimit,\\
AllocTRES,State
Each job is one record at a rate of its GPUs, under the id
CLUSTER/JOBIDRAW/SUBMITTED. A job that runs ends for now at its Timelimit, or
at --now if it has none (UNLIMITED). Later output moves that end (id
.../until/INSTANT), and sets the final one (id .../end). What was corrected by
hand is left and named; any other difference is refused. Steps and jobs that
have not started are ignored. Jobs that should be in the file and are not, such
as runs that were requeued if --duplicates is missing, are named.

Standard input is read to its end before the store is opened. Rows are checked
in a temporary file beside the store, and other processes cannot open the store
meanwhile. A journal brings its unit of time and what it knows of
files without ids. An import deletes no account.

With --server it posts 5000 rows at a time, each with an id of its own; what is
posted before an error stays, and the file imported again goes on from there.

Example:
  gpu-credit import events.csv.gz --policy carry
  gpu-credit import jobs.txt --from sacct";

#[derive(Args)]
pub(crate) struct ImportArguments {
    #[command(flatten)]
    pub(super) store: StoreArguments,
    /// The events file or the journal, plain or gzip; - for standard input
    file: PathBuf,
    /// The policy of accounts that the file opens: carry, carry:C or forfeit (see gpu-credit help
    /// policies)
    #[arg(long, value_name = "POLICY", default_value_t = Overdraft::Carry)]
    pub(super) policy: Overdraft,
    #[command(flatten)]
    pub(super) rules: RowRules,
    /// Check all of the file and post nothing; of an events file, show the balance of each account before
    /// and after, at the last instant at which one of its new rows takes effect
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
    /// Take times for what they are, also those that look like times in another unit
    #[arg(long, help_heading = "Store")]
    any_time: bool,
    /// Post so many records at a time, so that others wait less. If it stops halfway, what was posted
    /// stays; import the file again to go on from there. A journal is always posted at once
    #[arg(long, value_name = "RECORDS", value_parser = integer(NonZeroU64::MIN, NonZeroU64::MAX), allow_negative_numbers = true)]
    batches: Option<NonZeroU64>,
    #[command(flatten)]
    pub(super) sacct: SacctArguments,
    #[command(flatten)]
    quiet: QuietArguments,
}

impl ImportArguments {
    pub(super) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    pub(super) fn any_time(&self) -> bool {
        self.any_time
    }

    pub(super) fn quiet(&self) -> &QuietArguments {
        &self.quiet
    }
}

/// What becomes of single rows.
#[derive(Args)]
pub(super) struct RowRules {
    /// Leave out rows that are refused, and post the others; standard error lists them, and the exit code
    /// is 3. A row without id that breaks a rule is not left out
    #[arg(long)]
    pub(super) skip_refused: bool,
    /// Open no account: refuse rows of accounts that are not there
    #[arg(long)]
    pub(super) no_new_accounts: bool,
}

/// Whether all of the file is posted, or was before.
pub(crate) fn run(arguments: &ImportArguments) -> anyhow::Result<bool> {
    let source = Source::open(&arguments.file)?;
    let progress = Progress::of(source.length).followed_by("checking and posting");
    let bytes = progress.watch(source.bytes);
    let bytes: Box<dyn Read> = match source.length {
        Some(_) => Box::new(bytes),
        None => Box::new(read_to_end(bytes, &arguments.store.folder())?),
    };
    let mut text = plain_text(bytes).map_err(|error| unreadable(&source.name, error))?;
    let start = text
        .fill_buf()
        .map_err(|error| unreadable(&source.name, error))?;
    refuse_what_is_no_such_file(start, &source.name, arguments.sacct.is_sacct())?;
    let is_journal = start.starts_with(b"{");
    ensure!(
        !is_journal || !arguments.rules.skip_refused && !arguments.rules.no_new_accounts,
        "{}: it is a journal, which is imported whole: without --skip-refused and --no-new-accounts",
        source.name
    );

    let (store, mode) = match arguments.dry_run {
        true => (arguments.store.open_or_pretend()?, ImportMode::DryRun),
        false => (arguments.store.open_or_create()?, ImportMode::Post),
    };
    if let Some(remote) = &store.remote {
        ensure!(
            !is_journal && !arguments.sacct.is_sacct() && !arguments.again,
            "{}: a journal, the output of sacct, and rows without ids (--again) are imported where the store is, with \
             --db; a service takes an events file with ids",
            source.name
        );
        return import_remote::import(arguments, text, &source.name, remote, &progress);
    }
    if arguments.sacct.is_sacct() {
        let imported = import_sacct::import(arguments, text, &source.name, &store, mode);
        progress.clear();
        let imported = imported?;
        store.ensure_in_place()?;
        warn_of_refused(&store, &source.name, &imported.refused);
        import_sacct::warn_of_missing(&imported, &source.name);
        let summary = import_sacct::summary(&imported, arguments, mode);
        arguments.quiet.say(format_args!("{summary}"))?;
        return Ok(imported.refused.is_empty());
    }
    let options = ImportOptions {
        mode,
        policy: arguments.policy,
        opens_accounts: !arguments.rules.no_new_accounts,
        skip_refused: arguments.rules.skip_refused,
        again: arguments.again,
        unit: arguments.unit.map(TimeUnit::from),
        any_time: arguments.any_time,
        memory_bytes_max: arguments.store.memory_of_import(),
        batch_rows: arguments.batches,
        folder: arguments.store.folder(),
    };
    let rules = (!is_journal).then_some(&arguments.rules);
    let tell = |step| {
        tell(&progress, step);
        ControlFlow::Continue(())
    };
    let imported = match is_journal {
        true => store.store().import_journal(text, &options, tell),
        false => store.store().import_events(text, &options, tell),
    };
    progress.clear();
    let imported = imported.map_err(|error| refused(&store, &source.name, error, rules))?;
    store.ensure_in_place()?;
    warn_of_refused(&store, &source.name, &imported.refused);
    (arguments.quiet).say(format_args!("{}", summary(&imported, mode)))?;
    let is_all = imported.refused.is_empty();
    if !arguments.quiet.quiet {
        heard(write_effects(&store, imported.effects))?;
    }
    drop(store);
    if mode == ImportMode::Post {
        arguments.store.compact_after(imported.posted);
    }
    Ok(is_all)
}

/// What a program still writes, read to its end: nobody else can open the store while it is open here.
fn read_to_end(mut bytes: impl Read, folder: &Path) -> anyhow::Result<impl Read + 'static> {
    const MEMORY_BYTES_MAX: usize = 4 << 20;
    let mut file = tempfile::spooled_tempfile_in(MEMORY_BYTES_MAX, folder);
    io::copy(&mut bytes, &mut file).context("standard input cannot be kept in a temporary file")?;
    file.rewind()?;
    Ok(file)
}

/// Refuses a store, and the output of `sacct` if nobody has said that it is that.
fn refuse_what_is_no_such_file(start: &[u8], name: &str, is_sacct: bool) -> anyhow::Result<()> {
    ensure!(
        !start.starts_with(b"redb\x1a\x0a"),
        "{name}: it is a store: --db names one, and `gpu-credit export --db FILE` writes what import reads"
    );
    let header = start.split(|byte| *byte == b'\n').next();
    let mut columns = header
        .into_iter()
        .flat_map(|header| header.split(|byte| *byte == b'|'));
    ensure!(
        is_sacct || !columns.any(|column| [&b"JobID"[..], b"JobIDRaw"].contains(&column)),
        "{name}: it is what sacct prints: --from sacct reads that"
    );
    Ok(())
}

/// Says how far it is once the file is read.
fn tell(progress: &Progress, step: ImportStep) {
    match step {
        ImportStep::Checked(records) => progress.say(format!("{records} records checked")),
        ImportStep::Written(records) => progress.say(format!("{records} records written")),
        _ => {}
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

fn summary(imported: &Imported, mode: ImportMode) -> String {
    let Imported {
        posted,
        already_posted,
        opened,
        questions,
        continued,
        refused,
        ..
    } = imported;
    let said = match mode {
        ImportMode::Post => "",
        ImportMode::DryRun => "nothing was posted; it would be ",
    };
    let entries = counted(posted - opened.len() as u64, "entry", "entries");
    let opened = opened.iter();
    let opened = opened_accounts(opened.map(|account| (account.name.as_str(), account.policy)));
    let known = counted(*already_posted, "entry was", "entries were");
    let mut summary = format!("{said}{entries} posted, {opened}; {known} there already");
    if *continued > 0 {
        let rows = counted(*continued, "row is", "rows are");
        let _ = write!(
            summary,
            "; it continues a file that was imported before: its first {rows} known"
        );
    }
    if !refused.is_empty() {
        let rows = counted(refused.len() as u64, "row is", "rows are");
        let _ = write!(summary, "; {rows} refused");
    }
    if *questions > 0 {
        let queries = counted(*questions, "query", "queries");
        let _ = write!(summary, "; {queries} ignored");
    }
    summary
}

/// How many accounts were opened, and the first of them with their policies.
pub(super) fn opened_accounts<'n>(
    opened: impl ExactSizeIterator<Item = (&'n str, Overdraft)>,
) -> String {
    let accounts = counted(opened.len() as u64, "account", "accounts");
    match opened.len() {
        0 => format!("{accounts} opened"),
        _ => {
            let named = opened.map(|(name, policy)| format!("{name}: {policy}"));
            format!("{accounts} opened ({})", first(named))
        }
    }
}

/// Names that are shown of many.
const NAMED_MAX: usize = 10;

/// The first names, and how many more there are.
pub(super) fn first<N: Display>(names: impl ExactSizeIterator<Item = N>) -> String {
    let more = names.len().saturating_sub(NAMED_MAX);
    let mut list = names
        .take(NAMED_MAX)
        .map(|name| name.to_string())
        .collect::<Vec<_>>()
        .join(", ");
    if more > 0 {
        let _ = write!(list, " and {more} more");
    }
    list
}
