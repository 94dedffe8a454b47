//! Imports over HTTP.

use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit::Overdraft;
use gpu_credit_server::access::{CurrentTokens, Scope, Token, TokenFile};
use gpu_credit_store::Store;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::{Value, json};

use crate::server::{Answer, Server};

const NDJSON: &str = "application/x-ndjson";

fn import(
    server: &Server,
    query: &str,
    content_type: &str,
    encoding: &str,
    body: Vec<u8>,
) -> Answer {
    let headers = [
        ("content-type", content_type),
        ("content-encoding", encoding),
    ];
    server.send("POST", &format!("/v1/imports{query}"), &headers, body)
}

fn told(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.header("content-type"), NDJSON);
    let lines = answer.text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn lines(count: usize) -> String {
    let line = |number| {
        let usage = json!({"kind": "usage", "account": "a", "id": format!("u{number}"), "amount": 1, "at": 9});
        format!("{usage}\n")
    };
    (0..count).map(line).collect()
}

#[test]
fn entries_are_imported_chunk_by_chunk_and_once() {
    let server = Server::with_account("a");
    let body = lines(25_000);
    let answer = import(&server, "", NDJSON, "identity", body.clone().into()).is(200);
    let lines_told = told(&answer);
    let done = lines_told.last().unwrap();
    let expected =
        json!({"kind": "done", "line": 25_000, "posted": 25_000, "posted_before": 0, "refused": 0});
    assert_eq!(*done, expected);
    assert_eq!(lines_told[0]["kind"], "progress");
    assert_eq!(lines_told[0]["posted"], 10_000);
    let again = import(&server, "", NDJSON, "identity", body.into()).is(200);
    let again = told(&again);
    assert_eq!(again.last().unwrap()["posted_before"], 25_000);
    assert_eq!(server.store.head("a").unwrap().revision.get(), 25_001);
}

#[test]
fn compressed_bodies_are_read_and_counted_as_they_are() {
    let body = lines(3_000);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(body.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = compress_to_vec(body.as_bytes(), CompressionLevel::Fastest);
    for (encoding, compressed) in [("gzip", gzip), ("zstd", zstd)] {
        let server = Server::with_account("a");
        let answer = import(&server, "", NDJSON, encoding, compressed.clone()).is(200);
        assert_eq!(told(&answer).last().unwrap()["posted"], 3_000, "{encoding}");
        // Several members, or frames.
        let twice = [compressed.clone(), compressed.clone()].concat();
        let answer = import(&server, "", NDJSON, encoding, twice).is(200);
        assert_eq!(
            told(&answer).last().unwrap()["posted_before"],
            6_000,
            "{encoding}"
        );
        let short = compressed[..compressed.len() / 2].to_vec();
        let answer = import(&server, "", NDJSON, encoding, short).is(422);
        assert_eq!(answer.problem(), "bad-line", "{encoding}");
        let answer = import(&server, "", NDJSON, encoding, body.clone().into()).is(422);
        assert_eq!(answer.problem(), "bad-line", "{encoding}");
    }
    let server = Server::with_account("a");
    let answer = import(&server, "", NDJSON, "br", body.into()).is(415);
    assert_eq!(answer.problem(), "unsupported-media-type");
}

/// A little that becomes much is held line by line: a line without end is refused.
#[test]
fn a_line_without_end_is_refused_after_decompression() {
    let server = Server::with_account("a");
    let endless = vec![b' '; 64 << 20];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(&endless).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(gzip.len() < 1 << 17);
    let answer = import(&server, "", NDJSON, "gzip", gzip.clone()).is(413);
    assert_eq!(answer.problem(), "body-too-large");
    let zstd = compress_to_vec(&*endless, CompressionLevel::Fastest);
    let answer = import(&server, "", NDJSON, "zstd", zstd).is(413);
    assert_eq!(answer.problem(), "body-too-large");
    let quoted = [
        b"kind,account,credit_id,amount,timestamp,expiration,id\nusage,\"".to_vec(),
        vec![b'x'; 2 << 20],
    ];
    let answer = import(&server, "", "text/csv", "identity", quoted.concat());
    assert!(matches!(answer.status, 413 | 422), "{}", answer.text);
}

#[test]
fn what_is_refused_ends_an_import_or_is_told() {
    let mut body = lines(12_000);
    body.push_str(
        "{\"kind\": \"usage\", \"account\": \"none\", \"id\": \"u\", \"amount\": 1, \"at\": 9}\n",
    );
    body.push_str("{\"kind\": \"usage\"}\n\n");
    body.push_str(lines(12_001).lines().last().unwrap());
    let server = Server::with_account("a");
    let answer = import(&server, "", NDJSON, "identity", body.clone().into()).is(200);
    let failed = told(&answer).pop().unwrap();
    assert_eq!(
        (&failed["kind"], &failed["posted"]),
        (&json!("failed"), &json!(10_000))
    );
    assert_eq!(failed["problem"]["line"], 12_002);
    let answer = import(&server, "?atomic=false", NDJSON, "identity", body.into()).is(200);
    let told = told(&answer);
    let refused: Vec<_> = told
        .iter()
        .filter(|line| line["kind"] == "refused")
        .collect();
    assert_eq!(refused.len(), 2);
    let lines: Vec<_> = refused
        .iter()
        .map(|line| line["problem"]["line"].clone())
        .collect();
    assert!(
        lines.contains(&json!(12_001)) && lines.contains(&json!(12_002)),
        "{lines:?}"
    );
    let done = told.last().unwrap();
    assert_eq!(
        (&done["posted"], &done["posted_before"]),
        (&json!(2_001), &json!(10_000))
    );
}

#[test]
fn events_files_are_imported() {
    let server = Server::start();
    let header = "kind,account,credit_id,amount,timestamp,expiration,id,until,priority";
    let rows =
        "grant,acme,march,100,0,30,g1,,2\nusage,acme,,4,12,,u1,,\nusage,acme,,1,10,,r1,15,\n";
    let file = format!("{header}\n{rows}");
    let answer = import(&server, "", "text/csv", "identity", file.clone().into()).is(404);
    assert_eq!(
        (answer.problem(), &answer.json()["line"]),
        ("no-such-account".to_owned(), &json!(2))
    );
    let answer = import(
        &server,
        "?open=carry:50",
        "text/csv",
        "identity",
        file.into(),
    )
    .is(200);
    assert_eq!(told(&answer).pop().unwrap()["posted"], 4);
    assert_eq!(server.get("/v1/accounts/acme?at=20").json()["balance"], 91);
    assert_eq!(
        server.get("/v1/accounts/acme?at=20").json()["policy"],
        "carry:50"
    );
    for (row, kind) in [
        ("usage,acme,,4,12,,,,\n", "bad-line"), // no id
        ("usage,acme,,4.5,12,,u2,,\n", "bad-line"),
        ("balance,acme,,,12,,,,\n", "bad-line"),
        ("usage,acme,,5,12,,u1,,\n", "different-content"),
    ] {
        let file = format!("{header}\n{row}");
        let answer = import(&server, "", "text/csv", "identity", file.into());
        assert_eq!(
            (answer.problem(), &answer.json()["line"]),
            (kind.to_owned(), &json!(2)),
            "{row}"
        );
    }
    let answer = import(&server, "", "text/csv", "identity", b"a,b\n".to_vec()).is(422);
    assert_eq!(answer.problem(), "bad-line");
    let answer = import(&server, "", "application/json", "identity", b"{}".to_vec()).is(415);
    assert_eq!(answer.problem(), "unsupported-media-type");
    let answer = import(&server, "", NDJSON, "identity", b"\n".to_vec()).is(200);
    assert_eq!(told(&answer).pop().unwrap()["kind"], "done");
}

/// A body that is sent bit by bit, with something done before the last bit.
struct InTwo<F> {
    first: std::io::Cursor<Vec<u8>>,
    last: std::io::Cursor<Vec<u8>>,
    between: Option<F>,
}

impl<F: FnOnce()> Read for InTwo<F> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.first.read(into)?;
        if count > 0 {
            return Ok(count);
        }
        if let Some(between) = self.between.take() {
            between();
        }
        self.last.read(into)
    }
}

/// An import went on to its end after its token was revoked, for as long as it had something to post.
#[test]
fn an_import_ends_before_its_next_chunk_once_its_token_is_revoked() {
    let store = Store::in_memory().unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = TokenFile::new(folder.path().join("tokens.json"));
    let (token, text) = Token::make(vec![Scope::everything()], None, String::new()).unwrap();
    file.change(|tokens| tokens.push(token)).unwrap();
    let tokens = CurrentTokens::open(file.clone()).unwrap();
    let server = Server::of_tokens(store.clone(), tokens, text.reveal());
    let body = lines(20_000);
    let (first, last) = body.split_at(body.len() / 4 * 3);
    let revoke = move || {
        let began = Instant::now();
        while store.head("a").unwrap().revision.get() < 10_001 {
            assert!(began.elapsed() < Duration::from_secs(60));
            thread::sleep(Duration::from_millis(5));
        }
        file.change(Vec::clear).unwrap();
    };
    let body = InTwo {
        first: std::io::Cursor::new(first.into()),
        last: std::io::Cursor::new(last.into()),
        between: Some(revoke),
    };
    let answer = server.stream("/v1/imports", NDJSON, body).is(200);
    let failed = told(&answer).pop().unwrap();
    assert_eq!(
        (&failed["kind"], &failed["posted"]),
        (&json!("failed"), &json!(10_000)),
        "{failed}"
    );
    assert_eq!(
        (&failed["line"], &failed["problem"]["status"]),
        (&json!(10_000), &json!(401))
    );
    assert_eq!(failed["problem"]["type"], "/problems/unauthorised");
    assert_eq!(server.store.head("a").unwrap().revision.get(), 10_001);
    assert_eq!(server.get("/v1/accounts").is(401).problem(), "unauthorised");
}
