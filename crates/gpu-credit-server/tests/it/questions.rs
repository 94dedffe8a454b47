//! Questions over HTTP, compared with the store's own answers.

use serde_json::{Value, json};

use crate::server::Server;

/// 100 in [0, 30], 50 in [20, 60]; 20 at 12, a job of 2 a tick in [10, 15), 90 at 25.
fn with_history() -> Server {
    let server = Server::with_account("a");
    let entries = json!([
        {"kind": "grant", "account": "a", "id": "g1", "credit_id": "march", "amount": 100, "start": 0, "expiration": 30},
        {"kind": "grant", "account": "a", "id": "g2", "amount": 50, "start": 20, "last": 60},
        {"kind": "usage", "account": "a", "id": "u1", "amount": 20, "at": 12},
        {"kind": "run", "account": "a", "id": "r1", "rate": 2, "from": 10, "until": 15},
        {"kind": "usage", "account": "a", "id": "u2", "amount": 90, "at": 25},
    ]);
    server
        .post("/v1/entries", &json!({"entries": entries}))
        .is(200);
    server
}

fn ask(server: &Server, question: &str) -> Value {
    let answer = server.get(&format!("/v1/accounts/a/{question}")).is(200);
    assert_eq!(
        answer.header("etag"),
        format!("\"{}\"", answer.json()["revision"])
    );
    answer.json()
}

#[test]
fn balances_are_those_of_the_store() {
    let server = with_history();
    for at in -5..70 {
        let answer = ask(&server, &format!("balance?at={at}"));
        let balance = server.store.get_balance("a", at).unwrap();
        assert_eq!(answer["balance"], json!(balance), "{at}");
        assert_eq!(answer["available"], json!(balance.unwrap_or(0)));
    }
    assert_eq!(ask(&server, "balance?at=12&as_recorded=3")["balance"], 100);
    let answer = server
        .get("/v1/accounts/a/balance?at=12&as_recorded=9")
        .is(404);
    assert_eq!(
        (answer.problem(), &answer.json()["last"]),
        ("no-such-revision".to_owned(), &json!(6))
    );
}

#[test]
fn many_balances_are_asked_at_once() {
    let server = with_history();
    server
        .json("PUT", "/v1/accounts/b", &json!({"policy": "carry"}))
        .is(201);
    let questions =
        json!([{"account": "a", "at": 12}, {"account": "b", "at": 1}, {"account": "a", "at": 13}]);
    let answer = server
        .post("/v1/balances", &json!({"questions": questions}))
        .is(200)
        .json();
    let balances: Vec<_> = (0..3)
        .map(|place| answer["balances"][place]["balance"].clone())
        .collect();
    assert_eq!(balances, [json!(74), json!(null), json!(72)]);
    let questions = json!([{"account": "a", "at": 12}, {"account": "c", "at": 1}]);
    let answer = server
        .post("/v1/balances", &json!({"questions": questions}))
        .is(404);
    assert_eq!(
        (answer.problem(), &answer.json()["pointer"]),
        ("no-such-account".to_owned(), &json!("/questions/1/account"))
    );
    server
        .post("/v1/balances", &json!({"questions": []}))
        .is(200);
}

#[test]
fn what_may_be_spent_is_told() {
    let server = with_history();
    let answer = ask(&server, "spendable?at=12");
    let spendable = server
        .store
        .with_account("a", |account| account.spendable(12))
        .unwrap()
        .unwrap();
    assert_eq!(answer["spendable"], spendable);
    assert_eq!(ask(&server, "spendable?at=26&until=36")["spendable"], 3);
    assert_eq!(ask(&server, "runs-dry?from=0")["runs_dry"], json!(null));
    assert_eq!(ask(&server, "runs-dry?from=26&rate=10")["runs_dry"], 29);
    let answer = server
        .get("/v1/accounts/a/spendable?at=12&until=12")
        .is(422);
    assert_eq!(answer.problem(), "question-refused");
}

#[test]
fn series_and_steps_cover_a_range() {
    let server = with_history();
    let series = ask(&server, "series?from=0&to=60&step=5");
    for point in series["points"].as_array().unwrap() {
        let at = point["at"].as_i64().unwrap();
        assert_eq!(
            point["balance"],
            json!(server.store.get_balance("a", at).unwrap())
        );
    }
    assert_eq!(series["points"].as_array().unwrap().len(), 13);
    let answer = server
        .get("/v1/accounts/a/series?from=0&to=10000&step=1")
        .is(422);
    assert_eq!(answer.problem(), "answer-too-large");
    let answer = server
        .get("/v1/accounts/a/series?from=0&to=10&step=0")
        .is(422);
    assert_eq!(answer.problem(), "question-refused");
    // So many points, or one fewer for each step that does not fit.
    for (points, expected) in [(1, vec![0]), (2, vec![0, 31]), (4, vec![0, 16, 32, 48])] {
        let series = ask(&server, &format!("series?from=0&to=60&points={points}"));
        let rows = series["points"].as_array().unwrap();
        let instants: Vec<_> = rows.iter().map(|row| row["at"].as_i64().unwrap()).collect();
        assert_eq!(instants, expected, "{points}");
    }
    let all = ask(&server, "series?from=0&to=60&points=61");
    assert_eq!(
        all["points"],
        ask(&server, "series?from=0&to=60&step=1")["points"]
    );
    let ends = format!("series?from={}&to={}&points=1", i64::MIN, i64::MAX);
    assert_eq!(ask(&server, &ends)["points"].as_array().unwrap().len(), 1);
    for wrong in ["", "&points=0", "&points=10001", "&points=3&step=2"] {
        let path = format!("/v1/accounts/a/series?from=0&to=60{wrong}");
        assert_eq!(server.get(&path).is(400).problem(), "invalid-parameter");
    }

    let whole = ask(&server, "steps?from=-5&to=70");
    let (mut paged, mut path) = (
        Vec::new(),
        "/v1/accounts/a/steps?from=-5&to=70&limit=2".to_owned(),
    );
    loop {
        let answer = server.get(&path).is(200);
        paged.extend(answer.json()["steps"].as_array().unwrap().clone());
        if answer.json()["next"].is_null() {
            break;
        }
        let link = answer.header("link");
        path = link
            .strip_prefix('<')
            .unwrap()
            .split_once('>')
            .unwrap()
            .0
            .to_owned();
    }
    assert_eq!(whole["steps"], Value::Array(paged));
}

#[test]
fn grants_are_told_by_their_ids() {
    let server = with_history();
    let statement = ask(&server, "statement?at=31");
    assert_eq!(
        (
            &statement["used"],
            &statement["drawn"],
            &statement["deficit"]
        ),
        (&json!(120), &json!(120), &json!(0))
    );
    let rows = statement["grants"].as_array().unwrap();
    assert_eq!(
        (&rows[0]["grant"], &rows[0]["credit_id"], &rows[0]["drawn"]),
        (&json!("g1"), &json!("march"), &json!(100))
    );
    assert_eq!(
        (&rows[1]["grant"], &rows[1]["remaining"]),
        (&json!("g2"), &json!(30))
    );
    let period = ask(&server, "statement?from=20&until=30");
    assert_eq!(period["used"], 90);
    let answer = server.get("/v1/accounts/a/statement?from=20").is(400);
    assert_eq!(answer.problem(), "invalid-parameter");

    let remainders = ask(&server, "remainders?at=26");
    assert_eq!(remainders["remainders"].as_array().unwrap().len(), 1);
    assert_eq!(remainders["remainders"][0]["grant"], "g2");
    assert_eq!(remainders["remainders"][0]["amount"], 30);
    let lapses = ask(&server, "lapses?from=26&to=100");
    assert_eq!(
        lapses["lapses"],
        json!([{"grant": "g2", "credit_id": "", "amount": 30, "at": 61}])
    );
    let low = ask(&server, "low?below=40&from=0");
    assert_eq!(
        (&low["first_below"], &low["lowest"]["balance"]),
        (&json!(25), &json!(30))
    );
}

#[test]
fn draws_are_told_by_the_ids_of_both() {
    let server = with_history();
    let draws = ask(&server, "draws?until=30");
    let draws: Vec<_> = draws["draws"]
        .as_array()
        .unwrap()
        .iter()
        .map(|draw| json!([draw["usage"], draw["grant"], draw["amount"]]))
        .collect();
    assert!(draws.contains(&json!(["u1", "g1", 20])), "{draws:?}");
    assert!(draws.contains(&json!(["u2", "g2", 20])), "{draws:?}");
    let of = ask(&server, "entries/u2/draws");
    assert_eq!((&of["amount"], &of["deficit"]), (&json!(90), &json!(0)));
    let of: Vec<_> = of["draws"]
        .as_array()
        .unwrap()
        .iter()
        .map(|draw| draw["grant"].clone())
        .collect();
    assert_eq!(of, [json!("g1"), json!("g2")]);
    let answer = server.get("/v1/accounts/a/entries/g1/draws").is(404);
    assert_eq!(answer.problem(), "no-such-usage");
}

#[test]
fn a_plan_is_answered_and_not_posted() {
    let server = with_history();
    let entries = json!([
        {"kind": "usage", "amount": 40, "at": 40},
        {"kind": "grant", "amount": 25, "start": 50, "expiration": null},
        {"kind": "run", "rate": 1, "from": 50, "until": 55},
    ]);
    let answer = server.post(
        "/v1/accounts/a/what-if",
        &json!({"entries": entries, "at": [39, 40, 60]}),
    );
    let answer = answer.is(200).json();
    let balances: Vec<_> = (0..3)
        .map(|place| answer["balances"][place]["balance"].clone())
        .collect();
    assert_eq!(balances, [json!(30), json!(null), json!(10)]);
    assert_eq!(
        (&answer["runs_dry"], &answer["revision"]),
        (&json!(40), &json!(6))
    );
    let much = json!({"entries": [{"kind": "usage", "amount": u64::MAX, "at": 40}], "at": [39]});
    let answer = server.post("/v1/accounts/a/what-if", &much).is(422);
    assert_eq!(
        (answer.problem(), &answer.json()["pointer"]),
        ("question-refused".to_owned(), &json!("/entries/0"))
    );
    assert_eq!(server.store.head("a").unwrap().revision.get(), 6);
}
