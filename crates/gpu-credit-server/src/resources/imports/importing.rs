//! One import: its rows, chunk by chunk.

use std::collections::HashSet;

use gpu_credit::Overdraft;
use gpu_credit_store::{Batch, Outcome, Posting};
use tokio::sync::mpsc;

use super::lines::{decompressed, unreadable};
use super::rows::Rows;
use super::{Encoding, Format, ImportQuery, Message, Progress};
use crate::access::{Caller, Verb};
use crate::form::Count;
use crate::resources::batches::ENTRIES_MAX;
use crate::stream::Incoming;
use crate::{Problem, State};

/// Bytes of names, ids and credit ids of a chunk, about, from which on it is posted.
const CHUNK_BYTES: usize = 4 << 20;

/// An import that runs on a thread of its own.
pub(super) struct Importing {
    state: State,
    caller: Caller,
    atomic: bool,
    opens: Option<Overdraft>,
    told: mpsc::Sender<Message>,
    progress: Progress,
    /// Accounts that are known to be there, if it opens accounts.
    there: HashSet<String>,
}

/// Entries that are posted together, and the line of each; an opening has that of the entry that needs it.
#[derive(Default)]
struct Chunk {
    postings: Vec<Posting>,
    lines: Vec<u64>,
    bytes: usize,
    last_line: u64,
}

impl Importing {
    pub(super) fn new(
        state: State,
        caller: Caller,
        query: &ImportQuery,
        told: mpsc::Sender<Message>,
    ) -> Self {
        Importing {
            state,
            caller,
            atomic: query.atomic,
            opens: query.open,
            told,
            progress: Progress::default(),
            there: HashSet::new(),
        }
    }

    /// Imports all of it, and tells how it ended.
    pub(super) fn run(mut self, format: Format, encoding: Encoding, incoming: Incoming) {
        let ended = match self.import(format, encoding, incoming) {
            Ok(()) => Message::Done(self.progress),
            Err(problem) => Message::Failed(problem, self.progress),
        };
        // Nobody listens any more, if it cannot be sent.
        let _ = self.told.blocking_send(ended);
    }

    fn import(
        &mut self,
        format: Format,
        encoding: Encoding,
        incoming: Incoming,
    ) -> Result<(), Problem> {
        let input = decompressed(incoming, encoding).map_err(|error| unreadable(&error, 1))?;
        let mut rows = Rows::new(format, input)?;
        let mut chunk = Chunk::default();
        while let Some(row) = rows.next(&self.caller) {
            match row.posting {
                Ok(posting) => {
                    chunk.last_line = row.line;
                    self.add(&mut chunk, posting, row.line)?;
                }
                // What comes before it stands, as far as whole chunks go.
                Err(problem) if self.atomic || !row.goes_on => {
                    if !self.atomic {
                        self.post(std::mem::take(&mut chunk))?;
                    }
                    return Err(problem);
                }
                Err(problem) => self.refuse(problem),
            }
            if chunk.postings.len() >= ENTRIES_MAX || chunk.bytes >= CHUNK_BYTES {
                self.post(std::mem::take(&mut chunk))?;
                // If nobody reads it in time, the next one says more.
                let _ = self.told.try_send(Message::Progress(self.progress));
            }
        }
        self.post(chunk)
    }

    /// Adds an entry to a chunk, after the opening of its account, if that is not there.
    fn add(&mut self, chunk: &mut Chunk, posting: Posting, line: u64) -> Result<(), Problem> {
        if let Some(policy) = self.opens
            && !self.there.contains(&posting.account)
        {
            let heads = self.state.store().heads(&[&posting.account]);
            let heads = heads.map_err(Problem::of_question)?;
            if heads.iter().all(Option::is_none) {
                let may = self.caller.may(Verb::Admin, &posting.account);
                may.map_err(|problem| problem.with("line", line))?;
                chunk.push(
                    Posting::open_account(&posting.account, "open", policy),
                    line,
                );
            }
            self.there.insert(posting.account.clone());
        }
        chunk.push(posting, line);
        Ok(())
    }

    fn post(&mut self, chunk: Chunk) -> Result<(), Problem> {
        // An import may take longer than its token is accepted.
        self.caller.is_accepted_still()?;
        let store = self.state.store().clone();
        let batch = Batch::new(chunk.postings);
        if self.atomic {
            let outcomes = store.post_batch(batch).map_err(|refused| {
                let line = chunk.lines.get(refused.index).copied();
                Problem::of_posting(refused.error).with("line", line)
            })?;
            outcomes.iter().for_each(|outcome| self.count(*outcome));
        } else {
            let outcomes = store.post_each(batch).map_err(Problem::of_posting)?;
            for (outcome, line) in outcomes.into_iter().zip(&chunk.lines) {
                match outcome {
                    Ok(outcome) => self.count(outcome),
                    Err(error) => self.refuse(Problem::of_posting(error).with("line", *line)),
                }
            }
        }
        self.progress.line = Count(self.progress.line.0.max(chunk.last_line));
        self.state.has_posted();
        Ok(())
    }

    fn count(&mut self, outcome: Outcome) {
        match outcome.is_new() {
            true => self.progress.posted.0 += 1,
            false => self.progress.posted_before.0 += 1,
        }
    }

    fn refuse(&mut self, problem: Problem) {
        self.progress.refused.0 += 1;
        // Nobody listens any more, if it cannot be sent.
        let _ = self.told.blocking_send(Message::Refused(problem));
    }
}

impl Chunk {
    fn push(&mut self, posting: Posting, line: u64) {
        // Amounts, times and what holds them.
        const OTHER_BYTES: usize = 128;
        let credit_id = match &posting.change {
            gpu_credit_store::Change::Grant { credit_id, .. } => credit_id.len(),
            _ => 0,
        };
        self.bytes += posting.account.len() + posting.id.as_str().len() + credit_id + OTHER_BYTES;
        self.postings.push(posting);
        self.lines.push(line);
    }
}
