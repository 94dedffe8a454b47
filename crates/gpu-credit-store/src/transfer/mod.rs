//! Whole journals and files of events, in and out.

mod events;
mod journal;
mod lines;

pub use events::LeftOut;

use crate::draft::{Place, Request};
use crate::{Error, ImportError, Journal, Outcome, Posting, Store};

/// Whether an import posts, or only says what it would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ImportMode {
    /// Post all of it, or nothing.
    #[default]
    Post,
    /// Check all of it, and post nothing.
    DryRun,
}

/// What an import did, or would do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Entries that are new, opened accounts among them.
    pub posted: u64,
    /// Records that were there already.
    pub already_posted: u64,
    /// Accounts that are new.
    pub accounts: u64,
    /// Questions, which an events file may hold and a journal does not.
    pub questions: u64,
}

/// Postings on their way into a store, each with its line.
#[derive(Default)]
struct Batch {
    postings: Vec<Posting>,
    lines: Vec<u64>,
    /// Where they were recorded; empty if that is not known.
    places: Vec<Place>,
}

impl Batch {
    fn push(&mut self, line: u64, posting: Posting) {
        self.postings.push(posting);
        self.lines.push(line);
    }

    /// Posts all, or tries all.
    fn submit<J: Journal>(self, store: &Store<J>, mode: ImportMode) -> Result<Imported, Error> {
        let is_opening =
            |posting: &Posting| matches!(posting.change, crate::Change::OpenAccount { .. });
        let openings: Vec<bool> = self.postings.iter().map(is_opening).collect();
        let submitted = store.submit(Request {
            postings: self.postings,
            is_trial: mode == ImportMode::DryRun,
            places: self.places,
        });
        let outcomes =
            submitted.map_err(|(place, error)| match (error, self.lines.get(place)) {
                (error @ (Error::Journal(_) | Error::Interrupted), _) | (error, None) => error,
                (error, Some(line)) => ImportError::Refused { line: *line, error }.into(),
            })?;
        let mut imported = Imported::default();
        for (outcome, is_opening) in outcomes.into_iter().zip(openings) {
            match outcome {
                Outcome::Posted(_) => {
                    imported.posted += 1;
                    imported.accounts += u64::from(is_opening);
                }
                Outcome::AlreadyPosted(_) => imported.already_posted += 1,
            }
        }
        Ok(imported)
    }
}
