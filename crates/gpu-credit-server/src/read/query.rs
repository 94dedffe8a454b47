//! What stands in an address after the question mark.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::form;
use crate::problem::kinds;
use crate::{Problem, State};

/// The parameters of one resource; those that every resource has are not among them.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned + Send> FromRequestParts<State> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &State) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or_default();
        let is_own = |pair: &&str| {
            let name = pair.split('=').next().unwrap_or_default();
            !pair.is_empty() && !form::PARAMETERS.contains(&name)
        };
        let own: Vec<&str> = query.split('&').filter(is_own).collect();
        let read = serde_html_form::from_str(&own.join("&"));
        read.map(Query)
            .map_err(|error| Problem::new(&kinds::INVALID_PARAMETER, error.to_string()))
    }
}
