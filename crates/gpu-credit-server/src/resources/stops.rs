//! Ending jobs that run.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use gpu_credit_store::{AnyStorage, Error, RecordId, Stopped, Store};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::problem::kinds;
use crate::read::{InPath, Json, NoIfMatch};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(stop))
}

/// A job to be ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewStop {
    /// The id of the job.
    run: String,
    /// The first tick that it no longer uses.
    at: Time,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
struct Stop {
    account: String,
    run: String,
    outcome: Ending,
    /// The revision that ended it; null if none did, since it had an end by then.
    revision: Option<Count>,
    /// Its end; null if that is before the close of the books.
    until: Option<Time>,
}

/// What ended a job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Ending {
    /// It ends at the instant that was asked for, and that is durable.
    Stopped,
    /// It was stopped before, and nothing was done now.
    StoppedBefore,
    /// It has an end by then, and nothing was done.
    Ended,
}

/// Ends a job that runs: its end becomes the instant. One that was stopped before, or has ended by then, stays as it
/// is, so that sending it again never adds usage. The id of the entry is that of the job with `/stop` after it.
#[utoipa::path(
    post,
    path = "/accounts/{account}/stops",
    tag = "records",
    params(("account" = String, Path, description = "The name, percent-encoded.")),
    request_body = NewStop,
    responses(
        (status = 200, description = "It had an end, and nothing was done.", body = Stop),
        (status = 201, description = "It ends then, and that is durable.", body = Stop),
    ),
)]
async fn stop(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    _: NoIfMatch,
    Json(NewStop { run, at }): Json<NewStop>,
) -> Result<Reply<Stop>, Problem> {
    caller.may(Verb::Correct, &account)?;
    let (store, name) = (state.store().clone(), account.clone());
    let of = RecordId::from(&*run);
    let stopped = blocking(move || {
        if let Some(from) = begins_later(&store, &name, &of, at.0).map_err(Problem::of_question)? {
            let detail = format!("the run \"{of}\" begins at {from}, after {}", at.0);
            return Err(Problem::new(&kinds::BEFORE_START, detail).with("from", from));
        }
        store.stop(&name, &of, at.0).map_err(Problem::of_posting)
    });
    let stopped = stopped.await?;
    state.has_posted();
    let (outcome, revision, until) = match stopped? {
        Stopped::Now(revision) => (Ending::Stopped, Some(revision), Some(at)),
        Stopped::Before { revision, until } => {
            (Ending::StoppedBefore, Some(revision), Some(Time(until)))
        }
        Stopped::Ended { until } => (Ending::Ended, None, until.map(Time)),
    };
    let status = match outcome {
        Ending::Stopped => StatusCode::CREATED,
        Ending::StoppedBefore | Ending::Ended => StatusCode::OK,
    };
    let stop = Stop {
        account,
        run,
        outcome,
        revision: revision.map(|revision| Count(revision.get())),
        until,
    };
    Ok(Reply::new(stop).status(status))
}

/// The first tick of a job that runs, if an instant is before it, and not before the close of the books, which the store
/// refuses.
fn begins_later(
    store: &Store<AnyStorage>,
    name: &str,
    of: &RecordId,
    at: i64,
) -> Result<Option<i64>, Error> {
    let stop = RecordId::from(format!("{of}/stop"));
    if store.entry(name, &stop)?.is_some() {
        return Ok(None);
    }
    let Some(entry) = store.entry(name, of)? else {
        return Ok(None);
    };
    store.with_account(name, |account| {
        let run = account.metered_id(entry.revision)?;
        let from = account.ledger().metered_usage(run)?.from;
        let is_open = account.closed_until().is_none_or(|closed| closed <= at);
        (at < from && is_open).then_some(from)
    })
}
