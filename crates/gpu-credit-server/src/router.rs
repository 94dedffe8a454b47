//! All resources, and what stands around them.

use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::authenticate;
use crate::form::in_form;
use crate::openapi::Document;
use crate::problem::{self, kinds};
use crate::reply::Reply;
use crate::{Problem, State, events, resources, ui};

/// Bytes of a body, at most.
const BODY_BYTES: usize = 16 << 20;

/// The service: all resources, for a server to serve. What a listener adds (limits on time and load, logs, the check of
/// the host) stands around it.
pub fn router(state: State) -> Router {
    let (v1, _) = resources().split_for_parts();
    around(v1, state)
}

/// The same with a resource `/v1/constant` that calls no store: what the others are compared with.
#[doc(hidden)]
pub fn router_with_constant(state: State) -> Router {
    let (v1, _) = resources().split_for_parts();
    let constant = async || {
        let body = "{\"account\":\"a0\",\"at\":49999,\"balance\":1125899906792624,\"status\":\"available\",\
                    \"deficit\":0,\"held\":0,\"available\":1125899906792624,\"revision\":100002}";
        let json = [("content-type", "application/json"), ("etag", "\"100002\"")];
        (json, body).into_response()
    };
    around(v1.route("/constant", routing::get(constant)), state)
}

fn around(v1: Router<State>, state: State) -> Router {
    let (events, _) = events::routes().split_for_parts();
    let guarded = |resources: Router<State>| {
        resources
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .layer(DefaultBodyLimit::max(BODY_BYTES))
            .layer(from_fn_with_state(state.clone(), in_form))
            .layer(from_fn_with_state(state.clone(), authenticate))
    };
    let (open, _) = open_resources().split_for_parts();
    let document = crate::openapi();
    let open = open.route(
        "/openapi.json",
        routing::get(async move || Reply::new(&document).into_response()),
    );
    Router::new()
        .nest("/v1", guarded(v1))
        .nest("/api/v1", guarded(events))
        .merge(open)
        .merge(ui::routes())
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(state)
}

/// Everything that stands in the document.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::with_openapi(Document::openapi())
        .nest("/v1", resources())
        .nest("/api/v1", events::routes())
        .merge(open_resources())
}

/// What takes a token.
fn resources() -> OpenApiRouter<State> {
    resources::routes()
}

/// What takes none.
fn open_resources() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(problem::page))
}

async fn not_found() -> Response {
    Problem::new(&kinds::NOT_FOUND, "there is no such resource").into_response()
}

async fn method_not_allowed() -> Response {
    Problem::new(
        &kinds::METHOD_NOT_ALLOWED,
        "the resource has no such method",
    )
    .into_response()
}
