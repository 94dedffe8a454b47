//! How each route of the document is called.

use gpu_credit_server::access::Verb;
use serde_json::{Value, json};

/// How a route is called on an account.
pub(super) struct Call {
    /// What it takes to be allowed; none if nobody is asked for a token.
    pub(super) verb: Option<Verb>,
    pub(super) method: String,
    pub(super) address: String,
    pub(super) body: Option<Body>,
    /// It names no account: what is outside of the scope is left out.
    pub(super) is_list: bool,
}

pub(super) struct Body {
    pub(super) content_type: &'static str,
    pub(super) text: String,
}

/// A call on an account, with a record id that nobody has used.
pub(super) fn call(method: &str, path: &str, account: &str, id: &str) -> Call {
    let asked = |verb, query: &str| made(Some(verb), query, None, false);
    let sent = |verb, body: Value| {
        let body = Body {
            content_type: "application/json",
            text: body.to_string(),
        };
        made(Some(verb), "", Some(body), false)
    };
    let made: (Option<Verb>, String, Option<Body>, bool) = match (method, path) {
        ("get", "/v1/accounts" | "/v1/export" | "/v1/time-unit") => {
            made(Some(Verb::Read), "", None, true)
        }
        ("post", "/v1/imports") => {
            let entry =
                json!({"kind": "usage", "account": account, "id": id, "amount": 1, "at": 150});
            let body = Body {
                content_type: "application/x-ndjson",
                text: entry.to_string(),
            };
            made(Some(Verb::Use), "", Some(body), false)
        }
        ("put", "/v1/accounts/{account}") => sent(Verb::Admin, json!({"policy": "carry"})),
        ("delete", "/v1/accounts/{account}") => asked(Verb::Admin, &format!("?id={id}")),
        ("post", "/v1/accounts/{account}/close") => {
            sent(Verb::Admin, json!({"id": id, "until": 1}))
        }
        ("post", "/v1/accounts/{account}/grants") => {
            let body = json!({"id": id, "amount": 5, "start": 100, "expiration": 1000});
            sent(Verb::Grant, body)
        }
        ("post", "/v1/accounts/{account}/usage") => {
            sent(Verb::Use, json!({"id": id, "amount": 1, "at": 150}))
        }
        ("post", "/v1/accounts/{account}/runs") => sent(
            Verb::Use,
            json!({"id": id, "rate": 1, "from": 150, "until": 151}),
        ),
        ("post", "/v1/accounts/{account}/stops") => {
            sent(Verb::Correct, json!({"run": "run", "at": 150}))
        }
        ("post", "/v1/accounts/{account}/corrections") => {
            let body = json!({"id": id, "kind": "change_usage", "of": "usage", "amount": 2});
            sent(Verb::Correct, body)
        }
        ("post", "/v1/accounts/{account}/what-if") => {
            sent(Verb::Read, json!({"entries": [], "at": [150]}))
        }
        ("post", "/v1/entries") => {
            let entry =
                json!({"kind": "usage", "account": account, "id": id, "amount": 1, "at": 150});
            sent(Verb::Use, json!({"entries": [entry]}))
        }
        ("post", "/v1/balances") => sent(
            Verb::Read,
            json!({"questions": [{"account": account, "at": 150}]}),
        ),
        ("post", "/v1/holds") => {
            let body =
                json!({"id": id, "accounts": [account], "amount": 1, "at": 150, "until": 160});
            sent(Verb::Use, body)
        }
        ("post", "/v1/settlements") => sent(
            Verb::Use,
            json!({"id": id, "account": account, "hold": "held", "amount": 1}),
        ),
        ("post", "/v1/releases") => sent(
            Verb::Use,
            json!({"id": id, "account": account, "hold": "held-too"}),
        ),
        ("post", "/api/v1/events") => {
            let event = json!({"specversion": "1.0", "type": "test", "source": "test", "id": id,
                               "subject": account, "data": {"amount": 1}});
            sent(Verb::Use, event)
        }
        ("get", "/v1/overview") => made(Some(Verb::Read), "?at=150", None, true),
        (
            "get",
            "/v1/accounts/{account}/plot.svg"
            | "/v1/accounts/{account}/points"
            | "/v1/accounts/{account}/told",
        ) => asked(Verb::Read, ""),
        ("get", "/v1/accounts/{account}/readout") => asked(Verb::Read, "?at=150"),
        ("get", "/v1/accounts/{account}/series") => asked(Verb::Read, "?from=100&to=200&step=50"),
        ("get", "/v1/accounts/{account}/steps") => asked(Verb::Read, "?from=100&to=200"),
        ("get", "/v1/accounts/{account}/draws") => asked(Verb::Read, "?from=100&until=200"),
        ("get", "/v1/accounts/{account}/lapses") => asked(Verb::Read, "?from=100&to=2000"),
        ("get", "/v1/accounts/{account}/low") => asked(Verb::Read, "?below=1&from=100"),
        (
            "get",
            "/v1/accounts/{account}"
            | "/v1/accounts/{account}/balance"
            | "/v1/accounts/{account}/statement"
            | "/v1/accounts/{account}/remainders"
            | "/v1/accounts/{account}/spendable",
        ) => asked(Verb::Read, "?at=150"),
        (
            "get",
            "/v1/accounts/{account}/runs-dry"
            | "/v1/accounts/{account}/entries"
            | "/v1/accounts/{account}/entries/{id}"
            | "/v1/accounts/{account}/entries/{id}/draws"
            | "/v1/accounts/{account}/export"
            | "/v1/accounts/{account}/holds",
        ) => asked(Verb::Read, ""),
        ("get", "/problems/{slug}" | "/openapi.json") => made(None, "", None, false),
        _ => panic!("the test does not know how to call {method} {path}: add it to calls.rs"),
    };
    let (verb, query, body, is_list) = made;
    let address = path
        .replace("{account}", &account.replace('/', "%2F"))
        .replace("{slug}", "not-found")
        .replace("{id}", "usage");
    Call {
        verb,
        method: method.to_uppercase(),
        address: format!("{address}{query}"),
        body,
        is_list,
    }
}

fn made(
    verb: Option<Verb>,
    query: &str,
    body: Option<Body>,
    is_list: bool,
) -> (Option<Verb>, String, Option<Body>, bool) {
    (verb, query.to_owned(), body, is_list)
}
