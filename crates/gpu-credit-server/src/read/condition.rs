//! Conditions on the revision of an account.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use gpu_credit_store::Revision;

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
