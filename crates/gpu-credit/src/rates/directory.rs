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

/// A child, and what its directory knows of it beside its head: in cache lines of their own, so that a
/// question reads as few as can be.
#[derive(Clone, Debug)]
#[repr(C, align(64))]
pub(super) struct Child<C> {
    /// What all children before it add up to.
    pub(super) before: Line,
    /// At least the latest end of any job that begins in it.
    pub(super) latest_until: i64,
    pub(super) node: C,
}

/// Children in order; there is one at least.
#[derive(Clone, Debug)]
pub(super) struct Directory<C> {
    /// The first change of each child, or an earlier one: nothing else is read to find a child.
    pub(super) heads: Heads,
    pub(super) children: Vec<Child<C>>,
}

impl<C: Node> Directory<C> {
    pub(super) fn new(nodes: Vec<C>, jobs: &Jobs) -> Self {
        let heads = Heads::new(nodes.iter().map(Node::head).collect());
        let mut before = Line::default();
        let children = nodes.into_iter().map(|node| {
            let child = Child {
                before,
                latest_until: node.latest_until(jobs),
                node,
            };
            before += child.node.total();
            child
        });
        let children = children.collect();
        Directory { heads, children }
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
        let child = &mut self.children[at];
        child.latest_until = child.latest_until.max(until);
        for later in &mut self.children[at + 1..] {
            later.before += change;
        }
    }

    /// Puts a child after the one at `at`, from which it has taken what it holds.
    pub(super) fn split_off(&mut self, at: usize, next: C, jobs: &Jobs) {
        self.heads.insert(at + 1, next.head());
        let Child {
            before,
            latest_until,
            ..
        } = self.children[at];
        let next = Child {
            node: next,
            before,
            latest_until,
        };
        insert(&mut self.children, at + 1, next);
        self.refresh_pair(at, jobs);
    }

    /// Takes out the children from `keep` on.
    pub(super) fn truncate(&mut self, keep: usize) -> Vec<C> {
        let rest = self.children.split_off(keep);
        self.heads.truncate(keep);
        self.children.shrink_to_fit();
        rest.into_iter().map(|child| child.node).collect()
    }

    /// Takes note that changes have moved between the child at `at` and the next.
    pub(super) fn refresh_pair(&mut self, at: usize, jobs: &Jobs) {
        let [child, next] = &mut self.children[at..at + 2] else {
            unreachable!("there is a next child");
        };
        self.heads.set(at + 1, next.node.head());
        next.before = child.before + child.node.total();
        next.latest_until = next.node.latest_until(jobs);
        child.latest_until = child.node.latest_until(jobs);
    }

    /// Takes a child out that holds nothing, and is not the only one.
    pub(super) fn remove(&mut self, at: usize) {
        self.heads.remove(at);
        self.children.remove(at);
    }
}

impl<C: Node> Node for Directory<C> {
    fn head(&self) -> Key {
        self.children[0].node.head()
    }

    fn last(&self) -> Key {
        self.children[self.children.len() - 1].node.last()
    }

    fn total(&self) -> Line {
        let last = &self.children[self.children.len() - 1];
        last.before + last.node.total()
    }

    fn latest_until(&self, _: &Jobs) -> i64 {
        let latest = self.children.iter().map(|child| child.latest_until).max();
        latest.unwrap_or(i64::MIN)
    }

    fn memory_used(&self) -> usize {
        let nodes = self.children.iter().map(|child| child.node.memory_used());
        let children = self.children.capacity() * size_of::<Child<C>>();
        self.heads.memory_used() + children + nodes.sum::<usize>()
    }
}
