//! What was posted, entry by entry.

use serde_json::json;

use crate::server::Server;

#[test]
fn entries_are_read_page_by_page() {
    let server = Server::with_account("a/b");
    for number in 0..20 {
        let usage = json!({"id": format!("u/{number}"), "amount": number, "at": 9});
        server.post("/v1/accounts/a%2Fb/usage", &usage).is(201);
    }
    let (mut ids, mut path) = (Vec::new(), "/v1/accounts/a%2Fb/entries?limit=6".to_owned());
    loop {
        let answer = server.get(&path).is(200);
        let page = answer.json();
        assert_eq!(page["revision"], 21);
        assert_eq!(answer.header("etag"), "\"21\"");
        for entry in page["entries"].as_array().unwrap() {
            ids.push(entry["id"].as_str().unwrap().to_owned());
            assert_eq!(entry["revision"], ids.len());
        }
        let link = answer.header("link").to_owned();
        if page["next"].is_null() {
            break;
        }
        path = link
            .strip_prefix('<')
            .unwrap()
            .split_once('>')
            .unwrap()
            .0
            .to_owned();
    }
    assert_eq!(ids.len(), 21);
    assert_eq!((&*ids[0], &*ids[20]), ("open", "u/19"));
    let entry = server
        .get("/v1/accounts/a%2Fb/entries/u%2F7")
        .is(200)
        .json();
    assert_eq!(
        (&entry["kind"], &entry["amount"]),
        (&json!("usage"), &json!(7))
    );
    let answer = server.get("/v1/accounts/a%2Fb/entries/none").is(404);
    assert_eq!(answer.problem(), "no-such-entry");
    let answer = server.get("/v1/accounts/none/entries").is(404);
    assert_eq!(answer.problem(), "no-such-account");
}

#[test]
fn every_kind_of_entry_is_shown() {
    let server = Server::with_account("a");
    let entries = json!([
        {"kind": "grant", "account": "a", "id": "g", "credit_id": "march", "amount": 100, "start": 0, "expiration": 30, "priority": 2},
        {"kind": "usage", "account": "a", "id": "u", "amount": 1, "at": 3},
        {"kind": "run", "account": "a", "id": "r", "rate": 1, "from": 3, "until": 6},
        {"kind": "change_usage", "account": "a", "id": "c1", "of": "u", "amount": 2},
        {"kind": "change_run", "account": "a", "id": "c2", "of": "r", "rate": 2},
        {"kind": "change_expiration", "account": "a", "id": "c3", "of": "g", "expiration": null},
        {"kind": "change_priority", "account": "a", "id": "c4", "of": "g", "priority": 1},
        {"kind": "retract", "account": "a", "id": "c5", "of": "u"},
        {"kind": "revoke", "account": "a", "id": "c6", "of": "g", "from": 20},
        {"kind": "close", "account": "a", "id": "c7", "until": 2},
    ]);
    server
        .post("/v1/entries", &json!({"entries": entries}))
        .is(200);
    let shown = server.get("/v1/accounts/a/entries?after=1").json();
    let shown = shown["entries"].as_array().unwrap();
    assert_eq!(shown.len(), 10);
    for (sent, shown) in entries.as_array().unwrap().iter().zip(shown) {
        for (member, value) in sent.as_object().unwrap() {
            if member != "account" {
                assert_eq!(shown[member], *value, "{shown}");
            }
        }
    }
}
