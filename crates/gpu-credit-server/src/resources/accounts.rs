//! Accounts: opening, finding, showing and deleting them.

use std::collections::BTreeSet;

use axum::extract::State as Shared;
use gpu_credit_store::{Account, AnyStorage, Change, Error, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::balances::Balance;
use super::posted::{Posted, post};
use crate::access::{Caller, Verb};
use crate::entry::NewOpening;
use crate::form::{Count, Time};
use crate::page::{Limit, encoded};
use crate::read::{IdempotencyKey, IfMatch, InPath, Json, NoIfMatch, Query};
use crate::reply::Reply;
use crate::run::{ask, blocking};
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(show, open, delete))
        .routes(routes!(list))
}

/// Opens an account, with its policy for good. Opening it again in the same way does nothing.
#[utoipa::path(
    put,
    path = "/accounts/{account}",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded.")),
    request_body = NewOpening,
    responses(
        (status = 200, description = "It was open already.", body = Posted),
        (status = 201, description = "It is open.", body = Posted),
    ),
)]
async fn open(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    _: NoIfMatch,
    Json(mut new): Json<NewOpening>,
) -> Result<Reply<Posted>, Problem> {
    caller.may(Verb::Admin, &account)?;
    // The id under which all open: whoever opens the account again, opens it in the same way.
    let id = new.id.take().unwrap_or_else(|| "open".to_owned());
    post(&state, account, id.into(), new.change()?, IfMatch(None)).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteQuery {
    /// The id of the deletion; the header Idempotency-Key may give it instead.
    id: Option<String>,
}

/// Deletes an account with all its entries. Under the same id it does nothing again, as long as no other account of
/// the name is open.
#[utoipa::path(
    delete,
    path = "/accounts/{account}",
    tag = "accounts",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("Idempotency-Key" = Option<String>, Header, description = "The id of the deletion."),
        ("If-Match" = Option<String>, Header, description = "The revision that the account has to have, in quotes."),
        DeleteQuery,
    ),
    responses(
        (status = 200, description = "It was deleted before.", body = Posted),
        (status = 201, description = "It is deleted.", body = Posted),
    ),
)]
async fn delete(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    key: IdempotencyKey,
    condition: IfMatch,
    Query(query): Query<DeleteQuery>,
) -> Result<Reply<Posted>, Problem> {
    caller.may(Verb::Admin, &account)?;
    let id = key.or(query.id)?;
    post(&state, account, id, Change::DeleteAccount, condition).await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// What the names begin with.
    #[serde(default)]
    prefix: String,
    /// The name after which the page begins: `next` of the page before.
    #[serde(default)]
    after: String,
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
}

/// A page of accounts.
#[derive(Serialize, ToSchema)]
struct Accounts {
    accounts: Vec<Listed>,
    /// What `after` of the next page is; null on the last one.
    next: Option<String>,
}

/// An account in a list.
#[derive(Serialize, ToSchema)]
struct Listed {
    account: String,
    policy: String,
    revision: Count,
}

/// Lists accounts by name.
#[utoipa::path(
    get,
    path = "/accounts",
    tag = "accounts",
    params(ListQuery),
    responses((status = 200, description = "A page of them.", body = Accounts)),
)]
async fn list(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Reply<Accounts>, Problem> {
    let store = state.store().clone();
    let ListQuery {
        prefix,
        after,
        limit,
    } = query;
    let (limit, prefix_of_page) = (limit.get(), prefix.clone());
    let page = blocking(move || {
        let mut names = visible(&store, &caller, &prefix_of_page, &after, limit + 1)?;
        // One more than the page has says that there is another.
        let has_more = names.len() > limit;
        names.truncate(limit);
        let last = names.last().cloned();
        let names_of: Vec<&str> = names.iter().map(String::as_str).collect();
        let heads = store.heads(&names_of)?;
        let listed = heads.into_iter().flatten().map(|head| Listed {
            account: head.account.name.to_string(),
            policy: head.policy.to_string(),
            revision: Count(head.revision.get()),
        });
        Ok(Accounts {
            accounts: listed.collect(),
            next: last.filter(|_| has_more),
        })
    });
    let page = page.await?.map_err(Problem::of_question)?;
    let address = page.next.as_ref().map(|next| {
        let (prefix, after) = (encoded(&prefix), encoded(next));
        format!("/v1/accounts?prefix={prefix}&after={after}&limit={limit}")
    });
    Ok(Reply::new(page).next_page(address))
}

/// The first names of accounts that a caller sees, by name. What it does not see is not looked at, and leaves no trace:
/// neither in `next` nor in how long it takes.
fn visible(
    store: &Store<AnyStorage>,
    caller: &Caller,
    prefix: &str,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, Error> {
    let mut names = BTreeSet::new();
    for accounts in caller.accounts(Verb::Read) {
        let common = accounts.common_prefix();
        let range = match (common.starts_with(prefix), prefix.starts_with(common)) {
            (true, _) => common,
            (_, true) => prefix,
            _ => continue,
        };
        // An account whose name is the prefix is not among those of the prefix.
        let page = store.accounts_page(range, after, limit + 1)?;
        let page = page.into_iter().filter(|key| accounts.contains(&key.name));
        names.extend(page.map(|key| key.name.to_string()));
    }
    Ok(names.into_iter().take(limit).collect())
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ShowQuery {
    /// The instant of the balance; now if it is left out.
    at: Option<Time>,
}

/// An account as it stands.
#[derive(Serialize, ToSchema)]
struct Summary {
    #[serde(flatten)]
    balance: Balance,
    policy: String,
    /// The first instant that is open, if the books were closed.
    closed_until: Option<Time>,
    /// The amounts of all grants.
    granted: Count,
    /// The amounts of all usage.
    used: Count,
    grant_count: Count,
    usage_count: Count,
    /// The holds that are neither settled nor released, ended ones among them.
    hold_count: Count,
}

/// Shows an account, with its balance at an instant.
#[utoipa::path(
    get,
    path = "/accounts/{account}",
    tag = "accounts",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ShowQuery,
    ),
    responses((status = 200, description = "The account.", body = Summary)),
)]
async fn show(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    if_match: IfMatch,
    Query(query): Query<ShowQuery>,
) -> Result<Reply<Summary>, Problem> {
    caller.may(Verb::Read, &account)?;
    let at = state.instant_or_now(query.at, "at")?;
    let question = move |account: &Account| summary(account, at, if_match);
    let summary = ask(&state, &account, question).await?;
    let revision = summary.balance.revision();
    Ok(Reply::new(summary).revision(revision))
}

fn summary(account: &Account, at: Time, if_match: IfMatch) -> Result<Summary, Problem> {
    if_match.check(&account.key().name, account.revision())?;
    let ledger = account.ledger();
    Ok(Summary {
        balance: Balance::of(account, at)?,
        policy: account.policy().to_string(),
        closed_until: account.closed_until().map(Time),
        granted: Count(ledger.granted()),
        used: Count(ledger.used()),
        grant_count: Count(ledger.grant_count() as u64),
        usage_count: Count((ledger.usage_count() + ledger.metered_count()) as u64),
        hold_count: Count(account.holds().count() as u64),
    })
}
