//! Holds on accounts inside and outside of a token's scope. The names of those outside were in the history of those
//! inside, and in what was answered to whoever tried to settle, to release or to post under the id of such a hold.

use std::ops::ControlFlow;

use gpu_credit::Overdraft;
use gpu_credit_server::access::{CurrentTokens, Scope, Token, Verb};
use gpu_credit_store::{Authorise, ImportOptions, Posting, Settle, Store, TimeUnit};
use serde_json::{Value, json};

use super::{INSIDE, OUTSIDE, SECRET, routes, scope};
use crate::server::{Answer, Server};

const OTHERS: [&str; 3] = [OUTSIDE, "out/secret-1", "out/secret-2"];

/// Credit inside and outside; and holds that are given, refused and closed on all accounts at once.
fn store() -> Store {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Seconds).unwrap();
    for account in OTHERS.into_iter().chain([INSIDE, "in/b"]) {
        store.open_account(account, Overdraft::Carry).unwrap();
        let grant = Posting::grant(account, "grant", "", 1_000, 100, 5_000);
        store.post(grant).unwrap();
    }
    let all = || -> Vec<&str> { OTHERS.into_iter().chain([INSIDE]).collect() };
    for (id, amount) in [("given", 3), ("closed", 4), ("refused", 5_000)] {
        let authorise = Authorise::new(id, all(), amount, 130..4_000);
        store.authorise(authorise).unwrap();
    }
    store
        .settle(Settle::new(INSIDE, "settled", "closed", 4))
        .unwrap();
    let of_two = vec![INSIDE.to_owned(), "in/b".to_owned()];
    store
        .authorise(Authorise::new("both", of_two, 1, 130..4_000))
        .unwrap();
    store
}

fn server(scopes: Vec<Scope>) -> Server {
    let (token, text) = Token::make(scopes, None, String::new()).unwrap();
    Server::of_tokens(store(), CurrentTokens::fixed(vec![token]), text.reveal())
}

/// Nothing of an answer names an account outside.
#[track_caller]
fn names_nothing_outside(what: &str, answer: &Answer) {
    let text = format!("{} {:?}", answer.text, answer.headers);
    let hidden = text.contains("out/") || text.contains("out%2F") || text.contains(SECRET);
    assert!(!hidden, "{what}: {text}");
}

#[test]
fn every_route_names_the_accounts_inside_alone() {
    for scopes in [
        vec![scope(&Verb::ALL, "in/")],
        vec![scope(&Verb::ALL, INSIDE)],
    ] {
        for (method, path) in &routes() {
            let server = server(scopes.clone());
            for id in ["given", "refused", "closed", "settled"] {
                let call = super::call(method, path, INSIDE, id);
                let (headers, body) = match &call.body {
                    Some(body) => (vec![("content-type", body.content_type)], body.text.clone()),
                    None => (Vec::new(), String::new()),
                };
                let body = body.replace("\"held\"", "\"given\"");
                let body = body.replace("\"held-too\"", "\"given\"");
                let address = call.address.replace("/usage", &format!("/{id}"));
                let answer = server.send(&call.method, &address, &headers, body);
                names_nothing_outside(&format!("{method} {address}"), &answer);
            }
        }
    }
}

#[test]
fn what_is_hidden_of_a_hold_is_counted() {
    let server = server(vec![scope(&[Verb::Read], "in/")]);
    let entries = server.get(&server.path(INSIDE, "entries")).is(200).json();
    let of = |id: &str| {
        let entries = entries["entries"].as_array().unwrap();
        let entry = entries.iter().find(|entry| entry["id"] == id).unwrap();
        (entry["accounts"].clone(), entry["hidden_accounts"].clone())
    };
    assert_eq!(of("given"), (json!([INSIDE]), json!(3)));
    assert_eq!(of("refused"), (json!([INSIDE]), json!(3)));
    assert_eq!(of("both"), (json!([INSIDE, "in/b"]), Value::Null));
    let entry = server.get(&server.path(INSIDE, "entries/given")).json();
    assert_eq!(
        (&entry["accounts"], &entry["hidden_accounts"]),
        (&json!([INSIDE]), &json!(3))
    );
    let holds = server.get(&server.path(INSIDE, "holds")).json();
    assert_eq!(holds["holds"][0]["hidden_accounts"], 3);
    assert_eq!(holds["holds"][1]["accounts"], json!([INSIDE, "in/b"]));
    let told = server.get(&server.path(INSIDE, "told")).json().to_string();
    assert!(
        told.contains("and on 3 accounts outside of the token's scope"),
        "{told}"
    );
}

#[test]
fn an_export_is_imported_as_holds_on_what_it_names() {
    let server = server(vec![scope(&[Verb::Read], "in/")]);
    let all = server.get("/v1/export").is(200);
    let one = server.get(&server.path(INSIDE, "export")).is(200);
    for (answer, of_both) in [(all, 2), (one, 2)] {
        names_nothing_outside("export", &answer);
        let other = Store::in_memory().unwrap();
        let _ = other
            .import_journal(answer.text.as_bytes(), &ImportOptions::default(), |_| {
                ControlFlow::Continue(())
            })
            .unwrap();
        let holds = |account: &gpu_credit_store::Account| {
            let holds = account.holds();
            let holds = holds.map(|(_, id, hold)| (id.to_string(), hold.accounts.len()));
            holds.collect::<Vec<_>>()
        };
        let mut holds = other.with_account(INSIDE, holds).unwrap();
        holds.sort();
        assert_eq!(
            holds,
            [("both".to_owned(), of_both), ("given".to_owned(), 1)]
        );
    }
}

#[test]
fn those_who_may_use_one_account_of_a_hold_do_not_close_it() {
    let server = server(vec![scope(&Verb::ALL, "in/")]);
    let before = server.store.last_sequence();
    for (path, body) in [
        (
            "/v1/settlements",
            json!({"id": "s", "account": INSIDE, "hold": "given", "amount": 1}),
        ),
        (
            "/v1/releases",
            json!({"id": "r", "account": INSIDE, "hold": "given"}),
        ),
    ] {
        let answer = server.post(path, &body).is(403);
        assert_eq!(answer.problem(), "forbidden");
        names_nothing_outside(path, &answer);
    }
    // The id of a hold is taken, whatever comes under it.
    for body in [
        json!({"id": "given", "accounts": [INSIDE], "amount": 3, "at": 130, "until": 4_000}),
        json!({"id": "refused", "accounts": [INSIDE], "amount": 3, "at": 130, "until": 4_000}),
    ] {
        let answer = server.post("/v1/holds", &body).is(409);
        assert_eq!(answer.problem(), "different-content");
        names_nothing_outside("holds", &answer);
        assert!(answer.text.contains("on other accounts"), "{}", answer.text);
    }
    let usage = json!({"id": "given", "amount": 3, "at": 130});
    let answer = server.post(&server.path(INSIDE, "usage"), &usage).is(409);
    names_nothing_outside("usage", &answer);
    assert_eq!(server.store.last_sequence(), before);
}

/// What is unmatched goes to an account of the operator's. Whoever may not use it was told its name.
#[test]
fn the_account_for_what_is_unmatched_is_not_named() {
    use gpu_credit_server::{EventRules, State};

    let rules = EventRules::from_toml("unmatched = \"out/secret-1\"").unwrap();
    let (token, text) = Token::make(vec![scope(&Verb::ALL, "in/")], None, String::new()).unwrap();
    let server = Server::of_tokens_and(
        store(),
        CurrentTokens::fixed(vec![token]),
        text.reveal(),
        |state: State| state.with_event_rules(rules),
    );
    let event = json!({"specversion": "1.0", "type": "unknown", "source": "s", "id": "e", "subject": INSIDE});
    let headers = [("content-type", "application/cloudevents+json")];
    let answer = server.send("POST", "/api/v1/events", &headers, event.to_string());
    assert_eq!(answer.status, 422, "{}", answer.text);
    names_nothing_outside("events", &answer);
    assert!(
        answer
            .text
            .contains("the token may not use the account for what is unmatched")
    );
}
