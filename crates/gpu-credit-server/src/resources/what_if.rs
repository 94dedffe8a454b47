//! Answers as if records were posted, which is not done.

use axum::extract::State as Shared;
use gpu_credit::{GpuCredit, GrantRecord, MeteredUsage, UsageRecord};
use gpu_credit_store::{Account, Change, Error, Revision};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::balances::{Standing, check_open};
use super::batches::{ENTRIES_MAX, too_many};
use crate::access::{Caller, Verb};
use crate::entry::Planned;
use crate::form::{Count, Time};
use crate::problem::kinds;
use crate::read::{InPath, Json};
use crate::reply::Reply;
use crate::run::ask_aside;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(what_if))
}

/// Records that are planned, and what is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Plan {
    /// In the order in which they would be posted: grants, usage and runs. Their ids are of no consequence. Corrections of what
    /// is there are not planned; `dry_run` of a batch says whether they would be posted.
    #[schema(max_items = 10000)]
    entries: Vec<Planned>,
    /// The instants at which balances are asked.
    #[schema(max_items = 10000)]
    at: Vec<Time>,
}

/// Balances as if the records were posted. Holds are not counted.
#[derive(Serialize, ToSchema)]
struct Planning {
    account: String,
    /// In the order of the instants.
    balances: Vec<PlannedBalance>,
    /// The first tick from the first of the instants on at which usage is not drawn whole; null if there is none.
    runs_dry: Option<Time>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct PlannedBalance {
    at: Time,
    balance: Option<Count>,
    status: Standing,
    deficit: Count,
}

/// What balances would be if records were posted, which is not done.
#[utoipa::path(
    post,
    path = "/accounts/{account}/what-if",
    tag = "questions",
    params(("account" = String, Path, description = "The name, percent-encoded.")),
    request_body = Plan,
    responses((status = 200, description = "The balances.", body = Planning)),
)]
async fn what_if(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Json(Plan { entries, at }): Json<Plan>,
) -> Result<Reply<Planning>, Problem> {
    caller.may(Verb::Read, &account)?;
    if entries.len() > ENTRIES_MAX {
        return Err(too_many("entries", entries.len()));
    }
    if at.len() > ENTRIES_MAX {
        return Err(too_many("at", at.len()));
    }
    let mut changes = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let place = |problem: Problem| problem.at(format!("/entries/{index}"));
        let change = entry.change().map_err(place)?;
        changes.push(
            planned(change)
                .ok_or_else(|| place(Problem::new(&kinds::INVALID_BODY, "expected a record")))?,
        );
    }
    let question = move |account: &Account| {
        for (index, at) in at.iter().enumerate() {
            let open = check_open(account, at.0);
            open.map_err(|problem| problem.at(format!("/at/{index}")))?;
        }
        let name = account.key().name.to_string();
        Ok((
            name,
            account.revision(),
            account.ledger().clone(),
            at,
            changes,
        ))
    };
    // Planned in a copy: others may ask the account meanwhile.
    let copied = ask_aside(&state, &account, None, question).await?;
    let planning = crate::run::blocking(move || {
        let (name, revision, mut ledger, at, changes) = copied;
        plan(name, revision, &mut ledger, &at, &changes)
    });
    let planning = planning.await??;
    let revision = Revision::new(planning.revision.0);
    Ok(Reply::new(planning).revision(revision))
}

fn plan(
    account: String,
    revision: Revision,
    ledger: &mut GpuCredit,
    at: &[Time],
    changes: &[gpu_credit::Change],
) -> Result<Planning, Problem> {
    let planned = ledger.what_if(changes).map_err(|refused| {
        let problem = Problem::of_question(Error::Question(refused.error));
        problem.at(format!("/entries/{}", refused.index))
    })?;
    let balance = |at: &Time| {
        let answer = planned.balance_at(at.0);
        PlannedBalance {
            at: *at,
            balance: answer.balance.map(Count),
            status: answer.status.into(),
            deficit: Count(answer.deficit),
        }
    };
    let first = at.iter().min();
    Ok(Planning {
        account,
        balances: at.iter().map(balance).collect(),
        runs_dry: first
            .and_then(|first| planned.first_uncovered(first.0..))
            .map(Time),
        revision: Count(revision.get()),
    })
}

/// What the engine is told.
fn planned(change: Change) -> Option<gpu_credit::Change> {
    Some(match change {
        Change::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => {
            let grant = GrantRecord::new(credit_id, amount, timestamp, expiration.unwrap_or(0));
            let grant = match expiration {
                Some(_) => grant,
                None => grant.without_end(),
            };
            grant.priority(priority).into()
        }
        Change::Usage { amount, timestamp } => UsageRecord { amount, timestamp }.into(),
        Change::MeteredUsage { rate, from, until } => MeteredUsage { rate, from, until }.into(),
        _ => return None,
    })
}
