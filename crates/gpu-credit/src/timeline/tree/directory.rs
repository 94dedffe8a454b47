//! A wide node of the tree: its children in order, and what stands before each of them.

use super::search::partition_point;
use super::span::{Span, Totals};
use crate::timeline::boundary::Key;

/// What a [`Directory`] can hold: a chunk of boundaries, or a directory of them.
pub(crate) trait Node: Sized {
    /// The number of parts; never 0.
    fn len(&self) -> usize;
    /// The first key.
    fn head(&self) -> Key;
    /// What all boundaries add up to, and how the balance moves over them.
    fn sums(&self) -> (Totals, Span);
    /// Keeps the parts before `index` and returns the others.
    fn split_off(&mut self, index: usize) -> Self;
    /// Takes the parts of its right-hand neighbour.
    fn append(&mut self, next: Self);
    /// Heap bytes.
    fn memory_used(&self) -> usize;
    /// Panics unless all is well.
    fn assert_invariants(&self);
}

/// Children in order. The sums before each child are ready, so that what stands before a boundary
/// is one addition a level; a change in one child adds to the sums after it.
#[derive(Clone, Debug)]
pub(crate) struct Directory<T> {
    /// The first key of each child.
    heads: Vec<Key>,
    /// The sums before each child, and at last those of all.
    openings: Vec<Totals>,
    /// How the balance moves over each child.
    spans: Vec<Span>,
    children: Vec<T>,
}

impl<T: Node> Directory<T> {
    /// The directory of these children.
    pub(crate) fn new(children: Vec<T>) -> Self {
        let mut directory = Directory {
            heads: children.iter().map(Node::head).collect(),
            openings: Vec::with_capacity(children.len() + 1),
            spans: Vec::with_capacity(children.len()),
            children: Vec::new(),
        };
        let mut before = Totals::default();
        for child in &children {
            let (totals, span) = child.sums();
            directory.openings.push(before);
            directory.spans.push(span);
            before = before.plus(totals);
        }
        directory.openings.push(before);
        directory.children = children;
        directory
    }

    /// The last child whose head is at or before `key`; the first if there is none.
    #[inline]
    pub(crate) fn find(&self, key: Key) -> usize {
        partition_point(&self.heads, |head| *head <= key).saturating_sub(1)
    }

    /// As [`find`](Self::find), and between which times it lies.
    #[inline]
    pub(crate) fn find_with_end(&self, key: Key) -> (usize, Option<(i64, i64)>) {
        let index = self.find(key);
        let next = self.heads.get(index + 1);
        (index, next.map(|next| (self.heads[index].time, next.time)))
    }

    /// The last child whose head is at or before `time`; the first if there is none.
    #[inline]
    pub(crate) fn find_time(&self, time: i64) -> usize {
        partition_point(&self.heads, |head| head.time <= time).saturating_sub(1)
    }

    #[inline]
    pub(crate) fn child(&self, index: usize) -> &T {
        &self.children[index]
    }

    #[inline]
    pub(crate) fn child_mut(&mut self, index: usize) -> &mut T {
        &mut self.children[index]
    }

    /// The sums before a child, from where the directory opens.
    #[inline]
    pub(crate) fn opening_of(&self, index: usize) -> Totals {
        self.openings[index]
    }

    pub(crate) fn span_of(&self, index: usize) -> Span {
        self.spans[index]
    }

    /// Brings the sums up to date after a child has changed, and drops it if it has become empty.
    /// O(children).
    pub(crate) fn refresh(&mut self, index: usize) {
        let before = self.openings[index + 1].minus(self.openings[index]);
        let child = &self.children[index];
        if child.len() == 0 {
            self.add_after(index, Totals::default().minus(before));
            self.heads.remove(index);
            self.openings.remove(index + 1);
            self.spans.remove(index);
            self.children.remove(index);
            return;
        }
        let (totals, span) = child.sums();
        self.heads[index] = child.head();
        self.spans[index] = span;
        self.add_after(index, totals.minus(before));
    }

    /// Adds to the sums after a child.
    fn add_after(&mut self, index: usize, change: Totals) {
        if change != Totals::default() {
            for later in &mut self.openings[index + 1..] {
                *later = later.plus(change);
            }
        }
    }

    /// Splits a child before its part `at`. The sums of its two halves are new, the others stand.
    pub(crate) fn split_child(&mut self, index: usize, at: usize) {
        let next = self.children[index].split_off(at);
        let before = self.openings[index];
        let (totals, span) = self.children[index].sums();
        let middle = before.plus(totals);
        let (_, next_span) = next.sums();
        self.heads.insert(index + 1, next.head());
        self.openings.insert(index + 1, middle);
        self.spans[index] = span;
        self.spans.insert(index + 1, next_span);
        self.children.insert(index + 1, next);
    }

    /// Joins a child with a neighbour if the two have at most `most` parts. O(children).
    pub(crate) fn join_child(&mut self, index: usize, most: usize) {
        for left in [Some(index), index.checked_sub(1)].into_iter().flatten() {
            let [child, next, ..] = &self.children[left..] else {
                continue;
            };
            if child.len() + next.len() <= most {
                self.heads.remove(left + 1);
                self.openings.remove(left + 1);
                self.spans.remove(left + 1);
                let next = self.children.remove(left + 1);
                self.children[left].append(next);
                (_, self.spans[left]) = self.children[left].sums();
                return;
            }
        }
    }
}

impl<T: Node> Node for Directory<T> {
    fn len(&self) -> usize {
        self.children.len()
    }

    fn head(&self) -> Key {
        self.heads[0]
    }

    fn sums(&self) -> (Totals, Span) {
        let totals = self.openings.last().expect("the sums of all stand last");
        let span = self.spans.iter().copied().reduce(Span::then);
        (*totals, span.expect("a directory has children"))
    }

    fn split_off(&mut self, index: usize) -> Self {
        let middle = self.openings[index];
        let mut openings = self.openings.split_off(index);
        self.openings.push(middle);
        for opening in &mut openings {
            *opening = opening.minus(middle);
        }
        Directory {
            heads: self.heads.split_off(index),
            openings,
            spans: self.spans.split_off(index),
            children: self.children.split_off(index),
        }
    }

    fn append(&mut self, next: Self) {
        let middle = self.openings.pop();
        let middle = middle.expect("the sums of all stand last");
        self.openings
            .extend(next.openings.iter().map(|opening| middle.plus(*opening)));
        self.heads.extend(next.heads);
        self.spans.extend(next.spans);
        self.children.extend(next.children);
    }

    fn memory_used(&self) -> usize {
        self.heads.capacity() * size_of::<Key>()
            + self.openings.capacity() * size_of::<Totals>()
            + self.spans.capacity() * size_of::<Span>()
            + self.children.capacity() * size_of::<T>()
            + self.children.iter().map(Node::memory_used).sum::<usize>()
    }

    fn assert_invariants(&self) {
        assert!(!self.children.is_empty(), "a directory has children");
        assert_eq!(self.heads.len(), self.children.len(), "a head a child");
        assert_eq!(self.spans.len(), self.children.len(), "a span a child");
        assert_eq!(
            self.openings.len(),
            self.children.len() + 1,
            "an opening a child"
        );
        let mut before = Totals::default();
        for (index, child) in self.children.iter().enumerate() {
            assert!(child.len() > 0, "child {index} is not empty");
            assert_eq!(self.heads[index], child.head(), "head of child {index}");
            assert_eq!(self.openings[index], before, "sums before child {index}");
            child.assert_invariants();
            before = before.plus(child.sums().0);
        }
        assert_eq!(self.openings.last(), Some(&before), "sums of all children");
    }
}
