//! All usage of an account: at instants, and metered.

use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::limits::AMOUNTS_MAX;
use crate::rates::{Job, Piece, RateIndex};
use crate::step_table::StepTable;
use crate::usage::{UsageIndex, Walk};

/// What an account has used up to any instant. Within a tick usage at instants comes first, in posting
/// order, and then what is metered, as one.
#[derive(Clone, Debug)]
pub(crate) struct AllUsage {
    pub(crate) instants: UsageIndex,
    /// `None` as long as nothing is metered.
    metered: Option<Box<RateIndex>>,
}

impl AllUsage {
    /// No usage. A chunk of usage at instants holds up to `chunk_entries`.
    pub(crate) fn new(chunk_entries: usize) -> Self {
        AllUsage {
            instants: UsageIndex::new(chunk_entries),
            metered: None,
        }
    }

    /// The metered usage, if there ever was any.
    pub(crate) fn metered(&self) -> Option<&RateIndex> {
        self.metered.as_deref()
    }

    /// The metered usage, to be changed.
    pub(crate) fn metered_mut(&mut self) -> &mut RateIndex {
        let chunk = self.instants.chunk_entries();
        self.metered
            .get_or_insert_with(|| Box::new(RateIndex::new(chunk)))
    }

    /// Takes back that the job posted last was posted; what it was.
    pub(crate) fn unpost_metered(&mut self) -> Job {
        let job = self.metered_mut().unpost();
        self.metered.take_if(|metered| metered.posted() == 0);
        job
    }

    /// The sum of all usage. O(1)
    pub(crate) fn total(&self) -> u64 {
        let metered = self.metered().map_or(0, RateIndex::total);
        self.instants.total() + metered
    }

    /// The sums through each tick, if all usage is laid out and nothing is metered. O(1)
    #[inline]
    pub(crate) fn laid_out(&self) -> Option<&StepTable<u64>> {
        let sums = self.instants.laid_out();
        sums.filter(|_| self.metered.is_none())
    }

    /// The sum of the usage through a tick. O(log n + log j)
    #[inline]
    pub(crate) fn through(&self, time: i64) -> u64 {
        let instants = self.instants.through(time);
        match &self.metered {
            None => instants,
            Some(metered) => instants + metered.through(time),
        }
    }

    /// The sum of the usage before a tick. O(log n + log j)
    pub(crate) fn before(&self, time: i64) -> u64 {
        match time.checked_sub(1) {
            Some(time) => self.through(time),
            None => 0,
        }
    }

    /// The sum of the usage through the instants of a tick, without what is metered at it.
    /// O(log n + log j)
    pub(crate) fn through_instants(&self, tick: i64) -> u64 {
        let metered = self.metered().zip(tick.checked_sub(1));
        let metered = metered.map_or(0, |(metered, before)| metered.through(before));
        self.instants.through(tick) + metered
    }

    /// [`through`](Self::through) for each of `times`, written to the same position of `sums`, which
    /// is as long.
    pub(crate) fn through_each(&self, times: &[i64], sums: &mut [u64]) {
        self.instants.through_each(times, sums);
        if let Some(metered) = &self.metered {
            for (time, sum) in times.iter().zip(sums) {
                *sum += metered.through(*time);
            }
        }
    }

    /// A reader for times that do not decrease.
    pub(crate) fn walk(&self) -> AllUsageWalk<'_> {
        AllUsageWalk {
            instants: self.instants.walk(),
            metered: self.metered().map(|index| (index, None)),
        }
    }

    /// The first usage record whose running total is above `sum`, the metered usage of one tick
    /// being one: its tick, and the total before it. O(log n), and 64 times that if anything is
    /// metered
    pub(crate) fn first_above(&self, sum: u64) -> Option<(i64, u64)> {
        if self.metered.is_none() {
            return self.instants.first_above(sum);
        }
        let time = first_time(|time| self.through(time) > sum)?;
        // What is metered at this tick comes after its instants.
        let through_instants = self.through_instants(time);
        if through_instants <= sum {
            return Some((time, through_instants));
        }
        let earlier = through_instants - self.instants.through(time);
        let among = self.instants.first_above(sum - earlier);
        let (entry, before) = among.expect("the instants of this tick pass the sum");
        assert_eq!(entry, time, "no earlier tick passes the sum");
        Some((time, earlier + before))
    }

    /// Lays usage at instants out for questions. It changes the cost of questions, and no answer.
    #[inline]
    pub(crate) fn lay_out(&mut self) {
        self.instants.lay_out();
    }

    /// Writes all records without their sums.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        self.instants.write(bytes);
        bytes.push(u8::from(self.metered.is_some()));
        if let Some(metered) = self.metered() {
            metered.write(bytes);
        }
    }

    /// Reads what [`write`](Self::write) has written.
    pub(crate) fn read(reader: &mut Reader<'_>, chunk_entries: usize) -> Result<Self, Damage> {
        let instants = UsageIndex::read(reader, chunk_entries)?;
        let mut usage = AllUsage {
            instants,
            metered: None,
        };
        match reader.u8()? {
            0 => {}
            1 => {
                let room = AMOUNTS_MAX - usage.instants.total();
                let metered = RateIndex::read(reader, chunk_entries, room)?;
                usage.metered = Some(Box::new(metered));
            }
            _ => return Err(Damage("it is not said whether usage is metered")),
        }
        Ok(usage)
    }

    /// Heap bytes. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        let metered = self
            .metered()
            .map_or(0, |metered| size_of::<RateIndex>() + metered.memory_used());
        self.instants.memory_used() + metered
    }

    pub(crate) fn assert_invariants(&self) {
        self.instants.assert_invariants();
        if let Some(metered) = self.metered() {
            metered.assert_invariants();
        }
    }
}

/// The first instant of which something holds that holds of every later one too.
fn first_time(holds: impl Fn(i64) -> bool) -> Option<i64> {
    if !holds(i64::MAX) {
        return None;
    }
    let (mut first, mut last) = (i64::MIN, i64::MAX);
    while first < last {
        let middle = first.saturating_add_unsigned(last.abs_diff(first) / 2);
        match holds(middle) {
            true => last = middle,
            false => first = middle + 1,
        }
    }
    Some(first)
}

/// Reads prefix sums at times that do not decrease. Right for any times.
#[derive(Clone, Debug)]
pub(crate) struct AllUsageWalk<'a> {
    instants: Walk<'a>,
    /// The metered usage, and the piece that was asked last, with its first tick.
    metered: Option<(&'a RateIndex, Option<(i64, Piece)>)>,
}

impl AllUsageWalk<'_> {
    /// The sum of the usage through a tick.
    #[inline]
    pub(crate) fn through(&mut self, time: i64) -> u64 {
        let instants = self.instants.through(time);
        match &mut self.metered {
            None => instants,
            Some((index, last)) => instants + piece(index, last, time).line.through(time),
        }
    }

    /// What is metered at a tick, and when that changes next.
    pub(crate) fn rate(&mut self, time: i64) -> (u64, Option<i64>) {
        match &mut self.metered {
            None => (0, None),
            Some((index, last)) => {
                let Piece { next, line } = piece(index, last, time);
                (line.rate(), next)
            }
        }
    }

    /// The sum of the usage before a tick.
    pub(crate) fn before(&mut self, time: i64) -> u64 {
        match time.checked_sub(1) {
            Some(time) => self.through(time),
            None => 0,
        }
    }
}

#[inline(never)]
fn piece(index: &RateIndex, last: &mut Option<(i64, Piece)>, time: i64) -> Piece {
    let is_inside =
        |(first, piece): &(i64, Piece)| *first <= time && piece.next.is_none_or(|next| time < next);
    match last.filter(is_inside) {
        Some((_, piece)) => piece,
        None => {
            let piece = index.piece(time);
            *last = Some((time, piece));
            piece
        }
    }
}
