//! The page, and what it asks.

use gpu_credit::Overdraft;
use gpu_credit_store::{Authorise, Posting, Store, TimeUnit};
use serde_json::json;

use crate::server::Server;

const HOSTILE: &str = "<script>alert(1)</script>/ \"'&";

fn server() -> Server {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Seconds).unwrap();
    for account in ["team/acme", "team/bio", HOSTILE] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    store
        .post_all(vec![
            Posting::grant("team/acme", "invoice-1", "march", 100, 0, 30),
            Posting::usage("team/acme", "job-17", 20, 12),
            Posting::usage("team/acme", "job-9", 5, 3),
            Posting::change_usage("team/acme", "fix", "job-17", 15),
            Posting::grant(HOSTILE, HOSTILE, HOSTILE, 7, 0, 30),
        ])
        .unwrap();
    store
        .authorise(Authorise::new("hold", ["team/acme"], 10, 20..25))
        .unwrap();
    Server::of(store)
}

#[test]
fn its_files_are_guarded() {
    let server = server();
    for (path, content_type) in [
        ("/ui/", "text/html; charset=utf-8"),
        ("/ui/app.js", "text/javascript; charset=utf-8"),
        ("/ui/style.css", "text/css; charset=utf-8"),
    ] {
        let file = server.get(path).is(200);
        assert_eq!(file.header("content-type"), content_type);
        assert_eq!(
            file.header("content-security-policy"),
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' blob:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        assert_eq!(file.header("x-content-type-options"), "nosniff");
        assert_eq!(file.header("referrer-policy"), "no-referrer");
        for word in [
            "innerHTML",
            "outerHTML",
            "eval(",
            "document.write",
            "http://",
            "//cdn",
        ] {
            let text = file.text.replace("\"http://www.w3.org/2000/svg\"", "");
            assert!(!text.contains(word), "{path}: {word}");
        }
    }
    server.get("/ui/../Cargo.toml").is(404);
    server.get("/ui/other.js").is(404);
}

#[test]
fn a_picture_is_drawn() {
    let server = server();
    let picture = server.get("/v1/accounts/team%2Facme/plot.svg").is(200);
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    assert_eq!(picture.header("etag"), "\"6\"");
    for word in [
        "march",
        "1 late record",
        "1 corrected record",
        "1 hold",
        "data-from=\"0\"",
    ] {
        assert!(picture.text.contains(word), "{word}: {}", picture.text);
    }
    let before =
        server.get("/v1/accounts/team%2Facme/plot.svg?as_recorded=3&from=0&to=31&beside=6");
    assert_eq!(before.header("etag"), "\"3\"");
    assert!(before.text.contains("dashed: revision 6") && !before.text.contains("late record"));
    // Both in any order: what is known of the later one is not shown of the earlier.
    let again = server.get("/v1/accounts/team%2Facme/plot.svg?as_recorded=4");
    assert!(again.text.contains("1 late record") && !again.text.contains("corrected record"));
    let path = server.path(HOSTILE, "plot.svg");
    let hostile = server.get(&path).is(200).text;
    assert!(
        !hostile.contains("<script") && hostile.contains("&lt;script&gt;"),
        "{hostile}"
    );
    let wrong = server
        .get("/v1/accounts/team%2Facme/plot.svg?from=9&to=9")
        .is(400);
    assert_eq!(wrong.problem(), "invalid-parameter");
    server.get("/v1/accounts/nobody/plot.svg").is(404);
}

#[test]
fn a_readout_is_what_the_account_answers() {
    let server = server();
    let readout = |query: &str| {
        let path = format!("/v1/accounts/team%2Facme/readout?{query}");
        server.get(&path).is(200).json()
    };
    let at_12 = readout("at=12");
    assert_eq!(at_12["balance"], 80);
    assert_eq!(at_12["revision"], 6);
    assert_eq!(
        at_12["remainders"],
        json!([{"id": "invoice-1", "credit_id": "march", "amount": 80, "last": 30}])
    );
    assert_eq!(readout("at=12&as_recorded=4")["balance"], 75);
    let held = readout("at=22");
    assert_eq!(
        (&held["held"], &held["available"]),
        (&json!(10), &json!(70))
    );
    assert_eq!(readout("at=22&numbers=string")["held"], "10");
    assert_eq!(readout("at=1970-01-01T00:00:22Z")["held"], 10);
}

#[test]
fn numbers_stand_beside_the_picture() {
    let server = server();
    let points = server.get("/v1/accounts/team%2Facme/points").is(200).json();
    assert_eq!(points["unit"], "s");
    let points = points["points"].as_array().unwrap();
    let balances: Vec<_> = points
        .iter()
        .map(|point| (point["at"].as_i64(), point["balance"].as_u64()))
        .collect();
    assert_eq!(
        balances,
        [
            (Some(0), Some(100)),
            (Some(3), Some(95)),
            (Some(12), Some(80)),
            (Some(31), None)
        ]
    );
}

#[test]
fn accounts_are_found_by_prefix() {
    let server = server();
    let names = |query: &str| {
        let overview = server.get(&format!("/v1/overview?{query}")).is(200).json();
        let accounts = overview["accounts"].as_array().unwrap().clone();
        let names = accounts
            .iter()
            .map(|row| row["account"].as_str().unwrap().to_owned());
        (names.collect::<Vec<_>>(), overview["next"].clone())
    };
    assert_eq!(names("prefix=team/").0, ["team/acme", "team/bio"]);
    let (first, next) = names("prefix=team/&limit=1");
    assert_eq!(
        (first, next),
        (vec!["team/acme".to_owned()], json!("team/acme"))
    );
    assert_eq!(
        names("prefix=team/&limit=1&after=team/acme"),
        (vec!["team/bio".to_owned()], json!(null))
    );
    let row = &server
        .get("/v1/overview?at=12&soon=100&prefix=team/a")
        .json()["accounts"][0];
    assert_eq!(
        *row,
        json!({"account": "team/acme", "policy": "carry", "revision": 6, "status": "available", "balance": 80,
               "deficit": 0, "held": 0, "available": 80, "lapsing_soon": 80})
    );
}

#[test]
fn entries_are_told() {
    let server = server();
    let told = server
        .get("/v1/accounts/team%2Facme/told?limit=2&after=1")
        .is(200)
        .json();
    assert_eq!(told["next"], 3);
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries[1]["told"], "usage of 20 at 1970-01-01T00:00:12Z");
    let told = server.get("/v1/accounts/team%2Facme/told?through=5").json();
    assert_eq!(told["next"], json!(null));
    let entries = told["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 5);
    assert_eq!(
        (&entries[3]["is_late"], &entries[4]["of"]),
        (&json!(true), &json!("job-17"))
    );
}
