//! No token reads or writes outside of its scope, by whatever route of the document.

mod calls;
mod shared_holds;

use std::sync::Arc;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_server::access::{Accounts, CurrentTokens, Scope, Token, TokenText, Verb};
use gpu_credit_store::{Authorise, Posting, Store, TimeUnit};

use crate::server::{Answer, Server};
use calls::{Call, call};

const INSIDE: &str = "in/a";
const OUTSIDE: &str = "out/b";
/// An account that was never opened.
const MISSING: &str = "out/c";
/// It is in names and texts of the account outside.
const SECRET: &str = "secret";

struct World {
    server: Server,
    tokens: Vec<Token>,
    ids: u64,
}

/// Two accounts with the same records, and as many tokens as are asked for.
fn store() -> Store {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Seconds).unwrap();
    let job = MeteredUsage {
        rate: 1,
        from: 140,
        until: 170,
    };
    for (account, credit_id) in [(INSIDE, "open"), (OUTSIDE, SECRET)] {
        store.open_account(account, Overdraft::Carry).unwrap();
        store
            .post_all(vec![
                Posting::grant(account, "grant", credit_id, 1_000_000, 100, 5_000),
                Posting::usage(account, "usage", 7, 120),
                Posting::metered_usage(account, "run", job),
            ])
            .unwrap();
        for hold in ["held", "held-too"] {
            let authorise = Authorise::new(hold, vec![account.to_owned()], 3, 130..4_000);
            store.authorise(authorise).unwrap();
        }
    }
    store
}

impl World {
    fn new() -> Self {
        World {
            server: Server::of_tokens(store(), CurrentTokens::fixed(Vec::new()), ""),
            tokens: Vec::new(),
            ids: 0,
        }
    }

    /// From now on the server has one token, with these scopes.
    fn may(&mut self, scopes: Vec<Scope>) {
        let (token, text): (Token, TokenText) = Token::make(scopes, None, String::new()).unwrap();
        self.tokens.push(token);
        let tokens = CurrentTokens::fixed(self.tokens.clone());
        let store = self.server.store.clone();
        self.server = Server::of_tokens(store, Arc::clone(&tokens), text.reveal());
    }

    /// The same on another store, so that what a call did is undone.
    fn afresh(&mut self) {
        self.server.store = store();
        let tokens = CurrentTokens::fixed(self.tokens.clone());
        let token = self.server.token.clone();
        self.server = Server::of_tokens(self.server.store.clone(), tokens, &token);
    }

    fn call(&mut self, (method, path): &(String, String), account: &str) -> (Call, Answer) {
        self.ids += 1;
        let call = call(method, path, account, &format!("id-{}", self.ids));
        let (headers, body) = match &call.body {
            Some(body) => (vec![("content-type", body.content_type)], body.text.clone()),
            None => (Vec::new(), String::new()),
        };
        let answer = self
            .server
            .send(&call.method, &call.address, &headers, body);
        (call, answer)
    }
}

/// All routes of the document, as methods and paths.
fn routes() -> Vec<(String, String)> {
    let document = serde_json::to_value(gpu_credit_server::openapi()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let mut routes = Vec::new();
    for (path, item) in paths {
        // It has no end: `a_stream_is_for_those_who_may_read` is about it.
        if path.ends_with("/changes") {
            continue;
        }
        // They are of the service as it is run, and nobody is asked for a token.
        if ["/healthz", "/readyz"].contains(&&**path) {
            continue;
        }
        let methods = item.as_object().unwrap().keys();
        let is_method = |key: &&String| {
            ["get", "put", "post", "delete", "patch", "head"].contains(&key.as_str())
        };
        routes.extend(
            methods
                .filter(is_method)
                .map(|method| (method.clone(), path.clone())),
        );
    }
    assert!(!routes.is_empty());
    routes
}

fn scope(verbs: &[Verb], accounts: &str) -> Scope {
    Scope {
        verbs: verbs.to_vec(),
        accounts: accounts.parse::<Accounts>().unwrap(),
    }
}

fn without(verb: Verb) -> Vec<Verb> {
    Verb::ALL
        .into_iter()
        .filter(|other| *other != verb)
        .collect()
}

/// The body without the name of the account and the id, which are the caller's own words.
fn told(answer: &Answer, account: &str, ids: u64) -> String {
    let told = answer.text.replace(account, "ACCOUNT");
    told.replace(&format!("id-{ids}"), "ID")
}

#[test]
fn an_account_outside_of_the_scope_is_as_one_that_is_not_there() {
    let mut world = World::new();
    for scopes in [
        vec![scope(&Verb::ALL, "in/")],
        vec![scope(&Verb::ALL, INSIDE)],
        vec![
            scope(&Verb::ALL, "out/b/"),
            scope(&Verb::ALL, "out"),
            scope(&Verb::ALL, "b"),
        ],
    ] {
        world.may(scopes);
        for route in &routes() {
            let before = world.server.store.last_sequence();
            let (call, hidden) = world.call(route, OUTSIDE);
            if call.verb.is_none() || call.is_list {
                continue;
            }
            let of_hidden = told(&hidden, OUTSIDE, world.ids);
            let (_, missing) = world.call(route, MISSING);
            assert_eq!(hidden.status, 404, "{route:?}: {}", hidden.text);
            assert_eq!(hidden.problem(), "no-such-account", "{route:?}");
            assert_eq!(of_hidden, told(&missing, MISSING, world.ids), "{route:?}");
            assert_eq!(missing.status, 404, "{route:?}");
            let names = |answer: &Answer| {
                let names = answer.headers.keys().map(ToString::to_string);
                names.collect::<Vec<_>>()
            };
            assert_eq!(names(&hidden), names(&missing), "{route:?}");
            assert!(!hidden.text.contains(SECRET), "{route:?}");
            assert_eq!(
                world.server.store.last_sequence(),
                before,
                "{route:?} wrote"
            );
        }
    }
}

#[test]
fn each_route_takes_its_verb_and_no_other() {
    let mut world = World::new();
    for route in &routes() {
        let verb = match call(&route.0, &route.1, INSIDE, "x").verb {
            Some(verb) => verb,
            None => continue,
        };
        world.may(vec![scope(&without(verb), "in/")]);
        let before = world.server.store.last_sequence();
        let (call, lacking) = world.call(route, INSIDE);
        if call.is_list {
            assert!(
                !lacking.text.contains(INSIDE),
                "{route:?}: {}",
                lacking.text
            );
        } else {
            assert_eq!(lacking.status, 403, "{route:?}: {}", lacking.text);
            assert_eq!(lacking.problem(), "forbidden", "{route:?}");
            // It does not depend on whether there is such an account.
            let (_, unopened) = world.call(route, "in/none");
            assert_eq!(unopened.status, 403, "{route:?}: {}", unopened.text);
        }
        assert_eq!(
            world.server.store.last_sequence(),
            before,
            "{route:?} wrote"
        );
        for accounts in ["in/", INSIDE, "*"] {
            world.afresh();
            world.may(vec![scope(&[verb], accounts)]);
            let (_, allowed) = world.call(route, INSIDE);
            assert!(
                allowed.status < 300,
                "{route:?}: {} {}",
                allowed.status,
                allowed.text
            );
        }
        world.afresh();
    }
}

#[test]
fn lists_and_batches_show_and_write_nothing_outside() {
    let mut world = World::new();
    world.may(vec![scope(&Verb::ALL, "in/")]);
    for number in 0..40 {
        let name = format!("out/{SECRET}-{number}");
        world
            .server
            .store
            .open_account(&name, Overdraft::Carry)
            .unwrap();
    }
    world
        .server
        .store
        .open_account("zz-secret", Overdraft::Carry)
        .unwrap();
    for route in &routes() {
        let (call, answer) = world.call(route, INSIDE);
        if call.verb.is_some() {
            assert!(!answer.text.contains(SECRET), "{route:?}: {}", answer.text);
            assert!(!answer.text.contains("out/"), "{route:?}: {}", answer.text);
            let headers = format!("{:?}", answer.headers);
            assert!(
                !headers.contains("out/") && !headers.contains("out%2F"),
                "{route:?}: {headers}"
            );
        }
        world.afresh();
    }
}

#[test]
fn nothing_but_a_valid_token_is_let_in() {
    let mut world = World::new();
    world.may(vec![Scope::everything()]);
    let right = world.server.token.clone();
    let other = Token::make(vec![Scope::everything()], None, String::new())
        .unwrap()
        .1;
    let (last, rest) = (&right[right.len() - 1..], &right[..right.len() - 1]);
    let flipped = format!("{rest}{}", if last == "0" { "1" } else { "0" });
    let upper = right.to_uppercase();
    let wrong = ["", "x", "gct_", other.reveal(), &flipped, rest, &upper];
    for token in wrong {
        token.clone_into(&mut world.server.token);
        for route in &routes() {
            let (call, answer) = world.call(route, INSIDE);
            match call.verb {
                Some(_) => {
                    assert_eq!(answer.status, 401, "{route:?} {token:?}");
                    assert_eq!(answer.problem(), "unauthorised");
                    assert!(answer.header("www-authenticate").starts_with("Bearer"));
                    assert!(token.len() < 5 || !answer.text.contains(token));
                }
                None => assert_eq!(answer.status, 200, "{route:?}"),
            }
        }
    }
}

#[test]
fn a_stream_is_for_those_who_may_read() {
    let mut world = World::new();
    let changes = |account: &str| format!("/v1/accounts/{}/changes", account.replace('/', "%2F"));
    world.may(vec![scope(&without(Verb::Read), "in/")]);
    let answer = world.server.get(&changes(INSIDE)).is(403);
    assert_eq!(answer.problem(), "forbidden");
    world.may(vec![scope(&Verb::ALL, "in/")]);
    let answer = world.server.get(&changes(OUTSIDE)).is(404);
    assert_eq!(answer.problem(), "no-such-account");
}
