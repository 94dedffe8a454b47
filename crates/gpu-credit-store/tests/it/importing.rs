//! Events files that are imported again: grown, shuffled, cut, doubled, with ids and without.
//!
//! What is posted is right or refused: a model says which, from nothing but the files.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::ops::ControlFlow;

use gpu_credit_store::{Change, Error, ImportError, ImportMode, ImportOptions, Imported, TimeUnit};
use gpu_credit_workload::random::Random;
use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns};

use crate::support::{TestStore, assert_sound, count, seeds, store_in_memory};

/// A record of a file, small so that equal ones are common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    account: &'static str,
    amount: u64,
    timestamp: i64,
    kind: Kind,
    id: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Grant,
    Usage,
    Job,
}

impl Row {
    fn content(&self) -> Row {
        Row {
            id: None,
            ..self.clone()
        }
    }

    fn action(&self) -> Action<'_> {
        let (amount, timestamp) = (self.amount, self.timestamp);
        match self.kind {
            Kind::Grant => Action::Grant {
                credit_id: "g",
                amount,
                timestamp,
                expiration: 5,
                priority: 0,
            },
            Kind::Usage => Action::Usage { amount, timestamp },
            Kind::Job => Action::Metered {
                rate: amount,
                from: timestamp,
                until: 4,
            },
        }
    }
}

fn file(rows: &[Row], random: &mut Random) -> Vec<u8> {
    let has_ids = rows.iter().any(|row| row.id.is_some());
    let columns = OptionalColumns {
        id: has_ids,
        until: rows.iter().any(|row| row.kind == Kind::Job),
        priority: false,
    };
    let mut file = EventWriter::with_columns(Vec::new(), columns).unwrap();
    for row in rows {
        if random.chance(1, 6) {
            let action = Action::Balance { timestamp: 3 };
            let question = Event {
                account: row.account,
                id: None,
                action,
            };
            file.write(&question).unwrap();
        }
        let event = Event {
            account: row.account,
            id: row.id.as_deref(),
            action: row.action(),
        };
        file.write(&event).unwrap();
    }
    file.finish().unwrap()
}

/// What a store must hold, and which files it must know.
#[derive(Default)]
struct Model {
    /// Rows without id, and how often each is there.
    rows: BTreeMap<Row, usize>,
    /// Rows with id, by account and id.
    ids: BTreeMap<(&'static str, String), Row>,
    /// Files without ids that were imported, and such beginnings of them.
    files: BTreeSet<Vec<Row>>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Posted { new: Vec<usize>, continued: usize },
    Changed,
    Equal(u64),
}

impl Model {
    fn expect(&self, rows: &[Row], again: bool) -> Expected {
        let has_ids = rows.iter().any(|row| row.id.is_some());
        let known = (1..=rows.len()).rev().find(|length| {
            let beginning = &rows[..*length];
            !again && !has_ids && self.files.contains(beginning)
        });
        let continued = known.unwrap_or(0);
        let (mut new, mut equal) = (Vec::new(), 0);
        let mut ids = self.ids.clone();
        for (place, row) in rows.iter().enumerate().skip(continued) {
            let Some(id) = &row.id else {
                let own = rows[..continued].iter().filter(|other| *other == row);
                let there = self.rows.get(row).copied().unwrap_or(0);
                match there > own.count() && !again {
                    true => equal += 1,
                    false => new.push(place),
                }
                continue;
            };
            match ids.insert((row.account, id.clone()), row.content()) {
                None => new.push(place),
                Some(posted) if posted == row.content() => {}
                Some(_) => return Expected::Changed,
            }
        }
        match equal {
            0 => Expected::Posted { new, continued },
            equal => Expected::Equal(equal),
        }
    }

    fn post(&mut self, rows: &[Row], new: &[usize], batch_rows: Option<NonZeroU64>) {
        for place in new {
            let row = &rows[*place];
            match &row.id {
                None => *self.rows.entry(row.clone()).or_default() += 1,
                Some(id) => {
                    self.ids.insert((row.account, id.clone()), row.content());
                }
            }
        }
        if rows.iter().all(|row| row.id.is_none()) && !new.is_empty() {
            self.files.insert(rows.to_vec());
            for batch in batch_rows
                .into_iter()
                .flat_map(|rows| new.chunks(rows.get() as usize))
            {
                let is_whole = batch_rows.is_some_and(|rows| rows.get() == batch.len() as u64);
                if let Some(last) = batch.last().filter(|_| is_whole) {
                    self.files.insert(rows[..=*last].to_vec());
                }
            }
        }
    }

    fn delete(&mut self, account: &str) {
        self.rows.retain(|row, _| row.account != account);
        self.ids.retain(|(owner, _), _| *owner != account);
    }

    /// All records, however they came.
    fn records(&self) -> Vec<Row> {
        let rows = self.rows.iter();
        let rows = rows.flat_map(|(row, count)| std::iter::repeat_n(row.clone(), *count));
        let mut records: Vec<Row> = rows.chain(self.ids.values().cloned()).collect();
        records.sort();
        records
    }
}

fn records(store: &TestStore) -> Vec<Row> {
    let mut records = Vec::new();
    for account in store.accounts().unwrap() {
        let name = ACCOUNTS.into_iter().find(|name| **name == *account.name);
        let mut row = Row {
            account: name.unwrap(),
            amount: 0,
            timestamp: 0,
            kind: Kind::Usage,
            id: None,
        };
        for entry in store.history(&account.name).unwrap() {
            (row.amount, row.timestamp, row.kind) = match entry.change {
                Change::Grant {
                    amount, timestamp, ..
                } => (amount, timestamp, Kind::Grant),
                Change::Usage { amount, timestamp } => (amount, timestamp, Kind::Usage),
                Change::MeteredUsage { rate, from, .. } => (rate, from, Kind::Job),
                _ => continue,
            };
            records.push(row.clone());
        }
    }
    records.sort();
    records
}

const ACCOUNTS: [&str; 2] = ["a", "b"];

fn new_row(random: &mut Random) -> Row {
    Row {
        account: ACCOUNTS[random.below(2) as usize],
        amount: 1 + random.below(3),
        timestamp: random.between(0, 3),
        kind: [Kind::Grant, Kind::Usage, Kind::Job][random.below(3) as usize],
        id: None,
    }
}

fn new_rows(random: &mut Random) -> Vec<Row> {
    (0..1 + random.below(5)).map(|_| new_row(random)).collect()
}

/// A file that has something to do with one that was imported, or nothing.
fn next_file(files: &[Vec<Row>], random: &mut Random) -> Vec<Row> {
    let any = |random: &mut Random| match files.len() {
        0 => Vec::new(),
        count => files[random.below(count as u64) as usize].clone(),
    };
    let mut rows = any(random);
    let place = random.below(rows.len().max(1) as u64) as usize;
    match random.below(12) {
        0..3 => rows.extend(new_rows(random)),
        3 => rows = new_rows(random),
        4 => rows.truncate(place),
        5 => rows.extend(rows.clone()),
        6 => rows.extend(any(random)),
        7 => {
            for place in (1..rows.len()).rev() {
                rows.swap(place, random.below(place as u64 + 1) as usize);
            }
        }
        8 => {
            rows.splice(..place, []);
        }
        9 => rows.insert(place, new_row(random)),
        10 if !rows.is_empty() => rows[place].amount += 1,
        _ => {}
    }
    // An id for all rows, for some, or for none.
    let share = random.below(6);
    for row in &mut rows {
        match share {
            0 => row.id = Some(format!("j{}", random.below(12))),
            1 if random.chance(1, 2) => row.id = Some(format!("j{}", random.below(12))),
            2 => row.id = None,
            _ => {}
        }
    }
    rows
}

/// All that is told of an import.
fn outcome(imported: Result<Imported, Error>) -> Result<String, String> {
    let told = imported.map(|mut imported| {
        imported.effects.clear();
        format!("{imported:?}")
    });
    told.map_err(|error| error.to_string())
}

/// One store, and a dozen files.
fn run(seed: u64) {
    let mut random = Random::new(seed);
    let (_disk, store) = store_in_memory();
    let (mut model, mut files) = (Model::default(), Vec::new());
    for step in 0..12 {
        if random.chance(1, 16) {
            let account = ACCOUNTS[random.below(2) as usize];
            if store.delete_account(account, format!("d{step}")).is_ok() {
                model.delete(account);
            }
        }
        let rows = next_file(&files, &mut random);
        let again = random.chance(1, 8);
        let batch_rows = match random.chance(1, 4) {
            true => NonZeroU64::new(1 + random.below(3)),
            false => None,
        };
        let file = file(&rows, &mut random);
        let mut options = ImportOptions {
            mode: ImportMode::DryRun,
            again,
            batch_rows,
            ..ImportOptions::default()
        };
        let context = format!("seed {seed}, step {step}, again {again}: {rows:?}");
        let trial =
            outcome(store.import_events(&file[..], &options, |_| ControlFlow::Continue(())));
        assert_eq!(
            records(&store),
            model.records(),
            "a dry run posts nothing: {context}"
        );
        options.mode = ImportMode::Post;
        let imported = store.import_events(&file[..], &options, |_| ControlFlow::Continue(()));
        match (model.expect(&rows, again), &imported) {
            (Expected::Posted { new, continued }, Ok(imported)) => {
                assert_eq!(
                    imported.posted - imported.opened.len() as u64,
                    new.len() as u64,
                    "{context}"
                );
                assert_eq!(imported.continued, continued as u64, "{context}");
                let known = rows.len() - new.len();
                assert_eq!(imported.already_posted, known as u64, "{context}");
                model.post(&rows, &new, batch_rows);
            }
            (Expected::Changed, Err(Error::Import(error))) => {
                assert!(
                    matches!(**error, ImportError::Changed(_)),
                    "{context}: {error}"
                );
            }
            (Expected::Equal(expected), Err(Error::Import(error))) => match &**error {
                ImportError::Equal { count, shown } => {
                    assert_eq!(
                        (*count, shown.len() as u64),
                        (expected, expected.min(3)),
                        "{context}"
                    );
                    for row in shown {
                        let entries = store.history(&row.account).unwrap();
                        let equal = entries.iter().find(|entry| entry.revision == row.revision);
                        assert_eq!(
                            equal.map(|entry| &entry.change),
                            Some(&row.change),
                            "{context}"
                        );
                    }
                }
                error => panic!("{context}: {error}"),
            },
            (expected, imported) => panic!("{context}: expected {expected:?}, got {imported:?}"),
        }
        assert_eq!(outcome(imported), trial, "{context}");
        assert_eq!(records(&store), model.records(), "{context}");
        files.push(rows);
    }
    assert_sound(&store);
}

/// 10,000 files. `GPU_CREDIT_IMPORTS` says how many stores, with a dozen files each.
#[test]
fn what_is_posted_of_a_file_is_right_or_refused() {
    for seed in 0..count("GPU_CREDIT_IMPORTS", seeds(834)) {
        run(seed);
    }
}

const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration";

fn import(store: &TestStore, file: &str) -> Result<Imported, Error> {
    store.import_events(file.as_bytes(), &ImportOptions::default(), |_| {
        ControlFlow::Continue(())
    })
}

/// A log of 19 rows that had grown by one was posted twice.
#[test]
fn a_log_that_has_grown_is_posted_once() {
    let (_disk, store) = store_in_memory();
    let mut log = format!("{HEADER}\n");
    for row in 0..19 {
        log.push_str(&format!("usage,acme,,4,{},\n", row / 2));
    }
    assert_eq!(import(&store, &log).unwrap().posted, 20);
    log.push_str("usage,acme,,4,9,\n");
    let grown = import(&store, &log).unwrap();
    assert_eq!((grown.posted, grown.continued), (1, 19));
    let again = import(&store, &log).unwrap();
    assert_eq!((again.posted, again.continued), (0, 20));
}

#[test]
fn rows_imported_before_are_shown_and_refused() {
    let (_disk, store) = store_in_memory();
    let file = |rows: &str| format!("{HEADER}\n{rows}");
    let _ = import(
        &store,
        &file("usage,a,,1,0,\nusage,a,,2,0,\ngrant,b,g,3,0,9\nusage,a,,4,0,\n"),
    )
    .unwrap();
    let other =
        file("usage,a,,4,0,\nusage,a,,9,9,\ngrant,b,g,3,0,9\nusage,a,,2,0,\nusage,a,,1,0,\n");
    assert_eq!(
        import(&store, &other).unwrap_err().to_string(),
        "4 rows without id equal rows imported before, in all columns, and the file does not continue \
         one of those: line 2 (account \"a\", usage of 4 at 0) equals revision 4; line 4 (account \"b\", \
         a grant of 3, active 0 to 9, credit id \"g\") equals revision 2; line 5 (account \"a\", \
         usage of 2 at 0) equals revision 3; and 1 more"
    );
    let options = ImportOptions {
        again: true,
        ..ImportOptions::default()
    };
    let again = store.import_events(other.as_bytes(), &options, |_| ControlFlow::Continue(()));
    assert_eq!(again.unwrap().posted, 5);
    assert_eq!(import(&store, &other).unwrap().continued, 5);
}

#[test]
fn a_row_that_says_something_else_under_its_id_is_shown_with_what_was_posted() {
    let (_disk, store) = store_in_memory();
    let file = |rows: &str| format!("{HEADER},id\n{rows}");
    let first = file("usage,a,,4,30,,j1\nusage,a,,5,30,,j2\n");
    assert_eq!(import(&store, &first).unwrap().posted, 3);
    // Compared is what was posted, not what stands.
    store
        .post(gpu_credit_store::Posting::change_usage("a", "fix", "j1", 7))
        .unwrap();
    assert_eq!(import(&store, &first).unwrap().already_posted, 2);
    let shuffled = file("usage,a,,5,30,,j2\nusage,a,,1,1,,j3\nusage,a,,4,30,,j1\n");
    assert_eq!(import(&store, &shuffled).unwrap().posted, 1);
    for (row, expected) in [
        (
            "usage,a,,7,30,,j1\n",
            "line 2: account \"a\", id \"j1\": the row is usage of 7 at 30, but revision 2, under this id, is \
             usage of 4 at 30",
        ),
        (
            "usage,a,,7,30,,fix\n",
            "line 2: account \"a\", id \"fix\": the row is usage of 7 at 30, but revision 4, under this id, is \
             the change of j1 to 7",
        ),
        (
            "usage,a,,7,30,,open\n",
            "line 2: account \"a\", id \"open\": the row is usage of 7 at 30, but revision 1, under this id, \
             is the opening of the account, policy carry",
        ),
        (
            "usage,a,,1,1,,new\nusage,a,,2,1,,new\n",
            "line 3: account \"a\", id \"new\": the row is usage of 2 at 1, but that of line 2 under \
             this id is usage of 1 at 1",
        ),
    ] {
        assert_eq!(
            import(&store, &file(row)).unwrap_err().to_string(),
            expected
        );
    }
    // The id of an opening that the import itself makes is taken as well.
    let error = import(&store, &file("usage,new,,1,1,,open\n")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2: account \"new\", id \"open\": the row is usage of 1 at 1, but under this id the import \
         makes the opening of the account, policy carry"
    );
}

#[test]
fn names_and_ids_are_bytes() {
    let (_disk, store) = store_in_memory();
    let rows = "usage,caf\u{e9},,1,0,,\u{e9}\nusage,cafe\u{301},,1,0,,\u{e9}\nusage,caf\u{e9},,2,0,,e\u{301}\n";
    let imported = import(&store, &format!("{HEADER},id\n{rows}")).unwrap();
    assert_eq!((imported.posted, imported.opened.len()), (5, 2));
}

#[test]
fn times_in_another_unit_are_converted_or_refused() {
    let (_disk, store) = store_in_memory();
    let import = |unit, rows: &str| {
        let options = ImportOptions {
            unit: Some(unit),
            ..ImportOptions::default()
        };
        let file = format!("{HEADER},id\n{rows}");
        store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()))
    };
    let _ = import(TimeUnit::Seconds, "grant,a,g,9,10,30,g1\n").unwrap();
    assert_eq!(store.time_unit().unwrap(), Some(TimeUnit::Seconds));
    let imported = import(
        TimeUnit::Milliseconds,
        "grant,a,g,9,10000,30000,g1\nusage,a,,4,20000,,u1\n",
    );
    assert_eq!(imported.unwrap().already_posted, 1);
    assert_eq!(store.get_balance("a", 20).unwrap(), Some(5));
    for (row, expected) in [
        (
            "usage,a,,1,20500,,u2\n",
            "line 2, column timestamp: found 20500 ms, expected a whole number of s, the store's unit of \
             time, in the range of 64 bits",
        ),
        (
            "grant,a,g,1,0,500,g2\n",
            "line 2, column expiration: found 500 ms, expected a whole number of s, the store's unit of \
             time, in the range of 64 bits",
        ),
    ] {
        let error = import(TimeUnit::Milliseconds, row).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    assert_eq!(store.time_unit().unwrap(), Some(TimeUnit::Seconds));
}

/// Compressed to a quarter of a megabyte, ten million rows took 5 GB.
#[test]
fn an_import_that_would_take_too_much_memory_is_refused() {
    let (_disk, store) = store_in_memory();
    let options = ImportOptions {
        memory_bytes_max: 400 << 20,
        ..ImportOptions::default()
    };
    let mut file = format!("{HEADER}\n");
    for row in 0..1_000_000 {
        file.push_str(&format!("usage,a,,1,{row},\n"));
    }
    let error = store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()));
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("line "), "{error}");
    assert!(error.contains("may take 419430400"), "{error}");
    assert!(store.accounts().unwrap().is_empty());
}

#[test]
fn accounts_are_not_opened_with_a_credit_line_beyond_the_limit() {
    let (_disk, store) = store_in_memory();
    let options = ImportOptions {
        policy: gpu_credit::Overdraft::CarryUpTo(i64::MAX.unsigned_abs() + 1),
        ..ImportOptions::default()
    };
    let file = "kind,account,credit_id,amount,timestamp,expiration\nusage,b,,1,1,\n";
    let refused = store.import_events(file.as_bytes(), &options, |_| ControlFlow::Continue(()));
    assert!(refused.is_err(), "{refused:?}");
}
