//! Who asks: what a handler knows of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use gpu_credit_store::Error;
use tokio::sync::watch;

use super::refusals::Refusals;
use super::streams::{OpenStream, Streams};
use super::{Accepted, AccessLimits, Accounts, CurrentTokens, Denied, Verb};
use crate::problem::kinds;
use crate::{Problem, State};

/// What decides who may ask: the tokens, and what each may ask for in a time. A clone is the same.
#[derive(Clone)]
pub struct Access {
    shared: Arc<Shared>,
}

struct Shared {
    tokens: Arc<CurrentTokens>,
    limits: AccessLimits,
    rate: DefaultKeyedRateLimiter<String>,
    refusals: Refusals,
    streams: Streams,
    /// Whether streams have to end.
    is_stopping: watch::Sender<bool>,
}

/// Who asks, and what for: an extractor, of what [`authenticate`](super::authenticate) found out.
#[derive(Clone)]
pub struct Caller {
    accepted: Accepted,
    access: Access,
}

/// A stream that is open; dropping it closes it.
pub struct Seat {
    accepted: Accepted,
    is_stopping: watch::Receiver<bool>,
    _open: OpenStream,
}

/// Why a stream has to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamEnd {
    /// The token is revoked, may something else, or is over.
    Token,
    /// The service stops: the stream can be resumed once there is one again.
    Stop,
}

impl Access {
    /// Access by these tokens.
    pub fn new(tokens: Arc<CurrentTokens>, limits: AccessLimits) -> Self {
        let shared = Shared {
            tokens,
            limits,
            rate: RateLimiter::keyed(Quota::per_second(limits.requests)),
            refusals: Refusals::new(limits.refusals),
            streams: Streams::default(),
            is_stopping: watch::Sender::new(false),
        };
        Access {
            shared: Arc::new(shared),
        }
    }

    /// The caller who has the token of this text.
    ///
    /// # Errors
    /// [`UNAUTHORISED`](kinds::UNAUTHORISED) if there is no such token, or it is over;
    /// [`TOO_MANY_REQUESTS`](kinds::TOO_MANY_REQUESTS) if it sent too many requests.
    pub(super) fn accept(&self, text: &str) -> Result<Caller, Problem> {
        let accepted = self.shared.tokens.accept(text);
        let accepted = accepted.ok_or_else(|| {
            let detail = "there is no such token: it is mistyped, revoked or over";
            Problem::new(&kinds::UNAUTHORISED, detail)
        })?;
        let caller = Caller {
            accepted,
            access: self.clone(),
        };
        match self.shared.rate.check_key(&caller.accepted.token().id) {
            Ok(()) => Ok(caller),
            Err(not_until) => {
                let wait = not_until.wait_time_from(DefaultClock::default().now());
                let detail = format!(
                    "the token may send {} requests a second",
                    self.shared.limits.requests
                );
                let problem = Problem::new(&kinds::TOO_MANY_REQUESTS, detail);
                Err(problem.retry_after(whole_seconds(wait)))
            }
        }
    }

    /// Ends all streams: the service stops.
    pub(crate) fn end_streams(&self) {
        self.shared.is_stopping.send_replace(true);
    }

    /// How many streams are open.
    pub(crate) fn open_streams(&self) -> usize {
        self.shared.streams.count()
    }
}

/// Nobody may ask for anything: there are no tokens.
impl Default for Access {
    fn default() -> Self {
        Access::new(CurrentTokens::fixed(Vec::new()), AccessLimits::default())
    }
}

impl Caller {
    /// The id of the token, which is no secret.
    pub fn token_id(&self) -> &str {
        &self.accepted.token().id
    }

    /// Whether the token is accepted still: for what takes long, and does one thing after the other.
    ///
    /// # Errors
    /// [`UNAUTHORISED`](kinds::UNAUTHORISED) if the token was revoked, may something else now, or is over.
    pub fn is_accepted_still(&self) -> Result<(), Problem> {
        match self.access.shared.tokens.still_accept(&self.accepted) {
            true => Ok(()),
            false => {
                let detail = "the token is revoked, may something else now, or is over";
                Err(Problem::new(&kinds::UNAUTHORISED, detail))
            }
        }
    }

    /// Whether the request may do this to the account of a name, decoded.
    ///
    /// # Errors
    /// [`NO_SUCH_ACCOUNT`](kinds::NO_SUCH_ACCOUNT), status 404, if the account is outside of all that the caller
    /// may see, whether it is there or not; [`FORBIDDEN`](kinds::FORBIDDEN), status 403, if it is inside
    /// and the verb is missing.
    pub fn may(&self, verb: Verb, account: &str) -> Result<(), Problem> {
        self.accepted
            .token()
            .may(verb, account)
            .map_err(|denied| match denied {
                Denied::Hidden => Problem::of_question(Error::NoSuchAccount(account.into())),
                Denied::Forbidden => {
                    let detail = format!("the token may not {verb} this account");
                    let problem = Problem::new(&kinds::FORBIDDEN, detail);
                    problem.with("account", account).with("verb", verb.name())
                }
            })
    }

    /// Whether the request may read the account of a name.
    pub fn sees(&self, account: &str) -> bool {
        self.accepted.token().may(Verb::Read, account).is_ok()
    }

    /// To which accounts the request may do this, in no order; some may be in several.
    pub fn accounts(&self, verb: Verb) -> impl Iterator<Item = &Accounts> {
        let scopes = self.accepted.token().scopes.iter();
        let scopes = scopes.filter(move |scope| scope.verbs.contains(&verb));
        scopes.map(|scope| &scope.accounts)
    }

    /// Whether one more refusal of a hold fits the limit of each account.
    ///
    /// # Errors
    /// [`TOO_MANY_REFUSALS`](kinds::TOO_MANY_REFUSALS), status 429, with `Retry-After`.
    pub fn may_be_refused(&self, accounts: &[&str]) -> Result<(), Problem> {
        let shared = &self.access.shared;
        let fit = shared
            .refusals
            .fit(self.token_id(), accounts, Instant::now());
        fit.map_err(|wait| {
            let detail = format!(
                "{} holds a minute may be refused to a token on an account",
                shared.limits.refusals
            );
            let problem = Problem::new(&kinds::TOO_MANY_REFUSALS, detail);
            problem.retry_after(whole_seconds(wait))
        })
    }

    /// Counts the refusal of a hold on these accounts.
    pub fn was_refused(&self, accounts: &[&str]) {
        let refusals = &self.access.shared.refusals;
        refusals.count(self.token_id(), accounts, Instant::now());
    }

    /// Takes one of the streams that the caller may have open at once.
    ///
    /// # Errors
    /// [`TOO_MANY_STREAMS`](kinds::TOO_MANY_STREAMS), status 429, if the caller has as many as it may.
    pub fn open_stream(&self) -> Result<Seat, Problem> {
        let shared = &self.access.shared;
        let most = shared.limits.streams;
        let open = shared.streams.open(self.token_id(), most).ok_or_else(|| {
            let detail = format!("the token has {most} streams open, and may have no more");
            Problem::new(&kinds::TOO_MANY_STREAMS, detail).retry_after(1)
        })?;
        Ok(Seat {
            accepted: self.accepted.clone(),
            is_stopping: shared.is_stopping.subscribe(),
            _open: open,
        })
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| Problem::new(&kinds::UNAUTHORISED, super::NEEDS_TOKEN))
    }
}

impl Seat {
    /// Returns when the stream has to end: its token is revoked, or the service stops. It can be awaited again after
    /// it was dropped unfinished.
    pub async fn ended(&mut self) -> StreamEnd {
        let Seat {
            accepted,
            is_stopping,
            ..
        } = self;
        tokio::select! {
            () = accepted.ended() => StreamEnd::Token,
            // It fails if there is no service any more.
            _ = is_stopping.wait_for(|is_stopping| *is_stopping) => StreamEnd::Stop,
        }
    }
}

/// So many seconds, at least 1.
fn whole_seconds(wait: Duration) -> u64 {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    seconds.max(1)
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Access");
        shown
            .field("limits", &self.shared.limits)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Caller");
        shown
            .field("token", &self.token_id())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Seat");
        let token = &self.accepted.token().id;
        shown.field("token", token).finish_non_exhaustive()
    }
}
