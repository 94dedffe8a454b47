//! Batches: which posting is refused, postings that are each by themselves, and conditions.

use gpu_credit_store::{Batch, Error, Outcome, Posting, Revision};

use crate::support::workload::Workload;
use crate::support::{assert_sound, content, seeds, store_in_memory};

/// What came of postings, with the reasons of refusals or without.
fn told(outcomes: Vec<Result<Outcome, Error>>, with_reasons: bool) -> Vec<String> {
    let told = |outcome| match outcome {
        Ok(outcome) => format!("{outcome:?}"),
        Err(error) if with_reasons => format!("{error}"),
        Err(_) => "refused".to_owned(),
    };
    outcomes.into_iter().map(told).collect()
}

fn postings(workload: &mut Workload) -> Vec<Posting> {
    let batches = (0..20).flat_map(|_| workload.batch());
    // A deletion stands alone, and is refused among others.
    batches.collect()
}

/// Postings that are each by themselves become what they would be if they were posted one after the other, and
/// a trial says so beforehand. If books are closed, a refusal may have another reason: what a close of the same
/// batch folds away is still known.
#[test]
fn each_posting_of_a_batch_is_as_if_it_were_posted_alone() {
    for seed in 0..seeds(60) {
        let (_memory, store) = store_in_memory();
        let (_other_memory, alone) = store_in_memory();
        let is_open_ended = seed % 2 == 0;
        let mut workload = match is_open_ended {
            true => Workload::open_ended(seed, 4),
            false => Workload::new(seed, 4),
        };
        let told = |outcomes| told(outcomes, is_open_ended);
        for round in 0..6 {
            let postings = postings(&mut workload);
            let batch = Batch::new(postings.clone());
            let tried = store.post_each(batch.clone().dry_run()).unwrap();
            let outcomes = told(store.post_each(batch).unwrap());
            assert_eq!(told(tried), outcomes, "seed {seed}, round {round}");
            let is_deletion = |posting: &Posting| {
                matches!(posting.change, gpu_credit_store::Change::DeleteAccount)
            };
            let expected = postings.into_iter().map(|posting| {
                // What stands alone there, and is refused here.
                let batch = match is_deletion(&posting) {
                    true => vec![Posting::usage("", "", 0, 0), posting],
                    false => vec![posting],
                };
                let of = batch.len() - 1;
                let mut outcomes = alone.post_each(Batch::new(batch)).unwrap();
                outcomes.swap_remove(of)
            });
            assert_eq!(
                outcomes,
                told(expected.collect()),
                "seed {seed}, round {round}"
            );
        }
        // Whenever each was recorded.
        let recorded = |store| {
            let mut content = content(store);
            for entry in content.values_mut().flatten() {
                entry.recorded_at = 0;
            }
            content
        };
        assert_eq!(recorded(&store), recorded(&alone), "seed {seed}");
        assert_sound(&store);
    }
}

#[test]
fn a_batch_says_which_posting_is_refused() {
    for large in [false, true] {
        let (_memory, store) = store_in_memory();
        store.post(Workload::opening("a")).unwrap();
        let count = if large { 2_000 } else { 20 };
        let posting = |number: usize| {
            let account = if number == 17 { "none" } else { "a" };
            Posting::usage(account, format!("u{number}"), 1, 5)
        };
        let batch = Batch::new((0..count).map(posting).collect());
        let refused = store.post_batch(batch.clone()).unwrap_err();
        assert_eq!(refused.index, 17);
        assert!(matches!(refused.error, Error::NoSuchAccount(_)));
        assert_eq!(store.head("a").unwrap().revision, Revision::new(1));
        let outcomes = store.post_each(batch).unwrap();
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_err()).count(),
            1
        );
        assert!(outcomes[17].is_err());
        assert_eq!(
            store.head("a").unwrap().revision,
            Revision::new(count as u64)
        );
    }
}

#[test]
fn a_batch_may_ask_for_a_revision() {
    let (_memory, store) = store_in_memory();
    store.post(Workload::opening("a")).unwrap();
    let batch = |id: &str, after| {
        let usage = Posting::usage("a", id, 1, 5);
        store.post_batch(Batch::new(vec![usage]).after(Revision::new(after)))
    };
    assert!(batch("u1", 1).unwrap()[0].is_new());
    let refused = batch("u2", 1).unwrap_err();
    assert!(matches!(
        refused.error,
        Error::OtherRevision { found, .. } if found == Revision::new(2)
    ));
    // A retry is none of what the condition is about.
    assert!(!batch("u1", 1).unwrap()[0].is_new());
    assert!(batch("u2", 2).unwrap()[0].is_new());
    // A deletion is on a condition, too, and a retry of it is none.
    let delete = |id: &str, after| {
        let deletion = Batch::new(vec![Posting::delete_account("a", id)]);
        store.post_batch(deletion.after(Revision::new(after)))
    };
    let refused = delete("d", 2).unwrap_err();
    assert!(matches!(
        refused.error,
        Error::OtherRevision { found, .. } if found == Revision::new(3)
    ));
    assert_eq!(store.head("a").unwrap().revision, Revision::new(3));
    assert!(delete("d", 3).unwrap()[0].is_new());
    assert!(store.head("a").is_err());
    assert!(!delete("d", 2).unwrap()[0].is_new());
}

#[test]
fn accounts_are_read_page_by_page() {
    let (_memory, store) = store_in_memory();
    let names = ["", "b", "b/", "b/1", "b/2", "b/é", "b0", "c"];
    for name in &names[1..] {
        store.post(Workload::opening(name)).unwrap();
    }
    for prefix in names {
        for after in names {
            for limit in 0..9 {
                let expected = names[1..].iter().copied();
                let expected = expected.filter(|name| name.starts_with(prefix) && *name > after);
                let page = store.accounts_page(prefix, after, limit).unwrap();
                let page: Vec<&str> = page.iter().map(|account| &*account.name).collect();
                let expected: Vec<&str> = expected.take(limit).collect();
                assert_eq!(page, expected, "{prefix:?} after {after:?}, {limit}");
            }
        }
    }
}
