//! How the service begins, goes on while its files change, and ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit_server::access::{CurrentTokens, TokenFile};
use gpu_credit_server::service::{Exposure, MetricsOptions, Service, ServiceError};
use gpu_credit_store::Store;

use super::running::{Running, added, body_of, connect, rest, short, status};

pub(super) fn refused(options: gpu_credit_server::service::ServiceOptions) -> ServiceError {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let store = Store::in_memory().unwrap().into_any();
    let bound = Service::bind(store, CurrentTokens::fixed(Vec::new()), options);
    runtime.block_on(bound).err().expect("it is refused")
}

#[test]
fn beyond_this_machine_it_does_not_listen_in_the_clear() {
    for address in ["0.0.0.0:0", "[::]:0", "[::ffff:0.0.0.0]:0"] {
        let mut options = short();
        options.listen = address.to_owned();
        assert!(
            matches!(refused(options), ServiceError::Exposed(_)),
            "{address}"
        );
        let mut options = short();
        options.metrics = Some(MetricsOptions {
            listen: address.to_owned(),
            is_open: false,
            accounts: Vec::new(),
            soon: Duration::ZERO,
        });
        assert!(
            matches!(refused(options), ServiceError::MetricsExposed(_)),
            "{address}"
        );
    }
    let mut options = short();
    options.listen = "0.0.0.0:0".to_owned();
    options.exposure = Exposure::BehindProxy;
    let running = Running::start(options);
    running.assert_serves();
}

#[test]
fn other_hosts_are_refused_on_loopback() {
    let running = Running::start(short());
    let request = running.request("GET", "/v1/accounts/acme?at=5", "Connection: close\r\n", "");
    let request = String::from_utf8(request).unwrap();
    let mut stream = running.connect();
    stream
        .write_all(request.replace("localhost", "evil.example").as_bytes())
        .unwrap();
    let answer = rest(&mut stream);
    assert_eq!(status(&answer), 421, "{answer}");
    assert!(
        !answer.to_lowercase().contains("access-control"),
        "{answer}"
    );
    let (status, body) = running.ask("GET", &format!("/v1/accounts?token={}", running.token), "");
    assert_eq!(status, 400, "{body}");
    assert!(!body.contains(&running.token));
}

#[test]
fn requests_have_ids() {
    let running = Running::start(short());
    let ask = |headers: &str| {
        let request = running.request(
            "GET",
            "/nothing",
            &format!("Connection: close\r\n{headers}"),
            "",
        );
        let mut stream = running.connect();
        stream.write_all(&request).unwrap();
        rest(&mut stream).to_lowercase()
    };
    assert!(ask("X-Request-Id: mine-17\r\n").contains("\r\nx-request-id: mine-17\r\n"));
    let made = ask("X-Request-Id: not one\r\n");
    assert!(
        made.contains("\r\nx-request-id: ") && !made.contains("not one"),
        "{made}"
    );
    assert_eq!(status(&made), 404);
}

#[test]
fn tokens_are_replaced_while_it_serves() {
    let running = Running::start(short());
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let mut asked = 0;
            while !is_over.load(Ordering::Relaxed) {
                running.assert_serves();
                asked += 1;
            }
            asked
        });
        for _ in 0..30 {
            let text = added(&running.tokens, "read=*");
            let ask = || {
                let request =
                    running.request("GET", "/v1/accounts/acme?at=5", "Connection: close\r\n", "");
                let request = String::from_utf8(request)
                    .unwrap()
                    .replace(&running.token, &text);
                let mut stream = running.connect();
                stream.write_all(request.as_bytes()).unwrap();
                status(&rest(&mut stream))
            };
            assert_eq!(ask(), 200);
            running.tokens.change(Vec::pop).unwrap();
            assert_eq!(ask(), 401);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(asking.join().unwrap() > 0);
    });
    std::fs::write(running.tokens.path(), "not json").unwrap();
    running.assert_serves();
}

#[test]
fn it_ends_in_order() {
    let mut running = Running::start(short());
    let (ready, _) = running.ask("GET", "/readyz", "");
    assert_eq!(ready, 200);
    // A request that is under way when it is asked to stop.
    let request = running.request(
        "PUT",
        "/v1/accounts/late",
        "Content-Type: application/json\r\n",
        "{\"policy\":\"carry\"}",
    );
    let mut under_way = running.connect();
    under_way.write_all(&request[..request.len() - 5]).unwrap();
    thread::sleep(Duration::from_millis(100));
    running.stop();
    thread::sleep(Duration::from_millis(100));
    // It still accepts, and says that it is not ready.
    assert_eq!(running.ask("GET", "/readyz", "").0, 503);
    running.assert_serves();
    thread::sleep(Duration::from_millis(500));
    assert!(std::net::TcpStream::connect(running.address).is_err());
    under_way.write_all(&request[request.len() - 5..]).unwrap();
    let answer = rest(&mut under_way);
    assert_eq!(status(&answer), 201, "{answer}");
    running.ended();
    assert!(running.store.head("late").is_ok());
}

#[test]
fn what_was_acknowledged_before_it_ended_is_there_once() {
    let mut running = Running::start(short());
    let posted = Arc::new(AtomicU64::new(0));
    let (address, token) = (running.address, running.token.clone());
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let (posted, token) = (Arc::clone(&posted), token.clone());
            thread::spawn(move || {
                let mut acknowledged = Vec::new();
                for number in 0.. {
                    let id = format!("{writer}-{number}");
                    let body = format!("{{\"id\":\"{id}\",\"amount\":1,\"at\":5}}");
                    let request = format!(
                        "POST /v1/accounts/acme/usage HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                         Authorization: Bearer {token}\r\nContent-Type: application/json\r\n\
                         Content-Length: {}\r\n\r\n{body}",
                        body.len()
                    );
                    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
                        break;
                    };
                    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
                    if stream.write_all(request.as_bytes()).is_err() {
                        break;
                    }
                    let answer = rest(&mut stream);
                    match status(&answer) {
                        201 => {
                            posted.fetch_add(1, Ordering::Relaxed);
                            acknowledged.push(id);
                        }
                        // The listener was closed with the connection in its queue.
                        0 => break,
                        _ => panic!("{answer}"),
                    }
                }
                acknowledged
            })
        })
        .collect();
    let began = Instant::now();
    while posted.load(Ordering::Relaxed) < 50 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "nothing is acknowledged"
        );
        thread::sleep(Duration::from_millis(10));
    }
    running.stop();
    running.ended();
    let acknowledged: Vec<String> = writers
        .into_iter()
        .flat_map(|writer| writer.join().unwrap())
        .collect();
    let history = running.store.history("acme").unwrap();
    for id in &acknowledged {
        let entries = history.iter().filter(|entry| entry.id.as_str() == id);
        assert_eq!(entries.count(), 1, "{id}");
    }
    assert!(acknowledged.len() >= 50);
}

#[test]
fn asked_twice_it_does_not_wait() {
    let mut options = short();
    options.drain = Duration::from_secs(60);
    let mut running = Running::start(options);
    let began = Instant::now();
    running.stop();
    running.stop();
    running.ended();
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn metrics_are_shown_on_a_listener_of_their_own() {
    let mut options = short();
    options.metrics = Some(MetricsOptions {
        listen: "127.0.0.1:0".to_owned(),
        is_open: false,
        accounts: vec![
            "ac.".parse().unwrap(),
            "acme".parse().unwrap(),
            "none".parse().unwrap(),
        ],
        soon: Duration::from_secs(60),
    });
    let running = Running::start(options);
    running.assert_serves();
    running.ask("GET", "/v1/accounts/none?at=5", "");
    running.ask("GET", "/etc/passwd", "");
    let read = || {
        let mut stream = connect(running.metrics.unwrap());
        stream
            .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .unwrap();
        let answer = rest(&mut stream);
        assert_eq!(status(&answer), 200, "{answer}");
        body_of(&answer).to_owned()
    };
    let metrics = read();
    let route = "/v1/accounts/{account}";
    for line in [
        format!("gpu_credit_requests_total{{method=\"GET\",route=\"{route}\",status=\"200\"}} 1"),
        format!("gpu_credit_requests_total{{method=\"GET\",route=\"{route}\",status=\"404\"}} 1"),
        "gpu_credit_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1".to_owned(),
        "gpu_credit_balance{account=\"acme\"} 1000".to_owned(),
        "gpu_credit_available{account=\"acme\"} 1000".to_owned(),
        "gpu_credit_deficit{account=\"acme\"} 0".to_owned(),
        "gpu_credit_lapsing_soon{account=\"acme\"} 0".to_owned(),
        "gpu_credit_accounts_left_out 1".to_owned(),
        "gpu_credit_store_groups_total 2".to_owned(),
        "gpu_credit_store_conflicts_total 0".to_owned(),
    ] {
        assert!(
            metrics.lines().any(|shown| shown == line),
            "{line} in:\n{metrics}"
        );
    }
    assert!(
        metrics.contains("gpu_credit_request_seconds_bucket"),
        "{metrics}"
    );
    assert!(metrics.trim_end().ends_with("# EOF"), "{metrics}");
    // They are not on the other listener.
    assert_eq!(running.ask("GET", "/metrics", "").0, 404);
}

#[test]
fn a_file_of_tokens_has_to_be_there() {
    let folder = tempfile::tempdir().unwrap();
    assert!(CurrentTokens::open(TokenFile::new(folder.path().join("none.json"))).is_err());
}

/// A stream of changes that has begun.
fn follow(running: &Running, token: &str) -> BufReader<TcpStream> {
    let request = running.request("GET", "/v1/accounts/acme/changes?at=5", "", "");
    let request = String::from_utf8(request).unwrap();
    let mut stream = running.connect();
    stream
        .write_all(request.replace(&running.token, token).as_bytes())
        .unwrap();
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    while !line.starts_with("data:") {
        line.clear();
        assert!(
            reader.read_line(&mut line).unwrap() > 0,
            "the stream has ended"
        );
    }
    reader
}

#[test]
fn streams_end_with_their_token_and_with_the_service() {
    let mut running = Running::start(short());
    let text = added(&running.tokens, "read=acme");
    let mut revoked = follow(&running, &text);
    let mut kept = follow(&running, &running.token.clone());
    running.tokens.change(Vec::pop).unwrap();
    let began = Instant::now();
    let mut rest = String::new();
    let _ = revoked.read_to_string(&mut rest);
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    // The other goes on.
    let usage = "{\"id\":\"followed\",\"amount\":1,\"at\":5}";
    assert_eq!(running.ask("POST", "/v1/accounts/acme/usage", usage).0, 201);
    let mut line = String::new();
    while !line.contains("\"balance\":999") {
        line.clear();
        assert!(
            kept.read_line(&mut line).unwrap() > 0,
            "the stream has ended"
        );
    }
    running.stop();
    let mut rest = String::new();
    let _ = kept.read_to_string(&mut rest);
    assert!(rest.contains("retry:"), "{rest}");
    running.ended();
}

#[test]
fn a_token_has_sixteen_streams_at_once() {
    let running = Running::start(short());
    let mut open: Vec<_> = (0..16).map(|_| follow(&running, &running.token)).collect();
    let path = "/v1/accounts/acme/changes?at=5";
    let (status, body) = running.ask("GET", path, "");
    assert_eq!(status, 429, "{body}");
    assert!(body.contains("/problems/too-many-streams"), "{body}");
    open.pop();
    thread::sleep(Duration::from_millis(300));
    // What is written finds that nobody reads.
    let usage = "{\"id\":\"followed\",\"amount\":1,\"at\":5}";
    running.ask("POST", "/v1/accounts/acme/usage", usage);
    thread::sleep(Duration::from_millis(300));
    follow(&running, &running.token);
}

#[test]
fn beyond_its_refusals_a_token_writes_nothing() {
    let mut options = short();
    options.access.refusals = NonZeroU32::new(6).unwrap();
    let running = Running::start(options);
    let hold = |id: &str, amount: u64| {
        let body = format!(
            "{{\"id\":\"{id}\",\"accounts\":[\"acme\"],\"amount\":{amount},\"at\":5,\"until\":9}}"
        );
        running.ask("POST", "/v1/holds", &body)
    };
    let mut refused = 0;
    let limited = loop {
        let (status, body) = hold(&format!("h{refused}"), 10_000);
        if status == 429 {
            break body;
        }
        assert_eq!(status, 402, "{body}");
        refused += 1;
        assert!(refused < 200);
    };
    // One more is let in every ten seconds.
    assert!((6..10).contains(&refused), "{refused}");
    assert!(limited.contains("/problems/too-many-refusals"), "{limited}");
    let before = running.store.last_sequence();
    for number in 0..3 {
        assert_eq!(hold(&format!("more-{number}"), 10_000).0, 429);
    }
    assert_eq!(running.store.last_sequence(), before);
    // Another token has its own.
    let other = added(&running.tokens, "use=*");
    let body = "{\"id\":\"other\",\"accounts\":[\"acme\"],\"amount\":5000,\"at\":5,\"until\":9}";
    let headers = "Connection: close\r\nContent-Type: application/json\r\n";
    let request = running.request("POST", "/v1/holds", headers, body);
    let request = String::from_utf8(request)
        .unwrap()
        .replace(&running.token, &other);
    let mut stream = running.connect();
    stream.write_all(request.as_bytes()).unwrap();
    assert_eq!(status(&rest(&mut stream)), 402);
}
