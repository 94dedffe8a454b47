//! Places that are given before it is known after which entry they come.

use crate::Sequence;

/// Moves the places after one entry to where they follow another; those up to it stay.
///
/// ```
/// use gpu_credit_store::{Moved, Sequence};
///
/// let moved = Moved { from: Sequence::new(5), to: Sequence::new(8) };
/// assert_eq!(moved.place(Sequence::new(6)), Sequence::new(9));
/// assert_eq!(moved.place(Sequence::new(5)), Sequence::new(5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// After which the places are given.
    pub from: Sequence,
    /// After which they are.
    pub to: Sequence,
}

impl Moved {
    /// Where a place is moved. The order of places stays, if none was between the two entries.
    pub fn place(&self, place: Sequence) -> Sequence {
        match place.get().checked_sub(self.from.get()) {
            Some(after @ 1..) => Sequence::new(self.to.get() + after),
            _ => place,
        }
    }

    /// Whether places up to `last` can be moved: the last one of all is never given.
    pub(crate) fn has_room(&self, last: Sequence) -> bool {
        let count = last.get().saturating_sub(self.from.get());
        let last = self.to.get().checked_add(count);
        last.is_some_and(|last| last < Sequence::END.get())
    }
}
