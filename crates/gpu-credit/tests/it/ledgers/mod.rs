//! The engine and both replays, told the same and asked the same. The fuzz target uses it too.

use gpu_credit::{Error, GpuCredit, GrantId, Options, Overdraft};
use gpu_credit_replay::{HeapReplay, ListReplay, Replay};
use gpu_credit_workload::small::Operation;

/// Sizes so small that a dozen records build every structure there is.
pub(crate) fn tiny(overdraft: Overdraft, seed: u64) -> Options {
    Options {
        overdraft,
        usage_chunk: 4,
        boundary_chunk: 4,
        checkpoint_spacing: 1 + (seed % 3) as usize,
    }
}

/// The engine and the two replays, told the same.
pub(crate) struct Ledgers {
    pub(crate) engine: GpuCredit,
    pub(crate) list: ListReplay,
    heap: HeapReplay,
    grants: Vec<GrantId>,
    pub(crate) instants: Vec<i64>,
}

impl Ledgers {
    pub(crate) fn new(options: Options) -> Self {
        let overdraft = match options.overdraft {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
        };
        Ledgers {
            engine: GpuCredit::with_options(options),
            list: ListReplay::new(overdraft),
            heap: HeapReplay::new(overdraft),
            grants: Vec::new(),
            instants: vec![i64::MIN, -1, 0, i64::MAX],
        }
    }

    /// Carries an operation out on all three. What the engine refuses, the replays are not told.
    pub(crate) fn run(&mut self, operation: Operation) {
        match operation {
            Operation::PostGrant {
                amount,
                timestamp,
                expiration,
            } => {
                let posted = self
                    .engine
                    .add_credit("grant", amount, timestamp, expiration);
                if let Ok(grant) = posted {
                    self.grants.push(grant);
                    self.list.add_credit(amount, timestamp, expiration);
                    self.heap.add_credit(amount, timestamp, expiration);
                    let end = timestamp.checked_add_unsigned(expiration).unwrap();
                    self.note([timestamp, end]);
                }
            }
            Operation::PostUsage { amount, timestamp } => {
                if self.engine.subtract(amount, timestamp).is_ok() {
                    self.list.subtract(amount, timestamp);
                    self.heap.subtract(amount, timestamp);
                    self.note([timestamp, timestamp]);
                }
            }
            Operation::RetractGrant { place } => {
                if let Some(grant) = self.grants.get(place) {
                    let retracted = self.engine.retract_grant(*grant).is_ok();
                    assert_eq!(retracted, self.list.retract_grant(place));
                    assert_eq!(retracted, self.heap.retract_grant(place));
                }
            }
            Operation::RetractUsage { amount, timestamp } => {
                let retracted = self.engine.retract_usage(amount, timestamp).is_ok();
                assert_eq!(retracted, self.list.retract_usage(amount, timestamp));
                assert_eq!(retracted, self.heap.retract_usage(amount, timestamp));
            }
            Operation::ChangeUsage {
                amount,
                timestamp,
                new_amount,
            } => {
                let changed = self.engine.change_usage(timestamp, amount, new_amount);
                if !matches!(changed, Err(Error::UsageTooLarge { .. })) {
                    let changed = changed.is_ok();
                    let list = self.list.change_usage(amount, timestamp, new_amount);
                    let heap = self.heap.change_usage(amount, timestamp, new_amount);
                    assert_eq!([list, heap], [changed; 2]);
                    self.ask(timestamp);
                }
            }
            Operation::RevokeGrant { place, from } => {
                if let Some(grant) = self.grants.get(place) {
                    let revoked = self.engine.revoke_grant(*grant, from).is_ok();
                    assert_eq!(revoked, self.list.revoke_grant(place, from));
                    assert_eq!(revoked, self.heap.revoke_grant(place, from));
                    self.note([from, from]);
                    self.ask_about(place);
                }
            }
            Operation::ChangeExpiration { place, expiration } => {
                if let Some(grant) = self.grants.get(place) {
                    let changed = self.engine.change_expiration(*grant, expiration).is_ok();
                    assert_eq!(changed, self.list.change_expiration(place, expiration));
                    assert_eq!(changed, self.heap.change_expiration(place, expiration));
                    self.ask_about(place);
                }
            }
            Operation::Settle => {
                self.engine.settle();
                assert!(self.engine.is_settled());
            }
            Operation::Question { timestamp } => self.ask(timestamp),
        }
    }

    /// Asks where the window of a grant starts and ends, and an instant later.
    fn ask_about(&mut self, place: usize) {
        if let Some(grant) = self.engine.grant(self.grants[place]) {
            let (start, end) = (grant.start, grant.end);
            self.note([start, end]);
            for time in [start, end, end.saturating_add(1)] {
                self.ask(time);
            }
        }
    }

    fn note(&mut self, times: [i64; 2]) {
        for time in times {
            self.instants
                .extend([time, time.saturating_sub(1), time.saturating_add(1)]);
        }
    }

    fn ask(&self, time: i64) {
        let answer = self.engine.balance_at(time);
        let expected = self.list.balance_at(time);
        assert_eq!(answer.balance, expected.balance, "balance at {time}");
        assert_eq!(
            answer.status.as_str(),
            expected.status.as_str(),
            "status at {time}"
        );
        assert_eq!(answer.deficit, expected.deficit, "deficit at {time}");
        assert_eq!(
            self.engine.get_balance(time),
            expected.balance,
            "get_balance at {time}"
        );
        assert_eq!(
            self.heap.balance_at(time),
            expected,
            "list and heap at {time}"
        );
    }

    /// Asks everything there is to ask about the instants at which anything can change.
    pub(crate) fn ask_all(&self) {
        let mut instants = self.instants.clone();
        let unsorted = self.engine.get_balances(&instants);
        let single: Vec<_> = instants
            .iter()
            .map(|at| self.engine.get_balance(*at))
            .collect();
        assert_eq!(unsorted, single, "a batch is its questions");
        instants.sort_unstable();
        instants.dedup();
        for time in &instants {
            self.ask(*time);
            let remainders: Vec<_> = (self.engine.remainders_at(*time).iter())
                .map(|remainder| (remainder.grant.index(), remainder.amount))
                .collect();
            let expected = self.list.remainders_at(*time).into_iter();
            let expected: Vec<_> = expected.filter(|(_, amount)| *amount > 0).collect();
            assert_eq!(remainders, expected, "remainders at {time}");
        }
        let sorted = self.engine.get_balances(&instants);
        let mut expected: Vec<_> = instants.iter().copied().zip(sorted).collect();
        expected.dedup_by_key(|(_, balance)| *balance);
        let steps: Vec<_> = self.engine.steps(i64::MIN..=i64::MAX).collect();
        assert_eq!(steps, expected, "steps over all time");
    }
}
