//! Holds over HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::json;

use crate::server::Server;

fn with_credit(amount: u64) -> Server {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": amount, "start": 0, "expiration": 30});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    server
}

#[test]
fn a_hold_is_given_or_refused_for_good() {
    let server = with_credit(100);
    let hold = json!({"id": "h1", "accounts": ["a"], "amount": 70, "at": 5, "until": 15});
    let answer = server.post("/v1/holds", &hold).is(201).json();
    let expected = json!({
        "id": "h1", "outcome": "posted", "accounts": ["a"], "amount": 70, "at": 5, "until": 15,
        "revisions": [{"account": "a", "revision": 3}],
    });
    assert_eq!(answer, expected);
    assert_eq!(
        server.post("/v1/holds", &hold).is(200).json()["outcome"],
        "posted_before"
    );
    let too_much = json!({"id": "h2", "accounts": ["a"], "amount": 31, "at": 6, "until": 15});
    let refused = server.post("/v1/holds", &too_much).is(402);
    assert_eq!(refused.problem(), "insufficient-credit");
    let funds =
        json!([{"account": "a", "balance": 100, "held": 70, "available": 30, "spendable": 30}]);
    assert_eq!(refused.json()["accounts"], funds);
    assert_eq!(refused.json()["outcome"], "posted");
    // Even once there is enough.
    server
        .post(
            "/v1/releases",
            &json!({"id": "r1", "account": "a", "hold": "h1"}),
        )
        .is(201);
    let refused = server.post("/v1/holds", &too_much).is(402);
    assert_eq!(refused.json()["outcome"], "posted_before");
    let other = json!({"id": "h2", "accounts": ["a"], "amount": 30, "at": 6, "until": 15});
    assert_eq!(
        server.post("/v1/holds", &other).is(409).problem(),
        "different-content"
    );
    let up_to =
        json!({"id": "h3", "accounts": ["a"], "amount": 500, "at": 6, "until": 15, "up_to": true});
    let answer = server.post("/v1/holds", &up_to).is(201).json();
    assert_eq!(
        (&answer["amount"], &answer["up_to"]),
        (&json!(100), &json!(500))
    );
}

#[test]
fn a_hold_from_now_on_is_the_same_when_it_is_sent_again() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": null});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let hold = json!({"id": "h1", "accounts": ["a"], "amount": 70, "lasts": 60});
    let first = server.post("/v1/holds", &hold).is(201).json();
    thread::sleep(std::time::Duration::from_millis(1_100));
    let again = server.post("/v1/holds", &hold).is(200).json();
    assert_eq!(
        (&first["at"], &first["until"]),
        (&again["at"], &again["until"])
    );
}

/// Who asks for a job from now on knows how long it runs, and no instant.
#[test]
fn a_hold_for_a_job_from_now_on_is_the_same_when_it_is_sent_again() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 1000, "start": 0, "expiration": null});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let hold = json!({"id": "h1", "accounts": ["a"], "rate": 2, "lasts": 60});
    let first = server.post("/v1/holds", &hold).is(201).json();
    let at = first["at"].as_i64().unwrap();
    assert_eq!(
        (&first["end"], &first["until"]),
        (&json!(at + 60), &json!(at + 60))
    );
    thread::sleep(std::time::Duration::from_millis(1_100));
    assert_eq!(server.post("/v1/holds", &hold).is(200).json()["at"], at);
    let longer =
        json!({"id": "h2", "accounts": ["a"], "rate": 1, "at": 5, "lasts": 60, "until": 90});
    let held = server.post("/v1/holds", &longer).is(201).json();
    assert_eq!((&held["end"], &held["until"]), (&json!(65), &json!(90)));
    let twice = json!({"id": "h3", "accounts": ["a"], "rate": 1, "at": 5, "end": 9, "lasts": 60, "until": 90});
    server.post("/v1/holds", &twice).is(422);
}

#[test]
fn a_hold_is_closed_once() {
    let server = with_credit(100);
    for id in ["h1", "h2"] {
        let hold = json!({"id": id, "accounts": ["a"], "amount": 40, "at": 5, "until": 15});
        server.post("/v1/holds", &hold).is(201);
    }
    let page = server.get("/v1/accounts/a/holds?limit=1").is(200).json();
    assert_eq!(
        (&page["holds"][0]["id"], &page["next"]),
        (&json!("h1"), &json!(3))
    );
    let page = server.get("/v1/accounts/a/holds?after=3").json();
    assert_eq!(
        (&page["holds"][0]["id"], &page["next"]),
        (&json!("h2"), &json!(null))
    );
    let settle = json!({"id": "s1", "account": "a", "hold": "h1", "amount": 45});
    let answer = server.post("/v1/settlements", &settle).is(201).json();
    let posted = json!([{"account": "a", "id": "s1", "outcome": "posted", "revision": 5}]);
    assert_eq!(
        answer,
        json!({"id": "s1", "hold": "h1", "outcome": "posted", "accounts": posted})
    );
    assert_eq!(
        server.post("/v1/settlements", &settle).is(200).json()["outcome"],
        "posted_before"
    );
    let again = json!({"id": "s2", "account": "a", "hold": "h1", "amount": 45});
    assert_eq!(
        server.post("/v1/settlements", &again).is(409).problem(),
        "hold-closed"
    );
    let release = json!({"id": "r1", "account": "a", "hold": "h1"});
    let answer = server.post("/v1/releases", &release).is(409);
    assert_eq!(
        (answer.problem(), &answer.json()["by"]),
        ("hold-closed".to_owned(), &json!(5))
    );
    server
        .post(
            "/v1/releases",
            &json!({"id": "r2", "account": "a", "hold": "h2"}),
        )
        .is(201);
    // What was released is settled all the same.
    let late = json!({"id": "s3", "account": "a", "hold": "h2", "amount": 5, "at": 20});
    server.post("/v1/settlements", &late).is(201);
    let balance = server.get("/v1/accounts/a/balance?at=20").json();
    assert_eq!(
        (&balance["balance"], &balance["held"]),
        (&json!(50), &json!(0))
    );
    for (hold, kind) in [("none", "no-such-hold"), ("g", "not-a-hold")] {
        let settle = json!({"id": "s9", "account": "a", "hold": hold, "amount": 5});
        assert_eq!(
            server.post("/v1/settlements", &settle).is(422).problem(),
            kind
        );
    }
}

/// A condition on one revision was not looked at.
#[test]
fn holds_take_no_condition_on_a_revision() {
    let server = with_credit(100);
    let condition = [("if-match", "\"2\""), ("content-type", "application/json")];
    for (path, body) in [
        (
            "/v1/holds",
            json!({"id": "h", "accounts": ["a"], "amount": 1, "at": 5, "until": 9}),
        ),
        (
            "/v1/settlements",
            json!({"id": "s", "account": "a", "hold": "h", "amount": 1}),
        ),
        (
            "/v1/releases",
            json!({"id": "r", "account": "a", "hold": "h"}),
        ),
    ] {
        let answer = server
            .send("POST", path, &condition, body.to_string())
            .is(400);
        assert_eq!(answer.problem(), "invalid-parameter");
        assert_eq!(answer.json()["parameter"], "If-Match");
        server.post(path, &body);
    }
    assert_eq!(server.store.head("a").unwrap().revision.get(), 4);
}

#[test]
fn a_hold_is_on_all_its_accounts_or_on_none() {
    let server = with_credit(100);
    server
        .json("PUT", "/v1/accounts/b", &json!({"policy": "carry"}))
        .is(201);
    let grant = json!({"id": "g", "amount": 50, "start": 0, "expiration": 30});
    server.post("/v1/accounts/b/grants", &grant).is(201);
    let hold = |id: &str, amount: u64| {
        let hold =
            json!({"id": id, "accounts": ["b", "a"], "amount": amount, "at": 5, "until": 15});
        server.post("/v1/holds", &hold)
    };
    let refused = hold("h1", 60).is(402).json();
    assert_eq!(refused["accounts"].as_array().unwrap().len(), 2);
    let held = hold("h2", 50).is(201).json();
    assert_eq!(held["accounts"], json!(["a", "b"]));
    assert_eq!(held["revisions"].as_array().unwrap().len(), 2);
    let settle = json!({"id": "s", "account": "b", "hold": "h2", "amount": 10});
    let closed = server.post("/v1/settlements", &settle).is(201).json();
    assert_eq!(closed["accounts"].as_array().unwrap().len(), 2);
    assert_eq!(
        server.get("/v1/accounts/a/balance?at=9").json()["balance"],
        90
    );
    assert_eq!(
        server.get("/v1/accounts/b/balance?at=9").json()["balance"],
        40
    );
}

#[test]
fn a_hold_for_a_job_is_a_rate() {
    let server = with_credit(100);
    let hold = json!({"id": "h1", "accounts": ["a"], "rate": 8, "at": 5, "end": 15});
    let held = server.post("/v1/holds", &hold).is(201).json();
    assert_eq!(
        (&held["rate"], &held["end"], &held["until"]),
        (&json!(8), &json!(15), &json!(15))
    );
    let hold = json!({"id": "h2", "accounts": ["a"], "rate": 8, "at": 5, "end": 15});
    assert_eq!(
        server.post("/v1/holds", &hold).is(402).json()["accounts"][0]["spendable"],
        2
    );
    let settle = json!({"id": "s1", "account": "a", "hold": "h1", "until": 10});
    server.post("/v1/settlements", &settle).is(201);
    assert_eq!(
        server.get("/v1/accounts/a/balance?at=20").json()["balance"],
        60
    );
    for wrong in [
        json!({"id": "w", "accounts": ["a"], "at": 5, "until": 15}),
        json!({"id": "w", "accounts": ["a"], "amount": 1, "rate": 1, "end": 9, "at": 5, "until": 15}),
        json!({"id": "w", "accounts": ["a"], "amount": 1, "at": 5}),
        json!({"id": "w", "accounts": ["a"], "amount": 1, "at": 5, "until": 9, "lasts": 4}),
    ] {
        assert_eq!(
            server.post("/v1/holds", &wrong).is(422).problem(),
            "invalid-body"
        );
    }
    for (wrong, kind) in [
        (
            json!({"id": "w", "accounts": ["a"], "amount": 1, "at": 5, "until": 5}),
            "hold-too-short",
        ),
        (
            json!({"id": "w", "accounts": [], "amount": 1, "at": 5, "until": 6}),
            "hold-accounts",
        ),
    ] {
        assert_eq!(server.post("/v1/holds", &wrong).is(422).problem(), kind);
    }
}

#[test]
fn of_64_clients_10_get_the_credit_for_10() {
    let server = with_credit(1_000);
    let (given, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..64 {
            let (server, given, refused) = (&server, &given, &refused);
            scope.spawn(move || {
                let id = format!("h{client}");
                let hold =
                    json!({"id": id, "accounts": ["a"], "amount": 100, "at": 5, "until": 15});
                let answer = server.post("/v1/holds", &hold);
                match answer.status {
                    201 => given.fetch_add(1, Ordering::SeqCst),
                    402 => refused.fetch_add(1, Ordering::SeqCst),
                    _ => panic!("{answer:?}"),
                };
            });
        }
    });
    assert_eq!((given.into_inner(), refused.into_inner()), (10, 54));
    let balance = server.get("/v1/accounts/a/balance?at=10").json();
    assert_eq!(
        (&balance["held"], &balance["available"]),
        (&json!(1_000), &json!(0))
    );
    assert_eq!(server.get("/v1/accounts/a/balance?at=15").json()["held"], 0);
}
