//! The bytes of an account as anybody might make them, with a checksum that fits: what is read from
//! them can be asked everything, written to, settled and written out again.

use gpu_credit::{
    GpuCredit, GrantId, GrantRecord, MeteredId, MeteredUsage, Options, Record, UsageId, UsageRecord,
};
use gpu_credit_workload::random::Random;
use xxhash_rust::xxh3::xxh3_64;

/// What stands before the checksum: the name and the version.
const HEAD: &[u8; 10] = b"GPUCREDIT\x03";
/// Where what the checksum is of begins.
pub(crate) const BODY: usize = HEAD.len() + size_of::<u64>();
/// Reading takes no more bytes of the heap than these ...
#[allow(dead_code, reason = "for those who count them")]
pub(crate) const TAKEN_FIRST: usize = 4096;
/// ... and these for each byte that is there.
#[allow(dead_code, reason = "for those who count them")]
pub(crate) const TAKEN_EACH: usize = 1024;
/// Questions of one kind, at most: a long account has room for many.
const MANY: usize = 24;

/// The bytes of what a body says.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    [HEAD, &xxh3_64(body).to_le_bytes()[..], body].concat()
}

/// The bytes of an account after the changes that `changes` spells, four bytes each: where, and what.
pub(crate) fn forge(account: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut body = account[BODY..].to_vec();
    for [low, high, kind, byte] in changes.as_chunks().0 {
        let at = usize::from(u16::from_le_bytes([*low, *high])) % (body.len() + 1);
        match (kind % 8, body.get_mut(at)) {
            (0, Some(there)) => *there = *byte,
            (1, Some(there)) => *there = there.wrapping_add(byte % 4),
            (2, Some(there)) => *there = there.wrapping_sub(byte % 4),
            (3, Some(there)) => *there ^= 1 << (byte % 8),
            (4, Some(_)) => _ = body.remove(at),
            (5, _) => body.insert(at, *byte),
            // A number as large as can be.
            (6, _) => _ = body.splice(at..at, [[0xff; 9].as_slice(), &[byte % 2]].concat()),
            // A part once more.
            (_, _) => {
                let part = body[at..].iter().take(usize::from(byte % 32));
                let part: Vec<u8> = part.copied().collect();
                body.splice(at..at, part);
            }
        }
    }
    sealed(&body)
}

/// Reads an account and does everything with it that there is to do. Whether it could be read.
pub(crate) fn is_survived(bytes: &[u8], seed: u64) -> bool {
    let Ok(mut account) = GpuCredit::from_bytes(bytes) else {
        assert!(GpuCredit::from_bytes_verified(bytes).is_err());
        return false;
    };
    let verified = GpuCredit::from_bytes_verified(bytes).unwrap();
    verified.assert_invariants();
    let instants = instants(&account);
    assert_eq!(
        answers(&verified, &instants),
        from_records(&verified, &instants)
    );
    let mut random = Random::new(seed);
    ask(&account, &instants);
    goes_through_bytes(&account);
    write(&mut account, &instants, &mut random);
    ask(&account, &instants);
    goes_through_bytes(&account);
    account.settle_to(instants[instants.len() / 2]);
    ask(&account, &instants);
    account.settle();
    assert!(account.is_settled());
    ask(&account, &instants);
    goes_through_bytes(&account);
    true
}

/// What is written is read again, and written as the same.
fn goes_through_bytes(account: &GpuCredit) {
    let written = account.to_bytes();
    let read = GpuCredit::from_bytes(&written).unwrap();
    assert_eq!(read.to_bytes(), written);
    let copy = account.clone();
    assert_eq!(copy.to_bytes(), written);
}

/// Some at which something can change, and the ends of time.
fn instants(account: &GpuCredit) -> Vec<i64> {
    let windows = account.grants();
    let windows = windows.flat_map(|(_, grant)| [grant.start, grant.end]);
    let usage = account.usage(..).map(|(usage, _)| usage.timestamp);
    let mut instants: Vec<i64> = windows.chain(usage).collect();
    instants.sort_unstable();
    instants.dedup();
    let step = instants.len().div_ceil(3 * MANY).max(1);
    let some = instants.into_iter().step_by(step);
    let around = some.flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
    let mut instants: Vec<i64> = around.chain([i64::MIN, 0, i64::MAX]).collect();
    instants.sort_unstable();
    instants.dedup();
    instants
}

fn some<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items.iter().step_by(items.len().div_ceil(MANY).max(1))
}

fn grants(account: &GpuCredit) -> Vec<GrantId> {
    account.grants().map(|(grant, _)| grant).collect()
}

fn usage(account: &GpuCredit) -> Vec<UsageId> {
    account.usage(..).map(|(usage, _)| usage).collect()
}

fn metered(account: &GpuCredit) -> Vec<MeteredId> {
    account.metered(..).map(|(job, _)| job).collect()
}

/// Asks everything there is to ask; what the answers are, nobody knows.
fn ask(account: &GpuCredit, instants: &[i64]) {
    let (from, to) = (instants[instants.len() / 4], instants[instants.len() / 2]);
    for time in some(instants) {
        let _ = (account.get_balance(*time), account.balance_at(*time));
        let _ = (account.remainders_at(*time), account.statement(*time));
        let _ = (account.used_at(*time), account.next_usage_id(*time));
        for record in [Record::usage(3, from), Record::grant("if", 3, from, 9)] {
            let _ = account.balance_if(&record, *time);
        }
    }
    for grant in some(&grants(account)) {
        let _ = (account.grant(*grant), account.grant_statement(*grant, to));
    }
    for usage in some(&usage(account)) {
        let record = account.usage_record(*usage).unwrap();
        assert!(account.find_usage(record).is_some());
        let _ = account.usage_statement(*usage);
    }
    for job in some(&metered(account)) {
        assert!(account.metered_usage(*job).is_some());
        let _ = account.metered_statement(*job);
    }
    let _ = account.get_balances(instants);
    let _ = account.first_used_above(account.used() / 2);
    for range in [from..=to, i64::MIN..=i64::MAX] {
        let _ = account.lowest_balance(range.clone());
        let _ = account.first_below(range.clone(), 3);
        let _ = account.lapsing(range.clone());
        let _ = account.steps(range.clone()).count();
        let _ = account.draws(range.clone()).count();
        let step = range.end().abs_diff(*range.start()) / 8 + 1;
        let _ = account.series(range, step).unwrap().count();
    }
    let _ = (account.settlement(), account.checkpoint_count());
    let _ = (account.memory_used(), format!("{account:?}"));
}

/// Writes in every way there is. What is refused changes nothing, which other tests see to.
fn write(account: &mut GpuCredit, instants: &[i64], random: &mut Random) {
    for _ in 0..10 {
        let time = instants[random.below(instants.len() as u64) as usize];
        let _ = account.subtract(random.below(20), time);
        let _ = account.add_credit("late", random.below(20), time, random.below(9));
        let _ = account.post_metered(MeteredUsage {
            rate: random.below(3),
            from: time,
            until: instants[random.below(instants.len() as u64) as usize],
        });
        let _ = account.extend([Record::usage(1, time), Record::grant("two", 1, time, 2)]);
    }
    for (place, grant) in some(&grants(account)).enumerate() {
        let window = account.grant(*grant).unwrap();
        let (start, end) = (window.start, window.end);
        match place % 5 {
            0 => account.retract_grant(*grant).unwrap(),
            4 => account.change_priority(*grant, 1).unwrap(),
            1 => _ = account.revoke_grant(*grant, end),
            2 => _ = account.change_expiration(*grant, start.abs_diff(end) / 2),
            _ => _ = account.change_expiration_without_end(*grant),
        }
    }
    for (place, usage) in some(&usage(account)).enumerate() {
        match place % 2 {
            0 => _ = account.retract_usage(*usage).unwrap(),
            _ => _ = account.change_usage(*usage, random.below(20)),
        }
    }
    for (place, job) in some(&metered(account)).enumerate() {
        let usage = account.metered_usage(*job).unwrap();
        match place % 2 {
            0 => _ = account.retract_metered(*job).unwrap(),
            _ => _ = account.change_metered(*job, MeteredUsage { rate: 1, ..usage }),
        }
    }
    let record = |timestamp: &i64| UsageRecord {
        amount: 1,
        timestamp: *timestamp,
    };
    let _ = account.subtract_many(&some(instants).map(record).collect::<Vec<_>>());
}

fn answers(account: &GpuCredit, instants: &[i64]) -> Vec<Option<u64>> {
    let balance = |time: &i64| account.get_balance(*time);
    instants.iter().map(balance).collect()
}

/// The answers of an account to which the same records are posted.
fn from_records(account: &GpuCredit, instants: &[i64]) -> Vec<Option<u64>> {
    let options = Options::default().overdraft(account.overdraft());
    let mut posted = GpuCredit::with_options(options);
    for (_, grant) in account.grants() {
        let expiration = grant.end.abs_diff(grant.start);
        let record = GrantRecord::new(grant.credit_id, grant.amount, grant.start, expiration);
        let id = posted.post_grant(record.priority(grant.priority));
        if grant.revoked_from == Some(grant.start) {
            posted.revoke_grant(id.unwrap(), grant.start).unwrap();
        }
    }
    for (_, usage) in account.usage(..) {
        posted.subtract(usage.amount, usage.timestamp).unwrap();
    }
    for (_, job) in account.metered(..) {
        posted.post_metered(job).unwrap();
    }
    answers(&posted, instants)
}
