//! Bodies that are wrong, huge, nested or cut short.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::server::Server;

const JSON: [(&str, &str); 1] = [("content-type", "application/json; charset=utf-8")];

#[test]
fn what_is_no_json_of_the_form_is_refused() {
    let server = Server::with_account("a");
    let path = "/v1/accounts/a/usage";
    for (body, status, kind) in [
        ("{\"id\": \"u\"", 400, "bad-json"),
        (
            "{\"id\": \"u\", \"amount\": 1, \"at\": 1} 1",
            400,
            "bad-json",
        ),
        (
            "{\"id\": \"u\", \"amount\": 1, \"at\": 1, \"amuont\": 1}",
            422,
            "invalid-body",
        ),
        (
            "{\"id\": \"u\", \"id\": \"v\", \"amount\": 1, \"at\": 1}",
            422,
            "invalid-body",
        ),
        (
            "{\"id\": \"u\", \"amount\": 99999999999999999999, \"at\": 1}",
            422,
            "invalid-body",
        ),
        (
            "{\"id\": \"u\", \"amount\": \"ten\", \"at\": 1}",
            422,
            "invalid-body",
        ),
        ("[]", 422, "invalid-body"),
        ("\u{feff}{}", 400, "bad-json"),
    ] {
        let answer = server.send("POST", path, &JSON, body).is(status);
        assert_eq!(answer.problem(), kind, "{body}");
    }
    let wrong = "{\"id\": \"u\", \"amount\": \"ten\", \"at\": 1}";
    let answer = server.send("POST", path, &JSON, wrong).json();
    assert_eq!(answer["pointer"], "/amount");
    for content_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("content-type", content_type)];
        let answer = server.send("POST", path, &headers, wrong).is(415);
        assert_eq!(answer.problem(), "unsupported-media-type");
    }
    let invalid = server.send("POST", path, &JSON, b"{\"id\": \"\xff\"}".to_vec());
    assert!(matches!(invalid.status, 400 | 422), "{}", invalid.text);
    assert_eq!(server.store.head("a").unwrap().revision.get(), 1);
}

#[test]
fn a_huge_or_a_nested_body_is_refused_and_nothing_else_is() {
    let server = Server::with_account("a");
    let huge = vec![b' '; (16 << 20) + 1];
    let answer = server.send("POST", "/v1/entries", &JSON, huge).is(413);
    assert_eq!(answer.problem(), "body-too-large");
    for deep in ["[".repeat(1 << 20), "{\"a\":".repeat(1 << 20)] {
        let answer = server.send("POST", "/v1/entries", &JSON, deep);
        assert!(matches!(answer.status, 400 | 422), "{}", answer.text);
    }
    let nested = format!("{{\"entries\": {}", "[".repeat(100_000));
    let answer = server.send("POST", "/v1/entries", &JSON, nested);
    assert!(matches!(answer.status, 400 | 422), "{}", answer.text);
    server.get("/v1/accounts/a/balance?at=0").is(200);
}

#[test]
fn a_body_that_is_cut_short_posts_nothing() {
    let server = Server::with_account("a");
    let body = "{\"id\": \"u\", \"amount\": 1, \"at\": 1}";
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let length = body.len() + 1;
    write!(
        stream,
        "POST /v1/accounts/a/usage HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}",
        server.address, server.token
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    // Either it is told, or the connection ends.
    let _ = stream.read_to_string(&mut answer);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
        "{answer}"
    );
    assert_eq!(server.store.head("a").unwrap().revision.get(), 1);
    server.get("/v1/accounts/a/balance?at=0").is(200);
}
