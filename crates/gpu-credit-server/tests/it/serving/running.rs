//! A service as it is run, with tokens in a file and short limits, asked by plain sockets.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use gpu_credit::Overdraft;
use gpu_credit_server::access::{CurrentTokens, Scope, Token, TokenFile};
use gpu_credit_server::service::{Service, ServiceLimits, ServiceOptions};
use gpu_credit_store::{Posting, Store, TimeUnit};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::Semaphore;

pub(super) struct Running {
    pub(super) store: Store,
    pub(super) address: SocketAddr,
    pub(super) metrics: Option<SocketAddr>,
    pub(super) tokens: TokenFile,
    pub(super) token: String,
    stop: Arc<Semaphore>,
    ended: Option<tokio::task::JoinHandle<()>>,
    runtime: Option<Runtime>,
    _folder: TempDir,
}

/// Limits that tests need not wait for.
pub(super) fn short() -> ServiceOptions {
    let mut options = ServiceOptions {
        listen: "127.0.0.1:0".to_owned(),
        limits: ServiceLimits {
            header: Duration::from_secs(1),
            body: Duration::from_secs(1),
            stall: Duration::from_secs(2),
            finish: Duration::from_secs(5),
            ..ServiceLimits::default()
        },
        drain: Duration::from_millis(300),
        ..ServiceOptions::default()
    };
    options.access.requests = NonZeroU32::MAX;
    options
}

impl Running {
    pub(super) fn start(options: ServiceOptions) -> Self {
        let store = Store::in_memory().unwrap();
        store.set_time_unit(TimeUnit::Seconds).unwrap();
        store.open_account("acme", Overdraft::Carry).unwrap();
        store
            .post(Posting::grant(
                "acme",
                "grant",
                "",
                1_000,
                0,
                i64::MAX.unsigned_abs(),
            ))
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tokens = TokenFile::new(folder.path().join("tokens.json"));
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let token = added(&tokens, "read,use,grant,correct,admin=*");
        let current = CurrentTokens::open(tokens.clone()).unwrap();
        let bound = Service::bind(store.clone().into_any(), current, options);
        let service = runtime.block_on(bound).unwrap();
        let (address, metrics) = (service.address(), service.metrics_address());
        let stop = Arc::new(Semaphore::new(0));
        let asked = Arc::clone(&stop);
        let ended = runtime.spawn(async move {
            let stop = || async {
                asked.acquire().await.unwrap().forget();
            };
            service.run(stop).await;
        });
        Running {
            store,
            address,
            metrics,
            tokens,
            token,
            stop,
            ended: Some(ended),
            runtime: Some(runtime),
            _folder: folder,
        }
    }

    /// Asks the service to stop, once more.
    pub(super) fn stop(&self) {
        self.stop.add_permits(1);
    }

    /// Waits until it has come to its end.
    pub(super) fn ended(&mut self) {
        let ended = self.ended.take().unwrap();
        self.runtime.as_ref().unwrap().block_on(ended).unwrap();
    }

    pub(super) fn connect(&self) -> TcpStream {
        connect(self.address)
    }

    /// A request with the token, whole.
    pub(super) fn request(&self, method: &str, path: &str, headers: &str, body: &str) -> Vec<u8> {
        let length = body.len();
        let token = &self.token;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
             Content-Length: {length}\r\n{headers}\r\n{body}"
        )
        .into_bytes()
    }

    /// Status and body of what is answered to a request that closes its connection.
    pub(super) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let headers = "Connection: close\r\nContent-Type: application/json\r\n";
        let request = self.request(method, path, headers, body);
        let mut stream = self.connect();
        // What is too large is not taken to its end.
        let _ = stream.write_all(&request);
        let answer = rest(&mut stream);
        (status(&answer), body_of(&answer).to_owned())
    }

    /// That others are served as ever.
    #[track_caller]
    pub(super) fn assert_serves(&self) {
        let (status, body) = self.ask("GET", "/v1/accounts/acme?at=5", "");
        assert_eq!(status, 200, "{body}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.add_permits(2);
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// The text of a token that is added to the file.
pub(super) fn added(file: &TokenFile, scope: &str) -> String {
    let scope: Scope = scope.parse().unwrap();
    let (token, text) = Token::make(vec![scope], None, String::new()).unwrap();
    file.change(|tokens| tokens.push(token)).unwrap();
    text.reveal().to_owned()
}

pub(super) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
        .set_write_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream
}

/// All that is sent until the connection is closed, in whatever way.
pub(super) fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) => {
                use std::io::ErrorKind::{TimedOut, WouldBlock};
                assert!(
                    !matches!(error.kind(), TimedOut | WouldBlock),
                    "it is not closed"
                );
                break;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(super) fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1);
    status.and_then(|status| status.parse().ok()).unwrap_or(0)
}

pub(super) fn body_of(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
