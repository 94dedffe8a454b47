//! Where the children of a node begin.

use smallvec::SmallVec;

use super::change::Key;

/// So many heads are counted without a branch.
const AT_ONCE: usize = 64;

/// The heads of children, in order, of which there is one at least.
#[derive(Clone, Debug)]
pub(super) struct Heads {
    /// Any instant.
    origin: i64,
    /// How much later than the origin each head is: 0 if it is not, and the most if that takes more
    /// than 31 bits. The most too of heads that there are not, up to 64.
    fences: SmallVec<[i32; AT_ONCE]>,
    keys: Vec<Key>,
}

impl Heads {
    pub(super) fn new(keys: Vec<Key>) -> Self {
        let origin = keys[0].time;
        let mut heads = Heads {
            origin,
            fences: SmallVec::new(),
            keys,
        };
        heads.write_fences();
        heads
    }

    fn write_fences(&mut self) {
        let keys = self.keys.iter();
        self.fences = keys.map(|key| fence(self.origin, key.time)).collect();
        if self.fences.len() < AT_ONCE {
            self.fences.resize(AT_ONCE, i32::MAX);
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
        let begun = match <&[i32; AT_ONCE]>::try_from(self.fences.as_slice()) {
            _ if time < self.origin || fence == i32::MAX => {
                self.keys.partition_point(|head| head.time <= time)
            }
            Ok(fences) => {
                let begun = fences.iter().map(|head| i32::from(*head <= fence));
                begun.sum::<i32>().cast_unsigned() as usize
            }
            Err(_) => self.fences.partition_point(|head| *head <= fence),
        };
        begun.saturating_sub(1)
    }

    pub(super) fn set(&mut self, at: usize, key: Key) {
        self.keys[at] = key;
        self.write_fences();
    }

    pub(super) fn insert(&mut self, at: usize, key: Key) {
        insert(&mut self.keys, at, key);
        self.write_fences();
    }

    pub(super) fn remove(&mut self, at: usize) {
        self.keys.remove(at);
        self.write_fences();
    }

    pub(super) fn truncate(&mut self, len: usize) {
        *self = Heads::new(self.keys[..len].to_vec());
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        let fences = match self.fences.spilled() {
            true => self.fences.capacity() * size_of::<i32>(),
            false => 0,
        };
        self.keys.capacity() * size_of::<Key>() + fences
    }

    pub(super) fn assert_invariants(&self) {
        let mut anew = self.clone();
        anew.write_fences();
        assert_eq!(self.fences, anew.fences, "fences of heads");
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
fn fence(origin: i64, time: i64) -> i32 {
    let later = time.saturating_sub(origin).max(0);
    i32::try_from(later).unwrap_or(i32::MAX)
}
