//! Changes of rate in order, under their sums.

use super::Piece;
use super::change::{Change, Key};
use super::chunk::Chunk;
use super::directory::{Child, Directory, Node};
use super::jobs::Jobs;
use super::line::Line;
use super::steps::CHANGES;

/// Changes of rate in order: chunks, in groups.
#[derive(Clone, Debug)]
pub(super) struct ChangeTree {
    /// `None` if there is no change.
    root: Option<Directory<Directory<Chunk>>>,
    /// The most changes in a chunk, and chunks in a group.
    width: usize,
}

/// Where a change is.
#[derive(Clone, Copy, Debug)]
struct Position {
    group: usize,
    chunk: usize,
}

impl ChangeTree {
    pub(super) fn new(width: usize) -> Self {
        ChangeTree {
            root: None,
            width: width.clamp(4, CHANGES),
        }
    }

    /// A tree of the same width with these changes, which are in order. O(j)
    pub(super) fn rebuilt(&self, changes: &[Change], jobs: &Jobs) -> Self {
        let width = self.width;
        // Three quarters full: late changes find room.
        let fill = width - width / 4;
        let chunks = changes.chunks(fill).map(Chunk::new);
        let mut groups = Vec::new();
        let mut chunks = chunks.peekable();
        while chunks.peek().is_some() {
            let group = chunks.by_ref().take(fill).collect();
            groups.push(Directory::new(group, jobs));
        }
        let root = (!groups.is_empty()).then(|| Directory::new(groups, jobs));
        ChangeTree { root, width }
    }

    /// What is used through a tick. O(log j)
    #[inline]
    pub(super) fn through(&self, time: i64) -> u64 {
        let Some(root) = &self.root else {
            return 0;
        };
        let group = &root.children[root.heads.find_time(time)];
        let chunk = &group.node.children[group.node.heads.find_time(time)];
        let before = (group.before + chunk.before).through(time);
        before.wrapping_add(chunk.node.through(time))
    }

    /// The line that holds at an instant, and when the rate may change next.
    pub(super) fn piece(&self, time: i64) -> Piece {
        let next = time.checked_add(1).and_then(|next| {
            let mut later = self.iter_from(Key::before(next));
            later.next().map(|change| change.key.time)
        });
        let through = self.through(time);
        let before = time.checked_sub(1).map_or(0, |time| self.through(time));
        let line = Line::at(time, through, through - before);
        Piece { next, line }
    }

    /// All changes from a key on, in order.
    pub(super) fn iter_from(&self, key: Key) -> ChangesFrom<'_> {
        let next = self.root.as_ref().map(|root| {
            let at = locate(root, key);
            (root, at, chunk(root, at).rank(key))
        });
        ChangesFrom { next }
    }

    /// Shows the jobs that begin at or before a tick, and of these all that end after it.
    pub(super) fn visit_running(&self, time: i64, mut visit: impl FnMut(u32)) {
        let Some(root) = &self.root else {
            return;
        };
        let key = Key::after(time);
        for group in root.children.iter().take(root.heads.find(key) + 1) {
            if group.latest_until <= time {
                continue;
            }
            let group = &group.node;
            for chunk in group.children.iter().take(group.heads.find(key) + 1) {
                if chunk.latest_until > time {
                    let begun = chunk.node.iter().take_while(|change| change.key < key);
                    begun
                        .filter_map(|change| change.key.mark.starts())
                        .for_each(&mut visit);
                }
            }
        }
    }

    /// Puts a change in its place; its job is in the table.
    pub(super) fn insert(&mut self, change: Change, jobs: &Jobs) {
        let width = self.width;
        let Some(root) = &mut self.root else {
            let group = Directory::new(vec![Chunk::new(&[change])], jobs);
            self.root = Some(Directory::new(vec![group], jobs));
            return;
        };
        let mut at = locate(root, change.key);
        while chunk(root, at).len() >= width {
            make_room(root, at, change.key, width, jobs);
            at = locate(root, change.key);
        }
        let until = change.key.mark.starts().map(|job| jobs.row(job).until);
        let until = until.unwrap_or(i64::MIN);
        let group = &mut root.children[at.group].node;
        group.children[at.chunk].node.insert(change);
        group.child_grown(at.chunk, change, until);
        root.child_grown(at.group, change, until);
    }

    /// Takes a change out that is there.
    pub(super) fn remove(&mut self, change: Change) {
        let root = self.root.as_mut().expect("there is a change");
        let at = locate(root, change.key);
        let group = &mut root.children[at.group].node;
        let chunk = &mut group.children[at.chunk].node;
        let removed = chunk.remove(chunk.rank(change.key));
        assert_eq!(removed, change, "the change of a job that stands");
        let len = chunk.len();
        let line = -change.line();
        group.child_changed(at.chunk, line, i64::MIN);
        root.child_changed(at.group, line, i64::MIN);
        if len == 0 {
            self.drop_empty(at);
        } else if len <= self.width / 4 {
            merge(&mut root.children[at.group].node, at.chunk, self.width / 2);
        }
    }

    /// Chunks and groups that run empty go.
    fn drop_empty(&mut self, at: Position) {
        let root = self.root.as_mut().expect("there is a chunk");
        let group = &mut root.children[at.group].node;
        if group.children.len() > 1 {
            group.remove(at.chunk);
        } else if root.children.len() > 1 {
            root.remove(at.group);
        } else {
            self.root = None;
        }
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.root.as_ref().map_or(0, Node::memory_used)
    }

    pub(super) fn assert_invariants(&self, expected: &[Change], jobs: &Jobs) {
        let first = Key::before(i64::MIN);
        let changes: Vec<Change> = self.iter_from(first).collect();
        assert_eq!(changes, expected, "the changes of all jobs, in order");
        let Some(root) = &self.root else {
            return;
        };
        assert_directory(root, jobs);
        for Child { node: group, .. } in &root.children {
            assert_directory(group, jobs);
            for Child { node: chunk, .. } in &group.children {
                assert!((1..=self.width).contains(&chunk.len()), "size of a chunk");
                let total: Line = chunk.iter().map(Change::line).sum();
                assert_eq!(chunk.total(), total, "total of a chunk");
                for time in chunk.iter().map(|change| change.key.time) {
                    let begun = chunk.iter().filter(|change| change.key.time <= time);
                    let line: Line = begun.map(Change::line).sum();
                    let through = line.through(time);
                    assert_eq!(chunk.through(time), through, "used through {time}");
                }
            }
        }
        let children = root.children.iter().map(|group| group.node.children.len());
        assert!(children.max() <= Some(self.width), "no group is too large");
    }
}

/// Changes in order, from one on.
#[derive(Clone, Debug)]
pub(super) struct ChangesFrom<'a> {
    /// The tree, and the chunk and the place in it of the next one.
    next: Option<(&'a Directory<Directory<Chunk>>, Position, usize)>,
}

impl Iterator for ChangesFrom<'_> {
    type Item = Change;

    fn next(&mut self) -> Option<Change> {
        let (root, at, rank) = self.next.as_mut()?;
        while *rank == chunk(root, *at).len() {
            *at = next_chunk(root, *at)?;
            *rank = 0;
        }
        *rank += 1;
        Some(chunk(root, *at).get(*rank - 1))
    }
}

fn locate(root: &Directory<Directory<Chunk>>, key: Key) -> Position {
    let group = root.heads.find(key);
    let chunk = root.children[group].node.heads.find(key);
    Position { group, chunk }
}

fn chunk(root: &Directory<Directory<Chunk>>, at: Position) -> &Chunk {
    &root.children[at.group].node.children[at.chunk].node
}

fn next_chunk(root: &Directory<Directory<Chunk>>, at: Position) -> Option<Position> {
    let Position { group, chunk } = at;
    if chunk + 1 < root.children[group].node.children.len() {
        return Some(Position {
            group,
            chunk: chunk + 1,
        });
    }
    let group = group + 1;
    (group < root.children.len()).then_some(Position { group, chunk: 0 })
}

/// Makes room for a change in a full chunk: its group splits if that is full, else the chunk evens
/// out with one beside it that has room, or splits. At the end of time what splits stays nearly
/// full, and a new one begins; elsewhere halves remain.
fn make_room(
    root: &mut Directory<Directory<Chunk>>,
    at: Position,
    key: Key,
    width: usize,
    jobs: &Jobs,
) {
    let is_last = at.group + 1 == root.children.len();
    let group = &mut root.children[at.group].node;
    let len = group.children.len();
    let is_end = is_last && at.chunk + 1 == len;
    let has_room = |chunk: &usize| {
        let beside = group.children.get(*chunk);
        beside.is_some_and(|chunk| chunk.node.len() < width - width / 4)
    };
    let beside = [Some(at.chunk + 1), at.chunk.checked_sub(1)];
    if let Some(beside) = beside.into_iter().flatten().find(has_room) {
        let left = beside.min(at.chunk);
        let changes = changes_of(&group.children[left..left + 2]);
        let (before, after) = changes.split_at(changes.len() / 2);
        group.children[left].node = Chunk::new(before);
        group.children[left + 1].node = Chunk::new(after);
        group.refresh_pair(left, jobs);
    } else if len >= width {
        let keep = if is_end { width - 1 } else { width / 2 };
        let next = Directory::new(group.truncate(keep), jobs);
        root.split_off(at.group, next, jobs);
    } else {
        let changes = changes_of(&group.children[at.chunk..=at.chunk]);
        let is_append = is_end && key > changes[width - 1].key;
        let keep = if is_append { width - 1 } else { width / 2 };
        group.children[at.chunk].node = Chunk::new(&changes[..keep]);
        group.split_off(at.chunk, Chunk::new(&changes[keep..]), jobs);
    }
}

fn changes_of(chunks: &[Child<Chunk>]) -> Vec<Change> {
    chunks.iter().flat_map(|chunk| chunk.node.iter()).collect()
}

/// Joins a chunk with one beside it, if together they hold at most `most` changes.
fn merge(group: &mut Directory<Chunk>, at: usize, most: usize) {
    let is_fitting = |left: &usize| {
        let pair = group.children.get(*left..*left + 2);
        pair.is_some_and(|pair| pair[0].node.len() + pair[1].node.len() <= most)
    };
    let pairs = [Some(at), at.checked_sub(1)];
    if let Some(left) = pairs.into_iter().flatten().find(is_fitting) {
        let changes = changes_of(&group.children[left..left + 2]);
        let latest_until = group.children[left + 1].latest_until;
        group.children[left].node = Chunk::new(&changes);
        group.remove(left + 1);
        group.child_changed(left, Line::default(), latest_until);
    }
}

fn assert_directory<C: Node>(directory: &Directory<C>, jobs: &Jobs) {
    let mut before = Line::default();
    assert_eq!(directory.heads.len(), directory.children.len(), "heads");
    directory.heads.assert_invariants();
    for (at, child) in directory.children.iter().enumerate() {
        assert_eq!(child.before, before, "sum before child {at}");
        assert!(
            directory.heads.get(at) <= child.node.head(),
            "head of child {at}"
        );
        assert!(
            child.latest_until >= child.node.latest_until(jobs),
            "latest end of child {at}"
        );
        before += child.node.total();
    }
    let children = directory.children.iter();
    for (child, next) in children.zip(1..directory.heads.len()) {
        assert!(
            child.node.last() < directory.heads.get(next),
            "children in order"
        );
    }
}
