//! Sections that repairs skip: long windows among short ones, of which late writes change what is left.

use gpu_credit::{GpuCredit, GrantRecord, Options, Overdraft, Record as Posting, UsageRecord};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{Grant, Operation, Record, Usage};

use crate::ledger_count;
use crate::ledgers::{Ledgers, policy};

/// Windows of a few instants, and some that span many of them and are worth as much.
struct Mix {
    instants: u64,
    long_percent: u64,
    has_priorities: bool,
}

impl Mix {
    fn instant(&self, random: &mut Random) -> i64 {
        random.below(self.instants) as i64
    }

    fn grant(&self, random: &mut Random) -> Grant {
        let is_long = random.chance(self.long_percent, 100);
        let (amount, expiration) = if is_long {
            let expiration = self.instants / 4 + random.below(self.instants / 2);
            (5 + random.below(60), expiration)
        } else {
            (1 + random.below(12), 2 + random.below(14))
        };
        let is_ranked = self.has_priorities && random.chance(1, 6);
        Grant {
            amount,
            timestamp: self.instant(random),
            expiration: if random.chance(1, 40) {
                u64::MAX / 4
            } else {
                expiration
            },
            priority: if is_ranked {
                random.between(-1, 1) as i16
            } else {
                0
            },
        }
    }

    /// A late write of any kind. A place may name what has been taken back.
    fn write(&self, random: &mut Random) -> Operation {
        let place = random.below(80) as usize;
        match random.below(12) {
            0..=4 => Operation::PostUsage(Usage {
                amount: 1 + random.below(6),
                timestamp: self.instant(random),
            }),
            5 | 6 => Operation::RetractUsageAt { place },
            7 | 8 => Operation::PostGrant(self.grant(random)),
            9 => Operation::RetractGrant { place },
            10 => Operation::ChangeExpiration {
                place,
                expiration: self.grant(random).expiration,
            },
            _ if self.has_priorities => Operation::ChangePriority {
                place,
                priority: random.between(-1, 1) as i16,
            },
            _ => Operation::RevokeGrant {
                place,
                from: self.instant(random),
            },
        }
    }
}

/// How many sections were skipped.
fn compare(seed: u64) -> u64 {
    let mut random = Random::new(seed);
    let grants = 10 + random.below(50);
    let mix = Mix {
        instants: 4 * grants,
        long_percent: [5, 10, 30, 60][random.below(4) as usize],
        has_priorities: random.chance(1, 4),
    };
    // Sections of 4 boundaries, and of 16.
    let options = Options::default()
        .overdraft(policy(seed))
        .usage_chunk(4)
        .boundary_chunk([4, 4, 4, 16][random.below(4) as usize])
        .checkpoint_spacing(random.between(1, 5) as usize);
    let mut ledgers = Ledgers::new(options);
    let posted: Vec<Grant> = (0..grants).map(|_| mix.grant(&mut random)).collect();
    let granted: u64 = posted.iter().map(|grant| grant.amount).sum();
    let load = [50, 80, 95, 100, 110, 150][random.below(6) as usize];
    let mean = granted * load / 100 / (2 * grants);
    let usage = (0..2 * grants).map(|_| Usage {
        amount: random.below(2 * mean + 2),
        timestamp: mix.instant(&mut random),
    });
    let usage: Vec<Record> = usage.map(Record::Usage).collect();
    let records = posted.into_iter().map(Record::Grant).chain(usage);
    ledgers.run(&Operation::PostMany(records.collect()));
    ledgers.run(&Operation::Settle);
    for _ in 0..5 + random.below(30) {
        for _ in 0..1 + random.below(3) {
            ledgers.run(&mix.write(&mut random));
        }
        ledgers.engine.assert_invariants();
        if random.chance(1, 8) {
            // Sections come and go without a trace.
            let (start, end) = (mix.instant(&mut random), mix.instant(&mut random));
            let usage = gpu_credit::UsageRecord {
                amount: 3,
                timestamp: start,
            };
            let grant = GrantRecord::new("", 9, start, end.unsigned_abs());
            let changes = [usage.into(), grant.into()].map(|record: Posting| match record {
                Posting::Grant(grant) => gpu_credit::Change::PostGrant(grant),
                Posting::Usage(usage) => gpu_credit::Change::PostUsage(usage),
                other => panic!("no {other:?} is planned"),
            });
            let mut posted = ledgers.engine.clone();
            posted.extend(changes.iter().map(posting)).unwrap();
            let plan = ledgers.engine.what_if(&changes).unwrap();
            assert_eq!(
                plan.remainders_at(end),
                posted.remainders_at(end),
                "planned at {end}"
            );
        }
        let time = mix.instant(&mut random);
        match random.below(4) {
            0 => ledgers.ask_all(),
            1 => ledgers.engine.settle_to(time),
            _ => ledgers.engine.settle(),
        }
        let settled = {
            let mut settled = ledgers.engine.clone();
            settled.settle();
            settled
        };
        assert_eq!(
            ledgers.engine.remainders_at(time),
            settled.remainders_at(time),
            "left at {time}"
        );
        ledgers.engine.assert_invariants();
    }
    ledgers.ask_all();
    ledgers.engine.settlement().skips
}

fn posting(change: &gpu_credit::Change) -> Posting {
    match change {
        gpu_credit::Change::PostGrant(grant) => Posting::Grant(grant.clone()),
        gpu_credit::Change::PostUsage(usage) => Posting::Usage(*usage),
        other => panic!("no {other:?} is planned"),
    }
}

#[test]
fn ledgers_agree_where_sections_are_skipped() {
    let (mut skips, seeds) = (0, ledger_count().div_ceil(16));
    for seed in 0..seeds {
        let outcome = std::panic::catch_unwind(|| compare(seed));
        skips += outcome.unwrap_or_else(|_| panic!("seed {seed}"));
    }
    assert!(skips > seeds / 2, "only {skips} sections were skipped");
}

/// Each day's grant is used up but for what a grant of all days pays.
#[test]
fn a_late_write_that_only_a_long_window_notices_skips_sections() {
    const DAYS: i64 = 50_000;
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        let mut account = GpuCredit::with_options(Options::default().overdraft(overdraft));
        let long = Posting::grant("long", 1_000_000, 0, 10 * DAYS.unsigned_abs());
        let grants = (0..DAYS).map(|day| Posting::grant("daily", 10, day * 10, 9));
        let usage = (0..DAYS).map(|day| Posting::usage(11, day * 10));
        account
            .extend([long].into_iter().chain(grants).chain(usage))
            .unwrap();
        // The first is replayed to the end, and makes sections.
        account.subtract(1, 5).unwrap();
        account.settle();
        let before = account.settlement();
        account.subtract(1, 5_005).unwrap();
        account.settle();
        account.assert_invariants();
        let after = account.settlement();
        let replayed = after.boundaries_replayed - before.boundaries_replayed;
        assert!(replayed < 2 * 8_192, "{replayed} boundaries");
        assert!(after.skips - before.skips >= 10, "{} skips", after.skips);
    }
}

/// What is left of outliving grants in all is as remembered, but it is left of others: one late write
/// draws before one of them starts, and another draws less after that. A repair that stops there would
/// let too little lapse when that one ends.
#[test]
fn a_repair_goes_on_in_a_section_if_other_outliving_grants_differ() {
    const DAYS: i64 = 600;
    // Sections of 128 boundaries, with many checkpoints in each.
    let options = Options::default().boundary_chunk(32).checkpoint_spacing(1);
    for outliving in (2_000..4_000).step_by(50) {
        let mut account = GpuCredit::with_options(options);
        let long = Posting::grant("long", 1_000_000, 0, 10 * DAYS.unsigned_abs());
        let grants = (0..DAYS).map(|day| Posting::grant("daily", 10, day * 10, 4));
        let usage = (0..DAYS).map(|day| Posting::usage(11, day * 10));
        // It starts between two days, is drawn before the long one, and ends in a later section.
        let sooner = Posting::grant("sooner", 10_000, outliving + 6, 1_500);
        let records = [long, sooner].into_iter().chain(grants).chain(usage);
        account.extend(records.clone()).unwrap();
        let retracted = account
            .post_usage(UsageRecord {
                amount: 1,
                timestamp: outliving + 8,
            })
            .unwrap();
        // The first is replayed to the end, and makes sections; the next two end with a day.
        let late = [5, 10 * DAYS - 20, 10 * DAYS - 20, outliving + 5];
        account.subtract(1, late[0]).unwrap();
        account.settle();
        account.subtract(1, late[1]).unwrap();
        account.subtract(1, late[2]).unwrap();
        // This one is not repaired before the one that follows it.
        account.subtract(1, late[3]).unwrap();
        assert!(!account.is_settled(), "a late write is pending");
        account.retract_usage(retracted).unwrap();
        account.settle();
        account.assert_invariants();
        let mut expected = GpuCredit::new();
        let late = late.map(|time| Posting::usage(1, time));
        expected.extend(records.chain(late)).unwrap();
        let at = outliving + 2_000;
        assert_eq!(account.get_balance(at), expected.get_balance(at), "{at}");
    }
}
