//! Who may ask for what.
//!
//! The interface to the resources is this, and they rely on nothing else in here:
//!
//! * [`authenticate`] is a middleware around every route under `/v1`. It refuses a request that nobody may make, and puts a
//!   [`Caller`] into the extensions of every other.
//! * [`Caller`] is an extractor. Each handler asks it, before it reads or writes, for every account that the request names,
//!   after percent-decoding: [`may`](Caller::may). A list, an export or a batch of questions leaves out or refuses what
//!   [`may`](Caller::may) refuses; [`sees`](Caller::sees) is its short form for [`Verb::Read`].
//! * Before a hold is asked for, the handler calls [`may_be_refused`](Caller::may_be_refused), and after a hold was refused it calls
//!   [`was_refused`](Caller::was_refused): a limit on refusals is kept between the two.
//! * A stream takes a [`Seat`] by [`open_stream`](Caller::open_stream) and keeps it until it ends, and ends when
//!   [`Seat::ended`] does, which is when the token is revoked or the service stops.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;

use crate::{Problem, State};

/// What a request does to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verb {
    /// Asks: balances, statements, entries, exports, changes, what-ifs.
    Read,
    /// Posts usage and jobs, and asks for holds, settles and releases them.
    Use,
    /// Posts grants.
    Grant,
    /// Corrects and retracts records.
    Correct,
    /// Opens, closes and deletes accounts.
    Admin,
}

/// What decides who may ask. Placeholder: everybody may ask for everything.
#[derive(Debug, Default)]
pub struct Access {}

/// Who asks, and what for: an extractor, of what [`authenticate`] found out.
#[derive(Clone, Debug)]
pub struct Caller {}

impl Caller {
    /// Whether the request may do this to the account of a name, decoded.
    ///
    /// # Errors
    /// [`NO_SUCH_ACCOUNT`](crate::problem::kinds::NO_SUCH_ACCOUNT), status 404, if the account is outside of all that the caller
    /// may see, whether it is there or not; [`FORBIDDEN`](crate::problem::kinds::FORBIDDEN), status 403, if it is inside
    /// and the verb is missing.
    pub fn may(&self, verb: Verb, account: &str) -> Result<(), Problem> {
        let _ = (verb, account);
        Ok(())
    }

    /// Whether the request may read the account of a name.
    pub fn sees(&self, account: &str) -> bool {
        self.may(Verb::Read, account).is_ok()
    }

    /// Whether one more refusal of a hold fits the limit of each account.
    ///
    /// # Errors
    /// [`TOO_MANY_REFUSALS`](crate::problem::kinds::TOO_MANY_REFUSALS), status 429, with `Retry-After`.
    pub fn may_be_refused(&self, accounts: &[&str]) -> Result<(), Problem> {
        let _ = accounts;
        Ok(())
    }

    /// Counts the refusal of a hold on these accounts.
    pub fn was_refused(&self, accounts: &[&str]) {
        let _ = accounts;
    }

    /// Takes one of the streams that the caller may have open at once.
    ///
    /// # Errors
    /// [`TOO_MANY_STREAMS`](crate::problem::kinds::TOO_MANY_STREAMS), status 429, if the caller has as many as it may.
    pub fn open_stream(&self) -> Result<Seat, Problem> {
        Ok(Seat {})
    }
}

impl FromRequestParts<State> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Caller>().cloned();
        caller.ok_or_else(|| {
            let detail = "this needs a bearer token";
            Problem::new(&crate::problem::kinds::UNAUTHORISED, detail)
        })
    }
}

/// A stream that is open; dropping it closes it.
#[derive(Debug)]
pub struct Seat {}

impl Seat {
    /// Returns when the stream has to end: its token is revoked, or the service stops. It can be awaited again after
    /// it was dropped unfinished.
    pub async fn ended(&mut self) {
        std::future::pending::<()>().await;
    }
}

/// Finds out who asks: see the module.
pub async fn authenticate(
    state: axum::extract::State<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let _ = state.access();
    request.extensions_mut().insert(Caller {});
    next.run(request).await
}
