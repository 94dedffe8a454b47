//! What is told of each request: counted, timed and logged, under an id.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use tracing::field::Empty;
use uuid::Uuid;

use super::metrics::Requests;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ID_BYTES_MAX: usize = 64;
/// The route of a request that has none.
const NO_ROUTE: &str = "none";

/// A middleware around everything. Nothing that a client sends is logged but the id that it gives to its request: neither
/// addresses, which have names of accounts in them, nor headers, nor bodies.
pub(super) async fn observed(
    State(requests): State<Arc<Requests>>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let id = request_id(request.headers());
    let method = method(request.method());
    let path = request.extensions().get::<MatchedPath>().cloned();
    let route = path.as_ref().map_or(NO_ROUTE, MatchedPath::as_str);
    let shown = id.to_str().unwrap_or_default();
    let span = tracing::info_span!("request", id = shown, method, route, token = Empty);
    let _in_progress = requests.begin();
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, took) = (response.status(), began.elapsed());
    requests.answered(method, route, status, took);
    span.in_scope(|| log(status, took.as_secs_f64() * 1_000.0));
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn log(status: StatusCode, milliseconds: f64) {
    let number = status.as_u16();
    match status {
        StatusCode::SERVICE_UNAVAILABLE => {
            tracing::warn!(status = number, milliseconds, "answered");
        }
        _ if status.is_server_error() => tracing::error!(status = number, milliseconds, "answered"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::TOO_MANY_REQUESTS => {
            tracing::info!(status = number, milliseconds, "answered");
        }
        _ => tracing::debug!(status = number, milliseconds, "answered"),
    }
}

/// The id that the client gives, if it is one, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let given = headers.get(REQUEST_ID).filter(|given| {
        let bytes = given.as_bytes();
        let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
        (1..=ID_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(is_plain)
    });
    let made = || {
        let id = Uuid::now_v7().to_string();
        HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
    };
    given.cloned().unwrap_or_else(made)
}

/// One of few words, whatever a client sends.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::PUT => "PUT",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
