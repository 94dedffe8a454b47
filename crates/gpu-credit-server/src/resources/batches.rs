//! Batches of entries, over several accounts.

use axum::extract::State as Shared;
use gpu_credit_store::{Batch, Posting};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::posted::Posted;
use crate::access::Caller;
use crate::entry::NewEntry;
use crate::problem::{ProblemDocument, kinds};
use crate::read::{Json, NoIfMatch};
use crate::reply::Reply;
use crate::run::{blocking, post};
use crate::{Problem, State};

/// Entries of a batch, and questions of one, at most.
pub(crate) const ENTRIES_MAX: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(entries))
}

/// Entries that are posted together.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEntries {
    /// In the order in which they are posted.
    #[schema(max_items = 10000)]
    entries: Vec<NewEntry>,
    /// Whether all are posted or none; otherwise each is by itself, and has an outcome of its own.
    #[serde(default = "all_or_none")]
    atomic: bool,
    /// Whether to say only what would come of it.
    #[serde(default)]
    dry_run: bool,
}

fn all_or_none() -> bool {
    true
}

/// What came of the entries, in their order.
#[derive(Serialize, ToSchema)]
struct Outcomes {
    outcomes: Vec<EachOutcome>,
}

/// What came of one entry.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum EachOutcome {
    /// It is posted.
    Posted(Posted),
    /// It is refused, and the others are not.
    Refused(RefusedEntry),
}

/// An entry that is refused.
#[derive(Serialize, ToSchema)]
struct RefusedEntry {
    account: String,
    id: String,
    outcome: RefusedWord,
    problem: ProblemDocument,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum RefusedWord {
    Refused,
}

/// Posts entries: all of them or none, or each by itself. At most 10,000 in 16 MiB.
#[utoipa::path(
    post,
    path = "/entries",
    tag = "records",
    request_body = NewEntries,
    responses((status = 200, description = "What came of each, durable.", body = Outcomes)),
)]
async fn entries(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    Json(new): Json<NewEntries>,
) -> Result<Reply<Outcomes>, Problem> {
    if new.entries.len() > ENTRIES_MAX {
        return Err(too_many("entries", new.entries.len()));
    }
    let outcomes = match new.atomic {
        true => together(&state, &caller, new).await?,
        false => each(&state, &caller, new).await?,
    };
    Ok(Reply::new(Outcomes { outcomes }))
}

/// That there are more than there may be.
pub(crate) fn too_many(what: &'static str, count: usize) -> Problem {
    let detail = format!("{count} {what}, expected at most {ENTRIES_MAX}");
    Problem::new(&kinds::TOO_MANY_ENTRIES, detail).at(format!("/{what}"))
}

/// What an entry posts, if the caller may post it.
pub(crate) fn admitted(caller: &Caller, entry: NewEntry) -> Result<Posting, Problem> {
    let verb = entry.verb();
    let posting = entry.posting()?;
    caller.may(verb, &posting.account)?;
    Ok(posting)
}

async fn together(
    state: &State,
    caller: &Caller,
    new: NewEntries,
) -> Result<Vec<EachOutcome>, Problem> {
    let place = |index: usize| format!("/entries/{index}");
    let mut postings = Vec::with_capacity(new.entries.len());
    for (index, entry) in new.entries.into_iter().enumerate() {
        let posting = admitted(caller, entry);
        postings.push(posting.map_err(|problem| problem.at(place(index)))?);
    }
    let names: Vec<(String, String)> = postings.iter().map(names).collect();
    let mut batch = Batch::new(postings);
    if new.dry_run {
        batch = batch.dry_run();
    }
    let outcomes = post(state, batch).await?;
    let outcomes =
        outcomes.map_err(|refused| Problem::of_posting(refused.error).at(place(refused.index)))?;
    let outcomes = names.into_iter().zip(outcomes);
    let posted = |((account, id), outcome)| EachOutcome::Posted(Posted::new(account, id, outcome));
    Ok(outcomes.map(posted).collect())
}

async fn each(
    state: &State,
    caller: &Caller,
    new: NewEntries,
) -> Result<Vec<EachOutcome>, Problem> {
    // Those that are refused here are no postings.
    let mut refused_here = Vec::new();
    let mut postings = Vec::with_capacity(new.entries.len());
    for (index, entry) in new.entries.into_iter().enumerate() {
        let (account, id) = entry.names();
        match admitted(caller, entry) {
            Ok(posting) => {
                refused_here.push(None);
                postings.push(posting);
            }
            Err(problem) => {
                let problem = problem.at(format!("/entries/{index}"));
                refused_here.push(Some(refused(account, id, &problem)));
            }
        }
    }
    let names: Vec<(String, String)> = postings.iter().map(names).collect();
    let mut batch = Batch::new(postings);
    if new.dry_run {
        batch = batch.dry_run();
    }
    let store = state.store().clone();
    let outcomes = blocking(move || store.post_each(batch)).await?;
    state.has_posted();
    let outcomes = outcomes.map_err(Problem::of_posting)?;
    let mut outcomes = names.into_iter().zip(outcomes);
    let all = refused_here.into_iter().enumerate();
    let all = all.filter_map(|(index, refused_here)| {
        if refused_here.is_some() {
            return refused_here;
        }
        let ((account, id), outcome) = outcomes.next()?;
        Some(match outcome {
            Ok(outcome) => EachOutcome::Posted(Posted::new(account, id, outcome)),
            Err(error) => {
                let problem = Problem::of_posting(error).at(format!("/entries/{index}"));
                refused(account, id, &problem)
            }
        })
    });
    Ok(all.collect())
}

fn names(posting: &Posting) -> (String, String) {
    (posting.account.clone(), posting.id.as_str().to_owned())
}

fn refused(account: String, id: String, problem: &Problem) -> EachOutcome {
    EachOutcome::Refused(RefusedEntry {
        account,
        id,
        outcome: RefusedWord::Refused,
        problem: problem.document(),
    })
}
