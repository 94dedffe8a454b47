//! A node of the tree: children in order, where each begins, and what is before it.

use super::change::Key;
use super::chunk::Chunk;
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

/// What a directory knows of a child without asking it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// At or before every change in the child, and after every change in the children before it.
    /// Of the first child it is not asked.
    pub(super) head: Key,
    /// What all changes of the directory before the child add up to.
    pub(super) before: Line,
    /// No job that begins in the child ends later.
    pub(super) latest_until: i64,
}

/// Children in order; there is at least one.
#[derive(Clone, Debug)]
pub(super) struct Directory<C> {
    pub(super) entries: Vec<Entry>,
    pub(super) children: Vec<C>,
}

impl<C: Node> Directory<C> {
    pub(super) fn new(children: Vec<C>, jobs: &Jobs) -> Self {
        let mut before = Line::default();
        let entries = children.iter().map(|child| {
            let entry = Entry {
                head: child.head(),
                before,
                latest_until: child.latest_until(jobs),
            };
            before += child.total();
            entry
        });
        Directory {
            entries: entries.collect(),
            children,
        }
    }

    /// The child in which a change with this key is, or would be.
    #[inline]
    pub(super) fn find(&self, key: Key) -> usize {
        self.entries[1..].partition_point(|entry| entry.head <= key)
    }

    /// Takes note of a change that has come to a child, or has gone from it.
    pub(super) fn child_changed(&mut self, at: usize, change: Line, until: i64) {
        let entry = &mut self.entries[at];
        entry.latest_until = entry.latest_until.max(until);
        for later in &mut self.entries[at + 1..] {
            later.before += change;
        }
    }

    /// Puts a child after the one at `at`, from which it has taken what it holds.
    pub(super) fn split_off(&mut self, at: usize, next: C, jobs: &Jobs) {
        let child = &self.children[at];
        let entry = Entry {
            head: next.head(),
            before: self.entries[at].before + child.total(),
            latest_until: next.latest_until(jobs),
        };
        self.entries[at].latest_until = child.latest_until(jobs);
        self.entries.insert(at + 1, entry);
        self.children.insert(at + 1, next);
    }

    /// Takes a child out that holds nothing, and is not the only one.
    pub(super) fn remove(&mut self, at: usize) {
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
        self.entries.capacity() * size_of::<Entry>()
            + self.children.capacity() * size_of::<C>()
            + children
    }
}
