//! Metered usage against an account to which the usage of every tick is posted on its own.

use std::collections::BTreeMap;

use crate::ledgers::forged::{forge, is_survived};
use crate::ledgers::policy;
use gpu_credit::{
    AnyUsageId, Draw, Error, GpuCredit, GrantId, GrantRecord, MeteredId, MeteredUsage, Options,
    Overdraft, Record, UsageId, UsageRecord,
};
use gpu_credit_replay::TickReplay;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// What has been posted, and stands.
#[derive(Clone, Default)]
pub(crate) struct Posted {
    pub(crate) grants: Vec<(GrantId, GrantRecord)>,
    pub(crate) usage: Vec<(UsageId, UsageRecord)>,
    pub(crate) metered: Vec<(MeteredId, MeteredUsage)>,
}

impl Posted {
    /// The same records with the usage of each tick posted as one record, after its instants.
    fn tick_by_tick(&self, overdraft: Overdraft) -> GpuCredit {
        let mut account = GpuCredit::with_overdraft(overdraft);
        for (_, grant) in &self.grants {
            account.post_grant(grant.clone()).unwrap();
        }
        for (_, usage) in &self.usage {
            account.post_usage(*usage).unwrap();
        }
        let mut ticks = BTreeMap::<i64, u64>::new();
        for (_, job) in &self.metered {
            for tick in job.from..job.until {
                *ticks.entry(tick).or_default() += job.rate;
            }
        }
        for (tick, amount) in ticks {
            account.subtract(amount, tick).unwrap();
        }
        account.settle();
        account
    }
}

/// Boundaries, usage and jobs crowd into a hundred ticks.
pub(crate) const TIMES: std::ops::Range<i64> = -10..90;

fn metered(random: &mut Pcg64Mcg) -> MeteredUsage {
    let from = random.random_range(TIMES);
    MeteredUsage {
        rate: random.random_range(0..4),
        from,
        until: from + random.random_range(-2..60),
    }
}

fn grant(random: &mut Pcg64Mcg) -> GrantRecord {
    let timestamp = random.random_range(TIMES);
    let amount = random.random_range(0..60);
    let grant = GrantRecord::new("g", amount, timestamp, random.random_range(0..40));
    grant.priority(priority(random))
}

fn usage(random: &mut Pcg64Mcg) -> UsageRecord {
    UsageRecord {
        amount: random.random_range(0..12),
        timestamp: random.random_range(TIMES),
    }
}

/// Few records or many at once.
fn records(random: &mut Pcg64Mcg) -> Vec<Record> {
    let most = [3, 12, 60][random.random_range(0..3)];
    let count = random.random_range(0..most);
    let record = |_| match random.random_range(0..6) {
        0 => Record::Grant(grant(random)),
        1 | 2 => Record::Usage(usage(random)),
        _ => Record::Metered(metered(random)),
    };
    (0..count).map(record).collect()
}

/// Posts a batch. Its records get the identities that they get one by one.
fn extend(random: &mut Pcg64Mcg, account: &mut GpuCredit, posted: &mut Posted) {
    let records = records(random);
    let mut one_by_one = account.clone();
    for record in &records {
        match record.clone() {
            Record::Grant(grant) => {
                let id = one_by_one.post_grant(grant.clone()).unwrap();
                posted.grants.push((id, grant));
            }
            Record::Usage(usage) => {
                let id = one_by_one.post_usage(usage).unwrap();
                posted.usage.push((id, usage));
            }
            Record::Metered(job) => {
                let id = one_by_one.post_metered(job).unwrap();
                posted.metered.push((id, job));
            }
            other => panic!("{other:?}"),
        }
    }
    account.extend(records).unwrap();
}

/// Mostly 0.
fn priority(random: &mut Pcg64Mcg) -> i16 {
    [0, 0, 0, 0, -1, 1, i16::MAX][random.random_range(0..7)]
}

pub(crate) fn write(random: &mut Pcg64Mcg, account: &mut GpuCredit, posted: &mut Posted) {
    let pick = |random: &mut Pcg64Mcg, len: usize| random.random_range(0..len.max(1));
    match random.random_range(0..13) {
        12 if !posted.grants.is_empty() => {
            let at = pick(random, posted.grants.len());
            let (id, grant) = &mut posted.grants[at];
            grant.priority = priority(random);
            account.change_priority(*id, grant.priority).unwrap();
        }
        0..3 => {
            let grant = grant(random);
            let id = account.post_grant(grant.clone()).unwrap();
            posted.grants.push((id, grant));
        }
        3..5 => {
            let usage = usage(random);
            let id = account.post_usage(usage).unwrap();
            posted.usage.push((id, usage));
        }
        5..8 => {
            let job = metered(random);
            let id = account.post_metered(job).unwrap();
            posted.metered.push((id, job));
        }
        8 if !posted.metered.is_empty() => {
            let at = pick(random, posted.metered.len());
            let (id, job) = posted.metered.remove(at);
            assert_eq!(account.retract_metered(id), Ok(job));
            assert_eq!(account.metered_usage(id), None);
        }
        9..11 if !posted.metered.is_empty() => {
            let at = pick(random, posted.metered.len());
            let (id, job) = &mut posted.metered[at];
            // Most corrections say when a job has ended.
            *job = if random.random_bool(0.7) {
                let until = job.from + random.random_range(-1..60);
                MeteredUsage { until, ..*job }
            } else {
                metered(random)
            };
            account.change_metered(*id, *job).unwrap();
            assert_eq!(account.metered_usage(*id), Some(*job));
        }
        11 if !posted.grants.is_empty() => {
            let at = pick(random, posted.grants.len());
            let (id, _) = posted.grants.remove(at);
            account.retract_grant(id).unwrap();
        }
        12 => extend(random, account, posted),
        _ if !posted.usage.is_empty() => {
            let at = pick(random, posted.usage.len());
            let (id, _) = posted.usage.remove(at);
            account.retract_usage(id).unwrap();
        }
        _ => {}
    }
}

/// Numbers of grants differ, for retracted ones keep theirs.
fn remainders(account: &GpuCredit, tick: i64) -> Vec<u64> {
    let remainders = account.remainders_at(tick);
    remainders
        .iter()
        .map(|remainder| remainder.amount)
        .collect()
}

/// Who paid what of which usage, by ticks: amounts, first ticks and last ticks.
type Paid = BTreeMap<(AnyUsageId, u32, Option<i64>), (u64, i64, i64)>;

/// Notes what a grant has paid of the ticks from `first` to `last`.
fn add(
    paid: &mut Paid,
    (usage, grant, amount): (AnyUsageId, u32, u64),
    ticks: [i64; 2],
    drawn_at: i64,
) {
    let [first, last] = ticks;
    let later = (drawn_at > last).then_some(drawn_at);
    let entry = paid.entry((usage, grant, later));
    let entry = entry.or_insert((0, first, last));
    *entry = (entry.0 + amount, entry.1.min(first), entry.2.max(last));
}

fn add_draw(paid: &mut Paid, draw: &Draw, places: &BTreeMap<GrantId, u32>) {
    let part = (draw.usage, places[&draw.grant], draw.amount);
    add(paid, part, [draw.first, draw.last], draw.drawn_at);
}

/// The place of each grant among those that stand.
fn places(account: &GpuCredit) -> BTreeMap<GrantId, u32> {
    account.grants().map(|(grant, _)| grant).zip(0..).collect()
}

/// Who paid what, divided among the jobs of each tick in posting order.
fn expected_draws(expected: &GpuCredit, posted: &Posted) -> Paid {
    let mut jobs = posted.metered.clone();
    jobs.sort_by_key(|(id, _)| *id);
    let mut usage = posted.usage.clone();
    usage.sort_by_key(|(id, _)| *id);
    // Of each tick the records in the order in which they are drawn, and what is undrawn of each.
    let mut records: BTreeMap<i64, Vec<(AnyUsageId, u64)>> = BTreeMap::new();
    for (id, record) in usage {
        let tick = records.entry(record.timestamp).or_default();
        tick.push((AnyUsageId::Instant(id), record.amount));
    }
    for (id, job) in jobs {
        for tick in job.from..job.until {
            let tick = records.entry(tick).or_default();
            tick.push((AnyUsageId::Metered(id), job.rate));
        }
    }
    let places = places(expected);
    let mut paid = Paid::new();
    for draw in expected.draws(..) {
        let mut rest = draw.amount;
        for (usage, undrawn) in records.get_mut(&draw.first).unwrap() {
            let amount = rest.min(*undrawn);
            *undrawn -= amount;
            rest -= amount;
            if amount > 0 {
                let part = (*usage, places[&draw.grant], amount);
                add(&mut paid, part, [draw.first; 2], draw.drawn_at);
            }
        }
        assert_eq!(rest, 0);
    }
    paid
}

fn compare_draws(account: &GpuCredit, expected: &GpuCredit, posted: &Posted, from: i64) {
    let grants = places(account);
    let mut paid = Paid::new();
    for draw in account.draws(..) {
        add_draw(&mut paid, &draw, &grants);
    }
    assert_eq!(paid, expected_draws(expected, posted));
    let by_grant = |account: &GpuCredit| {
        let places = places(account);
        let mut amounts = BTreeMap::<u32, u64>::new();
        for draw in account.draws(from..) {
            *amounts.entry(places[&draw.grant]).or_default() += draw.amount;
        }
        amounts
    };
    assert_eq!(by_grant(account), by_grant(expected), "from {from} on");
    for (id, job) in &posted.metered {
        let statement = account.metered_statement(*id).unwrap();
        let drawn: u64 = statement.draws.iter().map(|draw| draw.amount).sum();
        let whole = drawn + statement.deficit + statement.dropped;
        assert_eq!(statement.amount, whole, "{job:?}");
        let mut own = Paid::new();
        for draw in &statement.draws {
            add_draw(&mut own, draw, &grants);
        }
        let of_all = paid
            .iter()
            .filter(|((usage, ..), _)| *usage == AnyUsageId::Metered(*id));
        let of_all: Paid = of_all.map(|(key, value)| (*key, *value)).collect();
        assert_eq!(own, of_all, "{job:?}");
    }
    let statement = account.statement(from);
    let of_ticks = expected.statement(from);
    assert_eq!(
        statement.used,
        statement.drawn + statement.deficit + statement.dropped
    );
    assert_eq!(
        (statement.drawn, statement.dropped),
        (of_ticks.drawn, of_ticks.dropped)
    );
}

fn compare(account: &GpuCredit, expected: &GpuCredit, random: &mut Pcg64Mcg) {
    let ticks: Vec<i64> = (TIMES.start - 5..TIMES.end + 65).collect();
    for tick in &ticks {
        assert_eq!(
            account.balance_at(*tick),
            expected.balance_at(*tick),
            "at {tick}"
        );
        assert_eq!(
            account.get_balance(*tick),
            expected.get_balance(*tick),
            "at {tick}"
        );
        assert_eq!(
            account.used_at(*tick),
            expected.used_at(*tick),
            "used at {tick}"
        );
        assert_eq!(
            remainders(account, *tick),
            remainders(expected, *tick),
            "at {tick}"
        );
    }
    assert_eq!(account.get_balances(&ticks), expected.get_balances(&ticks));
    let mut next = ticks[0];
    for step in account.steps(ticks[0]..=ticks[ticks.len() - 1]) {
        assert_eq!(step.first, next, "steps have no gap");
        for tick in step.first..=step.last {
            assert_eq!(
                step.answer_at(tick),
                expected.balance_at(tick),
                "{tick} in {step:?}"
            );
        }
        next = step.last + 1;
    }
    assert_eq!(
        next,
        ticks[ticks.len() - 1] + 1,
        "steps over the whole range"
    );
    let from = random.random_range(TIMES);
    let range = from..from + random.random_range(0..50);
    let amount = random.random_range(0..40);
    assert_eq!(
        account.lowest_balance(range.clone()),
        expected.lowest_balance(range.clone())
    );
    assert_eq!(
        account.first_below(range.clone(), amount),
        expected.first_below(range, amount)
    );
    assert_eq!(
        account.first_used_above(amount),
        expected.first_used_above(amount)
    );
    assert_eq!(account.used(), expected.used());
}

fn run(seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let overdraft = policy(random.random());
    let options = Options::default()
        .overdraft(overdraft)
        .usage_chunk([4, 16, 64][random.random_range(0..3)])
        .boundary_chunk([4, 16, 64][random.random_range(0..3)])
        .checkpoint_spacing([1, 2, 7, usize::MAX][random.random_range(0..4)]);
    let mut account = GpuCredit::with_options(options);
    let mut posted = Posted::default();
    for _ in 0..random.random_range(1..80) {
        for _ in 0..random.random_range(1..6) {
            write(&mut random, &mut account, &mut posted);
        }
        match random.random_range(0..8) {
            0 => account.settle(),
            1 => account.settle_to(random.random_range(TIMES)),
            2 => account = GpuCredit::from_bytes(&account.to_bytes()).unwrap(),
            3 => account = account.clone(),
            _ => {}
        }
        account.assert_invariants();
        let expected = posted.tick_by_tick(overdraft);
        compare(&account, &expected, &mut random);
        compare_draws(&account, &expected, &posted, random.random_range(TIMES));
    }
}

#[test]
fn metered_usage_is_usage_at_every_tick() {
    for seed in 0..super::ledger_count() / 20 {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

/// A draw of a job went only as far as the next other usage, so that a long job had hundreds of them.
#[test]
fn draws_of_a_job_are_as_long_as_in_a_tick_by_tick_replay() {
    for seed in 0..super::ledger_count() / 10 {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let overdraft = policy(random.random());
        let mut account = GpuCredit::with_options(Options::default().overdraft(overdraft));
        let mut posted = Posted::default();
        for _ in 0..random.random_range(1..60) {
            write(&mut random, &mut account, &mut posted);
        }
        let replay: TickReplay = posted.replay(overdraft);
        let places = places(&account);
        for ((id, job), usage) in posted.metered.iter().zip(posted.usage.len()..) {
            let draws = account.metered_statement(*id).unwrap().draws;
            let draws = draws.iter().map(|draw| gpu_credit_replay::Draw {
                usage,
                grant: places[&draw.grant] as usize,
                amount: draw.amount,
                first: draw.first,
                last: draw.last,
                drawn_at: draw.drawn_at,
            });
            let draws: Vec<_> = draws.collect();
            assert_eq!(draws, replay.draws_of(usage), "seed {seed}, {job:?}");
        }
    }
}

#[test]
fn a_batch_with_a_job_that_does_not_fit_changes_nothing() {
    let most = i64::MAX.unsigned_abs();
    let mut account = GpuCredit::new();
    account
        .post_metered(MeteredUsage {
            rate: 2,
            from: 0,
            until: 5,
        })
        .unwrap();
    let before = account.to_bytes();
    let fits = [
        Record::usage(7, 3),
        Record::metered(most, 9..9), // It is nothing.
        Record::metered((most - 17) / 2, 0..2),
    ];
    let beyond = [
        Record::metered(1, 0..2),
        Record::metered(u64::MAX, i64::MIN..i64::MAX),
    ];
    for refused in beyond {
        let records = fits.iter().chain([&refused]).cloned();
        let error = account.extend(records).unwrap_err();
        assert_eq!(error.index, 3);
        assert!(
            matches!(error.error, Error::MeteredUsageTooLarge { total, .. } if total == most),
            "{error}"
        );
        assert_eq!(account.to_bytes(), before);
    }
    account.extend(fits).unwrap();
    assert_eq!(account.used(), most);
    let error = account.extend([Record::usage(1, 0)]).unwrap_err();
    assert!(
        matches!(error.error, Error::UsageTooLarge { .. }),
        "{error}"
    );
}

/// Regression: when the frontier moved back into the pending stretch of a job, the stretch was cut and
/// its shift was not. Where the repair met a checkpoint it then lifted the last level by all of it.
#[test]
fn a_frontier_that_moves_back_into_a_stretch_forgets_the_stretch() {
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        let options = Options::default().usage_chunk(4).checkpoint_spacing(2);
        let mut account = GpuCredit::with_options(options.overdraft(overdraft));
        account.add_credit("g", 12, 37, 17).unwrap();
        account.add_credit("g", 46, 24, 5).unwrap();
        let last = account.add_credit("g", 10, 73, 2).unwrap();
        let job = |rate, from, until| MeteredUsage { rate, from, until };
        account.post_metered(job(3, 3, 60)).unwrap();
        account.subtract(3, 86).unwrap();
        account.post_metered(job(0, -6, 39)).unwrap();
        account.subtract(3, 73).unwrap();
        account.post_metered(job(1, 81, 116)).unwrap();
        account.subtract(0, 0).unwrap();
        account.post_metered(job(3, 35, 83)).unwrap(); // Pending.
        account.retract_grant(last).unwrap();
        account.settle_to(89);
        account.assert_invariants();
        assert_eq!(account.get_balance(80), None);
    }
}

/// Bytes with a checksum that fits and anything wrong with them, jobs among them.
#[test]
fn bytes_of_jobs_made_by_hand_never_panic() {
    let mut accepted = 0;
    let count = super::ledger_count() / 4;
    for seed in 0..count {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut account = GpuCredit::new();
        let mut posted = Posted::default();
        for _ in 0..random.random_range(1..40) {
            write(&mut random, &mut account, &mut posted);
        }
        let changes = 4 * random.random_range(1..4);
        let changes: Vec<u8> = (0..changes).map(|_| random.random()).collect();
        let bytes = forge(&account.to_bytes(), &changes);
        let used = std::panic::catch_unwind(|| is_survived(&bytes, seed));
        accepted += u64::from(used.unwrap_or_else(|_| panic!("seed {seed}")));
    }
    assert!(accepted > count / 40, "{accepted} are read at all");
}
