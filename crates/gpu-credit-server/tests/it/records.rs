//! Grants, usage, jobs, corrections and the close of books over HTTP.

use serde_json::json;

use crate::server::{Server, id_of};

#[test]
fn a_record_is_posted_once() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": 30});
    let answer = server.post("/v1/accounts/a/grants", &grant).is(201);
    assert_eq!(
        answer.json(),
        json!({"account": "a", "id": "g", "outcome": "posted", "revision": 2})
    );
    assert_eq!(answer.header("etag"), "\"2\"");
    let answer = server.post("/v1/accounts/a/grants", &grant).is(200);
    assert_eq!(answer.json()["outcome"], "posted_before");
    assert_eq!(answer.json()["revision"], 2);
    let other = json!({"id": "g", "amount": 101, "start": 0, "expiration": 30});
    let answer = server.post("/v1/accounts/a/grants", &other).is(409);
    assert_eq!(answer.problem(), "different-content");
    let usage = json!({"id": "u", "amount": 20, "at": 12});
    server.post("/v1/accounts/a/usage", &usage).is(201);
    server.post("/v1/accounts/a/usage", &usage).is(200);
    let run = json!({"id": "r", "rate": 2, "from": 10, "until": 20});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let balance = server.get("/v1/accounts/a/balance?at=15").is(200);
    assert_eq!(balance.json()["balance"], 100 - 20 - 12);
    assert_eq!(balance.header("etag"), "\"4\"");
}

#[test]
fn windows_are_said_in_three_ways() {
    let server = Server::with_account("a");
    for (id, window) in [
        ("length", json!({"expiration": 30})),
        ("last", json!({"last": 40})),
        ("end", json!({"end": 41})),
    ] {
        let mut grant = json!({"id": id, "amount": 1, "start": 10});
        grant
            .as_object_mut()
            .unwrap()
            .extend(window.as_object().unwrap().clone());
        server.post("/v1/accounts/a/grants", &grant).is(201);
        let entry = server.get(&format!("/v1/accounts/a/entries/{id}")).json();
        assert_eq!(entry["expiration"], 30, "{id}");
    }
    let endless = json!({"id": "endless", "amount": 1, "start": 10, "expiration": null});
    server.post("/v1/accounts/a/grants", &endless).is(201);
    for wrong in [
        json!({"id": "w", "amount": 1, "start": 10}),
        json!({"id": "w", "amount": 1, "start": 10, "last": 20, "end": 21}),
        json!({"id": "w", "amount": 1, "start": 10, "last": 9}),
        json!({"id": "w", "amount": 1, "start": 10, "end": 10}),
        json!({"id": "w", "amount": -1, "start": 10, "last": 20}),
        json!({"id": "w", "amount": 1.5, "start": 10, "last": 20}),
        json!({"id": "w", "amount": 1, "start": 10, "last": 20, "unknown": 1}),
    ] {
        let answer = server.post("/v1/accounts/a/grants", &wrong).is(422);
        assert_eq!(answer.problem(), "invalid-body", "{wrong}");
    }
}

#[test]
fn the_id_may_come_in_a_header_and_must_come() {
    let server = Server::with_account("a");
    let usage = json!({"amount": 20, "at": 12}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("idempotency-key", "\"u\""),
    ];
    let path = "/v1/accounts/a/usage";
    server.send("POST", path, &headers, &*usage).is(201);
    assert_eq!(
        id_of(&server.send("POST", path, &headers, &*usage).is(200)),
        "u"
    );
    let answer = server.post(path, &json!({"amount": 20, "at": 12})).is(422);
    assert_eq!(answer.problem(), "missing-id");
    let both = json!({"id": "v", "amount": 20, "at": 12}).to_string();
    let answer = server.send("POST", path, &headers, &*both).is(422);
    assert_eq!(answer.problem(), "invalid-body");
}

#[test]
fn corrections_name_a_record() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": 30});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    server
        .post(
            "/v1/accounts/a/usage",
            &json!({"id": "u", "amount": 20, "at": 12}),
        )
        .is(201);
    let run = json!({"id": "r", "rate": 2, "from": 10, "until": 20});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let path = "/v1/accounts/a/corrections";
    for (correction, balance) in [
        (
            json!({"kind": "change_usage", "id": "c1", "of": "u", "amount": 10}),
            json!(70),
        ),
        (
            json!({"kind": "change_run", "id": "c2", "of": "r", "until": 15}),
            json!(80),
        ),
        (json!({"kind": "retract", "id": "c3", "of": "u"}), json!(90)),
        (
            json!({"kind": "change_priority", "id": "c4", "of": "g", "priority": 3}),
            json!(90),
        ),
        (
            json!({"kind": "change_expiration", "id": "c5", "of": "g", "expiration": 28}),
            json!(90),
        ),
        (
            json!({"kind": "revoke", "id": "c6", "of": "g", "from": 25}),
            json!(null),
        ),
    ] {
        server.post(path, &correction).is(201);
        server.post(path, &correction).is(200);
        let answer = server.get("/v1/accounts/a/balance?at=28").json();
        assert_eq!(answer["balance"], balance, "{correction}");
    }
    for (correction, kind) in [
        (
            json!({"kind": "retract", "id": "d1", "of": "none"}),
            "no-such-record",
        ),
        (
            json!({"kind": "change_usage", "id": "d2", "of": "g", "amount": 1}),
            "not-usage",
        ),
        (
            json!({"kind": "revoke", "id": "d3", "of": "r", "from": 1}),
            "not-a-grant",
        ),
        (
            json!({"kind": "change_run", "id": "d4", "of": "r"}),
            "nothing-to-change",
        ),
        (
            json!({"kind": "retract", "id": "d5", "of": "u"}),
            "retracted",
        ),
        (
            json!({"kind": "retract", "id": "d6", "of": "c1"}),
            "not-a-record",
        ),
        (
            json!({"kind": "forget", "id": "d7", "of": "u"}),
            "invalid-body",
        ),
    ] {
        let answer = server.post(path, &correction).is(422);
        assert_eq!(answer.problem(), kind, "{correction}");
    }
}

#[test]
fn closed_books_stay_closed() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": 30});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let path = "/v1/accounts/a/close";
    server
        .post(path, &json!({"id": "close", "until": 10}))
        .is(201);
    server
        .post(path, &json!({"id": "close", "until": 10}))
        .is(200);
    let answer = server
        .post(path, &json!({"id": "close-2", "until": 9}))
        .is(422);
    assert_eq!(answer.problem(), "closed-later");
    let usage = json!({"id": "u", "amount": 1, "at": 9});
    let answer = server.post("/v1/accounts/a/usage", &usage).is(422);
    assert_eq!(answer.problem(), "books-closed");
    assert_eq!(answer.json()["until"], 10);
    let questions = [
        "balance?at=9",
        "series?from=9&to=20&step=1",
        "low?below=1&from=9",
    ];
    for question in questions {
        let answer = server.get(&format!("/v1/accounts/a/{question}")).is(422);
        assert_eq!(answer.problem(), "books-closed", "{question}");
    }
    server
        .get("/v1/accounts/a/balance?at=9&as_recorded=2")
        .is(200);
}

#[test]
fn a_condition_on_the_revision_is_checked_where_it_is_written() {
    let server = Server::with_account("a");
    let usage = |id: &str| json!({"id": id, "amount": 1, "at": 9}).to_string();
    let send = |id: &str, revision: &str| {
        let headers = [("content-type", "application/json"), ("if-match", revision)];
        server.send("POST", "/v1/accounts/a/usage", &headers, usage(id))
    };
    send("u1", "\"1\"").is(201);
    let answer = send("u2", "\"1\"").is(412);
    assert_eq!(answer.problem(), "revision-changed");
    assert_eq!(answer.json()["revision"], 2);
    send("u1", "\"1\"").is(200); // a retry
    send("u2", "\"2\"").is(201);
    send("u3", "*").is(201);
    assert_eq!(send("u4", "3").is(400).problem(), "invalid-parameter");
    let get = |revision| {
        server.send(
            "GET",
            "/v1/accounts/a/balance?at=9",
            &[("if-match", revision)],
            "",
        )
    };
    get("\"4\"").is(200);
    assert_eq!(get("\"3\"").is(412).problem(), "revision-changed");
}

/// A condition on a revision was not looked at.
#[test]
fn what_looks_at_no_revision_takes_no_condition() {
    let server = Server::with_account("a");
    let run = json!({"id": "r", "rate": 1, "from": 5, "until": 9});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let condition = [("if-match", "\"1\""), ("content-type", "application/json")];
    let usage = json!({"kind": "usage", "account": "a", "id": "u", "amount": 1, "at": 9});
    for (method, path, body) in [
        ("PUT", "/v1/accounts/b", json!({"policy": "carry"})),
        ("POST", "/v1/accounts/a/stops", json!({"run": "r", "at": 7})),
        ("POST", "/v1/entries", json!({"entries": [usage]})),
        ("POST", "/v1/imports", json!({})),
    ] {
        let answer = server
            .send(method, path, &condition, body.to_string())
            .is(400);
        assert_eq!(answer.problem(), "invalid-parameter", "{path}");
        assert_eq!(answer.json()["parameter"], "If-Match", "{path}");
    }
    assert_eq!(server.store.head("a").unwrap().revision.get(), 2);
    assert!(server.store.head("b").is_err());
}

#[test]
fn an_account_that_is_not_there_takes_nothing() {
    let server = Server::with_account("a");
    let usage = json!({"id": "u", "amount": 1, "at": 9});
    let answer = server.post("/v1/accounts/b/usage", &usage).is(404);
    assert_eq!(answer.problem(), "no-such-account");
    let much = json!({"id": "m", "amount": i64::MAX, "at": 9});
    server.post("/v1/accounts/a/usage", &much).is(201);
    let answer = server.post("/v1/accounts/a/usage", &usage).is(422);
    assert_eq!(answer.problem(), "limit");
}

#[test]
fn a_job_is_stopped_once() {
    let server = Server::with_account("a");
    let run = json!({"id": "r", "rate": 2, "from": 10, "until": 50});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let stop = |at: i64| server.post("/v1/accounts/a/stops", &json!({"run": "r", "at": at}));
    let expected =
        json!({"account": "a", "run": "r", "outcome": "stopped", "revision": 3, "until": 30});
    assert_eq!(stop(30).is(201).json(), expected);
    let before = stop(40).is(200).json();
    assert_eq!(
        (&before["outcome"], &before["until"]),
        (&json!("stopped_before"), &json!(30))
    );
    let run = json!({"id": "q", "rate": 2, "from": 10, "until": 20});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let ended = server
        .post("/v1/accounts/a/stops", &json!({"run": "q", "at": 20}))
        .is(200);
    let expected =
        json!({"account": "a", "run": "q", "outcome": "ended", "revision": null, "until": 20});
    assert_eq!(ended.json(), expected);
    let run = json!({"id": "later", "rate": 2, "from": 10, "until": 20});
    server.post("/v1/accounts/a/runs", &run).is(201);
    let early = server.post("/v1/accounts/a/stops", &json!({"run": "later", "at": 9}));
    assert_eq!(early.json()["from"], 10);
    assert_eq!(early.is(422).problem(), "before-start");
    let none = server.post("/v1/accounts/a/stops", &json!({"run": "none", "at": 20}));
    assert_eq!(none.is(422).problem(), "no-such-record");
}
