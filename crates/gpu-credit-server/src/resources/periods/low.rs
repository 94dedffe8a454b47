//! When a balance is low.

use axum::extract::State as Shared;
use gpu_credit_store::{Account, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::recorded;
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::resources::balances::{Standing, check_open};
use crate::run::ask_aside;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct LowQuery {
    /// The amount below which a balance is low.
    below: Count,
    /// The first instant; now if it is left out.
    from: Option<Time>,
    /// The last instant; all that come if it is left out.
    to: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// When the balance is low.
#[derive(Serialize, ToSchema)]
pub(super) struct Low {
    account: String,
    /// The first instant at which the balance is below the amount while a grant is live; null if there is none.
    first_below: Option<Time>,
    /// The lowest balance while a grant is live; null if none is.
    lowest: Option<Lowest>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Lowest {
    at: Time,
    balance: Option<Count>,
    status: Standing,
    deficit: Count,
}

/// When the balance falls below an amount, and when it is lowest.
#[utoipa::path(
    get,
    path = "/accounts/{account}/low",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        LowQuery,
    ),
    responses((status = 200, description = "When.", body = Low)),
)]
pub(super) async fn low(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<LowQuery>,
) -> Result<Reply<Low>, Problem> {
    caller.may(Verb::Read, &account)?;
    let from = state.instant_or_now(query.from, "from")?;
    let (to, below) = (query.to.map_or(i64::MAX, |to| to.0), query.below);
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let ledger = account.ledger();
        let lowest = ledger.lowest_balance(from.0..=to);
        Ok(Low {
            account: account.key().name.to_string(),
            first_below: ledger.first_below(from.0..=to, below.0).map(Time),
            lowest: lowest.map(|(at, answer)| Lowest {
                at: Time(at),
                balance: answer.balance.map(Count),
                status: answer.status.into(),
                deficit: Count(answer.deficit),
            }),
            revision: Count(account.revision().get()),
        })
    };
    let low = ask_aside(&state, &account, recorded(query.as_recorded), question).await?;
    let revision = Revision::new(low.revision.0);
    Ok(Reply::new(low).revision(revision))
}
