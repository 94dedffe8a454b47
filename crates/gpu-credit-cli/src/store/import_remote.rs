//! `gpu-credit import --server URL`: posts the rows of an events file to a service, so many at a time.

use std::collections::{BTreeSet, HashSet};
use std::io::BufRead;

use anyhow::{anyhow, bail, ensure};
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Change, Posting, TimeUnit};
use gpu_credit_workload::{Action, Event, EventReader};

use super::counted;
use super::import::{ImportArguments, opened_accounts};
use super::remote::{Failure, Remote};
use crate::complain;
use crate::escape::printable;
use crate::progress::Progress;

/// Rows that are posted together.
const ROWS: usize = 5_000;

/// Whether all of the file is posted, or was before.
pub(super) fn import(
    arguments: &ImportArguments,
    text: impl BufRead,
    file: &str,
    remote: &Remote,
    progress: &Progress,
) -> anyhow::Result<bool> {
    let unit = arguments.unit.map(TimeUnit::from);
    if let (Some(said), Some(kept)) = (unit, remote.unit()) {
        ensure!(
            said == kept,
            "{file}: the unit of time of {} is {kept}: times of a file in {said} are not converted from afar",
            remote.name()
        );
    }
    remote.ensure_is_not_first(unit.is_some() && remote.unit().is_none())?;
    let names = remote
        .names()
        .map_err(|failure| failure.told(remote.name()))?;
    let mut import = Import {
        arguments,
        file,
        remote,
        progress,
        unit: unit.or(remote.unit()),
        there: names.into_iter().collect(),
        opened: BTreeSet::new(),
        chunk: Chunk::default(),
        posted: 0,
        known: 0,
        refused: 0,
        questions: 0,
    };
    import.run(text)?;
    progress.clear();
    let summary = import.summary();
    arguments.quiet().say(format_args!("{summary}"))?;
    Ok(import.refused == 0)
}

/// An import so far.
struct Import<'i> {
    arguments: &'i ImportArguments,
    file: &'i str,
    remote: &'i Remote,
    progress: &'i Progress,
    unit: Option<TimeUnit>,
    /// Accounts that are open, and those that the service refuses to open.
    there: HashSet<String>,
    /// Accounts that are opened; in a dry run those that would be.
    opened: BTreeSet<String>,
    chunk: Chunk,
    /// Rows that are posted, that were there, and that are refused.
    posted: u64,
    known: u64,
    refused: u64,
    questions: u64,
}

/// What is posted together, each with the line of its row; an opening has that of the row that needs it.
#[derive(Default)]
struct Chunk {
    postings: Vec<Posting>,
    lines: Vec<u64>,
    /// Accounts that it opens. In a dry run none stays open after its chunk.
    opens: HashSet<String>,
}

impl Import<'_> {
    fn run(&mut self, text: impl BufRead) -> anyhow::Result<()> {
        let file = self.file;
        let mut events = EventReader::new(text).map_err(|error| anyhow!("{file}: {error}"))?;
        while let Some(read) = events.read() {
            let posting = match read {
                Ok(event) => self.posting(&event),
                Err(error) if error.is_of_row() => Err(error.to_string()),
                Err(error) => bail!("{file}: {error}{}", self.so_far()),
            };
            let line = events.line();
            match posting {
                Ok(Some(posting)) => self.add(posting, line),
                Ok(None) => self.questions += 1,
                Err(reason) if self.arguments.rules.skip_refused => {
                    // It names its line if it is of a row that cannot be read.
                    let reason = match reason.starts_with("line ") {
                        true => reason,
                        false => format!("line {line}: {reason}"),
                    };
                    self.leave_out(&reason);
                    events.go_on();
                }
                Err(reason) if reason.starts_with("line ") => {
                    bail!("{file}: {reason}{}", self.so_far())
                }
                Err(reason) => bail!("{file}: line {line}: {reason}{}", self.so_far()),
            }
            if self.chunk.postings.len() >= ROWS {
                self.post()?;
            }
        }
        self.post()
    }

    /// What a row posts; none if it asks something.
    fn posting(&self, event: &Event<'_>) -> Result<Option<Posting>, String> {
        let (account, id) = (event.account, event.id);
        let id = || {
            id.ok_or_else(|| {
                "it has no id: a service is sent rows with ids, so that none is posted twice"
                    .to_owned()
            })
        };
        let posting = match event.action {
            Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                let grant =
                    Posting::grant(account, id()?, credit_id, amount, timestamp, expiration);
                self.check(timestamp)?;
                grant.priority(priority)
            }
            Action::Usage { amount, timestamp } => {
                self.check(timestamp)?;
                Posting::usage(account, id()?, amount, timestamp)
            }
            Action::Metered { rate, from, until } => {
                self.check(from)?;
                let usage = MeteredUsage { rate, from, until };
                Posting::metered_usage(account, id()?, usage)
            }
            Action::Balance { .. } => return Ok(None),
        };
        Ok(Some(posting))
    }

    /// Refuses a time that is likely to be in another unit.
    fn check(&self, time: i64) -> Result<(), String> {
        let unit = self.unit.filter(|_| !self.arguments.any_time());
        match unit.and_then(|unit| Some((unit, unit.likely_other(time)?))) {
            Some((unit, likely)) => Err(format!(
                "{time} {unit} is no likely time, and would be one in {likely}; --any-time says that {unit} is right"
            )),
            None => Ok(()),
        }
    }

    fn add(&mut self, posting: Posting, line: u64) {
        let account = &posting.account;
        if !self.arguments.rules.no_new_accounts
            && !self.there.contains(account)
            && self.chunk.opens.insert(account.clone())
        {
            let opening = Posting::open_account(account, "open", self.arguments.policy);
            self.chunk.push(opening, line);
        }
        self.chunk.push(posting, line);
    }

    /// Posts the chunk.
    fn post(&mut self) -> anyhow::Result<()> {
        let Chunk {
            postings, lines, ..
        } = std::mem::take(&mut self.chunk);
        if postings.is_empty() {
            return Ok(());
        }
        let dry_run = self.arguments.is_dry_run();
        if self.arguments.rules.skip_refused {
            let outcomes = self.remote.post_each(&postings, dry_run);
            let outcomes = outcomes.map_err(|failure| self.failed(failure, &lines))?;
            for ((outcome, posting), line) in outcomes.into_iter().zip(&postings).zip(lines) {
                match outcome {
                    Ok(is_new) => self.count(posting, is_new),
                    Err(reason) if is_opening(posting) => {
                        self.there.insert(posting.account.clone());
                        self.warn(&format!("line {line}: {reason}"));
                    }
                    Err(reason) => self.leave_out(&format!("line {line}: {reason}")),
                }
            }
        } else {
            let outcomes = self.remote.post(&postings, dry_run);
            let outcomes = outcomes.map_err(|failure| self.failed(failure, &lines))?;
            for (outcome, posting) in outcomes.iter().zip(&postings) {
                self.count(posting, outcome.is_new());
            }
        }
        self.progress
            .say(format!("{} rows posted", self.posted + self.known));
        Ok(())
    }

    fn count(&mut self, posting: &Posting, is_new: bool) {
        if is_opening(posting) {
            if !self.arguments.is_dry_run() {
                self.there.insert(posting.account.clone());
            }
            if is_new {
                self.opened.insert(posting.account.clone());
            }
            return;
        }
        match is_new {
            true => self.posted += 1,
            false => self.known += 1,
        }
    }

    /// Says on standard error that a row is left out.
    fn leave_out(&mut self, reason: &str) {
        self.refused += 1;
        self.warn(&format!("{reason}; it is left out"));
    }

    /// Says something of the file on standard error.
    fn warn(&self, words: &str) {
        let line = format!("gpu-credit: {}: {words}", self.file);
        complain(format_args!("{}", printable(&line)));
    }

    /// Why a chunk is not posted.
    fn failed(&self, failure: Failure, lines: &[u64]) -> anyhow::Error {
        let file = self.file;
        match failure.place().and_then(|place| lines.get(place)) {
            Some(line) => {
                let reason = failure.told_briefly(self.remote.name());
                let next = match self.arguments.rules.skip_refused {
                    true => "",
                    false => "; --skip-refused posts the other rows",
                };
                anyhow!("{file}: line {line}: {reason}{next}{}", self.so_far())
            }
            None => match (failure, lines.last()) {
                (Failure::Unknown(words), Some(line)) => anyhow!(
                    "{words}; rows up to line {line} may be posted; import the file again: ids post nothing twice"
                ),
                (failure, _) => anyhow!("{}{}", failure.told(self.remote.name()), self.so_far()),
            },
        }
    }

    /// What is posted if it ends here.
    fn so_far(&self) -> String {
        match self.posted + self.known {
            _ if self.arguments.is_dry_run() => String::new(),
            0 => "; nothing was posted".to_owned(),
            rows => format!(
                "; the first {} posted: importing the file again goes on from there",
                counted(rows, "row is", "rows are")
            ),
        }
    }

    fn summary(&self) -> String {
        let said = match self.arguments.is_dry_run() {
            true => "nothing was posted; it would be ",
            false => "",
        };
        let policy = self.arguments.policy;
        let opened = opened_accounts(self.opened.iter().map(|name| (name.as_str(), policy)));
        let entries = counted(self.posted, "entry", "entries");
        let known = counted(self.known, "entry was", "entries were");
        let refused = match self.refused {
            0 => String::new(),
            count => format!("; {} refused", counted(count, "row is", "rows are")),
        };
        let questions = match self.questions {
            0 => String::new(),
            count => format!("; {} ignored", counted(count, "query", "queries")),
        };
        format!("{said}{entries} posted, {opened}; {known} there already{refused}{questions}")
    }
}

fn is_opening(posting: &Posting) -> bool {
    matches!(posting.change, Change::OpenAccount { .. })
}

impl Chunk {
    fn push(&mut self, posting: Posting, line: u64) {
        self.postings.push(posting);
        self.lines.push(line);
    }
}
