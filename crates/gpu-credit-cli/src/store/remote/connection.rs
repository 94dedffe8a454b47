//! Requests, and those that are sent again.

use std::io::{self, ErrorKind, Read};
use std::thread;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;
use ureq::http::{Request, Response, StatusCode, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use super::address::Address;
use super::failure::{Failure, Problem};
use crate::complain;
use crate::os_error::words;

/// How long a connection may take, and how long nothing may be heard.
const CONNECT: Duration = Duration::from_secs(10);
const SILENCE: Duration = Duration::from_secs(120);
/// How long to wait before a request is sent again, each time.
const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(600),
    Duration::from_secs(2),
];
/// The longest wait that a service may ask for.
const WAIT_MAX: Duration = Duration::from_secs(30);
/// Bytes of an answer that is read whole, at most.
const ANSWER_BYTES: u64 = 64 << 20;

/// How a service is asked.
pub(super) struct Connection {
    agent: Agent,
    address: Address,
}

impl Connection {
    pub(super) fn new(address: Address) -> Self {
        let roots = match &address.certificates {
            Some(certificates) => RootCerts::new_with_certs(certificates),
            None => RootCerts::WebPki,
        };
        let is_plain = address.base.starts_with("http:");
        let agent = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .http_status_as_error(false)
            // The token goes nowhere else.
            .max_redirects(0)
            .user_agent(concat!("gpu-credit/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE));
        let agent = match is_plain {
            // A proxy of the environment would read the token.
            true => agent.proxy(None),
            false => agent,
        };
        Connection {
            agent: agent.build().into(),
            address,
        }
    }

    /// The service, for messages.
    pub(super) fn name(&self) -> &str {
        &self.address.name
    }

    /// What a resource is.
    pub(super) fn get(&self, path: &str) -> Result<Value, Failure> {
        self.whole(self.again("GET", path, None)?)
    }

    /// What comes of a question that has a body: nothing is posted.
    pub(super) fn ask(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.whole(self.again("POST", path, Some(&body.to_string()))?)
    }

    /// What comes of a request that posts, which is done once, however often it is sent: it has an id. An empty body is
    /// null. If it was done or was not, and no answer says which, that is [`Failure::Unknown`].
    pub(super) fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value, Failure> {
        let body = (!body.is_null()).then(|| body.to_string());
        let mut waits = WAITS.into_iter();
        let mut may_be_done = false;
        loop {
            let mut wait = waits.next();
            let failure = match self.once(method, path, body.as_deref()) {
                Ok(answer) => {
                    let status = answer.status();
                    let asked = wait.and_then(|wait| asked_to_wait(&answer, wait));
                    match text(answer) {
                        Ok(text) => match self.document(status, &text) {
                            Ok(document) => return Ok(document),
                            Err(failure) => {
                                wait = asked;
                                may_be_done |= failure.may_be_done(status.as_u16());
                                failure
                            }
                        },
                        Err(error) => {
                            may_be_done = true;
                            Failure::Other(self.lost(&error))
                        }
                    }
                }
                Err(error) => {
                    may_be_done |= is_lost(&error);
                    wait = wait.filter(|_| may_be_done);
                    Failure::Other(self.told(error))
                }
            };
            let Some(wait) = wait else {
                return Err(match may_be_done && !failure.is_decided() {
                    true => failure.into_unknown(self.name()),
                    false => failure,
                });
            };
            if may_be_done {
                complain(format_args!(
                    "gpu-credit: {}: the answer is lost: the request is sent again, under the same id",
                    self.name()
                ));
            }
            thread::sleep(wait);
        }
    }

    /// A resource to be read bit by bit. If it is cut short, reading fails.
    pub(super) fn read(&self, path: &str) -> Result<Box<dyn Read>, Failure> {
        let answer = self.again("GET", path, None)?;
        if answer.status().is_success() {
            let body = answer.into_body().into_with_config().limit(u64::MAX);
            return Ok(Box::new(body.reader()));
        }
        match self.whole(answer) {
            Ok(_) => Err(Failure::unexpected(self.name())),
            Err(failure) => Err(failure),
        }
    }

    fn whole(&self, answer: Response<Body>) -> Result<Value, Failure> {
        let status = answer.status();
        let text = text(answer).map_err(|error| Failure::Other(self.lost(&error)))?;
        self.document(status, &text)
    }

    /// What an answer says.
    fn document(&self, status: StatusCode, text: &str) -> Result<Value, Failure> {
        let document = serde_json::from_str(text).ok();
        let problem = match document {
            Some(document) if status.is_success() => return Ok(document),
            Some(document) => Problem::of(status.as_u16(), document),
            None => None,
        };
        Err(match problem {
            Some(problem) => Failure::Problem(problem),
            None => Failure::Other(anyhow!(
                "{}: the answer, {status}, is not that of a gpu-credit service: --server names one",
                self.name()
            )),
        })
    }

    /// Asks, and asks again if there was no answer, or one that asks for that.
    fn again(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Response<Body>, Failure> {
        let mut waits = WAITS.into_iter();
        let mut was_lost = false;
        loop {
            let answered = self.once(method, path, body);
            was_lost |= answered.as_ref().is_err_and(is_lost);
            let wait = waits.next().and_then(|wait| match &answered {
                Ok(answer) => asked_to_wait(answer, wait),
                Err(_) => was_lost.then_some(wait),
            });
            let Some(wait) = wait else {
                return answered.map_err(|error| Failure::Other(self.told(error)));
            };
            thread::sleep(wait);
        }
    }

    fn once(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
    ) -> Result<Response<Body>, ureq::Error> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.address.base))
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", self.address.token),
            );
        match body {
            None => self.agent.run(request.body(())?),
            Some(body) => {
                let request = request.header(header::CONTENT_TYPE, "application/json");
                self.agent.run(request.body(body)?)
            }
        }
    }

    /// Why there is no answer, with what to do next.
    fn told(&self, error: ureq::Error) -> anyhow::Error {
        let name = self.name();
        match error {
            ureq::Error::HostNotFound => {
                anyhow!("{name}: there is no host of this name: --server names the service")
            }
            ureq::Error::Rustls(error) => not_trusted(name, &error),
            ureq::Error::Io(error) => match error.get_ref().map(ToString::to_string) {
                Some(inner) if inner.contains("certificate") => not_trusted(name, &inner),
                _ if is_unreachable(&error) => anyhow!(
                    "{name}: the service cannot be reached: {}; does it run, and is this its address?",
                    words(&error)
                ),
                _ => self.lost(&error),
            },
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve) => {
                let seconds = CONNECT.as_secs();
                anyhow!(
                    "{name}: the service cannot be reached: it does not answer within {seconds} s"
                )
            }
            ureq::Error::Timeout(_) => {
                let silence = format!("nothing was heard for {} s", SILENCE.as_secs());
                self.lost(&io::Error::other(silence))
            }
            error if is_lost(&error) => self.lost(&error.into_io()),
            error => anyhow!("{name}: the service cannot be reached: {error}"),
        }
    }

    /// That the answer is lost.
    fn lost(&self, error: &io::Error) -> anyhow::Error {
        anyhow!("{}: the answer is lost: {}", self.name(), words(error))
    }
}

/// All of an answer.
fn text(answer: Response<Body>) -> io::Result<String> {
    let mut text = String::new();
    let body = answer.into_body().into_with_config().limit(ANSWER_BYTES);
    body.reader().read_to_string(&mut text)?;
    Ok(text)
}

fn not_trusted(name: &str, error: &impl ToString) -> anyhow::Error {
    anyhow!(
        "{name}: its certificate is not trusted: {}; --ca-certificate names a file of certificates to trust",
        error.to_string()
    )
}

/// Whether nothing was sent.
fn is_unreachable(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionRefused
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::AddrNotAvailable
    )
}

/// Whether the request may have arrived, and there is no answer to it.
fn is_lost(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Io(error) => {
            let is_of_tls = error.kind() == ErrorKind::InvalidData;
            !is_unreachable(error) && !is_of_tls
        }
        ureq::Error::Timeout(timeout) => {
            !matches!(timeout, ureq::Timeout::Connect | ureq::Timeout::Resolve)
        }
        error => !matches!(
            error,
            ureq::Error::Http(_)
                | ureq::Error::BadUri(_)
                | ureq::Error::HostNotFound
                | ureq::Error::RedirectFailed
                | ureq::Error::InvalidProxyUrl
                | ureq::Error::ConnectionFailed
                | ureq::Error::TooManyRedirects
                | ureq::Error::Tls(_)
                | ureq::Error::Rustls(_)
                | ureq::Error::RequireHttpsOnly(_)
                | ureq::Error::ConnectProxyFailed(_)
                | ureq::Error::TlsRequired
        ),
    }
}

/// How long an answer asks to wait before the request is sent again; `None` if it is one to stay with.
fn asked_to_wait(answer: &Response<Body>, wait: Duration) -> Option<Duration> {
    let is_for_now = matches!(
        answer.status(),
        StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::TOO_MANY_REQUESTS
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::BAD_GATEWAY
            | StatusCode::GATEWAY_TIMEOUT
    );
    if !is_for_now {
        return None;
    }
    let after = answer.headers().get(header::RETRY_AFTER);
    let after = after.and_then(|after| after.to_str().ok()?.parse().ok());
    let wait = after.map_or(wait, Duration::from_secs).max(wait);
    (wait <= WAIT_MAX).then_some(wait)
}
