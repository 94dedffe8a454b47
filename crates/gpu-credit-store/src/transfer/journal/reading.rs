//! Reads a journal: its lines go to the staging, and what must be known of all of them stays.

use std::io::BufRead;
use std::ops::ControlFlow;
use std::sync::Arc;

use hashbrown::HashSet;
use serde::{Deserialize, Serialize};

use super::{EntryLine, Line};
use crate::transfer::accounts::{AccountIndex, Accounts};
use crate::transfer::identity::RowKey;
use crate::transfer::lines::Lines;
use crate::transfer::memory::{Keys, Repeated, check_memory};
use crate::transfer::staging::Staging;
use crate::transfer::{ImportOptions, ImportStep, tell};
use crate::{Change, Error, ImportError, RecordId, Sequence, TimeUnit};

/// A journal that was read.
pub(super) struct ReadJournal {
    pub(super) staging: Staging<StagedLine>,
    /// Where the entries are, and their order.
    pub(super) places: Vec<Place>,
    /// The names of its accounts, in the order in which they come.
    pub(super) accounts: Vec<Arc<str>>,
    /// The ids that are there more than once: of several lines, or of a record and its corrections.
    pub(super) repeated: Repeated,
    /// The accounts whose books it closes.
    pub(super) closed: HashSet<AccountIndex>,
    /// Bytes of memory that all of this takes.
    pub(super) bytes: usize,
    pub(super) unit: Option<TimeUnit>,
    /// The files that the journal knows, as notes.
    pub(super) notes: Vec<(String, u64)>,
}

/// Where an entry is, in the journal it comes from and in the staging.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: Sequence,
    pub(super) offset: u64,
    pub(super) account: AccountIndex,
    /// Whether it is to be written, once that is checked.
    pub(super) is_new: bool,
}

/// An entry of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedLine {
    pub(super) line: u64,
    pub(super) sequence: Sequence,
    pub(super) recorded_at: i64,
    pub(super) account: AccountIndex,
    pub(super) id: RecordId,
    pub(super) change: Change,
}

/// What is read so far.
#[derive(Default)]
struct Reading {
    places: Vec<Place>,
    accounts: Accounts,
    keys: Keys,
    closed: HashSet<AccountIndex>,
    unit: Option<TimeUnit>,
    notes: Vec<(String, u64)>,
}

/// Reads a journal to its end.
pub(super) fn read(
    input: impl BufRead,
    options: &ImportOptions,
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
) -> Result<ReadJournal, Error> {
    let mut texts = Lines::new(input);
    let mut staging = Staging::new(&options.folder);
    let mut reading = Reading::default();
    while let Some((line, text)) = texts.next()? {
        let wrong = |problem| ImportError::Line { line, problem };
        match Line::parse(text).map_err(|error| wrong(error.to_string()))? {
            Line::Unit(unit) if reading.unit.is_none_or(|other| other == unit) => {
                reading.unit = Some(unit);
            }
            Line::Unit(unit) => {
                let problem = format!("the unit of time is {unit}, but another above");
                return Err(wrong(problem).into());
            }
            Line::File(file) => reading.notes.push(file.note()),
            Line::Entry(entry) if entry.change == Change::DeleteAccount => {
                let name = &entry.account;
                let problem = format!("it deletes account {name:?}, and an import deletes none");
                return Err(wrong(problem).into());
            }
            Line::Entry(entry) => {
                let staged = reading.stage(line, entry)?;
                let offset = staging.push(&staged)?;
                reading.add(&staged, offset);
            }
        }
        check_memory(line, staging.rows(), reading.bytes(), options)?;
        tell(progress, ImportStep::Read(staging.rows()))?;
    }
    let bytes = reading.bytes();
    let Reading {
        mut places,
        accounts,
        keys,
        closed,
        unit,
        notes,
    } = reading;
    places.sort_unstable_by_key(|place| (place.sequence, place.offset));
    check_sequences(&places, &mut staging)?;
    Ok(ReadJournal {
        staging,
        places,
        accounts: accounts.into_names(),
        repeated: keys.into_repeated(),
        closed,
        bytes,
        unit,
        notes,
    })
}

impl Reading {
    fn stage(&mut self, line: u64, entry: EntryLine) -> Result<StagedLine, ImportError> {
        let name = &entry.account;
        let account = self.accounts.index(name)?;
        self.keys.add(RowKey::of_id(name, entry.id.as_str()));
        if let Some(of) = entry.change.corrects() {
            self.keys.add(RowKey::of_id(name, of.as_str()));
        }
        Ok(StagedLine {
            line,
            sequence: entry.sequence,
            recorded_at: entry.recorded_at,
            account,
            id: entry.id,
            change: entry.change,
        })
    }

    fn add(&mut self, staged: &StagedLine, offset: u64) {
        if let Change::CloseBooks { .. } = staged.change {
            self.closed.insert(staged.account);
        }
        let length = self.places.len();
        if length == self.places.capacity() {
            self.places.reserve_exact(growth(length));
        }
        self.places.push(Place {
            sequence: staged.sequence,
            offset,
            account: staged.account,
            is_new: false,
        });
    }

    /// Bytes that it takes once another line is there.
    fn bytes(&self) -> usize {
        const NOTE_BYTES: usize = 100;
        let places = match self.places.len() < self.places.capacity() {
            true => self.places.capacity(),
            // A list of so many pages is moved when it grows, not copied.
            false => self.places.len() + growth(self.places.len()),
        };
        places * size_of::<Place>()
            + self.accounts.bytes()
            + self.keys.bytes()
            + self.notes.len() * NOTE_BYTES
    }
}

/// By how much a list of this length grows: by doubling, half of it could be empty.
fn growth(length: usize) -> usize {
    1_024 + length / 4
}

/// There is room for as many entries again.
const LAST_PLACE: Sequence = Sequence::new(u64::MAX / 4);

/// No two entries have one place, and places are counted from 1.
fn check_sequences(places: &[Place], staging: &mut Staging<StagedLine>) -> Result<(), ImportError> {
    let mut last = Sequence::START;
    for place in places {
        if place.sequence <= last || place.sequence > LAST_PLACE {
            let line = staging.pick()?.at(place.offset)?.line;
            return Err(ImportError::Line {
                line,
                problem: format!("there is no place {} for another entry", place.sequence),
            });
        }
        last = place.sequence;
    }
    Ok(())
}
