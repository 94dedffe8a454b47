//! A book is its accounts: whatever is packed, in whatever order records come.

use std::collections::BTreeMap;

use gpu_credit::{
    BookError, CreditBook, Error, GpuCredit, GrantRecord, MeteredUsage, Overdraft, Record,
};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::small::{self, Numbers, Operation};

use crate::ledgers::{policy, sizes, tiny};
use crate::{ledger_count, state, usage};

/// A book, and its accounts one by one.
struct Books {
    book: CreditBook,
    accounts: BTreeMap<String, GpuCredit>,
    random: Random,
}

/// All that a book says of its accounts: equal if nothing has changed.
fn book_state(book: &CreditBook) -> Vec<(String, String)> {
    let accounts = book.iter();
    let states = accounts.map(|(name, account)| (name.to_owned(), state(&account)));
    states
        .chain([(String::new(), book.memory_used().to_string())])
        .collect()
}

fn name(number: u64) -> String {
    // Not in the order of the numbers.
    format!("account {}", number * 7 % 11)
}

impl Books {
    fn new(seed: u64, count: u64) -> Self {
        // In the smallest accounts of a third of all seeds little is ever packed.
        let sizes = |overdraft| match seed % 3 {
            0 => tiny(overdraft, seed),
            _ => sizes(overdraft, seed),
        };
        let mut books = Books {
            book: CreditBook::with_options(sizes(Overdraft::Carry)),
            accounts: BTreeMap::new(),
            random: Random::new(seed),
        };
        for number in 0..count {
            let overdraft = policy(seed + number);
            books.book.open(&name(number), overdraft).unwrap();
            let account = GpuCredit::with_options(sizes(overdraft));
            books.accounts.insert(name(number), account);
        }
        books
    }

    /// Ingests records of any of so many accounts, of which the last is not open.
    fn ingest(&mut self, operations: impl Iterator<Item = Operation>, count: u64) {
        let mut records = Vec::new();
        for operation in operations {
            let account = name(self.random.below(count));
            let record = match operation {
                Operation::PostGrant(grant) => {
                    let priority = grant.priority;
                    let grant =
                        GrantRecord::new("grant", grant.amount, grant.timestamp, grant.expiration);
                    grant.priority(priority).into()
                }
                // Once in a while metered, for some ticks or for none.
                Operation::PostUsage(usage) if self.random.below(3) == 0 => {
                    let until = self.random.between(-1, 12);
                    let until = usage.timestamp.saturating_add(until);
                    Record::metered(usage.amount, usage.timestamp..until)
                }
                Operation::PostUsage(usage) => Record::usage(usage.amount, usage.timestamp),
                _ => continue,
            };
            records.push((account, record));
        }
        let expected = self.post(&records);
        let before = book_state(&self.book);
        let found = self.book.ingest(&records).map_err(|error| error.index());
        assert_eq!(found, expected.map_err(Some));
        if found.is_err() {
            assert_eq!(book_state(&self.book), before, "nothing has changed");
        }
    }

    /// Posts records one by one, to all accounts or to none; or the place of the first refused.
    fn post(&mut self, records: &[(String, Record)]) -> Result<(), usize> {
        let mut accounts = self.accounts.clone();
        for (index, (name, record)) in records.iter().enumerate() {
            let account = accounts.get_mut(name).ok_or(index)?;
            account.extend([record.clone()]).map_err(|_| index)?;
        }
        self.accounts = accounts;
        Ok(())
    }

    /// Corrects an account in both.
    fn correct(&mut self, operation: Operation, number: u64) {
        let (one, other) = (
            self.book.get_mut(&name(number)).unwrap(),
            self.accounts.get_mut(&name(number)).unwrap(),
        );
        for account in [one, other] {
            match operation {
                Operation::RetractGrant { place } | Operation::RevokeGrant { place, .. } => {
                    let grant = account.grants().nth(place).map(|(grant, _)| grant);
                    if let Some(grant) = grant {
                        account.retract_grant(grant).unwrap();
                    }
                }
                Operation::PostUsage(usage) => {
                    let _ = account.subtract(usage.amount, usage.timestamp);
                }
                Operation::RetractUsage(usage) => {
                    let usage = account.usage(..).nth(usage.amount as usize % 16);
                    if let Some((usage, _)) = usage {
                        account.retract_usage(usage).unwrap();
                    }
                }
                _ => {}
            }
        }
    }

    fn compare(&mut self, count: u64) {
        let accounts = &self.accounts;
        assert_eq!(self.book.len(), accounts.len());
        assert!(self.book.names().eq(accounts.keys()), "names in order");
        for ((name, found), (expected_name, expected)) in self.book.iter().zip(accounts) {
            assert_eq!(name, expected_name);
            assert_eq!(self.book.overdraft(name), Some(expected.overdraft()));
            assert!(found.usage(..).eq(expected.usage(..)), "usage of {name}");
            assert!(found.grants().eq(expected.grants()), "grants of {name}");
            let jobs = (found.metered(..), expected.metered(..));
            assert!(jobs.0.eq(jobs.1), "jobs of {name}");
            found.assert_invariants();
        }
        let times = self.accounts.values().flat_map(|account| {
            let windows = account.grants().map(|(_, grant)| [grant.start, grant.end]);
            let usage = usage(account).map(|(time, _)| [time; 2]);
            windows.chain(usage).flatten().collect::<Vec<_>>()
        });
        let around = times.flat_map(|time| [time.saturating_sub(1), time, time.saturating_add(1)]);
        let mut times: Vec<i64> = around.chain([i64::MIN, 0, i64::MAX]).collect();
        times.sort_unstable();
        times.dedup();
        let mut questions = Vec::new();
        for time in times {
            let answers = self
                .accounts
                .values()
                .map(|account| account.balance_at(time));
            let answers: Vec<_> = answers.collect();
            let total = self.book.total_at(time);
            let balances = answers.iter().filter_map(|answer| answer.balance);
            assert_eq!(total.balance, balances.clone().map(u128::from).sum());
            assert_eq!(total.available, balances.count());
            let deficits = answers.iter().map(|answer| u128::from(answer.deficit));
            assert_eq!(total.deficit, deficits.sum());
            questions.push((name(self.random.below(count)), time));
        }
        let answers = self.book.balances_at(&questions);
        for ((name, time), answer) in questions.iter().zip(answers) {
            let expected = self.accounts.get(name);
            let expected = expected.map(|account| account.balance_at(*time));
            assert_eq!(answer, expected, "{name} at {time}");
            assert_eq!(self.book.balance_at(name, *time), expected);
        }
    }
}

fn compare(seed: u64, numbers: Numbers) {
    let count = 1 + seed % 5;
    let mut books = Books::new(seed, count);
    let mut operations = small::from_seed(seed, numbers);
    for _ in 0..3 {
        let length = 1 + books.random.below(40) as usize;
        // Once in a while of an account that is not there.
        let among = count + u64::from(books.random.below(8) == 0);
        books.ingest(operations.by_ref().take(length), among);
        for operation in operations.by_ref().take(6) {
            let number = books.random.below(count);
            books.correct(operation, number);
        }
        if books.random.below(2) == 0 {
            books.book.pack();
        }
        for operation in operations.by_ref().take(12) {
            books.ingest(std::iter::once(operation), count);
        }
        books.compare(count + 1);
    }
}

#[test]
fn a_book_is_its_accounts() {
    for seed in 0..ledger_count() / 4 {
        let numbers = Numbers::ALL[(seed % 4) as usize];
        let step = std::panic::AssertUnwindSafe(|| compare(seed, numbers));
        if std::panic::catch_unwind(step).is_err() {
            panic!("seed {seed}, {numbers:?}");
        }
    }
}

#[test]
fn the_first_record_that_is_refused_is_named_and_nothing_changes() {
    let mut book = CreditBook::new();
    book.open("a", Overdraft::Carry).unwrap();
    book.open("b", Overdraft::Carry).unwrap();
    let most = i64::MAX as u64;
    let long = Record::grant("long", 1, 1, most);
    let records = [
        ("b", Record::usage(most, 0)),
        ("a", Record::usage(1, 0)),
        ("b", Record::usage(1, 0)),
        ("a", long.clone()),
        ("c", Record::usage(1, 0)),
    ];
    let refused = |index, account: &str, error| {
        let account = account.to_owned();
        Err(BookError::Refused {
            index,
            account,
            error,
        })
    };
    let (amount, total) = (1, most);
    let error = Error::UsageTooLarge { amount, total };
    assert_eq!(book.ingest(&records), refused(2, "b", error));
    let (timestamp, expiration) = (1, most);
    let error = Error::WindowTooLong {
        timestamp,
        expiration,
    };
    assert_eq!(book.ingest(&records[3..]), refused(0, "a", error));
    let (index, account) = (0, "c".to_owned());
    let missing = BookError::NoSuchAccount { index, account };
    assert_eq!(book.ingest(&records[4..]), Err(missing));
    assert_eq!(
        book.open("a", Overdraft::Forfeit),
        Err(BookError::AlreadyOpen {
            account: "a".to_owned()
        })
    );
    assert_eq!(book.get("a").unwrap().used(), 0);
    assert_eq!(book.get("b").unwrap().used(), 0);
}

/// Regression: the errors of an account, of many records and of a plan did not convert.
#[test]
fn errors_of_one_function_convert() {
    fn of_a_book() -> Result<(), BookError> {
        let mut book = CreditBook::new();
        book.open("a", Overdraft::Carry)?;
        book.get_mut("a").unwrap().subtract(u64::MAX, 1)?;
        Ok(())
    }
    fn of_many_records(account: &mut GpuCredit) -> Result<(), Error> {
        account.extend([Record::usage(1, 0)])?;
        drop(account.what_if(&[Record::usage(u64::MAX, 0).into()])?);
        Ok(())
    }
    let refused = |total| Error::UsageTooLarge {
        amount: u64::MAX,
        total,
    };
    assert_eq!(of_a_book(), Err(BookError::Account(refused(0))));
    assert_eq!(of_a_book().unwrap_err().index(), None);
    let mut account = GpuCredit::new();
    assert_eq!(of_many_records(&mut account), Err(refused(1)));
}

/// Regression: the policy of such an account could not be read back from its own text.
#[test]
fn the_text_of_a_credit_line_beyond_all_sums_reads_back() {
    let mut book = CreditBook::new();
    book.open("a", Overdraft::CarryUpTo(u64::MAX)).unwrap();
    let account = GpuCredit::with_overdraft(Overdraft::CarryUpTo(u64::MAX));
    let read = GpuCredit::from_bytes(&account.to_bytes()).unwrap();
    let policies = [
        Some(account.overdraft()),
        Some(read.overdraft()),
        book.overdraft("a"),
    ];
    for policy in policies.map(Option::unwrap) {
        assert_eq!(policy.to_string().parse(), Ok(policy));
        assert_eq!(policy, Overdraft::CarryUpTo(i64::MAX.unsigned_abs()));
    }
}

#[test]
fn an_account_can_be_taken_out_and_opened_anew() {
    let mut book = CreditBook::new();
    assert!(book.is_empty());
    book.open("a", Overdraft::Forfeit).unwrap();
    book.get_mut("a").unwrap().subtract(4, 0).unwrap();
    assert_eq!(book.remove("a").unwrap().used(), 4);
    assert!(book.remove("a").is_none() && book.get("a").is_none() && !book.contains("a"));
    assert!(book.get_mut("a").is_none() && book.overdraft("a").is_none());
    book.open("a", Overdraft::Carry).unwrap();
    assert_eq!(book.overdraft("a"), Some(Overdraft::Carry));
    assert_eq!(book.get("a").unwrap().used(), 0);
    assert_eq!(book.len(), 1);
}

/// Usage in any order, or in time order but for some, into accounts that are packed until they hold
/// more than fits: into deep ones, and into those whose numbers grow wider.
#[test]
fn packed_accounts_take_usage_one_by_one() {
    for seed in 0..24 {
        let mut random = Random::new(seed);
        let overdraft = policy(seed);
        let (mut book, mut account) = (CreditBook::new(), GpuCredit::with_overdraft(overdraft));
        book.open("a", overdraft).unwrap();
        let grants = random.below(65);
        let range = [40, 3_000, 1 << 40][seed as usize % 3];
        let mut records = Vec::new();
        for _ in 0..grants {
            let amount = random.below(400);
            let length = random.below(range / 4);
            let grant = GrantRecord::new("g", amount, random.between(0, range as i64), length);
            let priority = if seed % 5 == 4 {
                random.between(-1, 1)
            } else {
                0
            };
            records.push(Record::Grant(grant.priority(priority as i16)));
        }
        if seed % 4 == 3 {
            records.push(GrantRecord::new("for ever", 100, 5, 0).without_end().into());
        }
        for _ in 0..[0, 3, 200, 400][seed as usize / 6] {
            let from = random.between(0, range as i64);
            records.push(Record::metered(
                random.below(3),
                from..from + random.between(0, 20),
            ));
        }
        let count = [60, 300, 1_030][seed as usize / 8];
        let bulk = random.below(count) as usize;
        records.extend(
            (0..bulk).map(|_| Record::usage(random.below(9), random.between(0, range as i64))),
        );
        let named: Vec<_> = records.iter().map(|record| ("a", record.clone())).collect();
        book.ingest(&named).unwrap();
        account.extend(records).unwrap();
        let mut now = range as i64 / 2;
        for at in bulk..count as usize {
            now += random.between(0, range as i64 / 200);
            let is_late = random.below(4) == 0;
            let time = if is_late {
                random.between(-1, now)
            } else {
                now
            };
            let amount = if random.below(60) == 0 {
                1 << 20
            } else {
                random.below(9)
            };
            book.ingest(&[("a", Record::usage(amount, time))]).unwrap();
            account.subtract(amount, time).unwrap();
            if at % (1 + count as usize / 40) == 0 || at + 1 == count as usize {
                let found = book.get("a").unwrap();
                assert!(found.usage(..).eq(account.usage(..)), "seed {seed}, {at}");
                let windows = account
                    .grants()
                    .flat_map(|(_, grant)| [grant.start, grant.end]);
                let times = windows.chain(usage(&account).map(|(time, _)| time));
                for time in times.flat_map(|time| [time - 1, time, time.saturating_add(1)]) {
                    let expected = Some(account.balance_at(time));
                    assert_eq!(
                        book.balance_at("a", time),
                        expected,
                        "seed {seed}, {at}: {time}"
                    );
                    assert_eq!(
                        book.balances_at(&[("a", time)]),
                        [expected],
                        "seed {seed}, {at}"
                    );
                }
            }
        }
    }
}

/// Usage in time order that is more than what is live, so that grants pay as they start: some that
/// end together, some that never end, and some that are empty.
#[test]
fn packed_accounts_in_debt_take_usage_in_time_order() {
    for seed in 0..600 {
        let mut random = Random::new(seed);
        let overdraft = match seed % 8 {
            0 => Overdraft::Forfeit,
            1 => Overdraft::CarryUpTo(20),
            _ => Overdraft::Carry,
        };
        let (mut book, mut account) = (CreditBook::new(), GpuCredit::with_overdraft(overdraft));
        book.open("a", overdraft).unwrap();
        let grants = (0..random.below(9)).map(|_| {
            let (start, length) = (random.between(0, 80), random.below(30));
            let grant = GrantRecord::new("g", random.below(40), start, length);
            Record::Grant(match random.below(20) {
                0 => grant.without_end(),
                _ => grant,
            })
        });
        let records: Vec<Record> = grants.collect();
        let named: Vec<_> = records.iter().map(|record| ("a", record.clone())).collect();
        book.ingest(&named).unwrap();
        account.extend(records).unwrap();
        let mut now = 0;
        while now < 80 {
            now += random.between(0, 12);
            let amount = random.below(30);
            book.ingest(&[("a", Record::usage(amount, now))]).unwrap();
            account.subtract(amount, now).unwrap();
            for time in -1..120 {
                let (found, expected) = (book.balance_at("a", time), account.balance_at(time));
                assert_eq!(found, Some(expected), "seed {seed}, at {now}: {time}");
            }
        }
    }
}

/// Ten grants and fifty usage records of an account, in seconds over a year.
fn small_account(random: &mut Random, name: &str) -> Vec<(String, Record)> {
    const YEAR: i64 = 365 * 86_400;
    let grants =
        (0..10).map(|grant| Record::grant("plan", 1_000_000, grant * YEAR / 10, 86_400 * 40));
    let usage = (0..50).map(|_| Record::usage(random.below(400_000), random.between(0, YEAR)));
    let records = grants.chain(usage.collect::<Vec<_>>());
    records.map(|record| (name.to_owned(), record)).collect()
}

#[test]
fn small_accounts_are_small() {
    const COUNT: usize = 1_000;
    let mut random = Random::new(5);
    let mut book = CreditBook::new();
    let mut records = Vec::new();
    for number in 0..COUNT {
        let name = format!("account-{number:08}");
        book.open(&name, Overdraft::Carry).unwrap();
        records.extend(small_account(&mut random, &name));
    }
    book.ingest(&records).unwrap();
    let each = book.memory_used() / COUNT;
    assert!(each < 768, "{each} bytes an account");
    // A large account has its indexes, and lives in the same book.
    book.open("large", Overdraft::Carry).unwrap();
    let usage = (0..10_000).map(|time| ("large", Record::usage(1, time)));
    book.ingest(&usage.collect::<Vec<_>>()).unwrap();
    assert!(book.get("large").unwrap().is_settled());
    assert_eq!(book.balance_at("large", 4_999).unwrap().deficit, 5_000);
}

#[test]
fn sizes_of_a_book_are_those_of_its_accounts() {
    let mut book = CreditBook::with_options(tiny(Overdraft::Forfeit, 0));
    book.open("a", Overdraft::Carry).unwrap();
    assert_eq!(book.get("a").unwrap().overdraft(), Overdraft::Carry);
}

/// Packing writes down what stands, so that identities would start anew.
#[test]
fn what_was_retracted_is_not_packed_away() {
    let mut book = CreditBook::new();
    book.open("a", Overdraft::Carry).unwrap();
    let usage = [1, 2, 4].map(|amount| ("a", Record::usage(amount, 7)));
    book.ingest(&usage).unwrap();
    let account = book.get_mut("a").unwrap();
    let (first, _) = account.usage(..).next().unwrap();
    let (last, record) = account.usage(..).last().unwrap();
    account.retract_usage(first).unwrap();
    let next = account.next_usage_id(7);
    book.pack();
    book.ingest(&[("a", Record::grant("b", 1, 0, 9))]).unwrap();
    let account = book.get("a").unwrap();
    assert_eq!(account.usage_record(first), None);
    assert_eq!(account.usage_record(last), Some(record));
    assert_eq!(account.next_usage_id(7), next);
}

/// Regression: an account with jobs was packed without them, so that what they use was forgotten.
#[test]
fn jobs_are_not_packed_away() {
    let mut book = CreditBook::new();
    for name in ["a", "b"] {
        book.open(name, Overdraft::Carry).unwrap();
        book.ingest(&[(name, Record::grant("g", 100, 0, 30))])
            .unwrap();
    }
    let job = MeteredUsage {
        rate: 8,
        from: 5,
        until: 12,
    };
    let posted = book.get_mut("a").unwrap().post_metered(job).unwrap();
    book.pack();
    book.ingest(&[("b", Record::from(job))]).unwrap();
    for name in ["a", "b"] {
        assert_eq!(
            book.balance_at(name, 30).unwrap().balance,
            Some(44),
            "{name}"
        );
        assert_eq!(book.get(name).unwrap().metered_usage(posted), Some(job));
    }
    // A job that was taken back has its number still.
    book.get_mut("a").unwrap().retract_metered(posted).unwrap();
    book.pack();
    let next = book.get_mut("a").unwrap().post_metered(job).unwrap();
    assert_eq!((posted.index(), next.index()), (0, 1));
}

/// Regression: what an account said of a refused record stood in the message alone.
#[test]
fn a_refusal_has_its_source() {
    use std::error::Error as _;
    let mut book = CreditBook::new();
    book.open("a", Overdraft::Carry).unwrap();
    let too_much = Record::usage(u64::MAX, 0);
    let refused = book.ingest(&[("a", too_much.clone())]).unwrap_err();
    let of_account = GpuCredit::new().extend([too_much]).unwrap_err();
    let source = refused.source().unwrap().downcast_ref::<Error>();
    assert_eq!(source, Some(&of_account.error));
    let source = of_account.source().unwrap().downcast_ref::<Error>();
    assert_eq!(source, Some(&of_account.error));
}
