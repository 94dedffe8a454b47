//! Reading the index in time order: sums at times that do not decrease, and the entries.

use std::iter::Peekable;

use super::chunk::Place;
use super::form::Entry;
use super::run::Run;
use super::tree::{Location, Tree};
use super::waiting::Waiting;
use super::{Body, UsageIndex};

/// Reads prefix sums at times that do not decrease: it stays in a chunk as long as the questions
/// do, and steps into the next. Right for any times, and amortised O(1) for dense ones in order.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    index: &'a UsageIndex,
    cursor: Option<(Cursor<'a>, &'a Waiting)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(index: &'a UsageIndex) -> Self {
        let cursor = match &index.body {
            Body::Small(_) => None,
            Body::Tree(tree, waiting) => Some((Cursor::new(tree), waiting)),
        };
        Self { index, cursor }
    }

    /// The sum of the amounts at or before `time`.
    #[inline]
    pub(crate) fn through(&mut self, time: i64) -> u64 {
        match &mut self.cursor {
            Some((cursor, waiting)) => cursor.sum_through(time) + waiting.sum_through(time),
            None => self.index.through(time),
        }
    }

    /// The sum of the amounts before `time`.
    pub(crate) fn before(&mut self, time: i64) -> u64 {
        match time.checked_sub(1) {
            Some(time) => self.through(time),
            None => 0,
        }
    }
}

/// The chunk that answered last, and the times that it answers: from `head` on, up to but not
/// at `end`. The last chunk answers at `i64::MAX` too.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    tree: &'a Tree,
    at: Location,
    head: i64,
    end: i64,
    before: u64,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        let mut cursor = Self {
            tree,
            at: Location { group: 0, slot: 0 },
            head: 0,
            end: 0,
            before: 0,
        };
        cursor.enter(cursor.at);
        cursor
    }

    fn enter(&mut self, at: Location) {
        self.at = at;
        self.head = self.tree.head(at);
        self.end = self
            .tree
            .next(at)
            .map_or(i64::MAX, |next| self.tree.head(next));
        self.before = self.tree.before(at);
    }

    #[inline]
    pub(super) fn sum_through(&mut self, time: i64) -> u64 {
        if time < self.head || time >= self.end {
            self.move_to(time);
        }
        self.before + self.tree.slot(self.at).sum_through(time)
    }

    /// Tries the next chunk, expecting to go on like that, and otherwise searches from the top.
    fn move_to(&mut self, time: i64) {
        if time >= self.end
            && let Some(next) = self.tree.next(self.at)
        {
            self.enter(next);
            if let Some(later) = self.tree.next(next) {
                self.tree.slot(later).prefetch();
            }
        }
        if time < self.head || time >= self.end {
            self.enter(self.tree.locate(time));
        }
    }
}

/// The entries of an index in order.
#[derive(Clone, Debug)]
pub(super) enum Iter<'a> {
    Small {
        run: &'a Run,
        at: usize,
    },
    Tree {
        entries: Peekable<InTree<'a>>,
        waiting: Peekable<std::vec::IntoIter<Entry>>,
    },
}

impl<'a> Iter<'a> {
    /// From the first entry at or after `time` on.
    pub(super) fn from(index: &'a UsageIndex, time: i64) -> Self {
        match &index.body {
            Body::Small(run) => Self::Small {
                run,
                at: run.range_of(time).start,
            },
            Body::Tree(tree, waiting) => Self::Tree {
                entries: InTree::from(tree, time).peekable(),
                waiting: waiting.sorted_from(time).into_iter().peekable(),
            },
        }
    }
}

impl Iterator for Iter<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        match self {
            Self::Small { run, at } => {
                *at += 1;
                run.get(*at - 1)
            }
            Self::Tree { entries, waiting } => {
                // Of one time, those in the tree were posted before.
                let is_next = |entry: &Entry| entries.peek().is_none_or(|other| entry.0 < other.0);
                waiting.next_if(is_next).or_else(|| entries.next())
            }
        }
    }
}

/// The entries of a tree in order.
#[derive(Clone, Debug)]
pub(super) struct InTree<'a> {
    tree: &'a Tree,
    at: Option<Location>,
    place: Place,
}

impl<'a> InTree<'a> {
    /// From the first entry at or after `time` on.
    fn from(tree: &'a Tree, time: i64) -> Self {
        let (at, place) = match time.checked_sub(1) {
            None => (Location { group: 0, slot: 0 }, Place::START),
            Some(before) => {
                let at = tree.locate(before);
                (at, tree.slot(at).place_after(before))
            }
        };
        Self {
            tree,
            at: Some(at),
            place,
        }
    }
}

impl Iterator for InTree<'_> {
    type Item = Entry;

    #[inline]
    fn next(&mut self) -> Option<Entry> {
        loop {
            let at = self.at?;
            if let Some(entry) = self.tree.slot(at).next(&mut self.place) {
                return Some(entry);
            }
            (self.at, self.place) = (self.tree.next(at), Place::START);
        }
    }
}
