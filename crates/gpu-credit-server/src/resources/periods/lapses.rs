//! What lapses if nothing is used.

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
pub(super) struct LapsesQuery {
    /// The instant after which nothing is used; now if it is left out.
    from: Option<Time>,
    /// The last instant.
    to: Time,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What lapses.
#[derive(Serialize, ToSchema)]
pub(super) struct Lapses {
    account: String,
    /// In the order of time.
    lapses: Vec<Lapse>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Lapse {
    /// The id of the record.
    grant: Option<String>,
    credit_id: String,
    amount: Count,
    /// The instant after the last one of the window.
    at: Time,
}

/// What lapses after an instant if nothing is used after it.
#[utoipa::path(
    get,
    path = "/accounts/{account}/lapses",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        LapsesQuery,
    ),
    responses((status = 200, description = "What lapses.", body = Lapses)),
)]
pub(super) async fn lapses(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<LapsesQuery>,
) -> Result<Reply<Lapses>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (from, to) = (state.instant_or_now(query.from, "from")?, query.to);
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let lapses = account.ledger().lapsing(from.0..=to.0);
        let grants = lapses.iter().map(|lapse| lapse.grant).collect();
        about(account, lapses, grants)
    };
    let answered = blocking(move || asked(&store, &account, recorded, question)).await?;
    let ((revision, account, lapses, grants), ids) = answered?;
    let rows = lapses.iter().zip(grants).map(|(lapse, grant)| Lapse {
        grant: ids.get(grant.revision),
        credit_id: grant.credit_id,
        amount: Count(lapse.amount),
        at: Time(lapse.timestamp),
    });
    let body = Lapses {
        account,
        lapses: rows.collect(),
        revision: Count(revision.get()),
    };
    Ok(Reply::new(body).revision(revision))
}
