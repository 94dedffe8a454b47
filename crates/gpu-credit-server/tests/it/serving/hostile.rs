//! Clients that are slow, greedy or wrong: what they take is bounded, and others are served.

use std::fmt::Write as _;
use std::io::Write;
use std::num::NonZeroU32;
use std::thread;
use std::time::{Duration, Instant};

use super::running::{Running, added, body_of, rest, short, status};

/// Bytes of memory that this process has resident; 0 where the system does not tell.
pub(super) fn resident() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

#[test]
fn headers_that_never_end_are_cut_off() {
    let running = Running::start(short());
    let mut slow: Vec<_> = (0..100).map(|_| running.connect()).collect();
    for stream in &mut slow {
        stream
            .write_all(b"GET /v1/accounts HTTP/1.1\r\nHost: lo")
            .unwrap();
    }
    running.assert_serves();
    let began = Instant::now();
    for stream in &mut slow {
        // A byte now and then is no reason to wait.
        let _ = stream.write_all(b"c");
        rest(stream);
    }
    assert!(
        began.elapsed() < Duration::from_secs(10),
        "{:?}",
        began.elapsed()
    );
    running.assert_serves();
}

#[test]
fn bodies_that_do_not_arrive_are_cut_off() {
    let running = Running::start(short());
    let whole = running.request(
        "POST",
        "/v1/balances",
        "Content-Type: application/json\r\n",
        &" ".repeat(500),
    );
    for sent in [whole.len() - 500, whole.len() - 499, whole.len() - 1] {
        let mut stream = running.connect();
        stream.write_all(&whole[..sent]).unwrap();
        let answer = rest(&mut stream);
        assert_eq!(status(&answer), 408, "{answer}");
        assert!(answer.contains("/problems/timed-out"), "{answer}");
    }
    // One byte after the other, without an end.
    let mut stream = running.connect();
    stream.write_all(&whole[..whole.len() - 500]).unwrap();
    let mut writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || {
        for _ in 0..100 {
            if writing.write_all(b" ").is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    let began = Instant::now();
    let answer = rest(&mut stream);
    assert_eq!(status(&answer), 408, "{answer}");
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "{:?}",
        began.elapsed()
    );
    writer.join().unwrap();
    running.assert_serves();
}

#[test]
fn what_is_cut_short_is_no_request() {
    let running = Running::start(short());
    let whole = running.request(
        "PUT",
        "/v1/accounts/new",
        "Content-Type: application/json\r\n",
        "{\"policy\":\"carry\"}",
    );
    for sent in 1..whole.len() {
        let mut stream = running.connect();
        stream.write_all(&whole[..sent]).unwrap();
        drop(stream);
    }
    running.assert_serves();
    assert!(running.store.head("new").is_err());
}

#[test]
fn what_is_too_large_is_refused_in_bounded_memory() {
    let running = Running::start(short());
    let before = resident();
    // It says how long it is, or it does not.
    for headers in [
        "Content-Length: 1073741824\r\n",
        "Transfer-Encoding: chunked\r\n",
    ] {
        let mut stream = running.connect();
        let token = &running.token;
        let head = format!(
            "POST /v1/balances HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: application/json\r\n{headers}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = match headers.starts_with('T') {
            true => format!("100000\r\n{}\r\n", " ".repeat(1 << 20)),
            false => " ".repeat(1 << 20),
        };
        let mut sent = 0;
        for _ in 0..64 {
            if stream.write_all(chunk.as_bytes()).is_err() {
                break;
            }
            sent += 1;
        }
        let answer = rest(&mut stream);
        assert!(sent < 64 || status(&answer) == 413, "{answer}");
    }
    let (status, _) = running.ask(
        "POST",
        "/v1/balances",
        &format!("\"{}\"", "a".repeat(17 << 20)),
    );
    assert!(status == 413 || status == 0, "{status}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 256 << 20, "{grown}");
    running.assert_serves();
}

#[test]
fn headers_that_are_too_large_or_too_many_are_refused() {
    let running = Running::start(short());
    let long = format!("X: {}\r\n", "a".repeat(300 << 10));
    let many = (0..1_000).fold(String::new(), |mut headers, number| {
        let _ = write!(headers, "X-{number}: a\r\n");
        headers
    });
    for headers in [long, many] {
        let request = running.request("GET", "/v1/accounts/acme?at=5", &headers, "");
        let mut stream = running.connect();
        let _ = stream.write_all(&request);
        let answer = rest(&mut stream);
        assert!(matches!(status(&answer), 0 | 431), "{answer}");
    }
    let request = running.request(
        "GET",
        &format!("/v1/accounts/{}", "a".repeat(70 << 10)),
        "",
        "",
    );
    let mut stream = running.connect();
    let _ = stream.write_all(&request);
    assert!(matches!(status(&rest(&mut stream)), 0 | 414 | 431));
    running.assert_serves();
}

/// About twice as much passed.
#[test]
fn a_header_has_64_kib_and_no_more() {
    let running = Running::start(short());
    let ask = |bytes: usize| {
        let request = |filler: usize| {
            let headers = format!("Connection: close\r\nX: {}\r\n", "a".repeat(filler));
            running.request("GET", "/v1/accounts/acme?at=5", &headers, "")
        };
        // All of it but the empty line at its end.
        let filler = bytes - (request(0).len() - 2);
        let mut stream = running.connect();
        stream.write_all(&request(filler)).unwrap();
        rest(&mut stream)
    };
    assert_eq!(status(&ask(64 << 10)), 200);
    for bytes in [(64 << 10) + 1, 80 << 10, 120 << 10] {
        let answer = ask(bytes);
        assert_eq!(status(&answer), 431, "{bytes}: {answer}");
        assert!(answer.contains("/problems/header-too-large"), "{answer}");
    }
    running.assert_serves();
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let running = Running::start(short());
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [200, 100_000] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for path in ["/v1/balances", "/v1/entries", "/v1/holds"] {
                let (status, answer) = running.ask("POST", path, &body);
                assert!((400..500).contains(&status), "{path} {status}: {answer}");
            }
        }
    }
    running.assert_serves();
}

#[test]
fn what_is_sent_ahead_is_answered_in_order() {
    let running = Running::start(short());
    let mut requests = Vec::new();
    for number in 0..200 {
        let path = format!("/v1/accounts/none-{number}?at=5");
        requests.extend(running.request("GET", &path, "", ""));
    }
    requests.extend(running.request("GET", "/healthz", "Connection: close\r\n", ""));
    let mut stream = running.connect();
    let mut writing = stream.try_clone().unwrap();
    let writer = thread::spawn(move || writing.write_all(&requests));
    let answers = rest(&mut stream);
    writer.join().unwrap().unwrap();
    let mut from = 0;
    for number in 0..200 {
        let name = format!("none-{number}\\\"");
        from += answers[from..]
            .find(&name)
            .unwrap_or_else(|| panic!("{name}"));
    }
    assert!(answers.ends_with("it runs\n"));
}

#[test]
fn a_client_that_takes_no_answer_is_left() {
    let running = Running::start(short());
    let request = running.request("GET", "/openapi.json", "", "");
    let mut stream = running.connect();
    // Answers of many megabytes, none of which is read.
    let began = Instant::now();
    while stream.write_all(&request).is_ok() {
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "it is still written to"
        );
    }
    running.assert_serves();
}

#[test]
fn a_compressed_body_is_not_taken_for_json() {
    let running = Running::start(short());
    let headers =
        "Content-Type: application/json\r\nContent-Encoding: gzip\r\nConnection: close\r\n";
    let request = running.request("POST", "/v1/balances", headers, "\u{1f}not gzip");
    let mut stream = running.connect();
    stream.write_all(&request).unwrap();
    let answer = rest(&mut stream);
    assert!((400..500).contains(&status(&answer)), "{answer}");
    running.assert_serves();
}

#[test]
fn a_token_that_asks_too_often_waits() {
    let mut options = short();
    options.access.requests = NonZeroU32::new(5).unwrap();
    let running = Running::start(options);
    let mut limited = 0;
    for _ in 0..30 {
        let headers = "Connection: close\r\n";
        let request = running.request("GET", "/v1/accounts/acme?at=5", headers, "");
        let mut stream = running.connect();
        stream.write_all(&request).unwrap();
        let answer = rest(&mut stream);
        if status(&answer) == 429 {
            limited += 1;
            assert!(
                answer.to_lowercase().contains("retry-after: 1\r\n"),
                "{answer}"
            );
            assert!(answer.contains("/problems/too-many-requests"), "{answer}");
        }
    }
    assert!(limited > 10, "{limited}");
    // Another token has its own.
    let other = added(&running.tokens, "read=*");
    let request = running.request("GET", "/v1/accounts/acme?at=5", "Connection: close\r\n", "");
    let request = String::from_utf8(request)
        .unwrap()
        .replace(&running.token, &other);
    let mut stream = running.connect();
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), 200);
}

#[test]
fn what_is_too_much_at_once_is_refused_at_once() {
    let mut options = short();
    options.limits.requests = 2;
    options.limits.body = Duration::from_secs(5);
    let running = Running::start(options);
    let head = running.request(
        "POST",
        "/v1/balances",
        "Content-Type: application/json\r\n",
        " ",
    );
    let mut slow: Vec<_> = (0..2).map(|_| running.connect()).collect();
    for stream in &mut slow {
        stream.write_all(&head[..head.len() - 1]).unwrap();
    }
    thread::sleep(Duration::from_millis(300));
    let (status, body) = running.ask("GET", "/v1/accounts/acme?at=5", "");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("/problems/overloaded"), "{body}");
    // Whether it lives is answered all the same.
    assert_eq!(running.ask("GET", "/healthz", "").0, 200);
    drop(slow);
    thread::sleep(Duration::from_millis(300));
    running.assert_serves();
}

#[test]
fn an_idle_connection_is_closed() {
    let running = Running::start(short());
    let mut stream = running.connect();
    stream
        .write_all(&running.request("GET", "/healthz", "", ""))
        .unwrap();
    let began = Instant::now();
    let answer = rest(&mut stream);
    assert_eq!(body_of(&answer), "it runs\n");
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}
