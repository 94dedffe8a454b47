//! Every question against a straightforward computation on the reference, settled and not.

use std::collections::HashMap;
use std::ops::Bound;

use gpu_credit::{AnyUsageId, Draw, Error, GpuCredit, GrantRecord, Overdraft, Record, UsageId};
use gpu_credit_replay::{ListReplay, Replay, Status};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::Numbers;

use crate::ledgers::{Ledgers, line, pending, sizes, with_late_writes};
use crate::{assert_deep, ledger_count};

/// An account after some operations, the reference, and what is drawn at random to ask about.
struct Asked {
    ledgers: Ledgers,
    /// All instants at which anything can change, and their neighbours, in order.
    instants: Vec<i64>,
    random: Random,
}

impl Asked {
    fn engine(&self) -> &GpuCredit {
        &self.ledgers.engine
    }

    fn list(&self) -> &ListReplay {
        &self.ledgers.list
    }

    fn instant(&mut self) -> i64 {
        let place = self.random.below(self.instants.len() as u64);
        self.instants[place as usize]
    }

    fn ask_all(&mut self) {
        self.ask_draws(i64::MIN, i64::MAX);
        self.ask_usage_statements();
        for _ in 0..4 {
            let time = self.instant();
            self.ask_statement(time);
            let (from, to) = (self.instant(), self.instant());
            self.ask_range(from, to);
            self.ask_draws(from, to);
            self.ask_usage(from, to);
            self.ask_lapsing(from, to);
            self.ask_period(from, to);
            self.ask_series(from, to);
            self.ask_what_if(time, from, to);
        }
        self.ask_range(i64::MIN, i64::MAX);
    }

    /// The identity in the engine of a usage record of the reference, by its number there.
    fn usage_id(&self, number: usize) -> UsageId {
        let usage = self.list().posted().usage();
        let time = usage[number].timestamp;
        let earlier = usage[..number].iter();
        let place = earlier.filter(|other| other.timestamp == time).count();
        let (id, record) = self.engine().usage(time..=time).nth(place).unwrap();
        assert_eq!((record.amount, id.timestamp), (usage[number].amount, time));
        id
    }

    /// The draws of the reference: usage, grant, amount, when it was paid.
    fn draws(&self) -> Vec<(UsageId, usize, u64, i64)> {
        let count = self.list().posted().usage().len();
        let ids: Vec<UsageId> = (0..count).map(|number| self.usage_id(number)).collect();
        let draws = self.list().draws_at(i64::MAX).into_iter();
        let draws = draws.map(|draw| (ids[draw.usage], draw.grant, draw.amount, draw.drawn_at));
        draws.collect()
    }

    fn ask_draws(&self, from: i64, to: i64) {
        let draws = self.engine().draws(from..=to);
        let within = |draw: &(UsageId, usize, u64, i64)| (from..=to).contains(&draw.3);
        let expected: Vec<_> = self.draws().into_iter().filter(within).collect();
        let found: Vec<_> = draws.map(plain).collect();
        assert_eq!(found, expected, "draws in {from}..={to}");
    }

    fn ask_usage(&self, from: i64, to: i64) {
        let all = self.engine().usage(..);
        let expected = all.filter(|(usage, _)| (from..=to).contains(&usage.timestamp));
        assert!(self.engine().usage(from..=to).eq(expected), "{from}..={to}");
    }

    fn ask_usage_statements(&self) {
        let draws = self.draws();
        let (mut uncovered, mut dropped) = (0, 0);
        for (number, usage) in self.list().posted().usage().iter().enumerate() {
            let id = self.usage_id(number);
            let statement = self.engine().usage_statement(id).unwrap();
            let expected = draws.iter().filter(|draw| draw.0 == id);
            let expected: Vec<_> = expected.copied().collect();
            let found: Vec<_> = statement.draws.into_iter().map(plain).collect();
            assert_eq!(found, expected, "{id}");
            let drawn: u64 = expected.iter().map(|draw| draw.2).sum();
            let rest = usage.amount - drawn;
            assert_eq!(statement.amount, usage.amount, "{id}");
            assert_eq!(statement.deficit + statement.dropped, rest, "{id}");
            match self.engine().overdraft() {
                Overdraft::Carry => assert_eq!(statement.dropped, 0, "{id}"),
                Overdraft::Forfeit => assert_eq!(statement.deficit, 0, "{id}"),
                _ => {}
            }
            uncovered += statement.deficit;
            dropped += statement.dropped;
            let next = self.engine().next_usage_id(usage.timestamp);
            assert_eq!(self.engine().usage_statement(next), None, "{next}");
        }
        let end = self.list().statement_at(i64::MAX);
        assert_eq!((uncovered, dropped), (end.deficit, end.dropped));
    }

    fn ask_statement(&self, time: i64) {
        let expected = self.list().statement_at(time);
        let statement = self.engine().statement(time);
        assert_eq!(
            (
                statement.used,
                statement.drawn,
                statement.deficit,
                statement.dropped
            ),
            (
                expected.used,
                expected.drawn,
                expected.deficit,
                expected.dropped
            ),
            "statement at {time}"
        );
        assert_eq!(
            statement.used,
            statement.drawn + statement.deficit + statement.dropped
        );
        let mut listed = statement.grants.iter();
        for (grant, posted) in self.engine().grants() {
            let found = self.engine().grant_statement(grant, time);
            if posted.start > time {
                assert_eq!(found, None, "{grant:?} has not started at {time}");
                continue;
            }
            let found = found.unwrap();
            let mut grants = expected.grants.iter();
            let right = match grants.find(|expected| expected.grant == grant.index() as usize) {
                Some(right) => [
                    right.drawn,
                    right.lapsed,
                    right.forfeited,
                    right.revoked,
                    right.remaining,
                ],
                None => {
                    assert_eq!(posted.revoked_from, Some(posted.start), "{grant:?}");
                    [0, 0, 0, posted.amount, 0]
                }
            };
            let parts = [
                found.drawn,
                found.lapsed,
                found.forfeited,
                found.revoked,
                found.remaining,
            ];
            assert_eq!((found.grant, found.amount), (grant, posted.amount));
            assert_eq!(parts, right, "{grant:?} at {time}");
            assert_eq!(listed.next(), Some(&found), "{grant:?} listed at {time}");
        }
        assert_eq!(listed.next(), None, "no more grants at {time}");
    }

    /// What had become of each grant by an instant that is the last of a period: what ends there has ended.
    fn parts_through(&self, last: i64) -> HashMap<usize, [u64; 5]> {
        let at = |time: i64| {
            let grants = self.list().statement_at(time).grants.into_iter();
            grants.map(|row| {
                let gone = [row.drawn, row.lapsed, row.forfeited, row.revoked];
                (
                    row.grant,
                    [gone[0], gone[1], gone[2], gone[3], row.remaining],
                )
            })
        };
        let mut parts: HashMap<_, _> = at(last).collect();
        let ends = |number: usize| {
            let grant = self
                .engine()
                .grants()
                .find(|(id, _)| id.index() as usize == number);
            grant.is_some_and(|(_, grant)| grant.end == last)
        };
        parts.extend(at(last.saturating_add(1)).filter(|(number, _)| ends(*number)));
        parts
    }

    fn ask_period(&self, from: i64, to: i64) {
        let statement = self.engine().period_statement(from..=to);
        let last = to.max(from.saturating_sub(1));
        let (before, after) = match from.checked_sub(1) {
            Some(before) => (self.parts_through(before), self.parts_through(last)),
            None => (HashMap::new(), self.parts_through(last)),
        };
        let none = [0; 5];
        let mut remained = 0;
        for row in &statement.grants {
            let [drawn, lapsed, forfeited, revoked, remaining] = [
                row.drawn,
                row.lapsed,
                row.forfeited,
                row.revoked,
                row.remaining,
            ];
            assert_eq!(
                row.remaining_before + row.granted,
                drawn + lapsed + forfeited + revoked + remaining,
                "{row:?} in {from}..={to}"
            );
            remained += row.remaining_before;
            // One that was never active is none of the reference's.
            let Some(after) = after.get(&(row.grant.index() as usize)) else {
                continue;
            };
            let before = before.get(&(row.grant.index() as usize)).unwrap_or(&none);
            let gone = [0, 1, 2, 3].map(|part| after[part] - before[part]);
            assert_eq!(
                [drawn, lapsed, forfeited, revoked],
                gone,
                "{row:?} in {from}..={to}"
            );
            assert_eq!(
                [row.remaining_before, remaining],
                [before[4], after[4]],
                "{row:?}"
            );
        }
        let left: u64 = before.values().map(|parts| parts[4]).sum();
        assert_eq!(remained, left, "remained before {from}..={to}");
        let end = self.list().statement_at(last);
        assert_eq!(
            statement.deficit, end.deficit,
            "deficit after {from}..={to}"
        );
        assert_eq!(
            statement.deficit_before + statement.used,
            statement.drawn + statement.dropped + statement.deficit,
            "{from}..={to}"
        );
        let drawn: u64 = statement.grants.iter().map(|row| row.drawn).sum();
        assert_eq!(statement.drawn, drawn, "{from}..={to}");
    }

    /// The instants of a range at which a grant is live, with the balance, less the deficit.
    fn balances(&self, from: i64, to: i64) -> Vec<(i64, i128)> {
        let within = self.instants.iter().copied();
        let mut instants: Vec<i64> = within.filter(|time| (from..=to).contains(time)).collect();
        instants.extend((from <= to).then_some([from, to]).into_iter().flatten());
        instants.sort_unstable();
        let answers = instants.into_iter().filter_map(|time| {
            let answer = self.list().balance_at(time);
            let deficit = i128::from(answer.deficit);
            let balance = i128::from(answer.balance.unwrap_or(0)) - deficit;
            (answer.status != Status::Inactive).then_some((time, balance))
        });
        answers.collect()
    }

    fn ask_range(&mut self, from: i64, to: i64) {
        let balances = self.balances(from, to);
        let lowest = balances.iter().min_by_key(|(_, balance)| *balance);
        let found = self.engine().lowest_balance(from..=to);
        let found = found.map(|(time, answer)| {
            assert_eq!(answer, self.engine().balance_at(time));
            let balance = i128::from(answer.balance.unwrap_or(0));
            (time, balance - i128::from(answer.deficit))
        });
        assert_eq!(found, lowest.copied(), "lowest in {from}..={to}");
        let near = lowest.map_or(0, |(_, balance)| (*balance).max(0));
        let near = u64::try_from(near).unwrap();
        let amounts = [0, 1, near, near + 1, self.random.below(40), u64::MAX];
        for amount in amounts {
            let mut low = balances.iter();
            let low = low.find(|(_, balance)| *balance < i128::from(amount));
            assert_eq!(
                self.engine().first_below(from..=to, amount),
                low.map(|(time, _)| *time),
                "first below {amount} in {from}..={to}"
            );
        }
    }

    fn ask_lapsing(&self, after: i64, by: i64) {
        let mut list = self.list().clone();
        let usage = self.list().posted().usage().iter();
        for usage in usage.filter(|usage| usage.timestamp > after) {
            assert!(list.retract_usage(usage.amount, usage.timestamp));
        }
        let lapsed = |time: i64| -> HashMap<usize, u64> {
            let grants = list.statement_at(time).grants.into_iter();
            grants.map(|grant| (grant.grant, grant.lapsed)).collect()
        };
        let (before, then) = (lapsed(after), lapsed(by.max(after)));
        let mut expected: Vec<_> = (list.posted().grants())
            .filter_map(|(number, grant)| {
                let amount = then.get(&number)? - before.get(&number).unwrap_or(&0);
                (amount > 0).then(|| (grant.end + 1, number, amount))
            })
            .collect();
        expected.sort_unstable();
        let found = self.engine().lapsing(after..=by.max(after)).into_iter();
        let found =
            found.map(|lapse| (lapse.timestamp, lapse.grant.index() as usize, lapse.amount));
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected,
            "lapsing from {after} to {by}"
        );
    }

    fn ask_series(&mut self, from: i64, to: i64) {
        // Nine instants at most, however far apart.
        let step = to.abs_diff(from) / 8 + 1 + self.random.below(3);
        let series = self.engine().series(from..=to, step).unwrap();
        let (count, _) = series.size_hint();
        let series: Vec<_> = series.collect();
        assert_eq!(series.len(), count);
        let following = |time: &i64| time.checked_add_unsigned(step);
        let times = std::iter::successors(Some(from), following);
        let times = times.take_while(|time| *time <= to);
        let expected = times.map(|time| (time, self.list().get_balance(time)));
        assert!(series.into_iter().eq(expected), "{from}..={to} by {step}");
    }

    fn ask_what_if(&mut self, time: i64, from: i64, to: i64) {
        let amount = self.random.below(20);
        let priority = [0, -1, 1][self.random.below(3) as usize];
        let grant = GrantRecord::new("if", amount, from, from.abs_diff(to));
        let records = [
            Record::usage(amount, time),
            Record::metered(amount, from..to),
            grant.priority(priority).into(),
        ];
        for record in records {
            let mut account = self.engine().clone();
            let posted = account
                .extend([record.clone()])
                .map_err(|refused| refused.error);
            for at in [time, from, to, to.saturating_add(1), self.instant()] {
                let expected = posted.map(|()| account.balance_at(at));
                let found = self.engine().balance_if(&record, at);
                assert_eq!(found, expected, "{record:?} asked at {at}");
            }
        }
    }
}

/// A draw as the reference has it.
fn plain(draw: Draw) -> (UsageId, usize, u64, i64) {
    let grant = draw.grant.index() as usize;
    let AnyUsageId::Instant(usage) = draw.usage else {
        panic!("nothing is metered");
    };
    assert_eq!([draw.first, draw.last], [usage.timestamp; 2]);
    (usage, grant, draw.amount, draw.drawn_at)
}

/// Just before the frontier all stood as remembered, and so the replay of a write that had unsettled
/// the frontier itself never began: what that write had dropped was missing in the level there.
#[test]
fn a_question_takes_the_last_late_write_into_account() {
    ask(747, Numbers::Wide, Overdraft::CarryUpTo(8), 31);
}

/// The epochs that a survey jumped over were lifted by what changed only at the boundary to which it
/// came.
#[test]
fn epochs_in_a_deficit_are_lifted_as_before_the_boundary_after_them() {
    ask(4_623, Numbers::Wide, Overdraft::Carry, 67);
}

/// How many late writes were pending when it was asked.
fn ask(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) -> u64 {
    let mut ledgers = Ledgers::new(sizes(overdraft, seed));
    for operation in with_late_writes(seed, numbers, length) {
        ledgers.run(&operation);
    }
    let pending = pending(&ledgers.engine);
    let mut instants = ledgers.instants.clone();
    instants.sort_unstable();
    instants.dedup();
    let random = Random::new(!seed);
    let mut asked = Asked {
        ledgers,
        instants,
        random,
    };
    let all = std::panic::AssertUnwindSafe(|| {
        asked.ask_all();
        asked.ledgers.engine.settle();
        asked.ask_all();
    });
    if std::panic::catch_unwind(all).is_err() {
        panic!("seed {seed}, {numbers:?}, {overdraft:?}, {length} operations");
    }
    pending
}

#[test]
fn every_question_is_answered_as_the_reference_would() {
    let mut deepest = 0;
    for seed in 0..ledger_count() / 4 {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit, line(seed)] {
            deepest = deepest.max(ask(seed, numbers, overdraft, 4 + (seed % 80) as usize));
        }
    }
    assert_deep(deepest, 5);
}

#[test]
fn a_series_without_a_step_is_refused() {
    let account = GpuCredit::new();
    assert_eq!(account.series(.., 0).unwrap_err(), Error::ZeroStep);
}

/// Regression: a series was a list of all its instants, so that a long one took all memory.
#[test]
fn a_series_over_all_time_takes_no_memory() {
    let mut account = GpuCredit::new();
    account.add_credit("a", 10, i64::MIN, 5_000).unwrap();
    let mut series = account.series(.., 1).unwrap();
    assert_eq!(series.size_hint(), (usize::MAX, None));
    assert_eq!(series.nth(5_000).unwrap().1, Some(10));
    assert_eq!(series.next().unwrap().1, None);
    let ends: Vec<_> = account.series(.., u64::MAX).unwrap().collect();
    assert_eq!(ends, [(i64::MIN, Some(10)), (i64::MAX, None)]);
    let empty = account.series(5..5, 1).unwrap();
    assert_eq!(empty.count(), 0);
}

#[test]
fn nothing_is_in_an_empty_range() {
    let mut account = GpuCredit::new();
    account.add_credit("a", 10, 0, 10).unwrap();
    account.subtract(20, 5).unwrap();
    account.add_credit("b", 10, 5, 10).unwrap();
    assert_eq!(account.usage(5..5).count(), 0);
    assert_eq!(account.draws(5..5).count(), 0);
    assert_eq!(account.steps(5..5).count(), 0);
    assert_eq!(account.lapsing(5..5), []);
    assert_eq!(account.lowest_balance(5..5), None);
    assert_eq!(account.first_below(5..5, 100), None);
}

#[test]
fn a_period_at_the_ends_of_time_has_all_and_what_never_ends_remains() {
    let mut account = GpuCredit::new();
    account.add_credit("first", 10, i64::MIN, 0).unwrap();
    account.add_credit("last", 10, i64::MAX, 0).unwrap();
    account.subtract(4, i64::MAX).unwrap();
    for all in [
        account.period_statement(..),
        account.period_statement(i64::MIN..=i64::MAX),
    ] {
        let parts = all
            .grants
            .iter()
            .map(|row| (row.granted, row.drawn, row.lapsed, row.remaining));
        assert_eq!(parts.collect::<Vec<_>>(), [(10, 0, 10, 0), (10, 4, 0, 6)]);
        assert_eq!(all.used, 4);
    }
    assert_eq!(account.period_statement(..i64::MAX).used, 0);
    assert_eq!(account.period_statement(..i64::MIN), Default::default());
    let after = account.period_statement((Bound::Excluded(i64::MAX), Bound::Unbounded));
    assert_eq!(
        (
            after.used,
            after.grants[0].remaining_before,
            after.grants[0].remaining
        ),
        (0, 6, 6)
    );
}
