//! A stretch of usage with nothing between its ticks, and the draws that pay it.

use std::collections::HashMap;
use std::ops::{Range, RangeInclusive};

use crate::{Draw, Usage};

/// Usage that falls tick after tick, with nothing between: at an instant, or of all that runs.
pub(super) struct Stretch {
    first: i64,
    ticks: u64,
    /// In posting order.
    records: Vec<(usize, Usage)>,
    /// The units of all records at each tick.
    pub(super) rate: u64,
}

impl Stretch {
    pub(super) fn new(
        first: i64,
        ticks: u64,
        records: impl IntoIterator<Item = (usize, Usage)>,
    ) -> Self {
        let records: Vec<_> = records.into_iter().collect();
        let rate = records.iter().map(|(_, usage)| usage.amount).sum();
        Self {
            first,
            ticks,
            records,
            rate,
        }
    }

    /// All its units.
    pub(super) fn total(&self) -> u64 {
        self.rate * self.ticks
    }

    /// The ticks from this unit on. Units are counted by tick, and those of one tick by record.
    pub(super) fn ticks_from(&self, unit: u64) -> RangeInclusive<i64> {
        self.tick(unit, self.rate)..=self.tick(self.total() - 1, self.rate)
    }

    /// The tick of a unit among those that come at this rate.
    fn tick(&self, unit: u64, rate: u64) -> i64 {
        let tick = self.first.checked_add_unsigned(unit / rate);
        tick.expect("a tick of the stretch")
    }

    /// The draws that pay a range of units, a record each, in the order in which they begin.
    pub(super) fn draws(
        &self,
        units: Range<u64>,
        grant: usize,
        arrival: Option<i64>,
    ) -> Vec<(Draw, u64)> {
        let mut draws = Vec::new();
        let mut before = 0; // The units of one tick that belong to the records before.
        for &(number, usage) in &self.records {
            let rate = usage.amount;
            let share = |unit: u64| {
                let of_tick = (unit % self.rate).saturating_sub(before).min(rate);
                unit / self.rate * rate + of_tick
            };
            let own = share(units.start)..share(units.end);
            before += rate;
            if own.is_empty() {
                continue;
            }
            let first = self.tick(own.start, rate);
            let draw = Draw {
                usage: number,
                grant,
                amount: own.end - own.start,
                first,
                last: self.tick(own.end - 1, rate),
                drawn_at: arrival.unwrap_or(first),
            };
            let earlier = self.first.abs_diff(usage.timestamp) * rate;
            draws.push((draw, earlier + own.start));
        }
        draws.sort_by_key(|(draw, _)| draw.first); // Stable: at one tick in posting order.
        draws
    }
}

/// Draws in the order in which they began.
#[derive(Default)]
pub(super) struct Draws {
    pub(super) all: Vec<Draw>,
    /// The place of a draw by its usage, its grant, whether it was on arrival, and the unit of the
    /// record that comes after it.
    places: HashMap<(usize, usize, bool, u64), usize>,
}

impl Draws {
    /// Takes note of draws, each with its first unit of the record: it makes the draw that these
    /// units go on longer, if there is one.
    pub(super) fn note(&mut self, draws: Vec<(Draw, u64)>, on_arrival: bool) {
        for (draw, unit) in draws {
            let key = |unit| (draw.usage, draw.grant, on_arrival, unit);
            let place = self.places.remove(&key(unit));
            let place = place.unwrap_or(self.all.len());
            self.places.insert(key(unit + draw.amount), place);
            if let Some(begun) = self.all.get_mut(place) {
                begun.amount += draw.amount;
                begun.last = draw.last;
            } else {
                self.all.push(draw);
            }
        }
    }
}
