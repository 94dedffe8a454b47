//! What came of posting.

use axum::http::StatusCode;
use gpu_credit_store::{Batch, Change, Outcome, Posting, RecordId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::form::Count;
use crate::read::IfMatch;
use crate::reply::Reply;
use crate::{Problem, State, run};

/// What came of a record.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Posted {
    /// The name of the account.
    account: String,
    /// The name of the record.
    id: String,
    outcome: Word,
    /// The revision of the account that the record is; null if the account is deleted.
    revision: Option<Count>,
}

/// Whether it was done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// It was done now, and is durable.
    Posted,
    /// It was done before, under the same id with the same content; nothing was done now.
    PostedBefore,
}

impl Word {
    pub(crate) fn new(is_new: bool) -> Self {
        match is_new {
            true => Word::Posted,
            false => Word::PostedBefore,
        }
    }
}

impl Posted {
    pub(crate) fn new(account: String, id: String, outcome: Outcome) -> Self {
        Posted {
            account,
            id,
            outcome: Word::new(outcome.is_new()),
            revision: outcome.revision().map(|revision| Count(revision.get())),
        }
    }
}

/// Posts one change to an account: 201 if it is new, and 200 if it was posted before.
pub(crate) async fn post(
    state: &State,
    account: String,
    id: RecordId,
    change: Change,
    if_match: IfMatch,
) -> Result<Reply<Posted>, Problem> {
    let mut batch = Batch::new(vec![Posting::new(&*account, id.clone(), change)]);
    if let Some(revision) = if_match.0 {
        batch = batch.after(revision);
    }
    let outcomes = run::post(state, batch).await?;
    let outcomes = outcomes.map_err(|refused| Problem::of_posting(refused.error))?;
    let outcome = *outcomes.first().expect("a posting has an outcome");
    let reply = Reply::new(Posted::new(account, id.into(), outcome));
    let reply = match outcome.revision() {
        Some(revision) => reply.revision(revision),
        None => reply,
    };
    Ok(reply.status(match outcome.is_new() {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    }))
}
