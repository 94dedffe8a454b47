//! The service against the store called directly, and against a handler that returns a constant.
//!
//! ```console
//! $ cargo bench -p gpu-credit-server --bench serve
//! $ cargo bench -p gpu-credit-server --bench serve -- --quick    # seconds, to see that it works
//! ```
//!
//! * Postings by `POST /v1/entries` of 100, on as many connections as the store is called by threads: to be at least 0.6 of
//!   the store's own.
//! * Single postings on 64 connections, against 64 threads: at least 0.3.
//! * A question (the balance of an account in memory) against an axum handler that returns a constant behind the same
//!   middleware: at least 0.5.
//! * The slowest hundredth of questions while others post, and the processor time of the server for a request, which has
//!   that of the clients in it: all run in this process.
//!
//! Each pair in turns, on files of one folder; the medians of five are told. What was posted and answered is verified.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_server::access::{Access, AccessLimits, CurrentTokens, Scope, Token};
use gpu_credit_server::{State, router_with_constant};
use gpu_credit_store::{Batch, Posting, Store, TimeUnit};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Threads, and connections, that post batches or ask.
const FEW: usize = 4;
/// Those that post one by one.
const MANY: usize = 64;
const BATCH: usize = 100;
const ACCOUNTS: usize = 64;

#[derive(Clone, Copy)]
struct Sizes {
    rounds: usize,
    /// How long one side of a pair runs.
    span: Duration,
}

fn main() {
    let quick = std::env::args().any(|word| word == "--quick" || word == "--test");
    let sizes = match quick {
        true => Sizes {
            rounds: 1,
            span: Duration::from_millis(200),
        },
        false => Sizes {
            rounds: 5,
            span: Duration::from_secs(2),
        },
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    println!("postings a second, in batches of {BATCH}, {FEW} at once:");
    postings(sizes, folder.path(), FEW, BATCH);
    println!("postings a second, one by one, {MANY} at once:");
    postings(sizes, folder.path(), MANY, 1);
    println!("questions a second, {FEW} at once:");
    questions(sizes, folder.path());
}

/// A service over a store in a file.
struct Server {
    store: Store,
    address: SocketAddr,
    token: String,
    _runtime: Runtime,
}

impl Server {
    fn start(path: &std::path::Path) -> Self {
        let store = Store::create(path).unwrap();
        store.set_time_unit(TimeUnit::Seconds).unwrap();
        for account in 0..ACCOUNTS {
            let name = format!("a{account}");
            store.open_account(&name, Overdraft::Carry).unwrap();
            let grant = Posting::grant(&*name, "g", "", 1 << 50, 0, 1_000_000);
            store.post(grant).unwrap();
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        let (token, text) = Token::make(vec![Scope::everything()], None, String::new()).unwrap();
        let limits = AccessLimits {
            requests: u32::MAX.try_into().unwrap(),
            ..AccessLimits::default()
        };
        let access = Access::new(CurrentTokens::fixed(vec![token]), limits);
        let state = State::with_access(store.clone().into_any(), access).unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let service = router_with_constant(state);
        runtime.spawn(async move {
            let listener = axum::serve::ListenerExt::tap_io(listener, |stream| {
                stream.set_nodelay(true).unwrap();
            });
            axum::serve(listener, service).await
        });
        Server {
            store,
            address,
            token: text.reveal().to_owned(),
            _runtime: runtime,
        }
    }
}

/// A connection that is kept.
struct Client {
    stream: TcpStream,
    head: String,
    answer: Vec<u8>,
}

impl Client {
    fn new(server: &Server) -> Self {
        let stream = TcpStream::connect(server.address).unwrap();
        stream.set_nodelay(true).unwrap();
        Client {
            stream,
            head: format!(
                " HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\n",
                server.address, server.token
            ),
            answer: Vec::new(),
        }
    }

    /// Sends a request, and returns the body of its answer, which is as it has to be.
    fn send(&mut self, line: &str, body: &str, expected: &str) -> &[u8] {
        let mut request = format!("{line}{}", self.head);
        if !body.is_empty() {
            request += &format!(
                "content-type: application/json\r\ncontent-length: {}\r\n",
                body.len()
            );
        }
        request += "\r\n";
        request += body;
        self.stream.write_all(request.as_bytes()).unwrap();
        self.answer.clear();
        let mut piece = [0; 16 << 10];
        loop {
            let count = self.stream.read(&mut piece).unwrap();
            assert!(count > 0, "the connection ended");
            self.answer.extend_from_slice(&piece[..count]);
            let end = self.answer.windows(4).position(|four| four == b"\r\n\r\n");
            let Some(end) = end else { continue };
            let head = std::str::from_utf8(&self.answer[..end]).unwrap();
            assert!(head.starts_with(expected), "{head}");
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(": ")?;
                name.eq_ignore_ascii_case("content-length").then_some(value)
            });
            let length: usize = length.unwrap().parse().unwrap();
            while self.answer.len() < end + 4 + length {
                let count = self.stream.read(&mut piece).unwrap();
                assert!(count > 0, "the connection ended");
                self.answer.extend_from_slice(&piece[..count]);
            }
            return &self.answer[end + 4..];
        }
    }
}

/// Runs something on threads until the span is over; how often it was done a second. Each call of `make` makes what one
/// thread does, which is told how often it has done it.
fn rate<A: FnMut(usize)>(span: Duration, threads: usize, make: impl Fn(usize) -> A + Sync) -> f64 {
    let is_over = AtomicBool::new(false);
    let start = Instant::now();
    let done: usize = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (make, is_over) = (&make, &is_over);
                scope.spawn(move || {
                    let mut act = make(thread);
                    let mut done = 0;
                    while !is_over.load(Ordering::Relaxed) {
                        act(done);
                        done += 1;
                    }
                    done
                })
            })
            .collect();
        thread::sleep(span);
        is_over.store(true, Ordering::Relaxed);
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum()
    });
    #[allow(clippy::cast_precision_loss, reason = "the numbers are small")]
    let done = done as f64;
    done / start.elapsed().as_secs_f64()
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Tells both sides and the ratio.
fn tell(direct: Vec<f64>, served: Vec<f64>, at_least: f64) {
    let ratios = direct
        .iter()
        .zip(&served)
        .map(|(direct, served)| served / direct);
    let ratio = median(ratios.collect());
    let (direct, served) = (median(direct), median(served));
    println!(
        "  {direct:>9.0} directly, {served:>9.0} served: {ratio:.2}, to be at least {at_least}"
    );
}

/// Entries that the store has.
fn posted(store: &Store) -> u64 {
    let accounts = store.accounts().unwrap();
    let revision = |name: &str| store.head(name).unwrap().revision.get();
    accounts.iter().map(|account| revision(&account.name)).sum()
}

fn postings(sizes: Sizes, folder: &std::path::Path, threads: usize, batch: usize) {
    let (mut direct, mut served) = (Vec::new(), Vec::new());
    #[allow(clippy::cast_precision_loss, reason = "the numbers are small")]
    let each = batch as f64;
    for round in 0..sizes.rounds {
        let server = Server::start(&folder.join(format!("{threads}-{round}.redb")));
        let store = &server.store;
        let before = posted(store);
        let rate_of = rate(sizes.span, threads, |thread| {
            let account = format!("a{}", thread % ACCOUNTS);
            move |done| {
                let usage = |number| {
                    let id = format!("d{round}-{thread}-{done}-{number}");
                    Posting::usage(&*account, id, 1, 9)
                };
                let postings = (0..batch).map(usage).collect();
                let outcomes = store.post_batch(Batch::new(postings)).unwrap();
                assert!(outcomes.iter().all(|outcome| outcome.is_new()));
            }
        });
        direct.push(rate_of * each);
        let between = posted(store);
        assert!(between > before);
        let rate_of = rate(sizes.span, threads, |thread| {
            let mut client = Client::new(&server);
            let account = format!("a{}", thread % ACCOUNTS);
            move |done| {
                let id = format!("s{round}-{thread}-{done}");
                if batch == 1 {
                    let body = format!("{{\"id\":\"{id}\",\"amount\":1,\"at\":9}}");
                    let line = format!("POST /v1/accounts/{account}/usage");
                    client.send(&line, &body, "HTTP/1.1 201");
                    return;
                }
                let entries: Vec<String> = (0..batch)
                    .map(|number| {
                        format!(
                            "{{\"kind\":\"usage\",\"account\":\"{account}\",\"id\":\"{id}-{number}\",\"amount\":1,\"at\":9}}"
                        )
                    })
                    .collect();
                let body = format!("{{\"entries\":[{}]}}", entries.join(","));
                client.send("POST /v1/entries", &body, "HTTP/1.1 200");
            }
        });
        served.push(rate_of * each);
        // Every entry is usage of 1 that was acknowledged: what is used is what is there.
        let used: u64 = (0..ACCOUNTS)
            .map(|account| store.head(&format!("a{account}")).unwrap().totals.used)
            .sum();
        assert_eq!(used, posted(store) - 2 * ACCOUNTS as u64);
        assert!(posted(store) > between);
    }
    tell(direct, served, if batch == 1 { 0.3 } else { 0.6 });
}

fn questions(sizes: Sizes, folder: &std::path::Path) {
    let server = Server::start(&folder.join("questions.redb"));
    let usage = (0..100_000).map(|at| Posting::usage("a0", format!("u{at}"), 1, at));
    server.store.post_all(usage.collect()).unwrap();
    assert_eq!(
        server.store.get_balance("a0", 49_999).unwrap(),
        Some((1 << 50) - 50_000)
    );
    let (mut constant, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..sizes.rounds {
        constant.push(rate(sizes.span, FEW, |_| {
            let mut client = Client::new(&server);
            move |_| {
                let answer = client.send("GET /v1/constant?at=49999", "", "HTTP/1.1 200");
                assert!(answer.ends_with(b"}"));
            }
        }));
        asked.push(rate(sizes.span, FEW, |thread| {
            let mut client = Client::new(&server);
            move |done| {
                let at = (done * 37 + thread) % 100_000;
                let line = format!("GET /v1/accounts/a0/balance?at={at}");
                let answer = client.send(&line, "", "HTTP/1.1 200");
                let expected = format!("\"balance\":{},", (1_u64 << 50) - at as u64 - 1);
                assert!(String::from_utf8_lossy(answer).contains(&expected));
            }
        }));
    }
    let before = processor_seconds();
    let start = Instant::now();
    let a_second = rate(sizes.span, FEW, |thread| {
        let mut client = Client::new(&server);
        move |done| {
            let line = format!("GET /v1/accounts/a0/balance?at={}", done * 37 + thread);
            client.send(&line, "", "HTTP/1.1 200");
        }
    });
    let requests = a_second * start.elapsed().as_secs_f64();
    let seconds = processor_seconds() - before;
    tell(constant, asked, 0.5);
    println!(
        "  {:.0} µs of processor time a question, the client's included",
        seconds / requests * 1e6
    );
    under_load(sizes, &server);
}

/// How long questions take while others post to the same account.
fn under_load(sizes: Sizes, server: &Server) {
    let is_over = AtomicBool::new(false);
    let mut times: Vec<Duration> = thread::scope(|scope| {
        for thread in 0..FEW {
            let is_over = &is_over;
            scope.spawn(move || {
                let mut client = Client::new(server);
                for done in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                    let body =
                        format!("{{\"id\":\"l{thread}-{done}\",\"amount\":1,\"at\":200000}}");
                    client.send("POST /v1/accounts/a0/usage", &body, "HTTP/1.1 201");
                }
            });
        }
        let mut client = Client::new(server);
        let start = Instant::now();
        let mut times = Vec::new();
        while start.elapsed() < 2 * sizes.span {
            let began = Instant::now();
            client.send("GET /v1/accounts/a0/balance?at=49999", "", "HTTP/1.1 200");
            times.push(began.elapsed());
        }
        is_over.store(true, Ordering::Relaxed);
        times
    });
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 1_000];
    println!(
        "  while {FEW} post to the account: half within {:.2?}, 99 of 100 within {:.2?}, all within {:.2?}",
        at(500),
        at(990),
        at(1_000)
    );
}

/// Processor time of this process so far.
fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: f64 = ticks
        .skip(11)
        .take(2)
        .filter_map(|ticks| ticks.parse::<f64>().ok())
        .sum();
    ticks / 100.0
}
