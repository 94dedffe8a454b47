//! Accounts: opening them.

use axum::extract::State as Shared;
use gpu_credit::Overdraft;
use gpu_credit_store::Posting;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Caller, Verb};
use crate::form::Count;
use crate::read::{InPath, Json};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(open))
}

/// An account to be opened.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// What happens to usage beyond what is available: `carry`, `carry:C` with a credit line C, or `forfeit`.
    #[schema(value_type = String, examples("carry", "carry:0", "forfeit"))]
    policy: Overdraft,
    /// The id of the opening.
    #[serde(default = "opening_id")]
    id: String,
}

fn opening_id() -> String {
    "open".to_owned()
}

/// What came of opening an account.
#[derive(Serialize, ToSchema)]
struct Opened {
    account: String,
    outcome: &'static str,
    revision: Option<Count>,
}

/// Opens an account, with its policy for good. Opening it again in the same way does nothing.
#[utoipa::path(
    put,
    path = "/accounts/{account}",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded.")),
    request_body = NewAccount,
    responses(
        (status = 200, description = "It was open already.", body = Opened),
        (status = 201, description = "It is open.", body = Opened),
    ),
)]
async fn open(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Json(new): Json<NewAccount>,
) -> Result<Reply<Opened>, Problem> {
    caller.may(Verb::Admin, &account)?;
    let posting = Posting::open_account(&account, new.id, new.policy);
    let outcome = blocking(move || state.store().post(posting)).await?;
    let outcome = outcome.map_err(Problem::of_posting)?;
    let reply = Reply::new(Opened {
        account,
        outcome: match outcome.is_new() {
            true => "posted",
            false => "posted_before",
        },
        revision: outcome.revision().map(|revision| revision.get().into()),
    });
    let reply = reply.created_if(outcome.is_new());
    Ok(match outcome.revision() {
        Some(revision) => reply.revision(revision),
        None => reply,
    })
}
