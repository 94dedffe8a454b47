//! Where the children of a node begin.

use smallvec::SmallVec;

use super::change::Key;

/// So few heads are counted without a branch, so that all of them are read at once.
const COUNTED_MAX: usize = 64;

/// The heads of children, in order, of which there is one at least.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    keys: Vec<Key>,
    /// Any instant.
    origin: i64,
    /// How much later than the origin each head is: 0 if it is not, and the most if that takes more
    /// than 4 bytes.
    fences: SmallVec<[u32; COUNTED_MAX]>,
}

impl Heads {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let origin = keys[0].time;
        let fences = keys.iter().map(|key| fence(origin, key.time)).collect();
        Heads {
            keys,
            origin,
            fences,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(super) fn get(&self, at: usize) -> Key {
        self.keys[at]
    }

    /// The child in which a change with this key is, or would be: the first, if it is before all.
    #[inline]
    pub(super) fn find(&self, key: Key) -> usize {
        self.keys[1..].partition_point(|head| *head <= key)
    }

    /// The last child that begins at an instant or before; the first if there is none.
    #[inline]
    pub(super) fn find_time(&self, time: i64) -> usize {
        let fence = fence(self.origin, time);
        let fences = &self.fences[1..];
        if time < self.origin || fence == u32::MAX {
            self.keys[1..].partition_point(|head| head.time <= time)
        } else if fences.len() < COUNTED_MAX {
            let begun = fences.iter().map(|head| u32::from(*head <= fence));
            begun.sum::<u32>() as usize
        } else {
            fences.partition_point(|head| *head <= fence)
        }
    }

    pub(super) fn set(&mut self, at: usize, key: Key) {
        self.keys[at] = key;
        self.fences[at] = fence(self.origin, key.time);
    }

    pub(super) fn insert(&mut self, at: usize, key: Key) {
        insert(&mut self.keys, at, key);
        self.fences.insert(at, fence(self.origin, key.time));
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.keys.remove(at);
        self.fences.remove(at);
    }

    pub(super) fn truncate(&mut self, len: usize) {
        *self = Heads::new(self.keys[..len].to_vec());
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        let fences = match self.fences.spilled() {
            true => self.fences.capacity() * size_of::<u32>(),
            false => 0,
        };
        self.keys.capacity() * size_of::<Key>() + fences
    }

    pub(super) fn assert_invariants(&self) {
        let fences = self.keys.iter().map(|key| fence(self.origin, key.time));
        assert!(fences.eq(self.fences.iter().copied()), "fences of heads");
    }
}

/// Grows by an eighth: there are many nodes, and none grows for long.
pub(super) fn insert<T>(items: &mut Vec<T>, at: usize, item: T) {
    if items.len() == items.capacity() {
        items.reserve_exact(items.len() / 8 + 1);
    }
    items.insert(at, item);
}

#[inline]
fn fence(origin: i64, time: i64) -> u32 {
    let later = time.saturating_sub(origin).max(0);
    u32::try_from(later).unwrap_or(u32::MAX)
}
