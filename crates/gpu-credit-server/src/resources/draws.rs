//! Which usage drew from which grant.

use axum::extract::State as Shared;
use gpu_credit::{Draw, GrantId};
use gpu_credit_store::{Account, AnyStorage, Error, RecordId, Revision, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::periods::{Named, ROWS_MAX, recorded, too_large};
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::ids::Ids;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(draws))
        .routes(routes!(draws_of))
}

/// What one usage record drew from one grant.
#[derive(Serialize, ToSchema)]
struct DrawRow {
    /// The id of the usage; null of a deficit from before the close of the books.
    usage: Option<String>,
    /// The id of the grant.
    grant: Option<String>,
    credit_id: String,
    amount: Count,
    /// The first tick of the usage that drew, perhaps in part.
    first: Time,
    /// The last tick of the usage that drew, perhaps in part.
    last: Time,
    /// When: later than `first` if it had become a deficit.
    drawn_at: Time,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DrawsQuery {
    /// The first instant; the close of the books, or the beginning, if it is left out.
    from: Option<Time>,
    /// The first instant after the range.
    until: Time,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// The draws of a range of time, in the order in which they happen.
#[derive(Serialize, ToSchema)]
struct Draws {
    account: String,
    draws: Vec<DrawRow>,
    revision: Count,
}

/// Which usage drew from which grant in a range of time. At most 10,000 draws.
#[utoipa::path(
    get,
    path = "/accounts/{account}/draws",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        DrawsQuery,
    ),
    responses((status = 200, description = "The draws.", body = Draws)),
)]
async fn draws(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<DrawsQuery>,
) -> Result<Reply<Draws>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let (from, until) = (query.from.map(|from| from.0), query.until.0);
    let answered = blocking(move || {
        let asked = ask(&store, &account, recorded, |account| {
            let first = from.or(account.closed_until()).unwrap_or(i64::MIN);
            let draws = account.draws(first.min(until)..until)?;
            let draws = draws.take(ROWS_MAX + 1).map(|recorded| Part {
                usage: recorded.usage,
                grant: Named::of(account, recorded.draw.grant),
                draw: recorded.draw,
            });
            let draws: Vec<Part> = draws.collect();
            match draws.len() > ROWS_MAX {
                true => Err(too_large()),
                false => Ok((account.revision(), draws)),
            }
        });
        let (revision, draws) = asked?;
        let ids = ids_of(&store, &account, &draws)?;
        Ok::<_, Problem>(Draws {
            account,
            draws: draws.into_iter().map(|part| part.row(&ids)).collect(),
            revision: Count(revision.get()),
        })
    });
    let draws = answered.await??;
    let revision = Revision::new(draws.revision.0);
    Ok(Reply::new(draws).revision(revision))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DrawsOfQuery {
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What covered the usage of one record: `amount` is the sum of its draws, `deficit` and `dropped`.
#[derive(Serialize, ToSchema)]
struct DrawsOf {
    account: String,
    id: String,
    amount: Count,
    draws: Vec<DrawRow>,
    /// What no grant has covered yet.
    deficit: Count,
    dropped: Count,
    revision: Count,
}

/// Which grants a usage record, or a job, drew from.
#[utoipa::path(
    get,
    path = "/accounts/{account}/entries/{id}/draws",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("id" = String, Path, description = "The name of the record, percent-encoded."),
        DrawsOfQuery,
    ),
    responses((status = 200, description = "Where it went.", body = DrawsOf)),
)]
async fn draws_of(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, id }: InPath,
    Query(query): Query<DrawsOfQuery>,
) -> Result<Reply<DrawsOf>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let answered = blocking(move || {
        let of = RecordId::from(&*id);
        let revision = match recorded {
            Some(revision) => revision,
            None => store.head(&account).map_err(Problem::of_question)?.revision,
        };
        let statement = store.usage_statement(&account, &of, revision);
        let statement = statement.map_err(Problem::of_question)?;
        if statement.draws.len() > ROWS_MAX {
            return Err(too_large());
        }
        let grants: Vec<GrantId> = statement.draws.iter().map(|draw| draw.grant).collect();
        let named = ask(&store, &account, Some(revision), |account| {
            Ok(grants
                .iter()
                .map(|grant| Named::of(account, *grant))
                .collect::<Vec<_>>())
        })?;
        let parts = statement.draws.iter().zip(named).map(|(draw, grant)| Part {
            usage: None,
            grant,
            draw: *draw,
        });
        let parts: Vec<Part> = parts.collect();
        let ids = ids_of(&store, &account, &parts)?;
        let row = |part: Part| DrawRow {
            usage: Some(id.clone()),
            ..part.row(&ids)
        };
        Ok(DrawsOf {
            account,
            amount: Count(statement.amount),
            draws: parts.into_iter().map(row).collect(),
            id: id.clone(),
            deficit: Count(statement.deficit),
            dropped: Count(statement.dropped),
            revision: Count(revision.get()),
        })
    });
    let draws = answered.await??;
    let revision = Revision::new(draws.revision.0);
    Ok(Reply::new(draws).revision(revision))
}

/// A draw, with what shows it.
struct Part {
    usage: Option<Revision>,
    grant: Named,
    draw: Draw,
}

impl Part {
    fn row(self, ids: &Ids) -> DrawRow {
        DrawRow {
            usage: ids.get(self.usage),
            grant: ids.get(self.grant.revision),
            credit_id: self.grant.credit_id,
            amount: Count(self.draw.amount),
            first: Time(self.draw.first),
            last: Time(self.draw.last),
            drawn_at: Time(self.draw.drawn_at),
        }
    }
}

fn ids_of(store: &Store<AnyStorage>, account: &str, parts: &[Part]) -> Result<Ids, Problem> {
    let revisions = parts
        .iter()
        .flat_map(|part| [part.usage, part.grant.revision]);
    Ids::look_up(store, account, revisions.flatten()).map_err(Problem::of_question)
}

fn ask<R>(
    store: &Store<AnyStorage>,
    account: &str,
    recorded: Option<Revision>,
    question: impl FnOnce(&Account) -> Result<R, Problem>,
) -> Result<R, Problem> {
    let asked: Result<_, Error> = match recorded {
        Some(revision) => store
            .as_recorded(account, revision)
            .map(|account| question(&account)),
        None => store.with_account(account, question),
    };
    asked.map_err(Problem::of_question)?
}
