//! Imports that others post into, and imports that stop halfway and are run again.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Error, ImportError, ImportOptions, Imported, Journal, JournalError, Lane, Posting,
    StorageProblem, Store,
};

use crate::support::journal::{Hooked, Step};
use crate::support::{assert_sound, store_in_memory};

const PATIENCE: Duration = Duration::from_secs(20);

/// What is imported: the same records each time.
#[derive(Clone, Copy, Debug, PartialEq)]
enum File {
    WithIds,
    WithoutIds,
    Journal,
}

const FILES: [File; 3] = [File::WithIds, File::WithoutIds, File::Journal];

impl File {
    /// The opening of an account and usage of 1, 2, 3 and so on.
    fn text(self, rows: u64) -> String {
        match self {
            File::WithIds => {
                let rows = (1..=rows).map(|row| format!("usage,a,,{row},{row},,j{row}\n"));
                format!("{HEADER},id\n{}", rows.collect::<String>())
            }
            File::WithoutIds => {
                let rows = (1..=rows).map(|row| format!("usage,a,,{row},{row},\n"));
                format!("{HEADER}\n{}", rows.collect::<String>())
            }
            File::Journal => {
                let (_disk, store) = store_in_memory();
                store.open_account("a", Overdraft::Carry).unwrap();
                store.post_all((1..=rows).map(usage).collect()).unwrap();
                let mut lines = Vec::new();
                store.export_journal(&mut lines, |_| ()).unwrap();
                String::from_utf8(lines).unwrap()
            }
        }
    }

    fn import<J: Journal>(
        self,
        store: &Store<Lane<J>>,
        rows: u64,
        options: &ImportOptions,
    ) -> Result<Imported, Error> {
        let text = self.text(rows);
        match self {
            File::Journal => {
                store.import_journal(text.as_bytes(), options, |_| ControlFlow::Continue(()))
            }
            _ => store.import_events(text.as_bytes(), options, |_| ControlFlow::Continue(())),
        }
    }
}

const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration";

fn usage(row: u64) -> Posting {
    Posting::usage("a", format!("j{row}"), row, row.cast_signed())
}

fn used<J: Journal>(store: &Store<Lane<J>>) -> u64 {
    store.head("a").unwrap().totals.used
}

/// Imports ten rows, and each of the first `times` times that it looks ids up somebody posts
/// meanwhile. What is left of a refused import is nothing.
fn overtaken(
    file: File,
    times: u64,
    posting: impl Fn(u64) -> Posting + Send,
) -> (Store<Lane<impl Journal>>, Result<Imported, Error>) {
    let (is_checking, checking) = channel();
    let (posted, is_posted) = channel();
    let (is_checking, is_posted) = (Mutex::new(is_checking), Mutex::new(is_posted));
    let left = Arc::new(AtomicU64::new(0));
    let hook = {
        let left = Arc::clone(&left);
        move |step: Step<'_>| {
            let is_turn = |left: u64| left.checked_sub(1);
            if let Step::Find(ids) = step
                && ids.len() >= 10
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_turn)
                    .is_ok()
            {
                is_checking.lock().unwrap().send(()).unwrap();
                let posted = is_posted.lock().unwrap().recv_timeout(PATIENCE);
                posted.expect("they post meanwhile");
            }
            Ok::<(), JournalError>(())
        }
    };
    let store = Store::with_journal(Hooked::new(hook)).unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    left.store(times, Ordering::SeqCst);
    let imported = thread::scope(|scope| {
        let other = store.clone();
        scope.spawn(move || {
            for time in 0..times {
                checking.recv_timeout(PATIENCE).expect("it looks ids up");
                other.post(posting(time)).unwrap();
                posted.send(()).unwrap();
            }
        });
        file.import(&store, 10, &ImportOptions::default())
    });
    (store, imported)
}

/// How often an import is overtaken before it keeps others from posting.
const OVERTAKEN_MOST: u64 = 3;

#[test]
fn an_import_that_is_overtaken_is_checked_again() {
    for file in FILES {
        for times in 0..=OVERTAKEN_MOST {
            let other = |time| Posting::usage("a", format!("other {time}"), 100, 0);
            let (store, imported) = overtaken(file, times, other);
            assert_eq!(imported.unwrap().posted, 10, "{file:?}, {times}");
            assert_eq!(used(&store), 55 + 100 * times, "{file:?}, {times}");
            assert_sound(&store);
        }
    }
}

/// What is posted meanwhile under the ids of the file is part of it, or is refused.
#[test]
fn a_record_that_is_posted_while_it_is_imported_is_posted_once() {
    for file in [File::WithIds, File::Journal] {
        for times in 1..=OVERTAKEN_MOST {
            let same = |time| usage(time + 1);
            let (store, imported) = overtaken(file, times, same);
            let imported = imported.unwrap();
            let context = format!("{file:?}, {times}");
            assert_eq!(imported.posted, 10 - times, "{context}");
            assert_eq!(used(&store), 55, "{context}");
            assert_sound(&store);

            // The last posting has an id of the file.
            let differs = |time: u64| match time + 1 == times {
                true => Posting::usage("a", "j4", 100, 0),
                false => Posting::usage("a", format!("other {time}"), 100, 0),
            };
            let (store, refused) = overtaken(file, times, differs);
            let Err(Error::Import(error)) = refused else {
                panic!("{context}: it is refused");
            };
            assert!(
                matches!(*error, ImportError::Changed(_)),
                "{context}: {error}"
            );
            assert_eq!(used(&store), 100 * times, "{context}");
            assert_sound(&store);
        }
    }
}

/// Somebody may post between two looks of an import: at how long the journal is, and at its accounts.
#[test]
fn an_account_that_is_posted_to_before_an_import_looks_at_it_is_imported_into() {
    for file in FILES {
        let (is_looking, looking) = channel();
        let (posted, is_posted) = channel();
        let (is_looking, is_posted) = (Mutex::new(Some(is_looking)), Mutex::new(is_posted));
        let importer = Arc::new(Mutex::new(None));
        let hook = {
            let importer = Arc::clone(&importer);
            move |step: Step<'_>| {
                let is_importer = *importer.lock().unwrap() == Some(thread::current().id());
                if matches!(step, Step::Heads)
                    && is_importer
                    && let Some(is_looking) = is_looking.lock().unwrap().take()
                {
                    is_looking.send(()).unwrap();
                    let posted = is_posted.lock().unwrap().recv_timeout(PATIENCE);
                    posted.expect("they post meanwhile");
                }
                Ok::<(), JournalError>(())
            }
        };
        let store = Store::with_journal(Hooked::new(hook)).unwrap();
        store.open_account("a", Overdraft::Carry).unwrap();
        *importer.lock().unwrap() = Some(thread::current().id());
        let imported = thread::scope(|scope| {
            let other = store.clone();
            scope.spawn(move || {
                looking
                    .recv_timeout(PATIENCE)
                    .expect("it looks at accounts");
                for number in 0..5 {
                    let own = format!("other {number}");
                    other.post(Posting::usage("a", own, 100, 0)).unwrap();
                }
                posted.send(()).unwrap();
            });
            file.import(&store, 10, &ImportOptions::default())
        });
        assert_eq!(imported.unwrap().posted, 10, "{file:?}");
        assert_eq!(used(&store), 555, "{file:?}");
        assert_sound(&store);
    }
}

/// A limit that others reach while it is checked refuses it.
#[test]
fn a_limit_that_is_reached_while_an_import_is_checked_refuses_it() {
    for file in FILES {
        let most = i64::MAX.unsigned_abs();
        let fill = |_| Posting::usage("a", "most", most - 54, 0);
        let (store, refused) = overtaken(file, 1, fill);
        let error = refused.unwrap_err().to_string();
        assert!(
            error.contains("usage of 10 does not fit"),
            "{file:?}: {error}"
        );
        assert_eq!(used(&store), most - 54);
        assert_sound(&store);
    }
}

/// Many post to the accounts of a file, some of them what is in it.
#[test]
fn an_import_beside_many_postings_loses_and_doubles_nothing() {
    const ROWS: u64 = 300;
    const THREADS: u64 = 3;
    const POSTINGS: u64 = 100;
    let batches = [(File::WithIds, NonZeroU64::new(50))];
    let whole = [(File::WithIds, None), (File::Journal, None)];
    for (file, batch_rows) in whole.into_iter().chain(batches) {
        let (_disk, store) = store_in_memory();
        store.open_account("a", Overdraft::Carry).unwrap();
        let post = |thread: u64| {
            for number in 0..POSTINGS {
                let own = format!("{thread}-{number}");
                store.post(Posting::usage("a", own, 1, 0)).unwrap();
                store.post(usage(1 + (number * 7 + thread) % ROWS)).unwrap();
            }
        };
        thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || post(thread));
            }
            let options = ImportOptions {
                batch_rows,
                ..ImportOptions::default()
            };
            let _ = file.import(&store, ROWS, &options).unwrap();
        });
        let own = (0..THREADS)
            .flat_map(|thread| (0..POSTINGS).map(move |number| format!("{thread}-{number}")));
        let rows = (1..=ROWS).map(|row| format!("j{row}"));
        let expected: BTreeSet<String> = own.chain(rows).collect();
        let history = store.history("a").unwrap();
        let ids = history[1..]
            .iter()
            .map(|entry| entry.id.as_str().to_owned());
        let ids: Vec<String> = ids.collect();
        assert_eq!(ids.len(), expected.len(), "{file:?}, {batch_rows:?}");
        assert_eq!(ids.into_iter().collect::<BTreeSet<_>>(), expected);
        assert_eq!(used(&store), ROWS * (ROWS + 1) / 2 + THREADS * POSTINGS);
        assert_sound(&store);
    }
}

/// A storage that fails once, before or after it has written.
fn failing(at: u64, is_after: bool) -> Store<Lane<impl Journal>> {
    let appends = AtomicU64::new(0);
    let hook = move |step: Step<'_>| {
        let fails = match step {
            Step::Append => appends.fetch_add(1, Ordering::SeqCst) == at && !is_after,
            Step::Appended => appends.load(Ordering::SeqCst) == at + 1 && is_after,
            _ => false,
        };
        if fails && is_after {
            appends.fetch_add(1, Ordering::SeqCst);
        }
        match fails {
            true => Err(JournalError::new("disk", StorageProblem::Full)),
            false => Ok(()),
        }
    };
    Store::with_journal(Hooked::new(hook)).unwrap()
}

/// Ten rows at a time, and the disk is full in the middle: run again, it goes on from there, whether
/// the batch that failed was written or not, and whether the file has grown meanwhile or not.
#[test]
fn an_import_in_batches_that_stops_goes_on_when_it_is_run_again() {
    let in_tens = ImportOptions {
        batch_rows: NonZeroU64::new(10),
        ..ImportOptions::default()
    };
    for file in [File::WithIds, File::WithoutIds] {
        for (fails_at, is_after) in (0..10).flat_map(|at| [(at, false), (at, true)]) {
            for rows in [95, 99] {
                let store = failing(fails_at, is_after);
                let error = file.import(&store, 95, &in_tens).unwrap_err();
                let context = format!("{file:?}, {fails_at}, {is_after}, {rows}: {error}");
                match (&error, fails_at) {
                    (Error::Journal(_), 0) => {}
                    (Error::Import(stopped), _) => {
                        let ImportError::Stopped { line, posted, .. } = **stopped else {
                            panic!("{context}");
                        };
                        // The line of the header, and the opening of the account.
                        let told = fails_at * 10;
                        assert_eq!((line, posted), (told + 1, told + 1), "{context}");
                    }
                    _ => panic!("{context}"),
                }
                let written = 95.min(10 * (fails_at + u64::from(is_after)));
                let again = file.import(&store, rows, &in_tens).unwrap();
                assert_eq!(
                    again.posted - again.opened.len() as u64,
                    rows - written,
                    "{context}"
                );
                assert_eq!(again.already_posted, written, "{context}");
                let continued = if file == File::WithoutIds { written } else { 0 };
                assert_eq!(again.continued, continued, "{context}");
                assert_eq!(used(&store), rows * (rows + 1) / 2, "{context}");
                let third = file.import(&store, rows, &in_tens).unwrap();
                assert_eq!((third.posted, third.already_posted), (0, rows), "{context}");
                assert_sound(&store);
            }
        }
    }
}

/// Without ids, rows that are no longer all there are not taken for those that were posted.
#[test]
fn an_import_in_batches_that_stopped_is_not_continued_by_another_file() {
    let in_tens = ImportOptions {
        batch_rows: NonZeroU64::new(10),
        ..ImportOptions::default()
    };
    let store = failing(3, false);
    File::WithoutIds.import(&store, 95, &in_tens).unwrap_err();
    let other = File::WithoutIds.text(95).replacen("usage,a,,7,7,\n", "", 1);
    let error = store.import_events(other.as_bytes(), &in_tens, |_| ControlFlow::Continue(()));
    let error = error.unwrap_err().to_string();
    assert!(
        error.starts_with("29 rows without id equal rows imported before"),
        "{error}"
    );
    assert_eq!(used(&store), 30 * 31 / 2);
}
