//! Metered usage: jobs under ids, their corrections, and what a close of the books leaves of them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Error, MeteredChange, Posting, Refusal, Revision, Stopped, TEXT_BYTES_MAX};

use crate::support::{
    Folder, STRIDE, TestStore, assert_sound, content, crash, everything, imported_again, refusal,
    reopen, store, store_in_memory,
};

fn job(rate: u64, from: i64, until: i64) -> MeteredUsage {
    MeteredUsage { rate, from, until }
}

fn until(until: i64) -> MeteredChange {
    MeteredChange {
        until: Some(until),
        ..MeteredChange::default()
    }
}

/// A grant that is live in [0, 100], and a job that uses 2 at each tick of [10, 20).
fn account() -> (Folder, TestStore) {
    let (folder, store) = store();
    store
        .post_all(vec![
            Posting::open_account("a", "open", Overdraft::Carry),
            Posting::grant("a", "g", "march", 100, 0, 100),
            Posting::metered_usage("a", "job", job(2, 10, 20)),
            Posting::usage("a", "u", 1, 10),
        ])
        .unwrap();
    (folder, store)
}

#[test]
fn a_job_is_known_again_by_its_id_and_other_content_is_shown() {
    let (_folder, store) = account();
    let again = store.post(Posting::metered_usage("a", "job", job(2, 10, 20)));
    assert!(!again.unwrap().is_new());
    let other = store.post(Posting::metered_usage("a", "job", job(2, 10, 21)));
    assert_eq!(
        other.unwrap_err().to_string(),
        "account \"a\", id \"job\": revision 3 has this id and other content: it is metered usage of 2 \
         a tick from 10 until 20, and not metered usage of 2 a tick from 10 until 21"
    );
    let change = Posting::change_metered_usage("a", "c", "job", until(15));
    assert!(store.post(change.clone()).unwrap().is_new());
    assert!(!store.post(change).unwrap().is_new());
    let other = store.post(Posting::change_metered_usage("a", "c", "job", until(16)));
    assert!(matches!(other, Err(Error::DifferentContent { .. })));
    // Compared is what was posted, not what stands.
    let again = store.post(Posting::metered_usage("a", "job", job(2, 10, 20)));
    assert!(!again.unwrap().is_new());
}

#[test]
fn every_correction_acts_as_if_the_job_had_been_posted_so() {
    let change = |rate, from, until| {
        let change = MeteredChange { rate, from, until };
        Posting::change_metered_usage("a", "c", "job", change)
    };
    let cases = [
        (change(Some(3), None, None), [100, 96, 69, 69, 69]),
        (change(None, Some(15), None), [100, 99, 89, 89, 89]),
        (change(None, None, Some(11)), [100, 97, 97, 97, 97]),
        (change(None, None, Some(30)), [100, 97, 79, 59, 59]),
        (change(Some(1), Some(90), Some(95)), [100, 99, 99, 99, 94]),
        (change(None, None, Some(-7)), [100, 99, 99, 99, 99]),
        (Posting::retract("a", "c", "job"), [100, 99, 99, 99, 99]),
    ];
    for (correction, expected) in cases {
        let (folder, store) = account();
        let expected = expected.map(Some);
        let instants = [9, 10, 19, 40, 100];
        store.post(correction.clone()).unwrap();
        let answers = store.get_balances("a", &instants).unwrap();
        assert_eq!(answers, expected, "{correction:?}");
        assert_sound(&store);
        let before = everything(&store);
        drop(store);
        let store = reopen(&folder);
        let answers = store.get_balances("a", &instants).unwrap();
        assert_eq!(answers, expected, "loaded after {correction:?}");
        assert_eq!(everything(&store), before);
        // Out as lines and in again.
        let (_disk, other) = imported_again(&store);
        assert_eq!(content(&other), content(&store));
    }
}

#[test]
fn what_cannot_be_corrected_is_said() {
    let (_folder, store) = account();
    let post = |posting| refusal(store.post(posting));
    let id = || "job".into();
    assert_eq!(
        post(Posting::change_usage("a", "1", "job", 1)),
        Refusal::NotUsage(id())
    );
    assert_eq!(
        post(Posting::revoke("a", "1", "job", 1)),
        Refusal::NotAGrant(id())
    );
    assert_eq!(
        post(Posting::change_expiration("a", "1", "job", 1)),
        Refusal::NotAGrant(id())
    );
    let nothing = MeteredChange::default();
    assert_eq!(
        post(Posting::change_metered_usage("a", "1", "job", nothing)),
        Refusal::NothingToChange(id())
    );
    for of in ["u", "g"] {
        assert_eq!(
            post(Posting::change_metered_usage("a", "1", of, until(5))),
            Refusal::NotMetered(of.into())
        );
    }
    store.post(Posting::retract("a", "1", "job")).unwrap();
    for again in [
        Posting::change_metered_usage("a", "2", "job", until(5)),
        Posting::retract("a", "2", "job"),
    ] {
        assert_eq!(post(again), Refusal::Retracted(id()));
    }
}

#[test]
fn a_rate_times_its_ticks_counts_towards_the_limit() {
    let most = i64::MAX;
    let (_disk, store) = store_in_memory();
    store.open_account("a", Overdraft::Carry).unwrap();
    let post = |id: &str, usage| store.post(Posting::metered_usage("a", id, usage));
    let too_large = |refusal: Refusal, expected: u64| {
        let Refusal::Limit(gpu_credit::Error::MeteredUsageTooLarge { total, .. }) = refusal else {
            panic!("not this limit: {refusal}");
        };
        assert_eq!(total, expected);
    };
    too_large(refusal(post("1", job(u64::MAX, i64::MIN, most))), 0);
    too_large(refusal(post("1", job(1, -1, most))), 0);
    post("1", job(1, 0, most)).unwrap();
    too_large(refusal(post("2", job(1, 5, 6))), most.unsigned_abs());
    post("2", job(u64::MAX, 6, 5)).unwrap();
    let change = |of: &str, change| {
        let id = format!("{of} {change:?}");
        store.post(Posting::change_metered_usage("a", id, of, change))
    };
    too_large(refusal(change("2", until(7))), most.unsigned_abs());
    change("1", until(most - 1)).unwrap();
    post("3", job(1, 5, 6)).unwrap();
    let more = MeteredChange {
        rate: Some(2),
        ..MeteredChange::default()
    };
    too_large(refusal(change("1", more)), 1);
    store.post(Posting::retract("a", "r", "1")).unwrap();
    assert_eq!(store.head("a").unwrap().totals.used, 1);
    // A close folds away what was used before it.
    post("4", job(1, 0, 100)).unwrap();
    store
        .post(Posting::grant("a", "g", "", 200, 0, 10))
        .unwrap();
    store.post(Posting::close_books("a", "close", 60)).unwrap();
    let totals = store.head("a").unwrap().totals;
    assert_eq!(totals.used, 40 + 49, "40 ticks, and what is owed for 49");
    assert_sound(&store);
}

/// Whether two jobs use the same at every tick before an instant.
fn are_same_before(one: MeteredUsage, other: Option<MeteredUsage>, instant: i64) -> bool {
    let at = |job: MeteredUsage, tick| match (job.from..job.until).contains(&tick) {
        true => job.rate,
        false => 0,
    };
    (-10..instant).all(|tick| at(one, tick) == other.map_or(0, |other| at(other, tick)))
}

/// All corrections of all small jobs: after the close exactly those are admitted that leave the ticks
/// before it alone, whether the job is known from the batch, from memory or from the file; but one that
/// changes nothing of a job that had ended.
#[test]
fn a_correction_is_refused_only_if_it_changes_a_tick_before_the_close() {
    let closed = 4;
    let ends = [1, 3, 4, 5, 7];
    let jobs = |rates: [u64; 2]| {
        let of_rate = move |rate| {
            let from = move |from| ends.map(|until| job(rate, from, until));
            ends.into_iter().flat_map(from)
        };
        rates.into_iter().flat_map(of_rate)
    };
    for posted in jobs([0, 2]) {
        let corrections = jobs([0, 2]).chain(jobs([3, 2]));
        let corrections = corrections.map(Some).chain([None]);
        for (number, after) in corrections.enumerate().step_by(STRIDE) {
            let run = AssertUnwindSafe(|| correct(posted, after, closed, number % 3));
            if let Err(panic) = catch_unwind(run) {
                eprintln!("{posted:?} to {after:?}");
                resume_unwind(panic);
            }
        }
    }
}

fn correct(posted: MeteredUsage, after: Option<MeteredUsage>, closed: i64, known_from: usize) {
    let (mut memory, mut store) = store_in_memory();
    let correction = match after {
        Some(MeteredUsage { rate, from, until }) => {
            let change = MeteredChange {
                rate: Some(rate),
                from: Some(from),
                until: Some(until),
            };
            Posting::change_metered_usage("a", "c", "job", change)
        }
        None => Posting::retract("a", "c", "job"),
    };
    let mut postings = vec![
        Posting::open_account("a", "open", Overdraft::Carry),
        Posting::grant("a", "g", "", 40, 0, 30),
        Posting::metered_usage("a", "before", job(1, 0, 9)),
        Posting::metered_usage("a", "job", posted),
        Posting::metered_usage("a", "after", job(1, 0, 9)),
        Posting::close_books("a", "close", closed),
    ];
    let outcome = if known_from == 0 {
        // Refused, the batch leaves nothing: the trial says what comes of it.
        let trial = [postings.clone(), vec![correction.clone()]].concat();
        let tried = store.dry_run(trial).map(|_| ());
        store.post_all(postings).unwrap();
        let posted = store.post(correction).map(|_| ());
        assert_eq!(tried.is_ok(), posted.is_ok());
        posted
    } else {
        store.post_all(std::mem::take(&mut postings)).unwrap();
        if known_from == 2 {
            crash(&mut memory, &mut store);
        }
        store.post(correction).map(|_| ())
    };
    let has_ended = posted.rate > 0 && posted.from < posted.until && posted.until < closed;
    let is_admitted = are_same_before(posted, after, closed) && !has_ended;
    assert_eq!(outcome.is_ok(), is_admitted, "{outcome:?}");
    if let Err(error) = outcome {
        let expected = Refusal::BooksClosed { until: closed };
        assert_eq!(refusal(Err::<(), _>(error)), expected);
        return;
    }
    let used = |tick: i64| {
        let others = 2 * (tick.min(8) + 1);
        let job = after.map_or(0, |job| {
            let ticks = (tick + 1).min(job.until) - job.from;
            ticks.max(0) * job.rate as i64
        });
        others + job
    };
    for tick in closed..20 {
        let expected = u64::try_from(40 - used(tick)).unwrap();
        assert_eq!(
            store.get_balance("a", tick).unwrap(),
            Some(expected),
            "{tick}"
        );
    }
    assert_sound(&store);
}

/// After a close, a job that went on can be changed again and again, over further closes.
#[test]
fn a_job_that_runs_keeps_its_id_over_closes() {
    let (folder, store) = store();
    let post = |posting: Posting| store.post(posting).unwrap();
    post(Posting::open_account("a", "open", Overdraft::Carry));
    post(Posting::grant("a", "g", "", 1_000, 0, 1_000));
    post(Posting::metered_usage("a", "gone", job(5, 0, 10)));
    post(Posting::metered_usage("a", "retracted", job(5, 0, 10)));
    post(Posting::retract("a", "r", "retracted"));
    post(Posting::metered_usage("a", "job", job(2, 0, 100)));
    post(Posting::metered_usage("a", "later", job(1, 60, 70)));
    post(Posting::close_books("a", "close 1", 20));
    post(Posting::change_metered_usage("a", "c1", "job", until(50)));
    post(Posting::close_books("a", "close 2", 40));
    post(Posting::change_metered_usage("a", "c2", "job", until(80)));
    let slower = MeteredChange {
        rate: Some(1),
        ..MeteredChange::default()
    };
    let refused = store.post(Posting::change_metered_usage("a", "c3", "job", slower));
    assert_eq!(refusal(refused), Refusal::BooksClosed { until: 40 });
    let refused = store.post(Posting::change_metered_usage("a", "c3", "gone", until(90)));
    assert_eq!(refusal(refused), Refusal::BooksClosed { until: 40 });
    post(Posting::change_metered_usage("a", "c4", "later", slower));
    post(Posting::retract("a", "r2", "later"));
    let expected = [40, 79, 80, 999].map(|tick: i64| {
        let job = 2 * (tick + 1).min(80);
        Some(1_000 - 50 - job.unsigned_abs())
    });
    let check = |store: &TestStore| {
        let answers = store.get_balances("a", &[40, 79, 80, 999]).unwrap();
        assert_eq!(answers, expected);
        let statement =
            store.usage_statement("a", &"job".into(), store.head("a").unwrap().revision);
        assert_eq!(statement.unwrap().amount, 80, "40 ticks from the close on");
        let statement =
            store.usage_statement("a", &"gone".into(), store.head("a").unwrap().revision);
        assert!(matches!(statement, Err(Error::Closed(_))), "{statement:?}");
        assert_sound(store);
    };
    check(&store);
    drop(store);
    check(&reopen(&folder));
}

#[test]
fn a_job_is_posted_from_the_close_on() {
    let (_folder, store) = account();
    store.post(Posting::close_books("a", "close", 50)).unwrap();
    for refused in [job(1, 49, 60), job(0, 49, 60), job(1, 10, 5)] {
        let refused = store.post(Posting::metered_usage("a", "x", refused));
        assert_eq!(refusal(refused), Refusal::BooksClosed { until: 50 });
    }
    let posted = store.post(Posting::metered_usage("a", "x", job(1, 50, 60)));
    assert!(posted.unwrap().is_new());
    assert_sound(&store);
}

#[test]
fn a_stopped_job_stays_as_it_is() {
    let (_folder, store) = account();
    let stop = |at| store.stop("a", &"job".into(), at);
    assert_eq!(stop(20).unwrap(), Stopped::Ended { until: Some(20) });
    assert_eq!(stop(99).unwrap(), Stopped::Ended { until: Some(20) });
    let revision = Revision::new(5);
    assert_eq!(stop(15).unwrap(), Stopped::Now(revision));
    let before = Stopped::Before {
        revision,
        until: 15,
    };
    for at in [15, 16, 12, i64::MAX] {
        assert_eq!(stop(at).unwrap(), before, "{at}");
    }
    assert_eq!(store.get_balance("a", 100).unwrap(), Some(100 - 1 - 10));
    // A retraction stays one, and so does a correction.
    store
        .post(Posting::change_metered_usage("a", "c", "job", until(18)))
        .unwrap();
    let corrected = |until| Stopped::Before { revision, until };
    assert_eq!(stop(19).unwrap(), corrected(18));
    assert_eq!(store.get_balance("a", 100).unwrap(), Some(100 - 1 - 16));
    // Regression: a job whose end was corrected to a later one, and one that was retracted, were said to
    // have ended when they were stopped.
    store
        .post(Posting::change_metered_usage("a", "d", "job", until(40)))
        .unwrap();
    assert_eq!(stop(20).unwrap(), corrected(40));
    store.post(Posting::retract("a", "r", "job")).unwrap();
    assert_eq!(refusal(stop(20)), Refusal::Retracted("job".into()));
}

/// Regression: nothing said why such a job cannot be stopped.
#[test]
fn a_job_of_too_long_an_id_is_ended_under_another() {
    let (_folder, store) = account();
    let longest = "x".repeat(TEXT_BYTES_MAX);
    for (id, length) in [(&longest[5..], None), (&longest[4..], Some(1_025))] {
        store
            .post(Posting::metered_usage("a", id, job(1, 10, 60)))
            .unwrap();
        let stopped = store.stop("a", &id.into(), 15);
        match length {
            None => assert!(matches!(stopped, Ok(Stopped::Now(_))), "{stopped:?}"),
            Some(length) => assert_eq!(refusal(stopped), Refusal::TextLength(length)),
        }
    }
    let ended = Posting::change_metered_usage("a", "end", &longest[4..], until(15));
    assert!(store.post(ended).unwrap().is_new());
}

#[test]
fn only_a_job_can_be_stopped() {
    let (_folder, store) = account();
    let stop = |of: &str, at| store.stop("a", &of.into(), at);
    let refused = |of: &str| refusal(stop(of, 15));
    assert_eq!(refused("u"), Refusal::NotMetered("u".into()));
    assert_eq!(refused("open"), Refusal::NotARecord("open".into()));
    assert_eq!(refused("x"), Refusal::NoSuchRecord("x".into()));
    store.post(Posting::usage("a", "job/stop", 1, 5)).unwrap();
    let error = stop("job", 15).unwrap_err();
    assert!(matches!(error, Error::DifferentContent { .. }), "{error}");
    store
        .post(Posting::metered_usage("a", "job 2", job(2, 10, 20)))
        .unwrap();
    store
        .post(Posting::metered_usage("a", "job 3", job(1, 10, 60)))
        .unwrap();
    store.post(Posting::retract("a", "r", "job")).unwrap();
    store.post(Posting::close_books("a", "close", 50)).unwrap();
    assert_eq!(stop("job 2", 60).unwrap(), Stopped::Ended { until: None });
    assert_eq!(
        refusal(stop("job 3", 49)),
        Refusal::BooksClosed { until: 50 }
    );
    assert!(matches!(stop("job 3", 50).unwrap(), Stopped::Now(_)));
    let used = 1 + 1 + 20 + 40;
    assert_eq!(store.get_balance("a", 60).unwrap(), Some(100 - used));
}

/// Who stops at the same time agrees on one end.
#[test]
fn many_who_stop_a_job_stop_it_once() {
    let (_disk, store) = store_in_memory();
    store.open_account("a", Overdraft::Carry).unwrap();
    for number in 0..20 {
        let id = format!("job {number}");
        store
            .post(Posting::metered_usage("a", id.as_str(), job(1, 0, 1_000)))
            .unwrap();
        let stop = |at: i64| {
            let store = store.clone();
            let id = id.as_str().into();
            std::thread::spawn(move || (at, store.stop("a", &id, at).unwrap()))
        };
        let stopped = [5, 6, 7].map(stop).map(|thread| thread.join().unwrap());
        let now = |(at, stopped): &(i64, Stopped)| match stopped {
            Stopped::Now(_) => Some(*at),
            _ => None,
        };
        let ends: Vec<i64> = stopped.iter().filter_map(now).collect();
        assert_eq!(ends.len(), 1, "{stopped:?}");
        for (_, stopped) in stopped {
            if let Stopped::Before { until, .. } = stopped {
                assert_eq!(until, ends[0]);
            }
        }
    }
}

#[test]
fn who_paid_for_a_job_is_asked_by_its_id() {
    let (_folder, store) = store();
    let mut postings = vec![
        Posting::open_account("a", "open", Overdraft::Carry),
        Posting::grant("a", "today", "", 20, 0, 9),
        Posting::grant("a", "tomorrow", "", 28, 10, 9),
        Posting::metered_usage("a", "other", job(0, 0, 5)),
        Posting::metered_usage("a", "job", job(8, 6, 13)),
    ];
    postings.push(Posting::retract("a", "r", "other"));
    store.post_all(postings).unwrap();
    let statement = |id: &str, revision| store.usage_statement("a", &id.into(), revision);
    let of_job = statement("job", store.head("a").unwrap().revision).unwrap();
    let account = store
        .as_recorded("a", store.head("a").unwrap().revision)
        .unwrap();
    let draws = of_job.draws.iter().map(|draw| {
        let grant = account.grant_revision(draw.grant).unwrap().get();
        (grant, draw.amount, draw.first, draw.last)
    });
    let draws: Vec<_> = draws.collect();
    assert_eq!(draws, [(2, 20, 6, 8), (3, 12, 8, 9), (3, 16, 10, 11)]);
    assert_eq!((of_job.amount, of_job.deficit, of_job.dropped), (56, 8, 0));
    for (id, revision) in [("other", 6), ("job", 4), ("today", 6), ("x", 6)] {
        let statement = statement(id, Revision::new(revision));
        assert!(
            matches!(statement, Err(Error::NoSuchUsage { .. })),
            "{id} {statement:?}"
        );
    }
    assert_eq!(statement("other", Revision::new(4)).unwrap().amount, 0);
}
