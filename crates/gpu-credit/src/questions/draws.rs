//! Which grant paid for which usage.

use std::collections::VecDeque;
use std::iter::Peekable;

use crate::account::GpuCredit;
use crate::record::GrantId;
use crate::timeline::trace::{Movement, Trace};

/// The part of one usage that one grant paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Draw {
    /// The instant of the usage.
    pub used_at: i64,
    /// The place of the usage among those of its instant, in posting order, from 0 on.
    pub place: usize,
    /// The grant that paid.
    pub grant: GrantId,
    /// What it paid, in the smallest unit; never 0.
    pub amount: u64,
    /// When it paid: at `used_at`, or, where the usage had become a deficit, at its own start.
    pub paid_at: i64,
}

impl GpuCredit {
    /// All draws, in the order in which they happen: by `paid_at`; at one instant those of grants
    /// that start into a deficit first, oldest usage first, then those of its usage in posting
    /// order, each from the grant that ends soonest on.
    ///
    /// Usage that no grant has paid, and usage that was dropped, is in none of them:
    /// [`usage_statement`](Self::usage_statement) has it.
    ///
    /// O(n + m log live) for all of them. It begins with the first record, settled or not.
    ///
    /// ```
    /// use gpu_credit::GpuCredit;
    ///
    /// let mut account = GpuCredit::new();
    /// let trial = account.add_credit("trial", 5, 0, 10)?;
    /// account.subtract(8, 3)?; // 3 more than there is
    /// let march = account.add_credit("march", 100, 20, 30)?;
    /// let draws: Vec<_> = account.draws().map(|draw| (draw.grant, draw.amount, draw.paid_at)).collect();
    /// assert_eq!(draws, [(trial, 5, 3), (march, 3, 20)]);
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn draws(&self) -> Draws<'_> {
        let entries: Box<dyn Iterator<Item = (i64, u64)>> = Box::new(self.usage());
        Draws {
            trace: self.timeline.trace(),
            entries: entries.peekable(),
            last: None,
            owed: VecDeque::new(),
            ready: VecDeque::new(),
        }
    }
}

/// All draws in order: made by [`GpuCredit::draws`].
pub struct Draws<'a> {
    trace: Trace<'a>,
    entries: Peekable<Box<dyn Iterator<Item = (i64, u64)> + 'a>>,
    /// The usage entry drawn last.
    last: Option<Entry>,
    /// What is not paid yet of each usage that is owed, oldest first.
    owed: VecDeque<(Entry, u64)>,
    /// Draws that have happened and are not given yet.
    ready: VecDeque<Draw>,
}

/// A usage entry: its instant, and its place among those of that instant.
#[derive(Clone, Copy)]
struct Entry {
    used_at: i64,
    place: usize,
}

impl Draws<'_> {
    /// Goes on by one boundary or one usage entry; whether there was any.
    fn step(&mut self) -> bool {
        let boundary = self.trace.next_time();
        let entry = self.entries.peek().copied();
        match (boundary, entry) {
            (None, None) => false,
            (Some(boundary), entry) if entry.is_none_or(|(time, _)| boundary <= time) => {
                self.pass(boundary);
                true
            }
            _ => {
                if let Some((time, amount)) = self.entries.next() {
                    self.draw(time, amount);
                }
                true
            }
        }
    }

    fn pass(&mut self, time: i64) {
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        self.trace.enter_next(&mut |movement| {
            if let Movement::Repaid { grant, amount } = movement {
                repay(owed, ready, GrantId(grant), amount, time);
            }
        });
    }

    fn draw(&mut self, time: i64, amount: u64) {
        let place = match self.last {
            Some(last) if last.used_at == time => last.place + 1,
            _ => 0,
        };
        let used_at = time;
        let entry = Entry { used_at, place };
        self.last = Some(entry);
        let (owed, ready) = (&mut self.owed, &mut self.ready);
        self.trace.draw(amount, &mut |movement| match movement {
            Movement::Drawn { grant, amount } => ready.push_back(Draw {
                used_at,
                place,
                grant: GrantId(grant),
                amount,
                paid_at: time,
            }),
            Movement::Owed { amount } => owed.push_back((entry, amount)),
            _ => {}
        });
    }
}

/// A grant that starts pays `amount` of what is owed, oldest usage first.
fn repay(
    owed: &mut VecDeque<(Entry, u64)>,
    ready: &mut VecDeque<Draw>,
    grant: GrantId,
    amount: u64,
    paid_at: i64,
) {
    let mut left = amount;
    while left > 0
        && let Some((entry, unpaid)) = owed.front_mut()
    {
        let amount = left.min(*unpaid);
        ready.push_back(Draw {
            used_at: entry.used_at,
            place: entry.place,
            grant,
            amount,
            paid_at,
        });
        left -= amount;
        *unpaid -= amount;
        if *unpaid == 0 {
            owed.pop_front();
        }
    }
}

impl Iterator for Draws<'_> {
    type Item = Draw;

    fn next(&mut self) -> Option<Draw> {
        loop {
            if let Some(draw) = self.ready.pop_front() {
                return Some(draw);
            }
            if !self.step() {
                return None;
            }
        }
    }
}

impl std::fmt::Debug for Draws<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Draws")
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
