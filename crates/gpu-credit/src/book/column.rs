//! Columns of numbers, each as wide as its largest number needs.

/// Bytes that are read at once, and stand after the last column so that this is always possible.
const WORD: usize = size_of::<u64>();

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

/// Writes columns one after another.
#[derive(Debug)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new() -> Self {
        // Enough for most, so that it need not grow.
        Writer(Vec::with_capacity(1_024))
    }

    pub(super) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    /// As many numbers as the reader will expect.
    pub(super) fn column(&mut self, numbers: impl Iterator<Item = u64> + Clone) {
        let all = numbers.clone().fold(0, |all, number| all | number);
        let width = WORD - all.leading_zeros() as usize / 8;
        self.0.push(width.to_le_bytes()[0]);
        for number in numbers {
            self.0.extend_from_slice(&number.to_le_bytes()[..width]);
        }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn finish(mut self) -> Box<[u8]> {
        self.0.extend_from_slice(&[0; WORD]);
        self.0.into_boxed_slice()
    }
}

/// Reads what a [`Writer`] has written, in the same order, and not beyond its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    pub(super) fn column(&mut self, len: usize) -> Column<'a> {
        let width = usize::from(self.byte());
        let bytes = self.0;
        self.bytes(len * width);
        Column {
            bytes,
            len,
            width,
            mask: MASKS[width],
        }
    }

    pub(super) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        bytes
    }
}

/// So many numbers, any of them read in O(1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Column<'a> {
    /// From the first of them on.
    bytes: &'a [u8],
    len: usize,
    width: usize,
    /// The bits of a number of this width.
    mask: u64,
}

impl Column<'_> {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(super) fn get(&self, at: usize) -> u64 {
        let word = self.bytes[at * self.width..].first_chunk();
        let word = word.expect("a word stands after the last column");
        u64::from_le_bytes(*word) & self.mask
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = u64> {
        (0..self.len).map(|at| self.get(at))
    }

    /// How many numbers of a column in order are at most `number`.
    pub(super) fn count_through(&self, number: u64) -> usize {
        let (mut first, mut len) = (0, self.len);
        while len > 0 {
            let half = len / 2;
            if self.get(first + half) <= number {
                first += half + 1;
                len -= half + 1;
            } else {
                len = half;
            }
        }
        first
    }
}
