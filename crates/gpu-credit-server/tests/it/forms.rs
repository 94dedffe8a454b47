//! Times and numbers in both forms.

use gpu_credit_store::Store;
use serde_json::json;

use crate::server::Server;

#[test]
fn times_are_integers_or_rfc_3339() {
    let server = Server::with_account("a");
    let grant = json!({
        "id": "g", "amount": 100, "start": "2026-02-01T00:00:00Z", "end": "2026-03-01T01:00:00+01:00",
    });
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let entry = server.get("/v1/accounts/a/entries/g").json();
    assert_eq!(entry["start"], 1_769_904_000);
    assert_eq!(entry["expiration"], 28 * 86_400 - 1);
    let entry = server.get("/v1/accounts/a/entries/g?times=rfc3339").json();
    assert_eq!(entry["start"], "2026-02-01T00:00:00Z");
    let balance = |at: &str| server.get(&format!("/v1/accounts/a/balance?times=rfc3339&at={at}"));
    for at in [
        "2026-02-10T10:00:00%2B02:00",
        "1770710400",
        "2026-02-10T08:00:00Z",
    ] {
        let answer = balance(at).is(200).json();
        assert_eq!(
            (&answer["at"], &answer["balance"]),
            (&json!("2026-02-10T08:00:00Z"), &json!(100))
        );
    }
    for wrong in [
        "2026-02-10T10:00:00",
        "2026-02-10",
        "2026-02-10T10:00:00.5Z",
        "today",
        "1.5",
    ] {
        assert_eq!(
            balance(wrong).is(400).problem(),
            "invalid-parameter",
            "{wrong}"
        );
    }
    // What has no year of four digits stays an integer.
    let answer = balance("9223372036854775807").is(200).json();
    assert_eq!(answer["at"], i64::MAX);
    assert_eq!(
        server
            .get("/v1/accounts/a/balance?times=iso")
            .is(400)
            .problem(),
        "invalid-parameter"
    );
}

#[test]
fn numbers_are_integers_or_strings() {
    let server = Server::with_account("a");
    let amount = i64::MAX.to_string();
    let grant = json!({"id": "g", "amount": amount, "start": "-9", "expiration": "20"});
    server
        .post("/v1/accounts/a/grants?numbers=string", &grant)
        .is(201);
    let answer = server
        .get("/v1/accounts/a/balance?at=-9&numbers=string")
        .is(200)
        .json();
    let expected = json!({
        "account": "a", "at": "-9", "balance": amount, "status": "available", "deficit": "0", "held": "0",
        "available": amount, "revision": "2",
    });
    assert_eq!(answer, expected);
    let answer = server
        .get("/v1/accounts/a/balance?at=-9&numbers=integer")
        .is(200)
        .json();
    assert_eq!(answer["balance"], i64::MAX);
    let hold = json!({"id": "h", "accounts": ["a"], "amount": u64::MAX, "at": 0, "until": 1});
    let refused = server
        .post("/v1/holds?numbers=string", &hold)
        .is(402)
        .json();
    assert_eq!(refused["accounts"][0]["spendable"], amount);
    let late = "/v1/accounts/a/balance?at=0&as_recorded=9&numbers=string";
    assert_eq!(server.get(late).is(404).json()["last"], "3");
    assert_eq!(
        server.get("/v1/accounts?numbers=float").is(400).problem(),
        "invalid-parameter"
    );
}

#[test]
fn a_store_without_a_unit_knows_no_now_and_no_calendar() {
    let server = Server::of(Store::in_memory().unwrap());
    server
        .json("PUT", "/v1/accounts/a", &json!({"policy": "carry"}))
        .is(201);
    assert_eq!(
        server.get("/v1/accounts/a/balance").is(422).problem(),
        "no-time-unit"
    );
    let answer = server
        .get("/v1/accounts/a/balance?at=0&times=rfc3339")
        .is(422);
    assert_eq!(answer.problem(), "no-time-unit");
    let usage = json!({"id": "u", "amount": 1, "at": "2026-02-10T10:00:00Z"});
    let answer = server.post("/v1/accounts/a/usage", &usage).is(422);
    assert_eq!(answer.problem(), "invalid-body");
    server.get("/v1/accounts/a/balance?at=0").is(200);
}

#[test]
fn the_unit_of_time_is_told() {
    let unit = |server: &Server| server.get("/v1/time-unit").is(200).json();
    assert_eq!(unit(&Server::start()), json!({"time_unit": "s"}));
    let without = Server::of(gpu_credit_store::Store::in_memory().unwrap());
    assert_eq!(unit(&without), json!({"time_unit": null}));
}
