//! A service of its own for a test, and how it is asked.

use std::io::Read;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use gpu_credit::Overdraft;
use gpu_credit_server::access::{Access, AccessLimits, CurrentTokens, Scope, Token};
use gpu_credit_server::{EventRules, State, router};
use gpu_credit_store::{Store, TimeUnit};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use ureq::http::{HeaderMap, Method};
use ureq::{Agent, Body};

/// A service over a store in memory, on a port of its own.
pub(crate) struct Server {
    pub(crate) store: Store,
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    agent: Agent,
    _runtime: Runtime,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    fn of(mut response: ureq::http::Response<Body>) -> Self {
        let text = response.body_mut().with_config().limit(1 << 30);
        Answer {
            text: text.read_to_string().unwrap(),
            status: response.status().as_u16(),
            headers: response.headers().clone(),
        }
    }

    /// The body, in JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// The kind of a problem: its slug.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let document = self.json();
        assert_eq!(document["status"], self.status);
        let kind = document["type"].as_str().unwrap();
        kind.strip_prefix("/problems/").unwrap().to_owned()
    }

    /// Asserts the status.
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text);
        self
    }
}

impl Server {
    /// A service over a store in memory whose unit of time is the second.
    pub(crate) fn start() -> Self {
        let store = Store::in_memory().unwrap();
        store.set_time_unit(TimeUnit::Seconds).unwrap();
        Self::of(store)
    }

    /// The same with one account that carries.
    pub(crate) fn with_account(name: &str) -> Self {
        let server = Self::start();
        server.store.open_account(name, Overdraft::Carry).unwrap();
        server
    }

    pub(crate) fn of(store: Store) -> Self {
        Self::with_state(store, |state| state)
    }

    /// A service whose state is made ready by the test.
    pub(crate) fn with_state(store: Store, ready: impl FnOnce(State) -> State) -> Self {
        let (token, text) = Token::make(vec![Scope::everything()], None, String::new()).unwrap();
        Self::of_tokens_and(
            store,
            CurrentTokens::fixed(vec![token]),
            text.reveal(),
            ready,
        )
    }

    /// A service for those who have one of the tokens; requests are sent with the one of this text.
    pub(crate) fn of_tokens(store: Store, tokens: Arc<CurrentTokens>, token: &str) -> Self {
        let rules = "[[rules]]\ntype = \"test\"\nmultiply = [\"amount\"]";
        let rules = EventRules::from_toml(rules).unwrap();
        Self::of_tokens_and(store, tokens, token, |state| state.with_event_rules(rules))
    }

    /// The same with a state that is made ready by the test.
    pub(crate) fn of_tokens_and(
        store: Store,
        tokens: Arc<CurrentTokens>,
        token: &str,
        ready: impl FnOnce(State) -> State,
    ) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let limits = AccessLimits {
            requests: NonZeroU32::MAX,
            ..AccessLimits::default()
        };
        let access = Access::new(tokens, limits);
        let state = ready(State::with_access(store.clone().into_any(), access).unwrap());
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move { axum::serve(listener, router(state)).await });
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_idle_connections_per_host(64)
            .build()
            .into();
        Server {
            store,
            address,
            token: token.to_owned(),
            agent,
            _runtime: runtime,
        }
    }

    /// Sends a request with a body, and headers besides.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Vec<u8>>,
    ) -> Answer {
        let body: Vec<u8> = body.into();
        // A connection may end with what was answered before its body was read. Sent again, a request does nothing
        // twice.
        let sent = self.try_send(method, path, headers, &body);
        let sent = sent.or_else(|_| self.try_send(method, path, headers, &body));
        Answer::of(sent.unwrap())
    }

    /// Sends a body bit by bit, once.
    pub(crate) fn stream(
        &self,
        path: &str,
        content_type: &str,
        body: impl Read + Send + Sync + 'static,
    ) -> Answer {
        let request = ureq::http::Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", content_type);
        let body = ureq::SendBody::from_owned_reader(body);
        Answer::of(self.agent.run(request.body(body).unwrap()).unwrap())
    }

    fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<ureq::http::Response<Body>, ureq::Error> {
        let mut request = ureq::http::Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("http://{}{path}", self.address))
            .header("authorization", format!("Bearer {}", self.token));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match body.is_empty() {
            true => self.agent.run(request.body(()).unwrap()),
            false => self.agent.run(request.body(body).unwrap()),
        }
    }

    /// The path of a resource of an account, whatever its name.
    #[allow(clippy::unused_self, reason = "it is asked of the service")]
    pub(crate) fn path(&self, account: &str, resource: &str) -> String {
        let encoded = account.bytes().map(|byte| format!("%{byte:02X}"));
        format!("/v1/accounts/{}/{resource}", encoded.collect::<String>())
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// Sends JSON.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        let json = [("content-type", "application/json")];
        self.send(method, path, &json, body.to_string())
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.json("POST", path, body)
    }
}

/// The id that an answer says.
pub(crate) fn id_of(answer: &Answer) -> String {
    answer.json()["id"].as_str().unwrap().to_owned()
}
