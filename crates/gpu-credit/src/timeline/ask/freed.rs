//! Which unit of more usage is the first that is missing.
//!
//! Units are numbered from 1 on. Each lacks in some grant until that lapses, which sets it free, or
//! until something posted cannot be paid: then it is missing. The units that lack are in order, those
//! of lower number in grants that are drawn first; so that the *rank* of a unit among them is all that
//! has to be known of it.

/// The units that have been set free, and those that are missing.
#[derive(Debug, Default)]
pub(super) struct Freed {
    /// In the order in which they were set free.
    runs: Vec<Run>,
    /// The lowest rank of what went missing last, and how many runs had been set free before.
    missing: Option<(u64, usize)>,
}

/// Units that were set free at once, or at the same rank one after the other.
#[derive(Debug)]
struct Run {
    /// How many units of lower rank lacked then.
    below: u64,
    units: u64,
}

impl Freed {
    /// Takes note that units are set free, with so many of lower rank.
    pub(super) fn note(&mut self, units: u64, below: u64) {
        let before = self.missing.map_or(0, |(_, runs)| runs);
        match self.runs[before..].last_mut() {
            Some(run) if run.below == below => run.units += units,
            _ => self.runs.push(Run { below, units }),
        }
    }

    /// Takes note that units of the highest ranks are missing; so many still lack.
    pub(super) fn missing(&mut self, lacking: u64) {
        self.missing = Some((lacking + 1, self.runs.len()));
    }

    /// The number of the first unit that is missing. O(runs)
    pub(super) fn first_missing(&self) -> Option<u64> {
        let (rank, runs) = self.missing?;
        let earlier = self.runs[..runs].iter().rev();
        let unit = earlier.fold(rank, |rank, run| {
            if rank > run.below {
                rank + run.units
            } else {
                rank
            }
        });
        Some(unit)
    }
}
