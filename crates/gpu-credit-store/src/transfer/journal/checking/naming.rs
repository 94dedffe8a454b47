//! Names what is refused by the lines of the file: the draft knows only its own entries.

use super::held::Name;
use super::{Checking, Chunk};
use crate::transfer::{ChangedRow, PostedBy};
use crate::{Change, Error, ImportError, Storage};

impl<S: Storage> Checking<'_, S> {
    /// The error of the line at this place of the chunk.
    pub(super) fn refused(&self, chunk: &Chunk, place: usize, error: Error) -> Error {
        let line = &chunk.lines[place];
        let name = (line.account, line.id.clone());
        let refused = match error {
            Error::DifferentContent { account, id, .. } => {
                let (posted, place) = self.posted(chunk, place, &name);
                let changed = ChangedRow {
                    line: line.line,
                    account,
                    id,
                    row: line.change.clone(),
                    posted,
                    place,
                };
                ImportError::Changed(Box::new(changed))
            }
            // The store has it not: a line before opens it.
            Error::AccountExists(name) if self.checked.heads[line.account.get()].is_none() => {
                let (line, problem) = (line.line, format!("it opens account {name:?} again"));
                ImportError::Line { line, problem }
            }
            error => ImportError::Refused {
                line: line.line,
                error,
            },
        };
        refused.into()
    }

    /// What has the id of a line already.
    fn posted(&self, chunk: &Chunk, place: usize, name: &Name) -> (Change, PostedBy) {
        if let Some((revision, change)) = chunk.found.get(name) {
            return (change.clone(), PostedBy::Revision(*revision));
        }
        if let Some(held) = self.held.get(name) {
            return (held.record.1.clone(), held.place);
        }
        let mut before = chunk.lines[..place].iter();
        let first = before.find(|line| (line.account, &line.id) == (name.0, &name.1));
        let first = first.expect("an id that is taken is that of a line or an entry");
        (first.change.clone(), PostedBy::Line(first.line))
    }
}
