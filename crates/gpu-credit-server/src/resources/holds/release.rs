//! Nothing in the place of a hold.

use axum::extract::State as Shared;
use gpu_credit_store::{AnyStorage, RecordId, Store};
use serde::Deserialize;
use utoipa::ToSchema;

use super::closed::{Closed, close};
use crate::access::{Caller, Verb};
use crate::read::{IdempotencyKey, Json, NoIfMatch};
use crate::reply::Reply;
use crate::{Problem, State};

/// A hold to be released.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRelease {
    /// The name of the release for ever. The header Idempotency-Key may give it instead.
    #[schema(min_length = 1, max_length = 1024)]
    id: Option<String>,
    /// One of the accounts that the hold is on.
    account: String,
    /// The id of the hold.
    hold: String,
}

/// Releases a hold: nothing is posted in its place, on all its accounts.
#[utoipa::path(
    post,
    path = "/releases",
    tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "The id of the release, if the body has none.")),
    request_body = NewRelease,
    responses(
        (status = 200, description = "It was released before, under the same id.", body = Closed),
        (status = 201, description = "It is released, and durable.", body = Closed),
    ),
)]
pub(super) async fn release(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    key: IdempotencyKey,
    Json(new): Json<NewRelease>,
) -> Result<Reply<Closed>, Problem> {
    let NewRelease { id, account, hold } = new;
    caller.may(Verb::Use, &account)?;
    let id = key.or(id)?;
    let (of, released, name) = (RecordId::from(&*hold), id.clone(), account.clone());
    let act = move |store: &Store<AnyStorage>| store.release(&name, released, of);
    close(&state, &caller, account, (id, hold), act).await
}
