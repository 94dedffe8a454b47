//! Several stores on one database.

use std::ops::ControlFlow;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Authorise, Error, Outcome, Posting, Refusal, Revision};

use crate::support::workload::Workload;
use crate::support::{Database, assert_sound, entry_count, everything, execute, refusal};

#[test]
fn what_one_store_posts_another_sees() {
    let database = Database::new();
    let (one, other) = (database.open(), database.open());
    let opened = one.open_account("acme", Overdraft::Carry).unwrap();
    assert_eq!(opened, Outcome::Posted(Revision::new(1)));
    one.post(Posting::grant("acme", "g", "march", 100, 0, 30))
        .unwrap();
    assert_eq!(other.get_balance("acme", 12).unwrap(), Some(100));
    // The other's head is known and old now: a conflict, which nobody is told of.
    one.post(Posting::usage("acme", "u", 20, 12)).unwrap();
    let posted = other.post(Posting::usage("acme", "v", 5, 12)).unwrap();
    assert_eq!(posted, Outcome::Posted(Revision::new(4)));
    let again = one.post(Posting::usage("acme", "v", 5, 12)).unwrap();
    assert_eq!(again, Outcome::AlreadyPosted(Revision::new(4)));
    let changed = one.post(Posting::usage("acme", "v", 6, 12)).unwrap_err();
    assert!(
        matches!(changed, Error::DifferentContent { .. }),
        "{changed}"
    );
    assert_eq!(one.get_balance("acme", 12).unwrap(), Some(75));
    one.post(Posting::change_usage("acme", "fix", "u", 10))
        .unwrap();
    assert_eq!(other.get_balance("acme", 12).unwrap(), Some(85));
    other
        .post(Posting::close_books("acme", "close", 12))
        .unwrap();
    assert_eq!(one.get_balance("acme", 12).unwrap(), Some(85));
    assert_sound(&one);
    one.delete_account("acme", "gone").unwrap();
    let gone = other.post(Posting::usage("acme", "w", 5, 12)).unwrap_err();
    assert!(matches!(gone, Error::NoSuchAccount(_)), "{gone}");
    assert_eq!(
        other.delete_account("acme", "gone").unwrap(),
        Outcome::AlreadyDeleted
    );
}

/// An earlier form of the append wrote entries without moving the head if their key was free, as it is once
/// the account is purged.
#[test]
fn a_store_with_an_old_head_posts_nothing_to_an_account_that_is_purged() {
    let database = Database::new();
    let (one, other) = (database.open(), database.open());
    for name in ["gone", "here"] {
        one.open_account(name, Overdraft::Carry).unwrap();
        one.post(Posting::usage(name, "u", 5, 12)).unwrap();
        // Now the other knows both heads.
        other.post(Posting::usage(name, "v", 5, 12)).unwrap();
    }
    one.delete_account("gone", "d").unwrap();
    let batch = vec![
        Posting::usage("here", "w", 5, 12),
        Posting::usage("gone", "w", 5, 12),
    ];
    for postings in [batch.clone(), batch[1..].to_vec()] {
        let refused = other.post_all(postings).unwrap_err();
        assert!(matches!(refused, Error::NoSuchAccount(name) if name == "gone"));
    }
    assert_eq!(other.head("here").unwrap().revision, Revision::new(3));
    assert_eq!(entry_count(&one), 3);
    // The name is free, and its next account is another.
    one.open_account("gone", Overdraft::Forfeit).unwrap();
    let posted = other.post_all(batch).unwrap();
    assert_eq!(posted[1], Outcome::Posted(Revision::new(2)));
    assert_sound(&other);
}

/// A request that waits for a name holds no name that comes after it.
#[test]
fn requests_that_open_two_names_in_opposite_order_do_not_wait_for_each_other() {
    let database = Database::new();
    let stores = [database.open(), database.open()];
    let begun = Instant::now();
    for round in 0..40 {
        let (one, other) = (format!("a{round}"), format!("b{round}"));
        let open = |name: &String, by: usize| {
            Posting::open_account(name.as_str(), format!("by {by}"), Overdraft::Carry)
        };
        let requests = [
            vec![open(&one, 0), open(&other, 0)],
            vec![open(&other, 1), open(&one, 1)],
        ];
        let start = Barrier::new(2);
        let outcomes = thread::scope(|scope| {
            let post = |(store, request)| {
                let start = &start;
                let store: &gpu_credit_postgres::PostgresStore = store;
                scope.spawn(move || {
                    start.wait();
                    store.post_all(request)
                })
            };
            let posting: Vec<_> = stores.iter().zip(requests).map(post).collect();
            let posted = posting.into_iter().map(|posting| posting.join().unwrap());
            posted.collect::<Vec<_>>()
        });
        let opened: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(
            opened.iter().filter(|opened| **opened).count(),
            1,
            "{outcomes:?}"
        );
        let lost = outcomes.into_iter().find_map(Result::err).unwrap();
        assert!(matches!(lost, Error::AccountExists(_)), "{lost}");
        let ids = [&one, &other].map(|name| stores[0].history(name).unwrap()[0].id.clone());
        assert_eq!(ids[0], ids[1], "one request opened both");
    }
    // The server notices a deadlock after a second.
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "{:?}",
        begun.elapsed()
    );
}

/// Regression: heads and ids were looked up one after the other. If the account was deleted and opened anew in
/// between, a retry was told that others had opened it.
#[test]
fn a_retry_meets_an_account_that_is_opened_anew_under_the_same_id() {
    let database = Database::new();
    let (one, other) = (database.open(), database.open());
    let opening = || Posting::open_account("a", "open", Overdraft::Carry);
    thread::scope(|scope| {
        let retrying = scope.spawn(|| {
            for _ in 0..300 {
                one.dry_run(vec![opening()]).unwrap();
            }
        });
        for round in 0.. {
            other.post(opening()).unwrap();
            other.delete_account("a", format!("d{round}")).unwrap();
            if retrying.is_finished() {
                break;
            }
        }
    });
}

/// Threads of three stores post to few accounts, batches over several of them too.
#[test]
fn what_many_post_to_few_accounts_is_there_once() {
    let database = Database::new();
    let stores = [database.open(), database.open(), database.open()];
    let acknowledged: Vec<_> = thread::scope(|scope| {
        let writers = (0..6_u64).map(|writer| {
            let store = &stores[writer as usize % 3];
            scope.spawn(move || {
                let mut workload = Workload::open_ended(100 + writer, 3);
                let mut acknowledged = Vec::new();
                for step in 0..60 {
                    let mut batch = workload.batch();
                    if step % 5 == 0 {
                        let other = Workload::opening("aa");
                        let id = format!("{writer} {step}");
                        batch.extend([other, Posting::usage("aa", id, 1, 5)]);
                    }
                    if let Ok(outcomes) = store.post_all(batch.clone()) {
                        acknowledged.extend(batch.into_iter().zip(outcomes));
                    }
                }
                acknowledged
            })
        });
        let writers: Vec<_> = writers.collect();
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect()
    });
    let all = everything(&stores[0]);
    let mut new = 0;
    for (posting, outcome) in acknowledged {
        let entries = &all[&posting.account];
        let revision = outcome.revision().unwrap();
        let entry = &entries[revision.get() as usize - 1];
        assert_eq!((&entry.id, &entry.change), (&posting.id, &posting.change));
        assert_eq!(entry.revision, revision);
        new += u64::from(outcome.is_new());
    }
    assert_eq!(new, entry_count(&stores[0]), "each entry is new to one");
    for store in &stores {
        assert_eq!(everything(store), all);
        assert_sound(store);
    }
}

/// A connection that the server ends is made anew; what was posted meanwhile is there once.
#[test]
fn connections_that_are_ended_are_made_anew() {
    let database = Database::new();
    let store = database.open();
    store.open_account("a", Overdraft::Carry).unwrap();
    let end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
        WHERE pid <> pg_backend_pid() AND application_name = 'ended'";
    let ended = Database {
        url: format!("{} application_name=ended", database.url),
    };
    let store_that_is_ended = ended.open();
    thread::scope(|scope| {
        let posting = scope.spawn(|| {
            for number in 0..200 {
                let id = format!("u{number}");
                let usage = Posting::usage("a", id, 1, number);
                while let Err(error) = store_that_is_ended.post(usage.clone()) {
                    assert!(matches!(error, Error::Journal(_)), "{error}");
                }
                let used = store_that_is_ended.with_account("a", |a| a.ledger().used_at(1_000));
                if let Ok(used) = used {
                    assert_eq!(used, number as u64 + 1);
                }
            }
        });
        while !posting.is_finished() {
            execute(&database.url, end_all);
            thread::sleep(Duration::from_millis(20));
        }
        posting.join().unwrap();
    });
    assert_eq!(entry_count(&store), 201);
    assert_sound(&store);
}

/// Regression: lines of a journal without order between accounts all had place 0, which no import takes.
#[test]
fn what_is_exported_is_imported_into_a_file() {
    let database = Database::new();
    let store = database.open();
    let mut workload = Workload::new(7, 3);
    for _ in 0..60 {
        let _ = store.post_all(workload.batch());
    }
    let mut journal = Vec::new();
    let written = store.export_journal(&mut journal, |_| ()).unwrap();
    assert_eq!(written, entry_count(&store));
    let file = gpu_credit_store::Store::in_memory().unwrap();
    let options = gpu_credit_store::ImportOptions::default();
    let imported = file.import_journal(&journal[..], &options, |_| ControlFlow::Continue(()));
    assert_eq!(imported.unwrap().posted, written);
    let content = |entries: Vec<gpu_credit_store::Entry>| {
        let content = |entry: gpu_credit_store::Entry| {
            (entry.revision, entry.id, entry.recorded_at, entry.change)
        };
        entries.into_iter().map(content).collect::<Vec<_>>()
    };
    for key in store.accounts().unwrap() {
        let there = content(file.history(&key.name).unwrap());
        assert_eq!(there, content(store.history(&key.name).unwrap()));
    }
    assert_sound(&file);
}

/// PostgreSQL keeps no text with a NUL: that is said before anything is written, and nobody else is refused.
#[test]
fn texts_with_a_nul_are_refused_and_not_found() {
    let database = Database::new();
    let store = database.open();
    store.open_account("a", Overdraft::Carry).unwrap();
    let refused = [
        Posting::open_account("\0", "open", Overdraft::Carry),
        Posting::usage("a", "u\0", 1, 1),
        Posting::grant("a", "g", "\0", 1, 1, 1),
        Posting::retract("a", "r", "\0"),
    ];
    for posting in refused {
        assert_eq!(refusal(store.post(posting)), Refusal::TextNotKept);
    }
    assert!(matches!(store.head("\0"), Err(Error::NoSuchAccount(_))));
    assert!(matches!(
        store.get_balance("\0", 1),
        Err(Error::NoSuchAccount(_))
    ));
    assert_eq!(store.entry("a", &"\0".into()).unwrap(), None);
}

/// What is changed in the tables by hand is found.
#[test]
fn an_entry_that_is_changed_is_known_by_its_checksum() {
    let database = Database::new();
    let store = database.open();
    store.open_account("a", Overdraft::Carry).unwrap();
    store.post(Posting::usage("a", "u", 1, 1)).unwrap();
    execute(&database.url, "UPDATE entry SET amount = 2 WHERE id = 'u'");
    let found = store.check(10, |_| ()).unwrap();
    assert!(
        found.problems[0].contains("its checksum does not match"),
        "{found:?}"
    );
    assert!(store.get_balance("a", 1).is_err());
    execute(
        &database.url,
        "UPDATE entry SET amount = 1 WHERE id = 'u'; DELETE FROM entry WHERE revision = 1",
    );
    let found = store.check(10, |_| ()).unwrap();
    assert!(
        found.problems[0].contains("stands at revision 2 and has 1 entries"),
        "{found:?}"
    );
}

/// Each store decides on what it knows, and what it knows may be old: the heads that an append compares decide.
#[test]
fn of_64_requests_on_three_stores_ten_get_a_hold_if_ten_fit() {
    let database = Database::new();
    let stores = [(); 3].map(|()| database.open());
    stores[0].open_account("team", Overdraft::Carry).unwrap();
    stores[0]
        .post(Posting::grant("team", "g", "", 100, 0, 99))
        .unwrap();
    let begin = Barrier::new(64);
    let given = thread::scope(|scope| {
        let threads = (0..64).map(|number| {
            let (store, begin) = (&stores[number % 3], &begin);
            scope.spawn(move || {
                begin.wait();
                let asked = Authorise::new(format!("req-{number}"), ["team"], 10, 5..15);
                store.authorise(asked).unwrap().hold().is_some()
            })
        });
        let threads: Vec<_> = threads.collect();
        let given = threads.into_iter().map(|thread| thread.join().unwrap());
        given.filter(|given| *given).count()
    });
    assert_eq!(given, 10);
    for store in &stores {
        let held = store.with_account("team", |team| team.held(5).unwrap());
        assert_eq!(held.unwrap(), 100);
        assert_sound(store);
    }
}

/// Regression: what was read of it until then was exported as if it were all.
#[test]
fn an_account_that_is_deleted_while_it_is_exported_ends_the_export() {
    let database = Database::new();
    let (one, other) = (database.open(), database.open());
    let mut postings = vec![Posting::open_account("acme", "open", Overdraft::Carry)];
    let usage = |number: i64| Posting::usage("acme", number.to_string(), 1, number);
    postings.extend((0..9_000).map(usage));
    one.post_all(postings).unwrap();
    let delete = |entries| {
        if entries == 5_000 {
            other.delete_account("acme", "gone").unwrap();
        }
    };
    let error = one.export_journal(Vec::new(), delete).unwrap_err();
    assert!(matches!(error, Error::DeletedMeanwhile(_)), "{error}");
    assert!(error.to_string().contains("acme"), "{error}");
    one.export_journal(Vec::new(), |_| ()).unwrap();
}
