//! Journals, as JSON lines.

use axum::extract::State as Shared;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use gpu_credit_store::Error;
use tokio::task;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Caller, Verb};
use crate::read::InPath;
use crate::run::blocking;
use crate::stream::Outgoing;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(export))
        .routes(routes!(export_account))
}

/// The journal of all accounts that the token may read, one JSON document a line, as `gpu-credit import` takes it. Times
/// and amounts are integers. A hold names only those of its accounts that the token may read.
#[utoipa::path(
    get,
    path = "/export",
    tag = "history",
    responses((status = 200, description = "The journal.", body = String, content_type = "application/x-ndjson")),
)]
async fn export(Shared(state): Shared<State>, caller: Caller) -> Response {
    let of_all = caller.clone();
    written(&state, caller, move |name| of_all.sees(name))
}

/// The journal of an account, one JSON document a line. A hold names only those of its accounts that the token may read.
#[utoipa::path(
    get,
    path = "/accounts/{account}/export",
    tag = "history",
    params(("account" = String, Path, description = "The name, percent-encoded.")),
    responses((status = 200, description = "The journal.", body = String, content_type = "application/x-ndjson")),
)]
async fn export_account(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
) -> Result<Response, Problem> {
    caller.may(Verb::Read, &account)?;
    let (store, name) = (state.store().clone(), account.clone());
    let head = blocking(move || store.head(&name)).await?;
    head.map_err(Problem::of_question)?;
    Ok(written(&state, caller, move |name| name == account))
}

/// Begins to write the journal of some accounts, as a caller may see it.
fn written(
    state: &State,
    caller: Caller,
    is_wanted: impl Fn(&str) -> bool + Send + 'static,
) -> Response {
    let (mut outgoing, body) = Outgoing::new();
    let store = state.store().clone();
    task::spawn_blocking(move || {
        let sees = |name: &str| caller.sees(name);
        match store.export_journal_of(is_wanted, sees, &mut outgoing, |_| ()) {
            // Nobody reads it any more.
            Err(Error::Export(_)) | Ok(_) => {}
            // It is cut short, so that nobody takes it for whole.
            Err(error) => outgoing.fail(error),
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}
