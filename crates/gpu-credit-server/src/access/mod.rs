//! Who may ask for what.
//!
//! A request shows a [`Token`] as `Authorization: Bearer gct_...`. Tokens are kept in a [`TokenFile`] of their own, as
//! digests; [`CurrentTokens`] are those of the file as it is now. What a token may do is in its [`Scope`]s: some
//! [`Verb`]s, to some [`Accounts`]. An account outside of all scopes of a token is, for whoever has it, not there: the
//! answer is that of an account that was never opened. Inside of a scope that lacks the verb, the answer says so.
//! Neither depends on whether there is such an account.
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

mod authenticate;

mod caller;
mod current;
mod limits;
mod refusals;
mod scope;
mod streams;
mod token;
mod token_file;
mod verb;

pub use authenticate::authenticate;

pub use caller::{Access, Caller, Seat, StreamEnd};
pub use current::{Accepted, CurrentTokens};
pub use limits::AccessLimits;
pub use scope::{Accounts, Scope, WrongScope};
pub use token::{Denied, Token, TokenText};
pub use token_file::{TokenFile, TokenFileError};
pub use verb::{UnknownVerb, Verb};

use authenticate::NEEDS_TOKEN;
pub(crate) use token::is_within;
