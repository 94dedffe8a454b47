//! Columns of numbers, all of one as wide as the largest needs.

/// Bytes that are read at once. As many stand after the last number, so that this is always possible.
pub(super) const WORD: usize = size_of::<u64>();

/// The bits of a number of so many bytes.
const MASKS: [u64; WORD + 1] = {
    let mut masks = [u64::MAX; WORD + 1];
    let mut width = 0;
    while width < WORD {
        masks[width] = (1 << (8 * width)) - 1;
        width += 1;
    }
    masks
};

/// Bytes of a number, from 0 to 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Width(u8);

impl Width {
    pub(super) const ONE: Width = Width(1);

    /// The least that holds each of these.
    pub(super) fn of(numbers: impl Iterator<Item = u64>) -> Self {
        let all = numbers.fold(0, |all, number| all | number);
        Width((u64::BITS - all.leading_zeros()).div_ceil(8).to_le_bytes()[0])
    }

    pub(super) fn holds(self, number: u64) -> bool {
        number <= MASKS[self.bytes()]
    }

    #[inline]
    pub(super) fn bytes(self) -> usize {
        self.0.into()
    }

    /// Two widths in a byte.
    pub(super) fn pair(low: Width, high: Width) -> u8 {
        low.0 | high.0 << 4
    }

    /// What [`pair`](Self::pair) has written.
    #[inline]
    pub(super) fn from_pair(pair: u8) -> [Width; 2] {
        [Width(pair & 0xf), Width(pair >> 4)]
    }
}

/// So many numbers side by side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Where the first of them stands.
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) width: Width,
}

impl Column {
    /// What follows it.
    pub(super) fn end(&self) -> usize {
        self.at + self.len * self.width.bytes()
    }

    #[inline]
    pub(super) fn get(&self, bytes: &[u8], at: usize) -> u64 {
        let width = self.width.bytes();
        let word = bytes[self.at + at * width..].first_chunk();
        let word = word.expect("a word stands after the last number");
        u64::from_le_bytes(*word) & MASKS[width]
    }

    #[inline]
    pub(super) fn set(&self, bytes: &mut [u8], at: usize, number: u64) {
        assert!(self.width.holds(number), "{number} in {:?}", self.width);
        let width = self.width.bytes();
        let word = bytes[self.at + at * width..].first_chunk_mut();
        let word = word.expect("a word stands after the last number");
        let others = u64::from_le_bytes(*word) & !MASKS[width];
        *word = (others | number).to_le_bytes();
    }

    /// Moves the numbers from `at` on by one place. The last of them is gone.
    pub(super) fn make_place(&self, bytes: &mut [u8], at: usize) {
        let width = self.width.bytes();
        let from = self.at + at * width;
        bytes.copy_within(from..self.end() - width, from + width);
    }

    pub(super) fn iter(self, bytes: &[u8]) -> impl Iterator<Item = u64> + Clone {
        (0..self.len).map(move |at| self.get(bytes, at))
    }

    /// Writes all numbers, of which there are as many as it has places.
    pub(super) fn write(&self, bytes: &mut [u8], numbers: impl Iterator<Item = u64>) {
        for (at, number) in numbers.enumerate() {
            self.set(bytes, at, number);
        }
    }

    /// How many numbers, which are in order, are at most `number`.
    #[inline]
    pub(super) fn count_through(&self, bytes: &[u8], number: u64) -> usize {
        // Times in seconds, as a rule.
        if let (4, Ok(number)) = (self.width.0, u32::try_from(number)) {
            let (numbers, _) = bytes[self.at..self.end()].as_chunks();
            return numbers.partition_point(|each| u32::from_le_bytes(*each) <= number);
        }
        self.partition_point(bytes, |each| each <= number)
    }

    /// How many numbers come before the first of which something does not hold.
    fn partition_point(&self, bytes: &[u8], holds: impl Fn(u64) -> bool) -> usize {
        let (mut first, mut len) = (0, self.len);
        while len > 0 {
            let half = len / 2;
            if holds(self.get(bytes, first + half)) {
                first += half + 1;
                len -= half + 1;
            } else {
                len = half;
            }
        }
        first
    }
}
