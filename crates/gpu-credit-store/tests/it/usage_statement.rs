//! A usage record is found by its id among others of its instant, however it was corrected.

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{BeforeClose, Error, Posting, RecordedDraw, Revision};

use crate::support::{TestStore, store};

/// What each grant paid, soonest end first, and what none paid.
fn paid(store: &TestStore, id: &str) -> (Vec<u64>, u64) {
    paid_as_recorded(store, id, store.head("acme").unwrap().revision)
}

fn paid_as_recorded(store: &TestStore, id: &str, revision: Revision) -> (Vec<u64>, u64) {
    let statement = store.usage_statement("acme", &id.into(), revision).unwrap();
    let draws = statement.draws.iter().map(|draw| draw.amount);
    (draws.collect(), statement.deficit)
}

#[test]
fn a_usage_is_told_from_others_of_its_instant() {
    let (_folder, store) = store();
    store.open_account("acme", Overdraft::Carry).unwrap();
    store
        .post_all(vec![
            Posting::grant("acme", "g1", "soon", 10, 0, 20),
            Posting::grant("acme", "g2", "later", 10, 0, 30),
            Posting::usage("acme", "a", 4, 5),
            Posting::usage("acme", "b", 8, 5),
            Posting::usage("acme", "c", 4, 5),
            Posting::usage("acme", "d", 8, 5),
        ])
        .unwrap();
    assert_eq!(paid(&store, "a"), (vec![4], 0));
    assert_eq!(paid(&store, "b"), (vec![6, 2], 0));
    assert_eq!(paid(&store, "c"), (vec![4], 0));
    assert_eq!(paid(&store, "d"), (vec![4], 4));

    let before = store.head("acme").unwrap().revision;
    store
        .post_all(vec![
            Posting::change_usage("acme", "fix-1", "b", 1),
            Posting::retract("acme", "fix-2", "d"),
        ])
        .unwrap();
    assert_eq!(paid(&store, "b"), (vec![1], 0));
    assert_eq!(paid(&store, "c"), (vec![4], 0));
    assert_eq!(paid_as_recorded(&store, "d", before), (vec![4], 4));
}

#[test]
fn what_is_no_usage_is_refused() {
    let (_folder, store) = store();
    store.open_account("acme", Overdraft::Carry).unwrap();
    store
        .post_all(vec![
            Posting::grant("acme", "g1", "soon", 10, 0, 20),
            Posting::usage("acme", "a", 4, 5),
            Posting::usage("acme", "b", 4, 15),
            Posting::retract("acme", "fix", "b"),
        ])
        .unwrap();
    let last = store.head("acme").unwrap().revision;
    let ask = |id: &str, revision| store.usage_statement("acme", &id.into(), revision);
    for id in ["g1", "b", "fix", "nothing"] {
        let error = ask(id, last).unwrap_err();
        assert!(matches!(error, Error::NoSuchUsage { .. }), "{id}: {error}");
    }
    let before = ask("a", Revision::new(2)).unwrap_err();
    assert!(matches!(before, Error::NoSuchUsage { .. }), "{before}");

    store
        .post(Posting::close_books("acme", "close", 10))
        .unwrap();
    let closed = ask("a", store.head("acme").unwrap().revision).unwrap_err();
    assert!(matches!(closed, Error::Closed(_)), "{closed}");
    assert!(ask("a", last).is_ok());
}

/// Alike usage of one instant: the one that the id names is corrected, not another.
#[test]
fn a_correction_keeps_to_its_id_among_alike_usage() {
    let (_folder, store) = store();
    store.open_account("acme", Overdraft::Forfeit).unwrap();
    store
        .post_all(vec![
            Posting::grant("acme", "g1", "soon", 4, 0, 20),
            Posting::usage("acme", "a", 5, 5),
            Posting::usage("acme", "b", 5, 5),
            Posting::usage("acme", "c", 5, 5),
            Posting::change_usage("acme", "fix-1", "a", 3),
            Posting::retract("acme", "fix-2", "b"),
            Posting::change_usage("acme", "fix-3", "c", 1),
        ])
        .unwrap();
    let before = Revision::new(6);
    assert_eq!(paid_as_recorded(&store, "a", before), (vec![3], 0));
    assert_eq!(paid(&store, "a"), (vec![3], 0));
    assert_eq!(paid(&store, "c"), (vec![1], 0));
}

/// Regression: a draw named its usage by a number of the engine, and nothing led from there to a record.
#[test]
fn a_draw_leads_to_the_records_that_it_is_of() {
    let (_folder, store) = store();
    store.open_account("acme", Overdraft::Carry).unwrap();
    let job = MeteredUsage {
        rate: 1,
        from: 6,
        until: 9,
    };
    store
        .post_all(vec![
            Posting::grant("acme", "g1", "", 10, 0, 20),
            Posting::usage("acme", "a", 4, 5),
            Posting::usage("acme", "b", 8, 5),
            Posting::retract("acme", "r", "a"),
            Posting::usage("acme", "c", 4, 5),
            Posting::metered_usage("acme", "job", job),
            Posting::grant("acme", "g2", "", 10, 10, 20),
        ])
        .unwrap();
    let drawn_from = |first: i64| {
        let history = store.history("acme").unwrap();
        let id = |revision| {
            let mut found = history.iter().filter(|entry| entry.revision == revision);
            found.next().unwrap().id.to_string()
        };
        let draws = store.with_account("acme", |account| {
            let draws = account.draws(first..)?;
            let named = |draw: RecordedDraw| {
                let usage = draw.usage.map_or("-".to_owned(), id);
                format!("{usage} {} {}", id(draw.grant), draw.draw.amount)
            };
            Ok::<_, BeforeClose>(draws.map(named).collect::<Vec<_>>())
        });
        draws.unwrap()
    };
    let whole = ["b g1 8", "c g1 2", "c g2 2", "job g2 3"];
    assert_eq!(drawn_from(0).unwrap(), whole);
    store
        .post(Posting::close_books("acme", "close", 8))
        .unwrap();
    // What was a deficit before the close is of no record any more.
    assert_eq!(drawn_from(8).unwrap(), ["- g2 4", "job g2 1"]);
    let (until, timestamp) = (8, 7);
    assert_eq!(drawn_from(7), Err(BeforeClose { until, timestamp }));
}
