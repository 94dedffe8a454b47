use gpu_credit::Overdraft;
use redb::backends::InMemoryBackend;

use super::*;
use crate::directory::Directory;
use crate::facts::Needs;
use crate::recent::Pins;
use crate::{Journal, RedbJournal, StoreOptions};

fn request(postings: Vec<Posting>) -> Request {
    Request {
        postings,
        ..Request::default()
    }
}

/// What a refused request did is taken back, and what a trial did.
#[test]
fn a_refused_request_leaves_no_trace_for_the_next_of_its_group() {
    let most = i64::MAX.unsigned_abs();
    let journal = RedbJournal::with_backend(InMemoryBackend::new(), "memory").unwrap();
    let directory = Directory::new(Sequence::START, StoreOptions::default());
    let (recent, pins) = (Recent::new(Sequence::START), Pins::default());
    let add = |draft: &mut Draft<'_>, request: &Request| {
        let needs = Needs::of(&request.postings);
        let pin = pins.pin(|| directory.visible());
        let facts = Facts::gather(&needs, pin, &journal, &directory);
        draft.add(request, &mut facts.map_err(|(_, error)| error).unwrap())
    };
    let mut first = Draft::new(&recent, Sequence::START, 0);
    let start = request(vec![
        Posting::open_account("a", "open", Overdraft::Carry),
        Posting::usage("a", "u", most - 5, 0),
        Posting::grant("a", "g", "", 1, 0, 9),
    ]);
    add(&mut first, &start).unwrap();
    let Finished {
        written, touched, ..
    } = first.finish();
    let heads: Vec<Head> = touched.into_iter().map(|touched| touched.head).collect();
    journal.append(&written.entries, &heads).unwrap();
    directory.publish(&Arc::new(written));
    let recent = Recent::new(directory.visible());

    // The account is part of the draft already, so that it is not simply forgotten.
    let begun = || {
        let mut draft = Draft::new(&recent, directory.visible(), 0);
        let usage = vec![Posting::usage("a", "first", 0, 0)];
        add(&mut draft, &request(usage)).unwrap();
        draft
    };
    let mut draft = begun();
    let impossible = || Posting::usage("nobody", "x", 1, 0);
    let does = [
        vec![Posting::usage("a", "x", 5, 0)],
        vec![Posting::retract("a", "x", "u")],
        vec![
            Posting::revoke("a", "x", "g", 5),
            Posting::revoke("a", "y", "g", 4),
        ],
        vec![Posting::close_books("a", "x", 7)],
        vec![
            Posting::open_account("b", "open", Overdraft::Carry),
            Posting::usage("b", "x", 1, 0),
        ],
    ];
    // Each is refused for its last posting, then tried, and then posted as if it were the first.
    for postings in does {
        let mut refused = postings.clone();
        refused.push(impossible());
        let (place, _) = add(&mut draft, &request(refused)).unwrap_err();
        assert_eq!(place, postings.len());
        let mut trial = request(postings.clone());
        trial.is_trial = true;
        let tried = add(&mut draft, &trial).unwrap();
        assert_eq!(draft.entries.len(), 1);
        assert_eq!(
            add(&mut begun(), &request(postings.clone())).unwrap(),
            tried
        );
    }
    let mut deletion = request(vec![Posting::delete_account("a", "x")]);
    deletion.is_trial = true;
    add(&mut draft, &deletion).unwrap();
    let all = request(vec![
        Posting::usage("a", "x", 5, 0),
        Posting::retract("a", "y", "u"),
        Posting::usage("a", "z", most - 5, 0),
        Posting::revoke("a", "v", "g", 5),
        Posting::open_account("b", "open", Overdraft::Forfeit),
    ]);
    assert!(add(&mut draft, &all).is_ok());
    assert_eq!(draft.entries.len(), 6);
    assert!(add(&mut draft, &request(vec![Posting::usage("b", "x", 1, 0)])).is_ok());
}
