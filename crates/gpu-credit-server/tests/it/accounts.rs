//! Accounts over HTTP.

use std::collections::BTreeSet;

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
        json!({"account": "team/alice", "id": "open", "outcome": "posted", "revision": 1})
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
    let other = json!({"policy": "carry:100", "id": "mine"});
    let answer = server
        .json("PUT", "/v1/accounts/team%2Falice", &other)
        .is(409);
    assert_eq!(answer.problem(), "account-exists");
}

#[test]
fn what_is_no_account_is_refused() {
    let server = Server::start();
    let policy = json!({"policy": "carry"});
    let answer = server.json("PUT", "/v1/accounts/%FF", &policy).is(422);
    assert_eq!(answer.problem(), "invalid-name");
    let answer = server.json("PUT", "/v1/accounts/%2E%2E", &policy).is(422);
    assert_eq!(answer.problem(), "invalid-name");
    let long = "a".repeat(1_025);
    let answer = server.json("PUT", &format!("/v1/accounts/{long}"), &policy);
    assert_eq!(answer.is(422).problem(), "text-length");
    assert_eq!(server.get("/v1/nothing").is(404).problem(), "not-found");
    let answer = server.json("PATCH", "/v1/accounts/a", &policy).is(405);
    assert_eq!(answer.problem(), "method-not-allowed");
    assert!(answer.header("allow").contains("PUT"));
    assert_eq!(
        server.get("/v1/accounts/a?at=0").is(404).problem(),
        "no-such-account"
    );
}

#[test]
fn accounts_are_listed_page_by_page() {
    let server = Server::start();
    let policy = json!({"policy": "carry"});
    let mut names = BTreeSet::new();
    for number in 0..25 {
        names.insert(format!("team/{number} & co"));
        server
            .json(
                "PUT",
                &format!("/v1/accounts/team%2F{number}%20%26%20co"),
                &policy,
            )
            .is(201);
    }
    server.json("PUT", "/v1/accounts/other", &policy).is(201);
    let (mut listed, mut path) = (Vec::new(), "/v1/accounts?prefix=team%2F&limit=7".to_owned());
    loop {
        let answer = server.get(&path).is(200);
        let page = answer.json();
        let accounts = page["accounts"].as_array().unwrap();
        assert!(accounts.len() <= 7);
        listed.extend(
            accounts
                .iter()
                .map(|account| account["account"].as_str().unwrap().to_owned()),
        );
        let link = answer.header("link").to_owned();
        if page["next"].is_null() {
            assert_eq!(link, "");
            break;
        }
        let (address, rest) = link.strip_prefix('<').unwrap().split_once('>').unwrap();
        assert_eq!(rest, "; rel=\"next\"");
        path = address.to_owned();
    }
    assert_eq!(listed, names.into_iter().collect::<Vec<_>>());
    assert_eq!(
        server.get("/v1/accounts").json()["accounts"]
            .as_array()
            .unwrap()
            .len(),
        26
    );
    for wrong in ["limit=0", "limit=1001", "limit=x", "limt=1"] {
        let answer = server.get(&format!("/v1/accounts?{wrong}")).is(400);
        assert_eq!(answer.problem(), "invalid-parameter");
    }
}

#[test]
fn an_account_is_shown_with_its_balance() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": 30});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let hold = json!({"id": "h", "accounts": ["a"], "amount": 30, "at": 5, "until": 15});
    server.post("/v1/holds", &hold).is(201);
    let summary = server.get("/v1/accounts/a?at=10").is(200);
    let expected = json!({
        "account": "a", "at": 10, "balance": 100, "status": "available", "deficit": 0,
        "held": 30, "available": 70, "revision": 3, "policy": "carry", "closed_until": null,
        "granted": 100, "used": 0, "grant_count": 1, "usage_count": 0, "hold_count": 1,
    });
    assert_eq!(summary.json(), expected);
    // Now is long after.
    assert_eq!(
        server.get("/v1/accounts/a").is(200).json()["status"],
        "inactive"
    );
}

#[test]
fn an_account_is_deleted_once() {
    let server = Server::with_account("a");
    let delete = |query: &str| server.send("DELETE", &format!("/v1/accounts/a{query}"), &[], "");
    assert_eq!(delete("").is(422).problem(), "missing-id");
    delete("?id=gone").is(201);
    assert_eq!(
        delete("?id=gone").is(200).json()["outcome"],
        "posted_before"
    );
    assert_eq!(delete("?id=other").is(404).problem(), "no-such-account");
    server
        .json("PUT", "/v1/accounts/a", &json!({"policy": "carry"}))
        .is(201);
    assert_eq!(delete("?id=gone").is(409).problem(), "deleted-before");
    // A deletion did not look at the condition.
    let delete_if = |revision| {
        let condition = [("if-match", revision)];
        server.send("DELETE", "/v1/accounts/a?id=gone-2", &condition, "")
    };
    let answer = delete_if("\"7\"").is(412);
    assert_eq!(answer.problem(), "revision-changed");
    assert_eq!(answer.json()["revision"], 1);
    delete_if("\"1\"").is(201);
    delete_if("\"7\"").is(200); // a retry
}
