//! From numbers to places.

/// Where the numbers of a range are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    first: i128,
    per_number: f64,
    start: f64,
}

impl Scale {
    /// From the numbers `first` and `last` to the places `start` and `end`. A range of one number is at the start.
    pub(super) fn new((first, last): (i128, i128), (start, end): (f64, f64)) -> Self {
        let span = (last - first).max(1) as f64;
        Scale {
            first,
            per_number: (end - start) / span,
            start,
        }
    }

    pub(super) fn of(self, number: i128) -> f64 {
        self.start + (number - self.first) as f64 * self.per_number
    }
}
