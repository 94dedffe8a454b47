//! What is undrawn of each live grant.

use axum::extract::State as Shared;
use gpu_credit_store::Account;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::named::{about, asked};
use super::recorded;
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::resources::balances::check_open;
use crate::run::blocking;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AtQuery {
    /// The instant; now if it is left out.
    at: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What is undrawn of each live grant, in the order in which usage draws.
#[derive(Serialize, ToSchema)]
pub(super) struct Remainders {
    account: String,
    at: Time,
    remainders: Vec<Remainder>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Remainder {
    /// The id of the record.
    grant: Option<String>,
    credit_id: String,
    amount: Count,
    start: Time,
    /// The last instant of the window.
    last: Time,
    priority: i16,
}

/// What is undrawn of each live grant.
#[utoipa::path(
    get,
    path = "/accounts/{account}/remainders",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        AtQuery,
    ),
    responses((status = 200, description = "The remainders.", body = Remainders)),
)]
pub(super) async fn remainders(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<AtQuery>,
) -> Result<Reply<Remainders>, Problem> {
    caller.may(Verb::Read, &account)?;
    let at = state.instant_or_now(query.at, "at")?;
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let question = move |account: &Account| {
        check_open(account, at.0)?;
        let remainders = account.ledger().remainders_at(at.0);
        let grants = remainders.iter().map(|left| left.grant).collect();
        about(account, remainders, grants)
    };
    let answered = blocking(move || asked(&store, &account, recorded, question)).await?;
    let ((revision, account, remainders, grants), ids) = answered?;
    let rows = remainders
        .iter()
        .zip(grants)
        .map(|(left, grant)| Remainder {
            grant: ids.get(grant.revision),
            credit_id: grant.credit_id,
            amount: Count(left.amount),
            start: Time(grant.start),
            last: Time(grant.last),
            priority: grant.priority,
        });
    let body = Remainders {
        account,
        at,
        remainders: rows.collect(),
        revision: Count(revision.get()),
    };
    Ok(Reply::new(body).revision(revision))
}
