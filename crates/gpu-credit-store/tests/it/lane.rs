//! Nobody waits for what is slow about somebody else's postings and questions.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_replay::Replay;
use gpu_credit_store::{
    Account, Change, Entry, Error, ImportOptions, Journal, JournalError, Lane, Outcome, Posting,
    Refusal, Revision, Sequence, StorageProblem, Store,
};
use gpu_credit_workload::random::Random;

use crate::support::journal::{Hooked, Step, kept};
use crate::support::model::Model;
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, everything, store_in_memory};

/// What would wait for ever waits so long, and is then a failure.
const PATIENCE: Duration = Duration::from_secs(20);

fn usage(account: &str, id: impl Into<String>) -> Posting {
    Posting::usage(account, id.into(), 1, 0)
}

fn batch(id: &str, size: usize) -> Vec<Posting> {
    (0..size)
        .map(|number| usage("b", format!("{id} {number}")))
        .collect()
}

/// A posting to an account that was being asked waited for the question, and everybody for it.
#[test]
fn a_slow_question_holds_up_no_posting() {
    let (_disk, store) = store_in_memory();
    for account in ["a", "b"] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    let (is_asked, asked) = channel();
    let (is_posted, posted) = channel();
    thread::scope(|scope| {
        let store = &store;
        scope.spawn(move || {
            let answer = store.with_account("a", |account| {
                is_asked.send(()).unwrap();
                posted.recv_timeout(PATIENCE).expect("they post meanwhile");
                account.balance_at(0).unwrap().deficit
            });
            // What was posted meanwhile is no part of what it was asked about.
            assert_eq!(answer.unwrap(), 0);
        });
        asked.recv_timeout(PATIENCE).unwrap();
        for number in 0..100 {
            store.post(usage("a", number.to_string())).unwrap();
            store.post(usage("b", number.to_string())).unwrap();
            assert_eq!(store.balance_at("b", 0).unwrap().deficit, number + 1);
        }
        store
            .post_all(vec![usage("a", "x"), usage("b", "x")])
            .unwrap();
        is_posted.send(()).unwrap();
        assert_eq!(store.balance_at("a", 0).unwrap().deficit, 101);
    });
    assert_sound(&store);
}

/// Holds up one step of a journal until it is told to go on.
struct Held {
    is_held: AtomicBool,
    go_on: Mutex<Receiver<()>>,
}

impl Held {
    fn hold(&self) {
        if self.is_held.load(Ordering::SeqCst) {
            let gone_on = self.go_on.lock().unwrap().recv_timeout(PATIENCE);
            gone_on.expect("they post meanwhile");
        }
    }
}

/// The rows of a batch, and of an import, were made while everybody waited.
#[test]
fn rows_are_made_outside_of_the_lane_and_moved_to_where_the_journal_ends() {
    const ROWS: usize = 1_000;
    let (go, go_on) = channel();
    let held = kept(Held {
        is_held: AtomicBool::new(true),
        go_on: Mutex::new(go_on),
    });
    let (is_held, held_now) = channel();
    let is_held = kept(Mutex::new(is_held));
    let hold = |step: Step<'_>| {
        if let Step::Prepare = step {
            is_held.lock().unwrap().send(()).unwrap();
            held.hold();
        }
        Ok(())
    };
    let store = Store::with_journal(Hooked::new(hold)).unwrap();
    for account in ["a", "b"] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    let (_disk, from) = store_in_memory();
    from.open_account("c", Overdraft::Carry).unwrap();
    for number in 0..ROWS {
        from.post(usage("c", number.to_string())).unwrap();
    }
    let mut journal = Vec::new();
    from.export_journal(&mut journal, |_| ()).unwrap();
    let header = "kind,account,credit_id,amount,timestamp,expiration\n";
    let events = format!("{header}{}", "usage,d,,1,0,\n".repeat(ROWS));

    let options = ImportOptions::default();
    let post = || drop(store.post_all(batch("x", ROWS)).unwrap());
    let import_journal = || {
        let imported =
            store.import_journal(journal.as_slice(), &options, |_| ControlFlow::Continue(()));
        assert_eq!(imported.unwrap().opened.len(), 1);
    };
    let import_events = || {
        let imported =
            store.import_events(events.as_bytes(), &options, |_| ControlFlow::Continue(()));
        assert_eq!(imported.unwrap().opened.len(), 1);
    };
    let writes: [&(dyn Fn() + Sync); 3] = [&post, &import_journal, &import_events];
    for (account, write) in ["b", "c", "d"].into_iter().zip(writes) {
        thread::scope(|scope| {
            let writing = scope.spawn(write);
            let made = held_now.recv_timeout(PATIENCE);
            made.expect("the rows are made by themselves");
            for number in 0..3 {
                let id = format!("while {account} waits, {number}");
                store.post(usage("a", id)).unwrap();
            }
            go.send(()).unwrap();
            writing.join().unwrap();
        });
        let deficit = store.balance_at(account, 0).unwrap().deficit;
        assert_eq!(deficit, ROWS as u64, "{account}");
    }
    let entries = everything(&store).into_values().flatten();
    let mut places: Vec<u64> = entries.map(|entry| entry.sequence.get()).collect();
    places.sort_unstable();
    assert!(places.into_iter().eq(1..=store.last_sequence().get()));
    assert_sound(&store);
}

/// The first posting to an account that was not loaded folded it while everybody waited; and so did
/// looking up the ids of a batch.
#[test]
fn a_cold_account_and_a_large_batch_hold_up_no_posting() {
    let (go, go_on) = channel();
    let held = kept(Held {
        is_held: AtomicBool::new(false),
        go_on: Mutex::new(go_on),
    });
    let (is_held, held_now) = channel();
    let is_held = kept(Mutex::new(is_held));
    let hold = |step: Step<'_>| {
        let is_slow = match step {
            Step::Entries(account) => account.name.starts_with("cold"),
            Step::Find(ids) => ids.len() > 600,
            _ => false,
        };
        if is_slow && held.is_held.load(Ordering::SeqCst) {
            is_held.lock().unwrap().send(()).unwrap();
            held.hold();
        }
        Ok(())
    };
    let store = Store::with_journal(Hooked::new(hold)).unwrap();
    store.open_account("b", Overdraft::Carry).unwrap();
    let cold = ["cold 1", "cold 2", "cold 3"];
    for account in cold {
        store.open_account(account, Overdraft::Carry).unwrap();
        store.post(usage(account, "first")).unwrap();
    }
    held.is_held.store(true, Ordering::SeqCst);
    // Plain usage and grants need no more than the head.
    for account in cold {
        store.post(usage(account, "second")).unwrap();
        let grant = Posting::grant(account, "g", "", 5, 0, None);
        store.post(grant).unwrap();
    }

    let slow: [Box<dyn Fn() + Sync>; 5] = [
        Box::new(|| {
            let fix = Posting::change_usage("cold 1", "fix", "first", 3);
            store.post(fix).unwrap();
        }),
        Box::new(|| {
            store
                .post(Posting::close_books("cold 2", "close", -5))
                .unwrap();
        }),
        Box::new(|| {
            store.balance_at("cold 3", 0).unwrap();
        }),
        Box::new(|| {
            store.dry_run(batch("trial", 1_000)).unwrap();
        }),
        Box::new(|| {
            store.post_all(batch("batch", 1_000)).unwrap();
        }),
    ];
    for (round, slow) in slow.iter().enumerate() {
        thread::scope(|scope| {
            scope.spawn(slow);
            // Whoever is overtaken gathers his facts again.
            for attempt in 0.. {
                let patience = match attempt {
                    0 => PATIENCE,
                    _ => Duration::from_millis(300),
                };
                let Ok(()) = held_now.recv_timeout(patience) else {
                    assert!(attempt > 0, "round {round} is slow");
                    break;
                };
                for account in ["b", "cold 1", "cold 2", "cold 3"] {
                    for number in 0..20 {
                        let id = format!("{round} {attempt} {number}");
                        store.post(usage(account, id)).unwrap();
                    }
                }
                go.send(()).unwrap();
            }
        });
    }
    held.is_held.store(false, Ordering::SeqCst);
    assert!(store.balance_at("b", 0).unwrap().deficit >= 5 * 20 + 1_000);
    assert_sound(&store);
}

/// A draft that was made outside of the lane is made anew if its accounts have changed since: it would
/// post what is there, or pass a limit.
#[test]
fn a_large_batch_is_drafted_anew_if_its_accounts_have_changed() {
    let most = i64::MAX.unsigned_abs();
    let (is_held, held_now) = channel();
    let (go, go_on) = channel::<()>();
    let (is_held, go_on) = (kept(Mutex::new(is_held)), kept(Mutex::new(go_on)));
    let store = Store::with_journal(Hooked::new(|step: Step<'_>| {
        if matches!(step, Step::Find(ids) if ids.len() > 600) {
            is_held.lock().unwrap().send(()).unwrap();
            let gone_on = go_on.lock().unwrap().recv_timeout(PATIENCE);
            gone_on.expect("they post meanwhile");
        }
        Ok(())
    }))
    .unwrap();
    store.open_account("b", Overdraft::Carry).unwrap();
    let first = store.head("b").unwrap().revision.get() + 1;
    thread::scope(|scope| {
        let posted = scope.spawn(|| store.post_all(batch("x", 700)));
        held_now.recv_timeout(PATIENCE).unwrap();
        go.send(()).unwrap();
        let outcomes = posted.join().unwrap().unwrap();
        assert_eq!(outcomes[0], Outcome::Posted(Revision::new(first)));

        // Every time it looks, one of its ids is posted by another; in the end it is drafted in the
        // lane.
        let posted = scope.spawn(|| store.post_all(batch("y", 700)));
        let mut known = 0;
        while held_now.recv_timeout(Duration::from_millis(500)).is_ok() {
            // Before and after the look-up.
            let id = format!("y {}", 3 * known);
            store.post(usage("b", id)).unwrap();
            known += 1;
            go.send(()).unwrap();
        }
        let outcomes = posted.join().unwrap().unwrap();
        let new = outcomes.iter().filter(|outcome| outcome.is_new()).count();
        assert_eq!(new, 700 - known);

        // No room for it is left by the time it is its turn.
        let posted = scope.spawn(|| store.post_all(batch("z", 700)));
        held_now.recv_timeout(PATIENCE).unwrap();
        let rest = Posting::usage("b", "rest", most - 1_400, 0);
        store.post(rest).unwrap();
        go.send(()).unwrap();
        while held_now.recv_timeout(Duration::from_millis(500)).is_ok() {
            go.send(()).unwrap();
        }
        let refused = posted.join().unwrap().unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }), "{refused}");
    });
    assert_eq!(store.balance_at("b", 0).unwrap().deficit, most);
    assert_sound(&store);
}

/// Writers of every kind, readers that are slow, questions to several accounts at once, accounts that
/// are loaded anew, and a journal whose appends fail, end in a panic, or succeed without being
/// acknowledged: what comes of it is what a serial order gives, which is that of the journal.
#[test]
fn whatever_happens_at_once_is_what_a_serial_order_gives() {
    let first = count("GPU_CREDIT_STORE_LANE_SEED", 1);
    for seed in first..first + count("GPU_CREDIT_STORE_LANE_SEEDS", 3) {
        at_once(seed);
    }
}

/// What is acknowledged: the posting, and the revision that it is.
type Acknowledged = Vec<(Posting, Option<Revision>)>;

fn at_once(seed: u64) {
    println!("seed {seed}");
    let random = kept(Mutex::new(Random::new(seed)));
    let failing = kept(AtomicBool::new(true));
    let chance =
        |one_of| failing.load(Ordering::SeqCst) && random.lock().unwrap().chance(1, one_of);
    let hook = move |step: Step<'_>| {
        match step {
            Step::Append if chance(40) => {
                let problem = StorageProblem::Full;
                return Err(JournalError::new("disk", problem));
            }
            Step::Append => assert!(!chance(200), "before writing"),
            Step::Appended => assert!(!chance(200), "after writing"),
            // Whoever looks up is overtaken now and then.
            Step::Entries(_) | Step::Find(_) if chance(10) => thread::yield_now(),
            _ => {}
        }
        Ok(())
    };
    let store = Store::with_journal(Hooked::new(hook)).unwrap();
    let (writing, looked) = (AtomicU64::new(4), AtomicU64::new(0));
    let (acknowledged, answers) = thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (store, writing, looked) = (&store, &writing, &looked);
                scope.spawn(move || {
                    let acknowledged = write(store, 10 * seed + writer);
                    wait_for(looked);
                    writing.fetch_sub(1, Ordering::SeqCst);
                    acknowledged
                })
            })
            .collect();
        let readers: Vec<_> = (0..2)
            .map(|reader| {
                let (store, writing, looked) = (&store, &writing, &looked);
                scope.spawn(move || read(store, (writing, looked), 10 * seed + reader))
            })
            .collect();
        let acknowledged = writers.into_iter().map(|writer| writer.join().unwrap());
        let acknowledged: Vec<Acknowledged> = acknowledged.collect();
        let answers = readers.into_iter().map(|reader| reader.join().unwrap());
        (acknowledged, answers.flatten().collect::<Vec<_>>())
    });
    failing.store(false, Ordering::SeqCst);
    // Whatever was left open by a failure is caught up with.
    store.open_account("last", Overdraft::Carry).unwrap();
    assert_sound(&store);
    let everything = everything(&store);
    let acknowledged = acknowledged.concat();
    let deletes = |posting: &Posting| posting.change == Change::DeleteAccount;
    let deleted: Vec<&str> = acknowledged
        .iter()
        .filter(|(posting, _)| deletes(posting))
        .map(|(posting, _)| posting.account.as_str())
        .collect();
    for (posting, revision) in &acknowledged {
        assert_eq!(revision.is_none(), deletes(posting), "{posting:?}");
        let is_there = revision.is_some_and(|revision| {
            let entry = everything.get(&posting.account).and_then(|entries| {
                let place = usize::try_from(revision.get() - 1).unwrap();
                entries.get(place)
            });
            entry.is_some_and(|entry| (&entry.id, &entry.change) == (&posting.id, &posting.change))
        });
        // Or its account was deleted later.
        assert!(
            is_there || deleted.contains(&posting.account.as_str()),
            "{posting:?} is not revision {revision:?}"
        );
    }
    let mut journal: Vec<Entry> = everything.into_values().flatten().collect();
    journal.sort_by_key(|entry| entry.sequence);
    for pair in journal.windows(2) {
        assert!(pair[0].sequence < pair[1].sequence);
    }
    assert_serial(journal, &answers);
}

fn write<J: Journal>(store: &Store<Lane<J>>, seed: u64) -> Acknowledged {
    let mut random = Random::new(seed);
    // The accounts of a pair are neither deleted nor closed, so that their past can be asked.
    let mut lively = Workload::new(1_000 + seed, 2);
    let mut steady = Workload::open_ended(2_000 + seed, 3);
    let mut acknowledged = Vec::new();
    for number in 0..60 {
        let batch: Vec<Posting> = match random.below(12) {
            0..6 => rename(lively.batch(), "lively"),
            11 if random.chance(1, 3) => {
                let large = (0..520).map(|part| {
                    let id = format!("{seed} {number} {part}");
                    Posting::usage("a", id, 1, 50 + part % 10)
                });
                let opening = Workload::opening("a");
                std::iter::once(opening).chain(large).collect()
            }
            _ => steady.batch(),
        };
        if random.chance(1, 6) {
            let _ = attempt(|| store.dry_run(batch.clone()));
        }
        // Whose commit failed asks again until he knows.
        let posted = (0..100).find_map(|_| match attempt(|| store.post_all(batch.clone())) {
            Some(Ok(outcomes)) => Some(Ok(outcomes)),
            None | Some(Err(Error::Journal(_) | Error::Interrupted)) => None,
            Some(Err(error)) => Some(Err(error)),
        });
        let posted = posted.expect("one gets through in the end");
        if let Err(Error::Refused {
            refusal: Refusal::DeletedBefore,
            ..
        }) = &posted
        {
            // It went through without being acknowledged, and the name was given again since.
            let deletes = |posting: &&Posting| posting.change == Change::DeleteAccount;
            let deletions = batch.iter().filter(deletes).cloned();
            acknowledged.extend(deletions.map(|deletion| (deletion, None)));
        }
        for (posting, outcome) in batch.into_iter().zip(posted.into_iter().flatten()) {
            let is_deleted_now_and_then = posting.account.starts_with("lively");
            if !is_deleted_now_and_then {
                let seen = store.with_account(&posting.account, Account::revision);
                assert!(seen.unwrap() >= outcome.revision().unwrap());
            }
            acknowledged.push((posting, outcome.revision()));
        }
    }
    acknowledged
}

/// `None` if it panics, which a leader does whose journal does.
fn attempt<T>(act: impl FnOnce() -> T) -> Option<T> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).ok()
}

fn rename(mut batch: Vec<Posting>, prefix: &str) -> Vec<Posting> {
    for posting in &mut batch {
        posting.account.insert_str(0, prefix);
    }
    batch
}

/// Balance and deficit of two accounts.
type Answers = [(Option<u64>, u64); 2];

/// What two accounts answered together, and between which entries.
struct Seen {
    before: Sequence,
    after: Sequence,
    answers: Answers,
}

const ASKED_AT: i64 = 60;

/// Readers look more often than this, all together.
const LOOKS_LEAST: u64 = 20;

/// Waits until readers have looked often enough, on a machine with much else to do too.
fn wait_for(looked: &AtomicU64) {
    let patience = Instant::now() + Duration::from_secs(10);
    while looked.load(Ordering::SeqCst) <= LOOKS_LEAST && Instant::now() < patience {
        thread::yield_now();
    }
}

fn read<J: Journal>(
    store: &Store<Lane<J>>,
    (writing, looked): (&AtomicU64, &AtomicU64),
    seed: u64,
) -> Vec<Seen> {
    let mut random = Random::new(seed);
    let mut seen = Vec::new();
    while writing.load(Ordering::SeqCst) > 0 {
        let is_slow = random.chance(1, 20);
        let before = store.last_sequence();
        let answers = store.with_accounts(&["aaa", "a"], |accounts| {
            if is_slow {
                thread::sleep(Duration::from_millis(5));
            }
            let after = store.last_sequence();
            let answer = |at: usize| {
                let answer = accounts[at].balance_at(ASKED_AT).unwrap();
                (answer.balance, answer.deficit)
            };
            (after, [answer(0), answer(1)])
        });
        match answers {
            Ok((after, answers)) => {
                seen.push(Seen {
                    before,
                    after,
                    answers,
                });
                looked.fetch_add(1, Ordering::SeqCst);
            }
            Err(Error::NoSuchAccount(_)) => {}
            Err(error) => panic!("{error}"),
        }
        let _ = store.with_account("livelya", |account| {
            if is_slow {
                thread::sleep(Duration::from_millis(5));
            }
            account.revision()
        });
        thread::yield_now();
    }
    seen
}

/// Both answers are those of one place between two entries.
fn assert_serial(journal: Vec<Entry>, seen: &[Seen]) {
    let mut model = Model::default();
    let mut states: Vec<(Sequence, Answers)> = Vec::new();
    // Nothing between the entries of one large batch was ever seen.
    let large = |entry: &Entry| {
        let id = entry.id.as_str().rsplit_once(' ')?;
        Some(id.0.to_owned())
    };
    let next = journal.iter().skip(1).map(Some).chain([None]);
    let within = |(entry, next): (&Entry, Option<&Entry>)| {
        large(entry).is_some() && large(entry) == next.and_then(large)
    };
    let within: Vec<bool> = journal.iter().zip(next).map(within).collect();
    for (entry, is_within) in journal.into_iter().zip(within) {
        let name = entry.account.name.to_string();
        let is_asked = !is_within && ["a", "aaa"].contains(&&*name);
        model.post(&Posting::new(name, entry.id, entry.change));
        if is_asked
            && ["a", "aaa"]
                .iter()
                .all(|name| model.accounts.contains_key(*name))
        {
            let answer = |name: &str| {
                let answer = model.accounts[name].replay().balance_at(ASKED_AT);
                (answer.balance, answer.deficit)
            };
            states.push((entry.sequence, [answer("aaa"), answer("a")]));
        }
    }
    assert!(seen.len() as u64 > LOOKS_LEAST, "it was looked at");
    for Seen {
        before,
        after,
        answers,
    } in seen
    {
        let first = states
            .partition_point(|(at, _)| at <= before)
            .saturating_sub(1);
        let end = states.partition_point(|(at, _)| at <= after);
        let between = &states[first.min(end)..end];
        assert!(
            between.iter().any(|(_, state)| state == answers),
            "{answers:?} between {before} and {after}"
        );
    }
}

/// Each correction of usage looked at all usage of its instant, and so did every load.
#[test]
fn corrections_at_one_instant_cost_what_they_cost_elsewhere() {
    let usage = count("GPU_CREDIT_STORE_ALIKE", 20_000);
    let taken = |step: i64| {
        let (disk, store) = store_in_memory();
        store.open_account("a", Overdraft::Carry).unwrap();
        let records = (0..usage).map(|number| {
            let at = step * number as i64;
            Posting::usage("a", number.to_string(), 2, at)
        });
        let corrections = (0..usage / 5).map(|number| {
            let of = (number * 7_919 % usage).to_string();
            Posting::change_usage("a", format!("fix {number}"), of, 1 + number % 3)
        });
        let start = Instant::now();
        store
            .post_all(records.chain(corrections).collect())
            .unwrap();
        let used = store.with_account("a", |account| account.ledger().used());
        let posting = start.elapsed();
        drop(store);
        let store = crate::support::open_disk(disk);
        let start = Instant::now();
        let loaded = store.with_account("a", |account| account.ledger().used());
        assert_eq!(loaded.unwrap(), used.unwrap());
        (posting, start.elapsed())
    };
    // The machine has other things to do: one of five rounds is as it should be.
    let rounds = (0..5).map(|_| (taken(1), taken(0)));
    let is_alike = rounds.into_iter().any(|(apart, alike)| {
        println!("{usage} usage records, posted and loaded: apart {apart:?}, alike {alike:?}");
        alike.0 <= 3 * apart.0 && alike.1 <= 3 * apart.1
    });
    assert!(
        is_alike,
        "corrections at one instant cost more than elsewhere"
    );
}
