//! Accounts over HTTP.

use serde_json::json;

use crate::server::Server;

#[test]
fn an_account_is_opened_once() {
    let server = Server::start();
    let policy = json!({"policy": "carry:100"});
    let answer = server
        .json("PUT", "/v1/accounts/team%2Falice", &policy)
        .is(201);
    assert_eq!(
        answer.json(),
        json!({"account": "team/alice", "outcome": "posted", "revision": 1})
    );
    assert_eq!(answer.header("etag"), "\"1\"");
    let answer = server
        .json("PUT", "/v1/accounts/team%2Falice", &policy)
        .is(200);
    assert_eq!(answer.json()["outcome"], "posted_before");
    let other = json!({"policy": "forfeit"});
    let answer = server
        .json("PUT", "/v1/accounts/team%2Falice", &other)
        .is(409);
    assert_eq!(answer.problem(), "different-content");
    assert_eq!(answer.json()["revision"], 1);
}

#[test]
fn what_is_no_account_is_refused() {
    let server = Server::start();
    for (body, status, kind) in [
        ("{\"policy\": \"carry\"", 400, "bad-json"),
        ("{\"policy\": \"carry\"} 1", 400, "bad-json"),
        (
            "{\"policy\": \"carry\", \"polciy\": 1}",
            422,
            "invalid-body",
        ),
        ("{\"policy\": \"borrow\"}", 422, "invalid-body"),
        ("[]", 422, "invalid-body"),
    ] {
        let json = [("content-type", "application/json; charset=utf-8")];
        let answer = server.send("PUT", "/v1/accounts/a", &json, body).is(status);
        assert_eq!(answer.problem(), kind, "{body}");
    }
    let text = [("content-type", "text/plain")];
    let answer = server.send("PUT", "/v1/accounts/a", &text, "{\"policy\": \"carry\"}");
    assert_eq!(answer.is(415).problem(), "unsupported-media-type");
    let policy = json!({"policy": "carry"});
    let answer = server.json("PUT", "/v1/accounts/%FF", &policy).is(422);
    assert_eq!(answer.problem(), "invalid-name");
    let long = "a".repeat(1_025);
    let answer = server.json("PUT", &format!("/v1/accounts/{long}"), &policy);
    assert_eq!(answer.is(422).problem(), "text-length");
    assert_eq!(server.get("/v1/nothing").is(404).problem(), "not-found");
    let answer = server.json("PATCH", "/v1/accounts/a", &policy).is(405);
    assert_eq!(answer.problem(), "method-not-allowed");
}
