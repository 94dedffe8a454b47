//! What was posted to an account, entry by entry.

use std::ops::ControlFlow;

use axum::extract::State as Shared;
use gpu_credit_store::{RecordId, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Caller, Verb};
use crate::entry::Entry;
use crate::form::Count;
use crate::page::{Limit, encoded};
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(entries))
        .routes(routes!(entry))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct EntriesQuery {
    /// The revision after which the page begins: `next` of the page before.
    #[serde(default)]
    after: Count,
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
}

/// A page of the entries of an account.
#[derive(Serialize, ToSchema)]
struct Entries {
    account: String,
    /// In the order in which they were posted.
    entries: Vec<Entry>,
    /// What `after` of the next page is; null on the last one.
    next: Option<Count>,
    /// The revision of the account.
    revision: Count,
}

/// The entries of an account that come after a revision.
#[utoipa::path(
    get,
    path = "/accounts/{account}/entries",
    tag = "history",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        EntriesQuery,
    ),
    responses((status = 200, description = "A page of them.", body = Entries)),
)]
async fn entries(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<EntriesQuery>,
) -> Result<Reply<Entries>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (store, limit) = (state.store().clone(), query.limit.get());
    let after = Revision::new(query.after.0);
    let page = blocking(move || {
        let (mut entries, mut next, mut last) = (Vec::new(), None, None);
        store.visit_history(&account, after, |entry| {
            if entries.len() == limit {
                next = last;
                return ControlFlow::Break(());
            }
            last = Some(Count(entry.revision.get()));
            entries.push(Entry::seen_by(&caller, entry));
            ControlFlow::Continue(())
        })?;
        let head = store.head(&account)?;
        Ok(Entries {
            account,
            entries,
            next,
            revision: Count(head.revision.get()),
        })
    });
    let page = page.await?.map_err(Problem::of_question)?;
    let address = page.next.map(|Count(next)| {
        let account = encoded(&page.account);
        format!("/v1/accounts/{account}/entries?after={next}&limit={limit}")
    });
    let revision = Revision::new(page.revision.0);
    Ok(Reply::new(page).revision(revision).next_page(address))
}

/// The entry of an id.
#[utoipa::path(
    get,
    path = "/accounts/{account}/entries/{id}",
    tag = "history",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("id" = String, Path, description = "The name of the record, percent-encoded."),
    ),
    responses((status = 200, description = "The entry.", body = Entry)),
)]
async fn entry(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, id }: InPath,
) -> Result<Reply<Entry>, Problem> {
    caller.may(Verb::Read, &account)?;
    let store = state.store().clone();
    let found = blocking(move || {
        let found = store.entry(&account, &RecordId::from(&*id));
        let found = found.map_err(Problem::of_question)?;
        found.ok_or_else(|| {
            let detail = format!("account {account:?} has no entry \"{id}\"");
            Problem::new(&kinds::NO_SUCH_ENTRY, detail)
                .with("account", account)
                .with("id", id)
        })
    });
    let found = found.await??;
    let revision = found.revision;
    Ok(Reply::new(Entry::seen_by(&caller, found)).revision(revision))
}
