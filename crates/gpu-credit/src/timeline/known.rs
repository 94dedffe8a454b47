//! What is settled: up to where levels are known, and which of them late writes have unsettled.
//!
//! Nothing outside this file changes it but through its methods, each of which keeps what is said
//! at the fields.

use std::collections::{VecDeque, vec_deque};
use std::sync::atomic::{AtomicBool, Ordering};

use super::boundary::Key;
use super::live::Live;
use crate::bytes::Damage;
use crate::bytes::reader::Reader;
use crate::bytes::writer::write_signed;

/// If so many late writes have come since a question met what is unsettled, more are expected.
const MANY_LATE: u32 = 8;

/// Of late writes that follow one another none after so many repairs, until a question meets what is
/// unsettled: what they repair the next ones would unsettle again.
const REPAIRING_LATE: u32 = 16;

/// Up to where a timeline is settled, and what is not settled before that.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The last boundary whose level is known. Usage from its epoch on is not kept in the tree.
    frontier: Key,
    /// The time of the boundary after the frontier, if there is one.
    frontier_ends: Option<i64>,
    /// What late writes have changed, in order, none of it beyond the frontier.
    unsettled: VecDeque<Unsettled>,
    /// What is live in the epoch of the frontier, if that has been kept. It is right whenever
    /// nothing is unsettled.
    reached: Option<Reached>,
    /// What is live in an epoch before the frontier, if so much is live that it cannot be had
    /// again at a bounded cost: the epoch of the horizon when the frontier passed it.
    present: Option<(Key, Reached)>,
    schedule: Schedule,
    /// Whether a plan is under way.
    is_planning: bool,
}

/// What was known before a plan.
#[derive(Debug)]
pub(crate) struct BeforePlan {
    frontier: Key,
    unsettled: VecDeque<Unsettled>,
    schedule: Schedule,
}

/// A stretch of boundaries that late writes have unsettled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    /// From this boundary on levels are unsound.
    pub(crate) first: Key,
    /// Before this boundary the usage of epochs has changed, the last one's too. It is `first` if
    /// there is one such epoch; beyond it nothing was written.
    pub(crate) last: Key,
    /// By how much the writes shift all balances after the stretch on their own.
    pub(crate) shift: i128,
}

impl Unsettled {
    /// The boundary at which it ends, if more than one epoch has changed.
    #[inline]
    pub(crate) fn stretch_end(&self) -> Option<Key> {
        (self.last > self.first).then_some(self.last)
    }
}

/// What is live at the frontier, before any usage of its epoch.
#[derive(Clone, Debug)]
pub(crate) struct Reached {
    pub(crate) live: Live,
    /// Boundaries since the last checkpoint.
    pub(crate) since: usize,
}

/// When writes repair what they unsettle. It decides cost, never an answer.
#[derive(Clone, Debug)]
struct Schedule {
    /// Settling on its own goes no further than this: the latest time of any usage; of any start,
    /// as long as there is no usage.
    horizon: i64,
    has_usage: bool,
    /// Late writes since a question met what is unsettled; each write in time order halves it.
    late_writes: u32,
    /// Whether the last write was in time order, and not among many that are late.
    was_in_order: bool,
    asked: Mark,
}

/// Set by a question through a shared reference.
#[derive(Debug, Default)]
struct Mark(AtomicBool);

impl Clone for Mark {
    fn clone(&self) -> Self {
        Mark(AtomicBool::new(self.0.load(Ordering::Relaxed)))
    }
}

impl Known {
    pub(crate) fn new() -> Self {
        Known {
            frontier: Key::FIRST,
            frontier_ends: None,
            unsettled: VecDeque::new(),
            reached: None,
            present: None,
            schedule: Schedule {
                horizon: i64::MIN,
                has_usage: false,
                late_writes: 0,
                was_in_order: false,
                asked: Mark::default(),
            },
            is_planning: false,
        }
    }

    /// The last boundary whose level is known.
    #[inline]
    pub(crate) fn frontier(&self) -> Key {
        self.frontier
    }

    /// The time of the boundary after the frontier.
    pub(crate) fn frontier_ends(&self) -> Option<i64> {
        self.frontier_ends
    }

    /// Whether every level is known and sound.
    pub(crate) fn is_settled(&self) -> bool {
        self.frontier_ends.is_none() && self.unsettled.is_empty()
    }

    /// Whether the level of the epoch that opens at `key` is what a replay would find.
    #[inline]
    pub(crate) fn is_sound(&self, key: Key) -> bool {
        key <= self.frontier && self.first_unsettled().is_none_or(|first| key < first)
    }

    /// Whether the tree keeps the usage of the epoch of `time`.
    #[inline]
    pub(crate) fn keeps_usage(&self, time: i64) -> bool {
        time < self.frontier.time
    }

    /// Whether `time` is later than the epoch of the frontier.
    #[inline]
    pub(crate) fn is_beyond(&self, time: i64) -> bool {
        self.frontier_ends.is_some_and(|end| time >= end)
    }

    /// Takes note of a boundary beyond the frontier.
    pub(crate) fn boundary_beyond(&mut self, time: i64) {
        self.frontier_ends = Some(self.frontier_ends.map_or(time, |end| end.min(time)));
    }

    /// Takes note of which boundary follows the frontier, after one has been removed.
    pub(crate) fn set_frontier_ends(&mut self, time: Option<i64>) {
        self.frontier_ends = time;
    }

    /// The first boundary from which on levels are unsound.
    #[inline]
    pub(crate) fn first_unsettled(&self) -> Option<Key> {
        self.unsettled.front().map(|unsettled| unsettled.first)
    }

    /// All that late writes have changed, in order of the first boundaries.
    pub(crate) fn unsettled(&self) -> vec_deque::Iter<'_, Unsettled> {
        self.unsettled.iter()
    }

    pub(crate) fn unsettled_len(&self) -> usize {
        self.unsettled.len()
    }

    /// Notes what a late write has changed.
    pub(crate) fn unsettle(&mut self, unsettled: Unsettled) {
        let Unsettled { first, last, shift } = unsettled;
        assert!(
            first <= last && last <= self.frontier,
            "what is beyond the frontier is unknown anyway"
        );
        let found = (self.unsettled).binary_search_by_key(&first, |known| known.first);
        match found {
            Ok(at) => {
                let known = &mut self.unsettled[at];
                known.last = known.last.max(last);
                known.shift += shift;
            }
            Err(at) => {
                if self.unsettled.len() == self.unsettled.capacity() {
                    // Few are ever pending in a small account.
                    let more = (self.unsettled.len() / 2).max(2);
                    self.unsettled.reserve_exact(more);
                }
                self.unsettled.insert(at, unsettled);
            }
        }
        self.forget_present(|present| first <= present);
    }

    /// Takes the first stretch out, for a replay that takes it into account. There is one.
    pub(crate) fn absorb_first(&mut self) -> Unsettled {
        let first = self.unsettled.pop_front();
        first.expect("something is unsettled")
    }

    /// Where a stretch begins that has changed usage before and after a boundary.
    pub(crate) fn stretch_beyond(&self, key: Key) -> Option<Key> {
        let beyond = |unsettled: &&Unsettled| unsettled.first <= key && key < unsettled.last;
        let stretch = self.unsettled.iter().find(beyond);
        stretch.map(|unsettled| unsettled.first)
    }

    /// Forgets all levels after the boundary `key`, which the boundary at `ends` follows. No stretch
    /// reaches beyond it.
    pub(crate) fn move_back(&mut self, key: Key, ends: Option<i64>) {
        assert!(key <= self.frontier, "the frontier moves back");
        self.reached = None;
        self.forget_present(|present| key < present);
        let sound = self
            .unsettled
            .partition_point(|unsettled| unsettled.first <= key);
        self.unsettled.truncate(sound);
        self.frontier = key;
        self.frontier_ends = ends;
    }

    /// Takes the frontier to a later boundary, or to where it is.
    pub(crate) fn advance(&mut self, key: Key, ends: Option<i64>, reached: Reached) {
        assert!(
            key >= self.frontier && self.unsettled.is_empty(),
            "the frontier advances over what is settled"
        );
        self.frontier = key;
        self.frontier_ends = ends;
        self.reached = Some(reached);
    }

    /// Forgets what has been kept so if a write has changed it; a plan will have taken its writes back.
    fn forget_present(&mut self, is_changed: impl FnOnce(Key) -> bool) {
        let is_planning = self.is_planning;
        (self.present).take_if(|(present, _)| !is_planning && is_changed(*present));
    }

    /// Keeps what is live at the frontier for when it has to move back to there.
    pub(crate) fn keep_present(&mut self) {
        if let Some(reached) = self.reached() {
            self.present = Some((self.frontier, reached.clone()));
        }
    }

    /// The boundary of what has been kept so, all of it sound.
    pub(crate) fn present(&self) -> Option<Key> {
        self.present.as_ref().map(|(key, _)| *key)
    }

    /// Goes on from what has been kept so, the frontier having moved back to there.
    pub(crate) fn resume_present(&mut self) {
        let (key, reached) = self.present.take().expect("something has been kept");
        assert_eq!(key, self.frontier, "the frontier stands where it was kept");
        self.reached = Some(reached);
    }

    /// Keeps what a repair has found to be live in the epoch of the frontier.
    pub(crate) fn set_reached(&mut self, reached: Reached) {
        self.reached = Some(reached);
    }

    /// What is live at the frontier, if it has been kept and nothing is unsettled.
    pub(crate) fn reached(&self) -> Option<&Reached> {
        self.reached.as_ref().filter(|_| self.unsettled.is_empty())
    }

    /// The same, to go on from.
    pub(crate) fn take_reached(&mut self) -> Option<Reached> {
        assert!(self.unsettled.is_empty(), "what is live is sound");
        self.reached.take()
    }

    /// Settling on its own goes no further than this.
    #[inline]
    pub(crate) fn horizon(&self) -> i64 {
        self.schedule.horizon
    }

    /// Whether there has been any usage.
    #[inline]
    pub(crate) fn has_usage(&self) -> bool {
        self.schedule.has_usage
    }

    /// Takes note of usage at `time`; whether that is in time order.
    #[inline]
    pub(crate) fn pass_usage(&mut self, time: i64) -> bool {
        let schedule = &mut self.schedule;
        let is_in_order = time >= schedule.horizon || !schedule.has_usage;
        if is_in_order {
            schedule.horizon = time;
            schedule.has_usage = true;
        }
        is_in_order
    }

    /// Takes note of usage at `time` if it is in time order, in the epoch of the frontier, and
    /// nothing is unsettled: then nothing is to be done. Whether it is so.
    #[inline]
    pub(crate) fn pass_usage_at_frontier(&mut self, time: i64) -> bool {
        let follows = time >= self.schedule.horizon
            && !self.keeps_usage(time)
            && !self.is_beyond(time)
            && self.unsettled.is_empty();
        if follows {
            self.schedule.horizon = time;
            self.schedule.has_usage = true;
            // There is nothing to repair, whatever came before.
            self.schedule.late_writes /= 2;
            self.schedule.was_in_order = true;
        }
        follows
    }

    /// Takes note of a grant that starts at `time`.
    pub(crate) fn pass_start(&mut self, time: i64) {
        let schedule = &mut self.schedule;
        if !schedule.has_usage {
            schedule.horizon = schedule.horizon.max(time);
        }
    }

    /// Counts a write in time order; whether what is unsettled is repaired now, and after the late write
    /// that follows. Among many that are late it says little: each halves their count.
    #[inline]
    pub(crate) fn count_write_in_order(&mut self) -> bool {
        let schedule = &mut self.schedule;
        if std::mem::take(schedule.asked.0.get_mut()) {
            schedule.late_writes = 0;
        }
        schedule.late_writes /= 2;
        schedule.was_in_order = schedule.late_writes < MANY_LATE;
        schedule.was_in_order
    }

    /// Late writes since a question met what is unsettled.
    pub(crate) fn late_writes(&self) -> usize {
        self.schedule.late_writes as usize
    }

    /// Starts the count of late writes again.
    pub(crate) fn restart_count(&mut self) {
        self.schedule.late_writes = 0;
    }

    /// Counts a late write; whether what is unsettled is repaired now: after the first that follows one
    /// in time order, and whenever they are 1, 2, 4, 8 or 16
    pub(crate) fn count_late_write(&mut self) -> bool {
        let schedule = &mut self.schedule;
        if std::mem::take(schedule.asked.0.get_mut()) {
            schedule.late_writes = 0;
        }
        schedule.late_writes = schedule.late_writes.saturating_add(1);
        let is_first = std::mem::take(&mut schedule.was_in_order);
        let late_writes = schedule.late_writes;
        is_first || (late_writes <= REPAIRING_LATE && late_writes.is_power_of_two())
    }

    /// Begins a plan, in which nothing is repaired. O(unsettled)
    pub(crate) fn begin_plan(&mut self) -> BeforePlan {
        self.is_planning = true;
        BeforePlan {
            frontier: self.frontier,
            unsettled: self.unsettled.clone(),
            schedule: self.schedule.clone(),
        }
    }

    /// Ends a plan. If every level and sum is again what it was, so is what is unsettled; whether it
    /// is so. It is not if the frontier has moved back.
    pub(crate) fn end_plan(&mut self, mut before: BeforePlan, is_undone: bool) -> bool {
        self.is_planning = false;
        self.schedule = before.schedule;
        let is_as_before = is_undone && self.frontier == before.frontier;
        if is_as_before {
            self.unsettled.clear();
            self.unsettled.append(&mut before.unsettled);
        } else {
            self.present = None;
        }
        is_as_before
    }

    /// Whether a plan is under way.
    pub(crate) fn is_planning(&self) -> bool {
        self.is_planning
    }

    /// Notes that a question met what is unsettled: the next write repairs it.
    pub(crate) fn mark_asked(&self) {
        let asked = &self.schedule.asked.0;
        if !asked.load(Ordering::Relaxed) {
            asked.store(true, Ordering::Relaxed);
        }
    }

    /// Writes what decides when it settles on its own.
    pub(crate) fn write_schedule(&self, bytes: &mut Vec<u8>) {
        bytes.push(u8::from(self.schedule.has_usage));
        write_signed(bytes, self.schedule.horizon);
    }

    /// Reads what [`write_schedule`](Self::write_schedule) has written.
    pub(crate) fn read_schedule(&mut self, reader: &mut Reader<'_>) -> Result<(), Damage> {
        self.schedule.has_usage = reader.u8()? != 0;
        self.schedule.horizon = reader.signed()?;
        Ok(())
    }

    /// Takes the frontier to a boundary, all before it sound.
    pub(crate) fn start_at(&mut self, key: Key, ends: Option<i64>, reached: Option<Reached>) {
        assert!(self.unsettled.is_empty(), "nothing is known yet");
        (self.frontier, self.frontier_ends, self.reached) = (key, ends, reached);
    }

    /// Heap bytes.
    pub(crate) fn memory_used(&self) -> usize {
        let present = self.present.as_ref().map(|(_, present)| present);
        let live = self.reached.iter().chain(present);
        let live = live.map(|reached| reached.live.memory_used());
        self.unsettled.capacity() * size_of::<Unsettled>() + live.sum::<usize>()
    }
}
