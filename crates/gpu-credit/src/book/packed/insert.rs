//! One usage record more, in place.
//!
//! Levels change in later epochs only. If nothing is used later, as when usage comes in time order,
//! what remains of each live grant is what lapses of it, for nothing draws from it any more: as much
//! less lapses as is drawn, and the levels after that are so much higher. What is owed is drawn from later
//! grants as they start, and the same holds of them.

use smallvec::SmallVec;

use super::layout::{Layout, NEVER, epoch_key};
use super::levels::Replay;
use super::question::metered_in;
use super::records::Limits;
use super::{Packed, priority, used};
use crate::options::Overdraft;
use crate::record::UsageRecord;
use crate::timeline::boundary::Key;
use crate::timeline::live::{Live, LiveGrant};

/// Usage records for which there is room once one has been inserted.
const ROOM: usize = 8;

/// After all epochs.
const NEVER_ENDS: usize = usize::MAX;

type Levels = SmallVec<[u64; 32]>;

impl Packed {
    /// Posts a usage record that has been checked, if it fits the widths that are there. If not, nothing
    /// has changed.
    pub(super) fn insert_usage(&mut self, usage: UsageRecord, limits: Limits) -> bool {
        let UsageRecord { amount, timestamp } = usage;
        let layout = Layout::read(&self.0);
        let series = &layout.usage;
        let total = series.number_before(&self.0, series.len) + amount;
        let Some(distance) = layout.distance(timestamp) else {
            return false;
        };
        if series.len >= limits.usage
            || !series.widths.key.holds(distance)
            || !series.widths.number.holds(total)
        {
            return false;
        }
        let at = series.count_through(&self.0, distance);
        let first = layout.epochs.count_through(&self.0, epoch_key(distance));
        let is_last = self.is_last(&layout, at, distance);
        let after_all = is_last.then(|| self.levels_after_all(&layout, first, amount));
        let sum = series.number_before(&self.0, at) + amount;
        self.make_room(&layout);
        let layout = layout.with_usage(&mut self.0);
        (layout.usage).insert(&mut self.0, at, (distance, sum), amount);
        let levels = after_all.unwrap_or_else(|| self.levels_anew(&layout));
        self.set_levels(&layout, &levels);
        true
    }

    /// Whether an entry that would be the `at`th is used after all others, and draws are in the order
    /// in which grants end.
    fn is_last(&self, layout: &Layout, at: usize, distance: u64) -> bool {
        let last = layout.changes.len.checked_sub(1);
        let is_metered = last.is_some_and(|last| layout.changes.key(&self.0, last) > distance);
        at == layout.usage.len && !is_metered && layout.head.priority.bytes() == 0
    }

    fn make_room(&mut self, layout: &Layout) {
        let key = layout.usage.widths.key.bytes();
        let more = |entries| layout.usage.widths.block_bytes(entries) + key;
        let room = layout.room(&self.0);
        if room < more(1) {
            let mut bytes = std::mem::take(&mut self.0).into_vec();
            bytes.reserve_exact(more(ROOM) - room);
            bytes.resize(bytes.len() + more(ROOM) - room, 0);
            self.0 = bytes.into_boxed_slice();
        }
    }

    /// The levels of the last epochs, no earlier than the `first`, once so much more is used after all
    /// that is used, in the epoch before the `first`.
    fn levels_after_all(&self, layout: &Layout, first: usize, amount: u64) -> Levels {
        let overdraft = layout.head.overdraft;
        let level = layout.epochs.number_before(&self.0, first);
        let before = used(&self.0, layout);
        let used = before + amount;
        if used <= level {
            return self.levels_with_less_lapsing(layout, first, amount);
        }
        if before >= level
            && overdraft == Overdraft::Carry
            && let Some(levels) = self.levels_with_more_owed(layout, first, amount)
        {
            return levels;
        }
        // Nothing is left of any grant.
        let replay = Replay {
            live: Live::owing((used - level).min(overdraft.line())),
            used,
            overdraft,
        };
        self.levels(layout, first, replay, |_| used)
    }

    /// The same, if nothing is left of the grants that are live: later ones pay as they start, and of what
    /// they do not owe yet so much less lapses. `None` if it is not known what lapses of one of them.
    fn levels_with_more_owed(&self, layout: &Layout, first: usize, amount: u64) -> Option<Levels> {
        let later = self.windows(layout).filter(|(_, start, _)| *start >= first);
        let mut later: SmallVec<[(usize, u32, usize); 16]> = later
            .map(|(number, start, end)| (start, number, end.unwrap_or(NEVER_ENDS)))
            .collect();
        later.sort_unstable(); // In the order of events, in which they pay.
        let mut levels = Levels::new();
        let mut rest = amount;
        for (.., end) in &later {
            let is_alone = later.iter().filter(|(.., other)| other == end).count() == 1;
            if *end == NEVER_ENDS || !is_alone {
                return None;
            }
            let drawn = self.fall_at(layout, *end).min(rest);
            rest -= drawn;
            self.raise(layout, &mut levels, first, (*end, drawn));
            if rest == 0 {
                break;
            }
        }
        Some(levels)
    }

    /// Raises the levels from an epoch on. There are none yet, or those of the last epochs: from `first`
    /// on, which is no later.
    fn raise(
        &self,
        layout: &Layout,
        levels: &mut Levels,
        first: usize,
        (epoch, rise): (usize, u64),
    ) {
        let epochs = &layout.epochs;
        if levels.is_empty() && rise > 0 {
            levels.extend((first..epochs.len).map(|epoch| epochs.number(&self.0, epoch)));
        }
        let later = (epochs.len - epoch).min(levels.len());
        let unchanged = levels.len() - later;
        levels[unchanged..]
            .iter_mut()
            .for_each(|level| *level += rise);
    }

    /// The same, if the grants that are live have so much left.
    fn levels_with_less_lapsing(&self, layout: &Layout, first: usize, amount: u64) -> Levels {
        let mut levels = Levels::new();
        let mut rest = amount;
        for end in self.ends_after(layout, first) {
            if rest == 0 || end == NEVER_ENDS {
                rest = 0;
                break;
            }
            let drawn = self.lapse_at(layout, first, end).min(rest);
            rest -= drawn;
            self.raise(layout, &mut levels, end, (end, drawn));
        }
        assert_eq!(rest, 0, "what is left of a grant lapses, or never ends");
        levels
    }

    /// The epochs before which grants end that are live in the epoch before the `first`, in order, each
    /// once.
    fn ends_after(&self, layout: &Layout, first: usize) -> SmallVec<[usize; 16]> {
        let ends = self.windows(layout).filter_map(|(_, start, end)| {
            let end = end.unwrap_or(NEVER_ENDS);
            (start < first && end >= first).then_some(end)
        });
        let mut ends: SmallVec<[usize; 16]> = ends.collect();
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    /// What lapses, as an epoch opens, of the grants that started before the `first`: nothing draws
    /// from those that start later, and they owe nothing.
    fn lapse_at(&self, layout: &Layout, first: usize, epoch: usize) -> u64 {
        let mut lapse = self.fall_at(layout, epoch);
        for (number, start, end) in self.windows(layout) {
            if end == Some(epoch) && start >= first {
                lapse = lapse.wrapping_sub(layout.amounts.get(&self.0, number as usize));
            }
        }
        lapse
    }

    /// What lapses as an epoch opens: the level falls by so much, and rises by what starts there.
    fn fall_at(&self, layout: &Layout, epoch: usize) -> u64 {
        let level = |epoch| layout.epochs.number(&self.0, epoch);
        let starting = self.windows(layout).filter(|(_, start, _)| *start == epoch);
        let starting = starting.map(|(number, ..)| layout.amounts.get(&self.0, number as usize));
        let fall = level(epoch - 1).wrapping_sub(level(epoch));
        starting.fold(fall, u64::wrapping_add)
    }

    /// The levels of all epochs, by a replay from the beginning.
    fn levels_anew(&self, layout: &Layout) -> Levels {
        let replay = Replay {
            live: Live::default(),
            used: 0,
            overdraft: layout.head.overdraft,
        };
        let (mut entries, mut changes) = (0, 0);
        self.levels(layout, 0, replay, |distance| {
            entries = layout.usage.count_before(&self.0, entries, distance);
            changes = layout.changes.count_before(&self.0, changes, distance);
            layout.usage.number_before(&self.0, entries)
                + metered_in(&self.0, &layout.changes, changes, distance.wrapping_sub(1))
        })
    }

    /// The levels of the epochs from `first` on. `used` is asked what is used before instants so far
    /// from the origin.
    fn levels(
        &self,
        layout: &Layout,
        first: usize,
        mut replay: Replay,
        mut used: impl FnMut(u64) -> u64,
    ) -> Levels {
        let mut keys: SmallVec<[Key; 32]> = SmallVec::new();
        for (number, start, end) in self.windows(layout) {
            if start >= first {
                keys.push(Key::start(layout.epoch_time(&self.0, start), number));
            }
            if let Some(end) = end
                && end >= first
            {
                keys.extend(Key::end(self.end(layout, Some(end)), number));
            }
        }
        keys.sort_unstable();
        let ends: SmallVec<[Option<usize>; 16]> =
            self.windows(layout).map(|(.., end)| end).collect();
        let grant = |number: u32| {
            let at = number as usize;
            LiveGrant {
                end: self.end(layout, ends[at]),
                grant: number,
                priority: priority(&self.0, layout, at),
                remainder: layout.amounts.get(&self.0, at),
            }
        };
        let instants = keys.chunk_by(|one, other| one.time == other.time);
        let levels = instants.map(|boundaries| {
            let distance = boundaries[0].time.abs_diff(layout.head.origin);
            replay.pass(used(distance), boundaries, grant)
        });
        levels.collect()
    }

    /// Each grant, the epoch in which it starts, and the one before which it ends if it ever does.
    fn windows(&self, layout: &Layout) -> impl Iterator<Item = (u32, usize, Option<usize>)> {
        let starts = &self.0[layout.starts.at..layout.starts.end()];
        let ends = &self.0[layout.ends.at..layout.ends.end()];
        let windows = starts.iter().zip(ends).zip(0..);
        windows.map(|((start, end), number)| {
            let end = (*end != NEVER).then(|| usize::from(*end));
            (number, usize::from(*start), end)
        })
    }

    /// The last instant of a window.
    fn end(&self, layout: &Layout, end: Option<usize>) -> i64 {
        end.map_or(i64::MAX, |end| layout.epoch_time(&self.0, end) - 1)
    }

    /// Writes the levels of the last epochs. If they do not fit, all is written anew.
    fn set_levels(&mut self, layout: &Layout, levels: &[u64]) {
        let epochs = &layout.epochs;
        if levels
            .iter()
            .all(|level| epochs.widths.number.holds(*level))
        {
            let first = epochs.len - levels.len();
            for (epoch, level) in (first..).zip(levels) {
                epochs.set_number(&mut self.0, epoch, *level);
            }
            return;
        }
        let anew = Self::write(self.name(), &self.records());
        *self = anew.expect("as many records, and as far apart, were packed");
    }
}
