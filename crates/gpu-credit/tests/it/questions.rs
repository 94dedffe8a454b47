//! Every question against a straightforward computation on the reference, settled and not.

use std::collections::HashMap;

use gpu_credit::{GpuCredit, GrantStatement, Overdraft, Record};
use gpu_credit_replay::{ListReplay, Replay, Status};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers};

use crate::ledger_count;
use crate::ledgers::{Ledgers, sizes};

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
        self.ask_draws();
        self.ask_usage_statements();
        for _ in 0..4 {
            let time = self.instant();
            self.ask_statement(time);
            let (from, to) = (self.instant(), self.instant());
            self.ask_range(from, to);
            self.ask_lapsing(from, to);
            self.ask_series(from);
            self.ask_what_if(time, from, to);
        }
        self.ask_range(i64::MIN, i64::MAX);
    }

    /// The draws of the reference, the usage by its instant and its place there.
    fn draws(&self) -> Vec<(i64, usize, usize, u64, i64)> {
        let usage = self.list().posted().usage();
        let place = |number: usize| {
            let earlier = usage[..number].iter();
            let same = earlier.filter(|other| other.timestamp == usage[number].timestamp);
            same.count()
        };
        let draws = self.list().draws_at(i64::MAX).into_iter();
        let draws = draws.map(|draw| {
            let used_at = usage[draw.usage].timestamp;
            let place = place(draw.usage);
            (used_at, place, draw.grant, draw.amount, draw.paid_at)
        });
        draws.collect()
    }

    fn ask_draws(&self) {
        let draws: Vec<_> = (self.engine().draws())
            .map(|draw| {
                let grant = draw.grant.index();
                (draw.used_at, draw.place, grant, draw.amount, draw.paid_at)
            })
            .collect();
        assert_eq!(draws, self.draws(), "draws");
    }

    fn ask_usage_statements(&self) {
        let draws = self.draws();
        let mut places: HashMap<i64, usize> = HashMap::new();
        for usage in self.list().posted().usage() {
            let place = places.entry(usage.timestamp).or_default();
            let what = format!("usage {place} at {}", usage.timestamp);
            let statement = self.engine().usage_statement(usage.timestamp, *place);
            let statement = statement.expect(&what);
            let found = statement.draws.iter().map(|draw| {
                let grant = draw.grant.index();
                (draw.used_at, draw.place, grant, draw.amount, draw.paid_at)
            });
            let ours = |draw: &&(i64, usize, usize, u64, i64)| {
                (draw.0, draw.1) == (usage.timestamp, *place)
            };
            let expected: Vec<_> = draws.iter().filter(ours).copied().collect();
            assert_eq!(found.collect::<Vec<_>>(), expected, "{what}");
            let drawn: u64 = expected.iter().map(|draw| draw.3).sum();
            let rest = usage.amount - drawn;
            let rest = match self.engine().overdraft() {
                Overdraft::Carry => (rest, 0),
                Overdraft::Forfeit => (0, rest),
            };
            assert_eq!(statement.amount, usage.amount, "{what}");
            assert_eq!((statement.unpaid, statement.dropped), rest, "{what}");
            *place += 1;
        }
        for (time, count) in places {
            assert_eq!(self.engine().usage_statement(time, count), None);
        }
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
            let mut right = GrantStatement {
                grant,
                amount: posted.amount,
                drawn: 0,
                lapsed: 0,
                forfeited: 0,
                revoked: posted.amount,
                remaining: 0,
            };
            let mut grants = expected.grants.iter();
            if let Some(expected) = grants.find(|expected| expected.grant == grant.index()) {
                right.drawn = expected.drawn;
                right.lapsed = expected.lapsed;
                right.forfeited = expected.forfeited;
                right.revoked = expected.revoked;
                right.remaining = expected.remaining;
            } else {
                assert_eq!(posted.revoked_from, Some(posted.start), "{grant:?}");
            }
            assert_eq!(found, Some(right), "{grant:?} at {time}");
            assert_eq!(listed.next(), Some(&right), "{grant:?} listed at {time}");
        }
        assert_eq!(listed.next(), None, "no more grants at {time}");
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
        let found = self.engine().lapsing(after, by).into_iter();
        let found = found.map(|lapse| (lapse.timestamp, lapse.grant.index(), lapse.amount));
        assert_eq!(
            found.collect::<Vec<_>>(),
            expected,
            "lapsing from {after} to {by}"
        );
    }

    fn ask_series(&mut self, from: i64) {
        let (step, count) = (self.random.below(4), self.random.below(9) as usize);
        let series = self.engine().series(from, step, count);
        assert!(series.len() == count || i64::MAX.abs_diff(from) < step * count as u64);
        for (place, (time, balance)) in series.iter().enumerate() {
            assert_eq!(
                i128::from(*time),
                i128::from(from) + i128::from(step) * place as i128
            );
            assert_eq!(
                *balance,
                self.list().get_balance(*time),
                "balance at {time}"
            );
        }
    }

    fn ask_what_if(&mut self, time: i64, from: i64, to: i64) {
        let amount = self.random.below(20);
        let records = [
            Record::usage(amount, time),
            Record::grant("if", amount, from, from.abs_diff(to)),
        ];
        for record in records {
            let mut account = self.engine().clone();
            let posted = account.extend([record.clone()]);
            for at in [time, from, to, to.saturating_add(1), self.instant()] {
                let expected = posted.map(|()| account.balance_at(at));
                let found = self.engine().balance_if(&record, at);
                assert_eq!(found, expected, "{record:?} asked at {at}");
            }
        }
    }
}

fn ask(seed: u64, numbers: Numbers, overdraft: Overdraft, length: usize) {
    let mut ledgers = Ledgers::new(sizes(overdraft, seed));
    for operation in small::from_seed(seed, numbers).take(length) {
        ledgers.run(&operation);
    }
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
}

#[test]
fn every_question_is_answered_as_the_reference_would() {
    for seed in 0..ledger_count() / 4 {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
            ask(seed, numbers, overdraft, 4 + (seed % 80) as usize);
        }
    }
}
