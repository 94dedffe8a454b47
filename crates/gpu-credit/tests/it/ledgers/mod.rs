//! The engine and both replays, told the same and asked the same. The fuzz targets use it too.

mod ask;
pub(crate) mod books;
mod engine;
pub(crate) mod forged;

use gpu_credit::{Error, GpuCredit, GrantId, Options, Overdraft};
use gpu_credit_replay::{HeapReplay, ListReplay, Replay};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Grant, Numbers, Operation, Record, Usage};

/// Sizes so small that a dozen records build every structure there is.
pub(crate) fn tiny(overdraft: Overdraft, seed: u64) -> Options {
    (Options::default().overdraft(overdraft))
        .usage_chunk(4)
        .boundary_chunk(4)
        .checkpoint_spacing(1 + (seed % 3) as usize)
}

/// A policy of every kind: half of all seeds have a credit line.
pub(crate) fn policy(seed: u64) -> Overdraft {
    match seed % 4 {
        0 => Overdraft::Carry,
        1 => Overdraft::Forfeit,
        _ => line(seed),
    }
}

/// A credit line of none, of a few units, and of nearly all that fits.
pub(crate) fn line(seed: u64) -> Overdraft {
    const MOST: u64 = i64::MAX as u64;
    let lines = [0, 1, 3, 8, 20, 60, 200, 1 << 40, MOST / 2, MOST - 4, MOST];
    let place = Random::new(seed ^ 0x11).below(lines.len() as u64);
    Overdraft::CarryUpTo(lines[place as usize])
}

/// Sizes of every kind: how many late writes may be pending goes by the chunks, and how far a
/// replay starts before a late write goes by the spacing.
pub(crate) fn sizes(overdraft: Overdraft, seed: u64) -> Options {
    // Not the numbers that make the operations of the seed.
    let mut random = Random::new(!seed);
    let mut chunk = || [4, 16, 64][random.below(3) as usize];
    let (usage_chunk, boundary_chunk) = (chunk(), chunk());
    let spacing = match random.below(8) {
        0 => usize::MAX,
        _ => random.between(1, 40) as usize,
    };
    (Options::default().overdraft(overdraft))
        .usage_chunk(usage_chunk)
        .boundary_chunk(boundary_chunk)
        .checkpoint_spacing(spacing)
}

/// So many operations of a seed; and for a quarter of all seeds, as many writes one by one into what
/// is settled then, with nothing between them that settles.
pub(crate) fn with_late_writes(
    seed: u64,
    numbers: Numbers,
    length: usize,
) -> impl Iterator<Item = Operation> {
    let is_write = |operation: &Operation| {
        matches!(
            operation,
            Operation::PostGrant(_)
                | Operation::PostUsage(_)
                | Operation::RetractGrant { .. }
                | Operation::RetractUsageAt { .. }
                | Operation::ChangeUsageAt { .. }
                | Operation::RevokeGrant { .. }
                | Operation::ChangeExpiration { .. }
                | Operation::ChangePriority { .. }
        )
    };
    let late = small::from_seed(!seed, numbers).filter(is_write);
    let late = std::iter::once(Operation::Settle).chain(late);
    let late_length = if seed / 4 % 4 == 3 { length } else { 0 };
    let operations = small::from_seed(seed, numbers).take(length);
    operations.chain(late.take(late_length))
}

/// How many late writes are pending: as many as settling begins repairs, or more, for one repair may
/// take several along.
pub(crate) fn pending(account: &GpuCredit) -> u64 {
    let mut settled = account.clone();
    settled.settle();
    settled.settlement().repairs - account.settlement().repairs
}

/// The engine and the two replays, told the same.
pub(crate) struct Ledgers {
    pub(crate) engine: GpuCredit,
    pub(crate) list: ListReplay,
    heap: HeapReplay,
    grants: Vec<GrantId>,
    /// The usage records that were accepted.
    usage: Vec<UsageName>,
    /// Those of them that stand, in posting order.
    standing: Vec<UsageName>,
    pub(crate) instants: Vec<i64>,
    /// Where corrections may have changed something since the last question.
    touched: Vec<i64>,
    /// The most late writes that were pending at a question, or when it was settled.
    pub(crate) pending_most: u64,
}

/// A usage record: the `nth` that was ever accepted at its instant, from 0 on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct UsageName {
    timestamp: i64,
    nth: usize,
}

impl Ledgers {
    pub(crate) fn new(options: Options) -> Self {
        let engine = GpuCredit::with_options(options);
        let overdraft = match engine.overdraft() {
            Overdraft::Carry => gpu_credit_replay::Overdraft::Carry,
            Overdraft::CarryUpTo(line) => gpu_credit_replay::Overdraft::CarryUpTo(line),
            Overdraft::Forfeit => gpu_credit_replay::Overdraft::Forfeit,
            other => panic!("the replays know no {other:?}"),
        };
        Ledgers {
            engine,
            list: ListReplay::new(overdraft),
            heap: HeapReplay::new(overdraft),
            grants: Vec::new(),
            usage: Vec::new(),
            standing: Vec::new(),
            instants: vec![i64::MIN, -1, 0, i64::MAX],
            touched: Vec::new(),
            pending_most: 0,
        }
    }

    /// Carries an operation out on all three. What the engine refuses, the replays are not told.
    pub(crate) fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::PostGrant(grant) => self.post_grant(grant),
            Operation::PostUsage(usage) => self.post_usage(usage),
            Operation::PostUsageMany(ref usage) => self.post_usage_many(usage),
            Operation::PostMany(ref records) => self.post_many(records),
            Operation::RetractGrant { place } => self.retract_grant(place),
            Operation::RetractUsage(usage) => self.retract_usage(usage),
            Operation::RetractUsageAt { place } => self.retract_usage_at(place),
            Operation::ChangeUsage { usage, new_amount } => self.change_usage(usage, new_amount),
            Operation::ChangeUsageAt { place, new_amount } => {
                self.change_usage_at(place, new_amount);
            }
            Operation::RevokeGrant { place, from } => self.revoke_grant(place, from),
            Operation::ChangeExpiration { place, expiration } => {
                self.change_expiration(place, expiration);
            }
            Operation::ChangePriority { place, priority } => {
                self.change_priority(place, priority);
            }
            Operation::RemoveEnd { place } => self.remove_end(place),
            Operation::Settle => self.settle(),
            Operation::SettleTo { timestamp } => self.engine.settle_to(timestamp),
            Operation::GoOnWithClone => self.engine = self.engine.clone(),
            Operation::GoOnWithBytes => self.engine = engine::bytes_and_back(&self.engine),
            Operation::Question { timestamp } => self.ask_touched(timestamp),
        }
    }

    fn post_grant(&mut self, grant: Grant) {
        if let Ok(number) = engine::post_grant(&mut self.engine, grant) {
            self.grants.push(number);
            self.grant_posted(grant);
        }
    }

    fn post_usage(&mut self, usage: Usage) {
        if engine::post_usage(&mut self.engine, usage).is_ok() {
            self.usage_posted(usage);
        }
    }

    fn post_usage_many(&mut self, usage: &[Usage]) {
        let records: Vec<Record> = usage.iter().copied().map(Record::Usage).collect();
        let expected = self.first_refused(&records);
        let posted = engine::post_usage_many(&mut self.engine, usage);
        self.batch_posted(&records, posted, expected);
    }

    fn post_many(&mut self, records: &[Record]) {
        let expected = self.first_refused(records);
        let posted = engine::post_many(&mut self.engine, records);
        self.batch_posted(records, posted, expected);
    }

    /// The place of the first record that is refused when they are posted one by one.
    fn first_refused(&self, records: &[Record]) -> Option<usize> {
        let mut engine = self.engine.clone();
        let mut records = records.iter();
        records.position(|record| engine::post(&mut engine, record).is_err())
    }

    fn batch_posted(
        &mut self,
        records: &[Record],
        posted: Result<(), Option<usize>>,
        expected: Option<usize>,
    ) {
        assert_eq!(
            posted.is_ok(),
            expected.is_none(),
            "refused if one of it is"
        );
        match posted {
            Ok(()) => self.accepted(records),
            Err(index) => assert_eq!(index.or(expected), expected, "the first that is refused"),
        }
    }

    /// Takes note of records that the engine has accepted.
    fn accepted(&mut self, records: &[Record]) {
        let known = self.grants.last().copied();
        let grants = self.engine.grants().map(|(grant, _)| grant);
        let new: Vec<GrantId> = grants.filter(|grant| Some(*grant) > known).collect();
        self.grants.extend(new);
        for record in records {
            match record {
                Record::Grant(grant) => self.grant_posted(*grant),
                Record::Usage(usage) => self.usage_posted(*usage),
            }
        }
    }

    fn grant_posted(&mut self, grant: Grant) {
        let Grant {
            amount,
            timestamp,
            expiration,
            priority,
        } = grant;
        (self.list).add_credit_with_priority(amount, timestamp, expiration, priority);
        (self.heap).add_credit_with_priority(amount, timestamp, expiration, priority);
        let end = timestamp.checked_add_unsigned(expiration).unwrap();
        self.note([timestamp, end]);
    }

    fn usage_posted(&mut self, usage: Usage) {
        let Usage { amount, timestamp } = usage;
        self.list.subtract(amount, timestamp);
        self.heap.subtract(amount, timestamp);
        let earlier = self.usage.iter();
        let nth = earlier.filter(|name| name.timestamp == timestamp).count();
        self.usage.push(UsageName { timestamp, nth });
        self.standing.push(UsageName { timestamp, nth });
        self.note([timestamp, timestamp]);
    }

    fn retract_grant(&mut self, place: usize) {
        if let Some(grant) = self.grants.get(place) {
            let retracted = self.engine.retract_grant(*grant).is_ok();
            assert_eq!(retracted, self.list.retract_grant(place));
            assert_eq!(retracted, self.heap.retract_grant(place));
        }
    }

    fn retract_usage(&mut self, usage: Usage) {
        let retracted = engine::retract_usage(&mut self.engine, usage).is_ok();
        let place = self.last_like(usage);
        assert_eq!(retracted, place.is_some(), "{usage:?}");
        self.usage_retracted(place);
    }

    fn retract_usage_at(&mut self, place: usize) {
        let Some(name) = self.usage.get(place).copied() else {
            return;
        };
        let place = self.standing.iter().position(|other| *other == name);
        let retracted = engine::retract_usage_at(&mut self.engine, name).is_ok();
        assert_eq!(retracted, place.is_some(), "{name:?}");
        self.usage_retracted(place);
    }

    fn usage_retracted(&mut self, place: Option<usize>) {
        if let Some(place) = place {
            self.standing.remove(place);
            assert!(self.list.retract_usage_at(place));
            assert!(self.heap.retract_usage_at(place));
        }
    }

    fn change_usage(&mut self, usage: Usage, new_amount: u64) {
        let changed = engine::change_usage(&mut self.engine, usage, new_amount);
        self.usage_changed(self.last_like(usage), new_amount, changed);
    }

    fn change_usage_at(&mut self, place: usize, new_amount: u64) {
        let Some(name) = self.usage.get(place).copied() else {
            return;
        };
        let place = self.standing.iter().position(|other| *other == name);
        let changed = engine::change_usage_at(&mut self.engine, name, new_amount);
        self.usage_changed(place, new_amount, changed);
    }

    fn usage_changed(&mut self, place: Option<usize>, new_amount: u64, changed: Result<(), Error>) {
        if matches!(changed, Err(Error::UsageTooLarge { .. })) {
            return;
        }
        assert_eq!(changed.is_ok(), place.is_some());
        if let Some(place) = place {
            assert!(self.list.change_usage_at(place, new_amount));
            assert!(self.heap.change_usage_at(place, new_amount));
            self.touched.push(self.standing[place].timestamp);
        }
    }

    /// The last usage record that stands like this one.
    fn last_like(&self, usage: Usage) -> Option<usize> {
        let Usage { amount, timestamp } = usage;
        let usage = gpu_credit_replay::Usage::at(amount, timestamp);
        let mut posted = self.list.posted().usage().iter();
        posted.rposition(|posted| *posted == usage)
    }

    fn revoke_grant(&mut self, place: usize, from: i64) {
        if let Some(grant) = self.grants.get(place) {
            let revoked = self.engine.revoke_grant(*grant, from).is_ok();
            assert_eq!(revoked, self.list.revoke_grant(place, from));
            assert_eq!(revoked, self.heap.revoke_grant(place, from));
            self.note([from, from]);
            self.touch(place);
        }
    }

    fn change_expiration(&mut self, place: usize, expiration: u64) {
        if let Some(grant) = self.grants.get(place) {
            let changed = self.engine.change_expiration(*grant, expiration).is_ok();
            assert_eq!(changed, self.list.change_expiration(place, expiration));
            assert_eq!(changed, self.heap.change_expiration(place, expiration));
            self.touch(place);
        }
    }

    fn change_priority(&mut self, place: usize, priority: i16) {
        if let Some(grant) = self.grants.get(place) {
            let changed = self.engine.change_priority(*grant, priority).is_ok();
            assert_eq!(changed, self.list.change_priority(place, priority));
            assert_eq!(changed, self.heap.change_priority(place, priority));
            self.touch(place);
        }
    }

    fn remove_end(&mut self, place: usize) {
        if let Some(grant) = self.grants.get(place) {
            let start = self.engine.grant(*grant).map_or(0, |grant| grant.start);
            let expiration = start.abs_diff(i64::MAX);
            let changed = self.engine.change_expiration_without_end(*grant).is_ok();
            assert_eq!(changed, self.list.change_expiration(place, expiration));
            assert_eq!(changed, self.heap.change_expiration(place, expiration));
            self.touch(place);
        }
    }

    fn settle(&mut self) {
        self.count_pending();
        self.engine.settle();
        assert!(self.engine.is_settled());
    }

    pub(crate) fn count_pending(&mut self) {
        self.pending_most = self.pending_most.max(pending(&self.engine));
    }

    /// The next question is also about the window of this grant, and an instant later.
    fn touch(&mut self, place: usize) {
        if let Some(grant) = self.engine.grant(self.grants[place]) {
            let (start, end) = (grant.start, grant.end);
            self.note([start, end]);
            self.touched.extend([start, end, end.saturating_add(1)]);
        }
    }

    fn note(&mut self, times: [i64; 2]) {
        for time in times {
            self.instants
                .extend([time, time.saturating_sub(1), time.saturating_add(1)]);
        }
    }
}
