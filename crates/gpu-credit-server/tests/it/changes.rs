//! Live changes.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::server::Server;

/// A stream of events.
struct Events {
    lines: BufReader<TcpStream>,
}

impl Events {
    fn open(server: &Server, path: &str, headers: &str) -> Self {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n{headers}\r\n",
            server.address, server.token
        )
        .unwrap();
        Events {
            lines: BufReader::new(stream),
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The next event: its kind, its id and its data.
    fn next(&mut self) -> (String, String, Value) {
        let (mut kind, mut id) = (String::new(), String::new());
        loop {
            let line = self.line();
            if let Some(said) = line.strip_prefix("event: ") {
                said.clone_into(&mut kind);
            } else if let Some(said) = line.strip_prefix("id: ") {
                said.clone_into(&mut id);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return (kind, id, serde_json::from_str(data).unwrap());
            }
        }
    }
}

#[test]
fn who_follows_an_account_is_told_of_each_commit() {
    let server = Server::with_account("a");
    let grant = json!({"id": "g", "amount": 100, "start": 0, "expiration": 30});
    server.post("/v1/accounts/a/grants", &grant).is(201);
    let mut events = Events::open(&server, "/v1/accounts/a/changes?at=10", "");
    let (kind, id, data) = events.next();
    assert_eq!((&*kind, &*id), ("balance", "2"));
    assert_eq!(
        (&data["balance"], &data["available"], &data["deficit"]),
        (&json!(100), &json!(100), &json!(0))
    );
    for number in 0..5 {
        let usage = json!({"id": format!("u{number}"), "amount": 30, "at": 5});
        server.post("/v1/accounts/a/usage", &usage).is(201);
        let (_, id, data) = events.next();
        assert_eq!(
            (&*id, &data["revision"]),
            (&*(number + 3).to_string(), &json!(number + 3))
        );
    }
    let mut resumed = Events::open(
        &server,
        "/v1/accounts/a/changes?at=10",
        "last-event-id: 7\r\n",
    );
    // What others post is seen as well.
    let grant = gpu_credit_store::Posting::grant("a", "g2", "", 80, 0, 30);
    server.store.post(grant).unwrap();
    for events in [&mut events, &mut resumed] {
        let (_, id, data) = events.next();
        assert_eq!((&*id, &data["balance"]), ("8", &json!(30)));
    }
    let mut behind = Events::open(
        &server,
        "/v1/accounts/a/changes?at=10",
        "last-event-id: 3\r\n",
    );
    assert_eq!(behind.next().1, "8");
    server.store.delete_account("a", "gone").unwrap();
    for events in [&mut events, &mut resumed, &mut behind] {
        let (kind, _, data) = events.next();
        assert_eq!((&*kind, &data["status"]), ("gone", &json!(404)));
    }
}

#[test]
fn a_stream_that_cannot_be_is_a_problem() {
    let server = Server::with_account("a");
    assert_eq!(
        server.get("/v1/accounts/b/changes").is(404).problem(),
        "no-such-account"
    );
    let wrong = [("last-event-id", "x")];
    let answer = server
        .send("GET", "/v1/accounts/a/changes", &wrong, "")
        .is(400);
    assert_eq!(answer.problem(), "invalid-parameter");
}
