//! What stands in the path of an address, decoded.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::problem::kinds;
use crate::{Problem, State};

/// The account that a path names, and the record, if it names one.
pub(crate) struct InPath {
    pub(crate) account: String,
    /// Empty if the path names none.
    pub(crate) id: String,
}

impl FromRequestParts<State> for InPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Problem> {
        let invalid = |detail: &'static str| Problem::new(&kinds::INVALID_NAME, detail);
        let params = RawPathParams::from_request_parts(parts, state).await;
        let params =
            params.map_err(|_| invalid("what is percent-encoded in the path is no UTF-8"))?;
        let (mut account, mut id) = (String::new(), String::new());
        for (name, value) in &params {
            if matches!(value, "." | "..") {
                return Err(invalid("`.` and `..` cannot stand in a path"));
            }
            match name {
                "account" => account = value.to_owned(),
                _ => id = value.to_owned(),
            }
        }
        Ok(InPath { account, id })
    }
}
