//! A node of the tree: children in order, where each begins, and what is before it.

use super::change::{Change, Key};
use super::chunk::Chunk;
use super::heads::{Heads, insert};
use super::jobs::Jobs;
use super::line::Line;

/// What a directory asks of its children.
pub(super) trait Node {
    fn head(&self) -> Key;
    /// The key of its last change.
    fn last(&self) -> Key;
    fn total(&self) -> Line;
    /// The latest end of any job that begins here.
    fn latest_until(&self, jobs: &Jobs) -> i64;
    fn memory_used(&self) -> usize;
}

impl Node for Chunk {
    fn head(&self) -> Key {
        self.get(0).key
    }

    fn last(&self) -> Key {
        self.get(self.len() - 1).key
    }

    fn total(&self) -> Line {
        self.total()
    }

    fn latest_until(&self, jobs: &Jobs) -> i64 {
        let starts = self.iter().filter_map(|change| change.key.mark.starts());
        let latest = starts.map(|job| jobs.row(job).until).max();
        latest.unwrap_or(i64::MIN)
    }

    fn memory_used(&self) -> usize {
        self.memory_used()
    }
}

/// What a directory knows of a child beside its head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// What all children before it add up to.
    pub(super) before: Line,
    /// At least the latest end of any job that begins in it.
    pub(super) latest_until: i64,
}

/// Children in order; there is one at least.
#[derive(Clone, Debug)]
pub(super) struct Directory<C> {
    /// The first change of each child, or an earlier one: nothing else is read to find a child.
    pub(super) heads: Heads,
    pub(super) entries: Vec<Entry>,
    pub(super) children: Vec<C>,
}

impl<C: Node> Directory<C> {
    pub(super) fn new(children: Vec<C>, jobs: &Jobs) -> Self {
        let mut before = Line::default();
        let entries = children.iter().map(|child| {
            let entry = Entry {
                before,
                latest_until: child.latest_until(jobs),
            };
            before += child.total();
            entry
        });
        Directory {
            heads: Heads::new(children.iter().map(Node::head).collect()),
            entries: entries.collect(),
            children,
        }
    }

    /// Takes note of a change that has come to a child.
    pub(super) fn child_grown(&mut self, at: usize, change: Change, until: i64) {
        if change.key < self.heads.get(at) {
            self.heads.set(at, change.key);
        }
        self.child_changed(at, change.line(), until);
    }

    /// Takes note of what a child has more, with an end.
    pub(super) fn child_changed(&mut self, at: usize, change: Line, until: i64) {
        let entry = &mut self.entries[at];
        entry.latest_until = entry.latest_until.max(until);
        for later in &mut self.entries[at + 1..] {
            later.before += change;
        }
    }

    /// Puts a child after the one at `at`, from which it has taken what it holds.
    pub(super) fn split_off(&mut self, at: usize, next: C, jobs: &Jobs) {
        self.heads.insert(at + 1, next.head());
        let entry = self.entries[at];
        insert(&mut self.entries, at + 1, entry);
        insert(&mut self.children, at + 1, next);
        self.refresh_pair(at, jobs);
    }

    /// Takes out the children from `keep` on.
    pub(super) fn truncate(&mut self, keep: usize) -> Vec<C> {
        let rest = self.children.split_off(keep);
        self.heads.truncate(keep);
        self.entries.truncate(keep);
        self.entries.shrink_to_fit();
        self.children.shrink_to_fit();
        rest
    }

    /// Takes note that changes have moved between the child at `at` and the next.
    pub(super) fn refresh_pair(&mut self, at: usize, jobs: &Jobs) {
        let next = &self.children[at + 1];
        self.heads.set(at + 1, next.head());
        self.entries[at + 1] = Entry {
            before: self.entries[at].before + self.children[at].total(),
            latest_until: next.latest_until(jobs),
        };
        self.entries[at].latest_until = self.children[at].latest_until(jobs);
    }

    /// Takes a child out that holds nothing, and is not the only one.
    pub(super) fn remove(&mut self, at: usize) {
        self.heads.remove(at);
        self.entries.remove(at);
        self.children.remove(at);
    }
}

impl<C: Node> Node for Directory<C> {
    fn head(&self) -> Key {
        self.children[0].head()
    }

    fn last(&self) -> Key {
        self.children[self.children.len() - 1].last()
    }

    fn total(&self) -> Line {
        let last = self.children.len() - 1;
        self.entries[last].before + self.children[last].total()
    }

    fn latest_until(&self, _: &Jobs) -> i64 {
        let latest = self.entries.iter().map(|entry| entry.latest_until).max();
        latest.unwrap_or(i64::MIN)
    }

    fn memory_used(&self) -> usize {
        let children: usize = self.children.iter().map(Node::memory_used).sum();
        self.heads.memory_used()
            + self.entries.capacity() * size_of::<Entry>()
            + self.children.capacity() * size_of::<C>()
            + children
    }
}
