//! Finding out who asks.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::kinds;
use crate::{Problem, State};

pub(super) const NEEDS_TOKEN: &str = "this needs one header Authorization: Bearer TOKEN";

/// Finds out who asks, and puts a [`Caller`](super::Caller) into the extensions of the request; refuses it otherwise.
/// It is around every route under `/v1`.
pub async fn authenticate(
    state: axum::extract::State<State>,
    mut request: Request,
    next: Next,
) -> Response {
    let text = bearer(request.headers());
    let caller = text.and_then(|text| state.access().accept(text));
    match caller {
        Ok(caller) => {
            tracing::Span::current().record("token", caller.token_id());
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => refused(problem),
    }
}

fn refused(problem: Problem) -> Response {
    let is_unauthorised = problem.kind() == &kinds::UNAUTHORISED;
    let mut response = problem.into_response();
    if is_unauthorised {
        let challenge = HeaderValue::from_static("Bearer realm=\"gpu-credit\"");
        let headers = response.headers_mut();
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The text of the token, of which there has to be one.
fn bearer(headers: &HeaderMap) -> Result<&str, Problem> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, more) = (values.next(), values.next());
    let value = value.filter(|_| more.is_none());
    let value = value.and_then(|value| value.to_str().ok());
    let parts = value.and_then(|value| value.split_once(' '));
    let text = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    let text = text.map(|(_, text)| text.trim_matches(' '));
    text.ok_or_else(|| Problem::new(&kinds::UNAUTHORISED, NEEDS_TOKEN))
}
