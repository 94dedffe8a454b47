//! Batches of entries.

use serde_json::{Value, json};

use crate::server::Server;

fn usage(account: &str, id: &str) -> Value {
    json!({"kind": "usage", "account": account, "id": id, "amount": 1, "at": 9})
}

#[test]
fn a_batch_is_posted_whole_or_not_at_all() {
    let server = Server::with_account("a");
    let entries: Vec<Value> = (0..100)
        .map(|number| usage(if number == 17 { "b" } else { "a" }, &format!("u{number}")))
        .collect();
    let answer = server
        .post("/v1/entries", &json!({"entries": entries}))
        .is(404);
    assert_eq!(answer.problem(), "no-such-account");
    assert_eq!(answer.json()["pointer"], "/entries/17");
    assert_eq!(server.store.head("a").unwrap().revision.get(), 1);
    server
        .json("PUT", "/v1/accounts/b", &json!({"policy": "carry"}))
        .is(201);
    for outcome in ["posted", "posted_before"] {
        let answer = server
            .post("/v1/entries", &json!({"entries": entries}))
            .is(200)
            .json();
        let outcomes = answer["outcomes"].as_array().unwrap();
        assert_eq!(outcomes.len(), 100);
        assert!(outcomes.iter().all(|each| each["outcome"] == outcome));
        assert_eq!(outcomes[17]["account"], "b");
    }
    assert_eq!(server.store.head("a").unwrap().revision.get(), 100);
}

#[test]
fn entries_by_themselves_have_outcomes_of_their_own() {
    let server = Server::with_account("a");
    let entries = json!([
        usage("a", "u1"),
        usage("none", "u2"),
        {"kind": "change_usage", "account": "a", "id": "c", "of": "u1", "amount": 5},
        {"kind": "usage", "account": "a", "id": "u1", "amount": 2, "at": 9},
        {"kind": "grant", "account": "a", "id": "g", "amount": 2, "start": 9, "last": 8},
        usage("a", "u3"),
        usage("a", "u1"),
    ]);
    let body = json!({"entries": entries, "atomic": false});
    let outcomes = server.post("/v1/entries", &body).is(200).json();
    let outcomes = outcomes["outcomes"].as_array().unwrap().clone();
    let words: Vec<&str> = outcomes
        .iter()
        .map(|each| each["outcome"].as_str().unwrap())
        .collect();
    let expected = [
        "posted",
        "refused",
        "posted",
        "refused",
        "refused",
        "posted",
        "posted_before",
    ];
    assert_eq!(words, expected);
    for (place, kind) in [
        (1, "no-such-account"),
        (3, "different-content"),
        (4, "invalid-body"),
    ] {
        let problem = &outcomes[place]["problem"];
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["pointer"], format!("/entries/{place}"));
    }
    assert_eq!(outcomes[5]["revision"], 4);
    let again = server.post("/v1/entries", &body).is(200).json();
    let again = again["outcomes"].as_array().unwrap();
    assert_eq!(again[5]["outcome"], "posted_before");
    assert_eq!(again[3]["outcome"], "refused");
    assert_eq!(server.store.head("a").unwrap().revision.get(), 4);
}

#[test]
fn a_dry_run_posts_nothing() {
    let server = Server::with_account("a");
    for atomic in [true, false] {
        let entries = [usage("a", "u1"), usage("a", "u2"), usage("a", "u1")];
        let body = json!({"entries": entries, "atomic": atomic, "dry_run": true});
        let outcomes = server.post("/v1/entries", &body).is(200).json();
        assert_eq!(outcomes["outcomes"][1]["revision"], 3);
        assert_eq!(outcomes["outcomes"][2]["outcome"], "posted_before");
    }
    assert_eq!(server.store.head("a").unwrap().revision.get(), 1);
}

#[test]
fn a_batch_has_a_limit() {
    let server = Server::with_account("a");
    let entries: Vec<Value> = (0..10_000)
        .map(|number| usage("a", &format!("u{number}")))
        .collect();
    server
        .post("/v1/entries", &json!({"entries": entries}))
        .is(200);
    let entries: Vec<Value> = (0..10_001)
        .map(|number| usage("a", &format!("u{number}")))
        .collect();
    let answer = server
        .post("/v1/entries", &json!({"entries": entries}))
        .is(422);
    assert_eq!(answer.problem(), "too-many-entries");
    let nothing = server.post("/v1/entries", &json!({"entries": []})).is(200);
    assert_eq!(nothing.json(), json!({"outcomes": []}));
}
