//! What may be spent: against bisection over replays, and against the law itself.

use gpu_credit::{Error, GpuCredit, GrantRecord, MeteredUsage, Options, Overdraft};
use gpu_credit_replay::{HeapReplay, Replay, Spendable};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::ledger_count;
use crate::metered::{Posted, TIMES, write};

impl Posted {
    pub(crate) fn replay<R: Replay>(&self, overdraft: Overdraft) -> R {
        let mut replay = R::new(overdraft.to_string().parse().unwrap());
        for (_, grant) in &self.grants {
            replay.add_credit_with_priority(
                grant.amount,
                grant.timestamp,
                grant.expiration,
                grant.priority,
            );
        }
        for (_, usage) in &self.usage {
            replay.subtract(usage.amount, usage.timestamp);
        }
        for (_, job) in &self.metered {
            replay.meter(job.rate, job.from..job.until);
        }
        replay
    }
}

pub(crate) fn overdraft(random: &mut Pcg64Mcg) -> Overdraft {
    let line = Overdraft::CarryUpTo(random.random_range(0..80));
    let nothing = Overdraft::CarryUpTo(0);
    let policies = [Overdraft::Carry, Overdraft::Forfeit, line, nothing];
    policies[random.random_range(0..policies.len())]
}

fn options(random: &mut Pcg64Mcg) -> Options {
    (Options::default().overdraft(overdraft(random)))
        .usage_chunk([4, 16, 64][random.random_range(0..3)])
        .boundary_chunk([4, 16, 64][random.random_range(0..3)])
        .checkpoint_spacing([1, 2, 7, usize::MAX][random.random_range(0..4)])
}

/// The test on an account of random records, settled or not, as many times as `ledger_count` and
/// the share say.
fn for_random_ledgers(share: u64, test: impl Fn(GpuCredit, Posted, &mut Pcg64Mcg)) {
    for seed in 0..ledger_count() / share {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut account = GpuCredit::with_options(options(&mut random));
        let mut posted = Posted::default();
        for _ in 0..random.random_range(1..40) {
            write(&mut random, &mut account, &mut posted);
            match random.random_range(0..24) {
                0 => account.settle(),
                1 => account.settle_to(random.random_range(TIMES)),
                _ => {}
            }
        }
        let run = std::panic::AssertUnwindSafe(|| test(account, posted, &mut random));
        let run = std::panic::catch_unwind(run);
        assert!(run.is_ok(), "seed {seed}");
    }
}

#[test]
fn what_may_be_spent_is_what_bisection_over_replays_finds() {
    for_random_ledgers(4, |account, posted, random| {
        let replay: HeapReplay = posted.replay(account.overdraft());
        let at = random.random_range(TIMES);
        assert_eq!(account.spendable(at), replay.spendable_at(at), "at {at}");

        let ticks = at..at + random.random_range(-2..60);
        let rate = account.spendable_rate(ticks.clone()).ok();
        assert_eq!(rate, replay.spendable_rate(ticks.clone()), "{ticks:?}");

        let rate = random.random_range(0..4);
        let dry = account.runs_dry(rate, at);
        assert_eq!(dry, replay.runs_dry(rate, at), "{rate} from {at}");

        let range = at..=at + random.random_range(-1..60);
        let uncovered = account.first_uncovered(range.clone());
        assert_eq!(
            uncovered,
            replay.first_uncovered(range.clone()),
            "{range:?}"
        );
        let uncovered = account.first_uncovered(..);
        assert_eq!(uncovered, replay.first_uncovered(i64::MIN..=i64::MAX));
    });
}

/// What is owed and what was dropped at each tick of a ledger.
fn overdrawn(account: &GpuCredit) -> Vec<(u64, u64)> {
    let ticks = TIMES.start - 5..TIMES.end + 65;
    let overdrawn = ticks.map(|tick| {
        let statement = account.statement(tick);
        (statement.deficit, statement.dropped)
    });
    overdrawn.collect()
}

/// Whether usage that `post` posts leaves the deficit and what was dropped as they are.
fn is_free(account: &GpuCredit, post: impl Fn(&mut GpuCredit)) -> bool {
    let mut with = account.clone();
    post(&mut with);
    overdrawn(&with) == overdrawn(account)
}

#[test]
fn what_may_be_spent_takes_from_nothing_and_one_more_does() {
    for_random_ledgers(20, |account, _, random| {
        let at = random.random_range(TIMES);
        let once = |amount: u64| is_free(&account, |with| with.subtract(amount, at).unwrap());
        let spendable = account.spendable(at);
        assert!(once(spendable), "{spendable} at {at}");
        assert!(!once(spendable + 1), "{spendable} at {at}");

        let until = at + random.random_range(1..60);
        let job = |rate, until| {
            let job = MeteredUsage {
                rate,
                from: at,
                until,
            };
            is_free(&account, |with| _ = with.post_metered(job).unwrap())
        };
        let rate = account.spendable_rate(at..until).unwrap();
        assert!(job(rate, until), "{rate} over {at}..{until}");
        assert!(!job(rate + 1, until), "{rate} over {at}..{until}");

        let rate = random.random_range(1..4);
        let dry = account.runs_dry(rate, at).unwrap();
        assert!(job(rate, dry), "{rate} over {at}..{dry}");
        assert!(!job(rate, dry + 1), "{rate} over {at}..{dry}");
    });
}

/// Times and amounts at the ends of their ranges, and in between.
#[test]
fn what_may_be_spent_at_the_extremes() {
    const TIMES: [i64; 8] = [
        i64::MIN,
        i64::MIN + 1,
        -1,
        0,
        7,
        1 << 40,
        i64::MAX - 1,
        i64::MAX,
    ];
    let amounts = [0, 1, 5, 1 << 40, 1 << 62, i64::MAX.unsigned_abs()];
    for seed in 0..ledger_count() / 8 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut account = GpuCredit::with_options(options(&mut random));
        let mut replay = HeapReplay::new(account.overdraft().to_string().parse().unwrap());
        for _ in 0..random.random_range(1..12) {
            let time = TIMES[random.random_range(0..TIMES.len())];
            let other = TIMES[random.random_range(0..TIMES.len())];
            let amount = amounts[random.random_range(0..amounts.len())];
            let job = MeteredUsage {
                rate: amount,
                from: time,
                until: other,
            };
            match random.random_range(0..3) {
                0 if time <= other => {
                    let expiration = time.abs_diff(other);
                    let priority = [-1, 0, 0, 1][random.random_range(0..4)];
                    let grant = GrantRecord::new("", amount, time, expiration);
                    if account.post_grant(grant.priority(priority)).is_ok() {
                        replay.add_credit_with_priority(amount, time, expiration, priority);
                    }
                }
                1 if account.subtract(amount, time).is_ok() => replay.subtract(amount, time),
                2 if account.post_metered(job).is_ok() => replay.meter(amount, time..other),
                _ => {}
            }
        }
        for time in TIMES {
            let spendable = account.spendable(time);
            assert_eq!(spendable, replay.spendable_at(time), "seed {seed}, {time}");
            let until = TIMES[random.random_range(0..TIMES.len())];
            let rate = account.spendable_rate(time..until).ok();
            let expected = replay.spendable_rate(time..until);
            assert_eq!(rate, expected, "seed {seed}, {time}..{until}");
            let rate = amounts[random.random_range(0..amounts.len())];
            let dry = account.runs_dry(rate, time);
            assert_eq!(
                dry,
                replay.runs_dry(rate, time),
                "seed {seed}, {rate} {time}"
            );
            let uncovered = account.first_uncovered(time..);
            let expected = replay.first_uncovered(time..=i64::MAX);
            assert_eq!(uncovered, expected, "seed {seed}, {time}");
        }
    }
}

#[test]
#[allow(clippy::reversed_empty_ranges, reason = "they are what is tested")]
fn a_job_without_ticks_has_no_spendable_rate() {
    let account = GpuCredit::new();
    for until in [5, 4, i64::MIN] {
        let error = Error::NoTicks { from: 5, until };
        assert_eq!(account.spendable_rate(5..until), Err(error));
    }
    assert_eq!(account.spendable_rate(5..6), Ok(0));
}
