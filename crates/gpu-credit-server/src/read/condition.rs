//! Conditions on the revision of an account.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use gpu_credit_store::{RecordId, Revision};

use crate::problem::kinds;
use crate::{Problem, State};

/// The revision that the account has to have, if the header `If-Match` says one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IfMatch(pub(crate) Option<Revision>);

impl IfMatch {
    /// Whether the account has the revision that it has to have.
    pub(crate) fn check(self, account: &str, revision: Revision) -> Result<(), Problem> {
        match self.0 {
            Some(said) if said != revision => {
                let detail = format!(
                    "account {account:?} has revision {revision}, and If-Match says {said}"
                );
                let problem = Problem::new(&kinds::REVISION_CHANGED, detail);
                Err(problem
                    .with("account", account)
                    .with("revision", revision.get()))
            }
            _ => Ok(()),
        }
    }
}

impl FromRequestParts<State> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else {
            return Ok(IfMatch(None));
        };
        let text = value.to_str().unwrap_or_default();
        if text == "*" {
            return Ok(IfMatch(None));
        }
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let number = quoted.and_then(|text| text.parse().ok());
        match number {
            Some(number) => Ok(IfMatch(Some(Revision::new(number)))),
            None => {
                let detail = "If-Match: expected one revision in quotes, as ETag has it";
                Err(Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", "If-Match"))
            }
        }
    }
}

/// That a request has no header `If-Match`, for nobody would look at it. What concerns a hold and what is posted in batches may
/// be done to several accounts, each with a revision of its own; an account is opened, and a job is stopped, as it is.
pub(crate) struct NoIfMatch;

impl FromRequestParts<State> for NoIfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        if !parts.headers.contains_key(header::IF_MATCH) {
            return Ok(NoIfMatch);
        }
        let detail = "If-Match: this is decided on what is there, whatever its revision";
        Err(Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", "If-Match"))
    }
}

/// The id of a record, if the header `Idempotency-Key` says one: as it is, or as a string of RFC 9651.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl IdempotencyKey {
    /// The id of the record: that of the body, or else that of the header. If both say one, they say the same.
    pub(crate) fn or(self, in_body: Option<String>) -> Result<RecordId, Problem> {
        match (in_body, self.0) {
            (Some(id), Some(key)) if id != key => {
                let detail = "`id` and Idempotency-Key are different: give one";
                Err(Problem::new(&kinds::INVALID_BODY, detail).at("/id"))
            }
            (Some(id), _) | (None, Some(id)) => Ok(id.into()),
            (None, None) => {
                let detail = "expected `id` in the body, or the header Idempotency-Key";
                Err(Problem::new(&kinds::MISSING_ID, detail))
            }
        }
    }
}

impl FromRequestParts<State> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(IdempotencyKey(None));
        };
        let Ok(text) = std::str::from_utf8(value.as_bytes()) else {
            let detail = "Idempotency-Key: expected UTF-8";
            return Err(Problem::new(&kinds::INVALID_PARAMETER, detail));
        };
        let quoted = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'));
        let is_plain = |text: &&str| !text.contains(['"', '\\']);
        let text = quoted.filter(is_plain).unwrap_or(text);
        Ok(IdempotencyKey(Some(text.to_owned())))
    }
}
