//! Exports over HTTP.

use std::ops::ControlFlow;

use gpu_credit_store::{ImportOptions, Store};
use serde_json::json;

use crate::server::Server;

#[test]
fn an_export_makes_the_same_store() {
    let server = Server::with_account("a");
    server
        .json("PUT", "/v1/accounts/b", &json!({"policy": "forfeit"}))
        .is(201);
    for number in 0..3_000 {
        let usage = gpu_credit_store::Posting::usage("a", format!("u{number}"), 1, 9);
        server.store.post(usage).unwrap();
    }
    let answer = server.get("/v1/export").is(200);
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    let copy = Store::in_memory().unwrap();
    let options = ImportOptions::default();
    let imported = copy.import_journal(answer.text.as_bytes(), &options, |_| {
        ControlFlow::Continue(())
    });
    assert_eq!(imported.unwrap().posted, 3_002);
    assert_eq!(
        copy.get_balance("a", 9).unwrap(),
        server.store.get_balance("a", 9).unwrap()
    );
    let answer = server.get("/v1/accounts/b/export").is(200);
    assert_eq!(answer.text.lines().count(), 2); // the unit of time, and the opening
    assert_eq!(
        server.get("/v1/accounts/none/export").is(404).problem(),
        "no-such-account"
    );
}
