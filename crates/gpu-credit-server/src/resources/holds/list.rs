//! The holds of an account that are neither settled nor released.

use axum::extract::State as Shared;
use gpu_credit_store::{Account, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::{Caller, Verb};
use crate::entry::HeldOrRefused;
use crate::form::Count;
use crate::page::{Limit, encoded};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::ask_aside;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct HoldsQuery {
    /// The revision after which the page begins: `next` of the page before.
    #[serde(default)]
    after: Count,
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
}

/// A page of the holds of an account that are neither settled nor released.
#[derive(Serialize, ToSchema)]
pub(super) struct Holds {
    account: String,
    /// In the order in which they were given. Those that have ended are among them: they can still be settled.
    holds: Vec<GivenHold>,
    /// What `after` of the next page is; null on the last one.
    next: Option<Count>,
    revision: Count,
}

/// A hold, by its id.
#[derive(Serialize, ToSchema)]
struct GivenHold {
    id: String,
    /// The revision of the account that gave it.
    given: Count,
    #[serde(flatten)]
    hold: HeldOrRefused,
}

/// The holds of an account that are neither settled nor released.
#[utoipa::path(
    get,
    path = "/accounts/{account}/holds",
    tag = "holds",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        HoldsQuery,
    ),
    responses((status = 200, description = "A page of them.", body = Holds)),
)]
pub(super) async fn holds(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<HoldsQuery>,
) -> Result<Reply<Holds>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (after, limit) = (Revision::new(query.after.0), query.limit.get());
    let question = move |account: &Account| {
        let mut given: Vec<_> = account
            .holds()
            .filter(|(given, _, _)| *given > after)
            .collect();
        given.sort_unstable_by_key(|(given, _, _)| *given);
        let last = given
            .get(limit.saturating_sub(1))
            .map(|(given, _, _)| Count(given.get()));
        let has_more = given.len() > limit;
        let page = given
            .into_iter()
            .take(limit)
            .map(|(given, id, hold)| GivenHold {
                id: id.as_str().to_owned(),
                given: Count(given.get()),
                hold: HeldOrRefused::seen_by(&caller, hold.clone()),
            });
        Ok(Holds {
            account: account.key().name.to_string(),
            holds: page.collect(),
            next: last.filter(|_| has_more),
            revision: Count(account.revision().get()),
        })
    };
    let page = ask_aside(&state, &account, None, question).await?;
    let address = page.next.map(|Count(next)| {
        let account = encoded(&account);
        format!("/v1/accounts/{account}/holds?after={next}&limit={limit}")
    });
    let revision = Revision::new(page.revision.0);
    Ok(Reply::new(page).revision(revision).next_page(address))
}
