//! The worked examples of the reference, run over the engine: as they stand, and with an account
//! that is settled after every line.

use gpu_credit::{
    AnyUsageId, GpuCredit, GrantId, GrantRecord, MeteredUsage, Options, Overdraft, UsageRecord,
};
use gpu_credit_replay::cases::{self, Case, Step};
use gpu_credit_replay::{Draw, Usage};

/// An account, and its records by their numbers in a case.
struct Run {
    account: GpuCredit,
    grants: Vec<GrantId>,
    /// The usage that stands, in posting order.
    usage: Vec<(Usage, AnyUsageId)>,
}

impl Run {
    /// Does what a line says, and asks what it asks.
    fn step(&mut self, step: &Step) {
        let account = &mut self.account;
        match *step {
            Step::Grant {
                amount,
                timestamp,
                expiration,
                priority,
            } => {
                let grant = GrantRecord::new("", amount, timestamp, expiration);
                let grant = account.post_grant(grant.priority(priority)).unwrap();
                self.grants.push(grant);
            }
            Step::Usage(usage) => {
                let id = self.post(usage);
                self.usage.push((usage, id));
            }
            Step::RetractGrant { grant } => account.retract_grant(self.grants[grant]).unwrap(),
            Step::RetractUsage(usage) => {
                let (_, id) = self.usage.remove(self.latest(usage));
                match id {
                    AnyUsageId::Instant(id) => _ = self.account.retract_usage(id).unwrap(),
                    AnyUsageId::Metered(id) => _ = self.account.retract_metered(id).unwrap(),
                }
            }
            Step::ChangeUsage { usage, new } => self.change(self.latest(usage), new),
            Step::RevokeGrant { grant, from } => {
                account.revoke_grant(self.grants[grant], from).unwrap();
            }
            Step::ChangeExpiration { grant, expiration } => {
                (account.change_expiration(self.grants[grant], expiration)).unwrap();
            }
            Step::ChangePriority { grant, priority } => {
                (account.change_priority(self.grants[grant], priority)).unwrap();
            }
            ref question => self.ask(question),
        }
    }

    fn post(&mut self, usage: Usage) -> AnyUsageId {
        match metered(usage) {
            Some(job) => AnyUsageId::Metered(self.account.post_metered(job).unwrap()),
            None => AnyUsageId::Instant(self.account.post_usage(record(usage)).unwrap()),
        }
    }

    /// The place of the latest posted usage like this one.
    fn latest(&self, usage: Usage) -> usize {
        let mut posted = self.usage.iter();
        posted.rposition(|(posted, _)| *posted == usage).unwrap()
    }

    fn change(&mut self, place: usize, new: Usage) {
        let (usage, id) = self.usage[place];
        self.usage[place].0 = new;
        match (id, metered(new)) {
            (AnyUsageId::Metered(id), Some(job)) => self.account.change_metered(id, job).unwrap(),
            (AnyUsageId::Instant(id), None) if usage.timestamp == new.timestamp => {
                self.account.change_usage(id, new.amount).unwrap();
            }
            _ => panic!("the engine does not change {usage:?} into {new:?}"),
        }
    }

    fn ask(&self, question: &Step) {
        let account = &self.account;
        match *question {
            Step::Balance { timestamp, answer } => {
                let found = account.balance_at(timestamp);
                let found = (found.balance, found.status.as_str(), found.deficit);
                let right = (answer.balance, answer.status.as_str(), answer.deficit);
                assert_eq!(found, right);
                assert_eq!(account.get_balance(timestamp), answer.balance);
            }
            Step::Remainders {
                timestamp,
                ref remainders,
            } => {
                let found = account.remainders_at(timestamp).into_iter();
                let found: Vec<_> = found
                    .map(|left| (left.grant.index() as usize, left.amount))
                    .collect();
                let right = remainders.iter().copied().filter(|(_, amount)| *amount > 0);
                assert_eq!(found, right.collect::<Vec<_>>());
            }
            Step::Used { timestamp, amount } => assert_eq!(account.used_at(timestamp), amount),
            Step::Dropped { timestamp, amount } => {
                assert_eq!(account.statement(timestamp).dropped, amount);
            }
            Step::Draws { usage, ref draws } => assert_eq!(&self.draws(usage), draws),
            Step::FirstUncovered { from, to, tick } => {
                assert_eq!(account.first_uncovered(from..=to), tick);
            }
            Step::Spendable { timestamp, amount } => {
                assert_eq!(account.spendable(timestamp), amount);
            }
            Step::SpendableRate { from, until, rate } => {
                assert_eq!(account.spendable_rate(from..until), Ok(rate));
            }
            Step::RunsDry { rate, from, tick } => assert_eq!(account.runs_dry(rate, from), tick),
            Step::Classic { .. } => {}
            _ => unreachable!("it needs something"),
        }
    }

    /// The draws of a usage record by its place, as the reference has them.
    fn draws(&self, place: usize) -> Vec<Draw> {
        let statement = match self.usage[place].1 {
            AnyUsageId::Instant(id) => self.account.usage_statement(id).unwrap(),
            AnyUsageId::Metered(id) => self.account.metered_statement(id).unwrap(),
        };
        let draws = statement.draws.into_iter().map(|draw| Draw {
            usage: place,
            grant: draw.grant.index() as usize,
            amount: draw.amount,
            first: draw.first,
            last: draw.last,
            drawn_at: draw.drawn_at,
        });
        draws.collect()
    }
}

fn metered(usage: Usage) -> Option<MeteredUsage> {
    Some(MeteredUsage {
        rate: usage.amount,
        from: usage.timestamp,
        until: usage.until?,
    })
}

fn record(usage: Usage) -> UsageRecord {
    UsageRecord {
        amount: usage.amount,
        timestamp: usage.timestamp,
    }
}

fn run(case: &Case, options: Options, settled: bool) {
    let mut run = Run {
        account: GpuCredit::with_options(options),
        grants: Vec::new(),
        usage: Vec::new(),
    };
    for step in &case.steps {
        let done = std::panic::AssertUnwindSafe(|| {
            run.step(step);
            if settled {
                run.account.settle();
            }
            run.account.assert_invariants();
        });
        if std::panic::catch_unwind(done).is_err() {
            panic!("{step} in\n{case}");
        }
    }
}

#[test]
fn every_worked_example() {
    let cases = cases::all();
    assert!(cases.len() > 100, "the tables are there");
    for case in &cases {
        let overdraft = match case.overdraft {
            gpu_credit_replay::Overdraft::Carry => Overdraft::Carry,
            gpu_credit_replay::Overdraft::Forfeit => Overdraft::Forfeit,
            gpu_credit_replay::Overdraft::CarryUpTo(line) => Overdraft::CarryUpTo(line),
        };
        let usual = Options::default().overdraft(overdraft);
        let tiny = usual.usage_chunk(4).boundary_chunk(4).checkpoint_spacing(1);
        for (options, settled) in [(usual, false), (usual, true), (tiny, false), (tiny, true)] {
            run(case, options, settled);
        }
    }
}
