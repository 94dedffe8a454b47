//! Events of others become usage.

use gpu_credit::Overdraft;
use gpu_credit_server::{EventRules, State};
use gpu_credit_store::{Posting, RecordId, Store, TimeUnit};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

const RULES: &str = r#"
    [[rules]]
    type = "litellm_tokens"
    multiply = ["cost"]
    by = "1000000000"
"#;

const UNMATCHED: &str = "unmatched = \"unmatched\"\n";

/// A service with accounts `acme` and `unmatched`.
fn server(rules: &str) -> Server {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Seconds).unwrap();
    for account in ["acme", "unmatched"] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    let rules = EventRules::from_toml(rules).unwrap();
    Server::with_state(store, |state: State| state.with_event_rules(rules))
}

fn event(id: &str, subject: &str, cost: &Value) -> Value {
    json!({
        "specversion": "1.0", "type": "litellm_tokens", "id": id, "source": "litellm-proxy",
        "time": "2026-03-01T10:00:00.123456", "subject": subject,
        "data": {"model": "gpt-4o", "cost": cost, "total_tokens": 30},
    })
}

fn send(server: &Server, content_type: &str, body: &str) -> Answer {
    server.send(
        "POST",
        "/api/v1/events",
        &[("content-type", content_type)],
        body,
    )
}

fn send_one(server: &Server, event: &Value) -> Answer {
    send(server, "application/cloudevents+json", &event.to_string())
}

fn used(server: &Server, account: &str) -> u64 {
    let used = |account: &gpu_credit_store::Account| account.ledger().used();
    server.store.with_account(account, used).unwrap()
}

#[test]
fn an_event_is_charged_once() {
    let server = server(RULES);
    let body = event("a", "acme", &json!(null)).to_string();
    let body = body.replace("null", "0.00015000000000000001");
    assert_eq!(
        send(&server, "application/cloudevents+json", &body)
            .is(204)
            .text,
        ""
    );
    // A repeat has another time, and may have another cost.
    let again = body
        .replace("10:00:00.123456", "10:00:07.5")
        .replace("0.00015", "9");
    send(&server, "application/json", &again).is(204);
    assert_eq!(used(&server, "acme"), 150_000);
    let id = RecordId::from(r#"["litellm-proxy","a"]"#);
    let entry = server.store.entry("acme", &id).unwrap().unwrap();
    let at = 1_772_359_200;
    assert_eq!(
        entry.change,
        Posting::usage("acme", "a", 150_000, at).change
    );
}

#[test]
fn a_batch_is_all_or_nothing() {
    let server = server(RULES);
    let good = event("a", "acme", &json!("0.5"));
    for bad in [
        event("b", "nobody", &json!("0.5")),
        event("b", "acme", &json!(null)),
        event("b", "acme", &json!("free")),
        event("", "acme", &json!(1)),
        json!({"specversion": "1.0", "type": "other", "id": "b", "source": "s", "subject": "acme"}),
    ] {
        let batch = json!([good, bad]).to_string();
        let answer = send(&server, "application/cloudevents-batch+json", &batch).is(422);
        assert_eq!(answer.json()["index"], 1, "{}", answer.text);
        assert_eq!(answer.problem(), "invalid-body");
        assert_eq!(used(&server, "acme"), 0);
    }
    let twice = json!([good, event("c", "acme", &json!("0.25")), good]).to_string();
    send(&server, "application/cloudevents-batch+json", &twice).is(204);
    assert_eq!(used(&server, "acme"), 750_000_000);
}

#[test]
fn what_cannot_be_posted_goes_to_the_account_for_it() {
    let server = server(&format!("{UNMATCHED}{RULES}"));
    let batch = json!([
        event("a", "nobody", &json!("0.5")),
        event("b", "acme", &json!(null)),
        {"specversion": "1.0", "type": "other", "id": "c", "source": "s", "subject": "acme"},
        event("d", "acme", &json!(1)),
    ]);
    send(&server, "application/json", &batch.to_string()).is(204);
    assert_eq!(used(&server, "unmatched"), 500_000_000);
    assert_eq!(used(&server, "acme"), 1_000_000_000);
    assert_eq!(server.store.history("unmatched").unwrap().len(), 4);
    // The account is opened later, and the event comes again: it is posted already.
    server
        .store
        .open_account("nobody", Overdraft::Carry)
        .unwrap();
    send(&server, "application/json", &batch.to_string()).is(204);
    assert_eq!(used(&server, "nobody"), 0);
    assert_eq!(server.store.history("unmatched").unwrap().len(), 4);
}

#[test]
fn what_comes_after_the_close_of_the_books_goes_there_too() {
    let server = server(&format!("{UNMATCHED}{RULES}"));
    server
        .store
        .post(Posting::close_books("acme", "close", 1_800_000_000))
        .unwrap();
    send_one(&server, &event("a", "acme", &json!("0.5"))).is(204);
    assert_eq!(used(&server, "unmatched"), 500_000_000);
}

#[test]
fn other_bodies_are_refused() {
    let server = server(RULES);
    let one = event("a", "acme", &json!(1)).to_string();
    send(&server, "text/plain", &one).is(415);
    send(&server, "application/cloudevents-batch+json", &one).is(400);
    send(&server, "application/cloudevents+json", &format!("[{one}]")).is(400);
    send(&server, "application/json", "{").is(400);
    let time = one.replace("2026-03-01T10", "yesterday");
    assert_eq!(
        send(&server, "application/json", &time).is(422).json()["index"],
        0
    );
    assert_eq!(send(&server, "application/json", "[]").is(204).text, "");
}

/// Two senders of one event at once: one of them has the other's content refused, and it is a duplicate.
#[test]
fn senders_at_once_charge_once() {
    let server = server(RULES);
    std::thread::scope(|scope| {
        for sender in 0..8 {
            let server = &server;
            scope.spawn(move || {
                for id in 0..20 {
                    let event = event(&format!("e{id}"), "acme", &json!(sender + 1));
                    send_one(server, &event).is(204);
                }
            });
        }
    });
    assert_eq!(server.store.history("acme").unwrap().len(), 21);
}
