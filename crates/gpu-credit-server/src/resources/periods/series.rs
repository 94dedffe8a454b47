//! Balances at instants that are equally far apart.

use axum::extract::State as Shared;
use gpu_credit_store::{Account, Error, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{ROWS_MAX, recorded, too_large};
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::resources::balances::check_open;
use crate::run::ask_aside;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct SeriesQuery {
    /// The first instant.
    from: Time,
    /// The last instant that there may be.
    to: Time,
    /// How far apart the instants are, from 1 on.
    step: Option<Count>,
    /// How many instants there are at most, 1 to 10,000, in the place of `step`: they are as close together as it allows.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 10000)]
    points: Option<Count>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

impl SeriesQuery {
    /// How far apart the instants are, and how many are answered at most.
    fn spacing(&self) -> Result<(u64, usize), Problem> {
        let wrong = |detail: &'static str| {
            Err(Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", "points"))
        };
        match (self.step, self.points) {
            // One more than there may be says that there are too many.
            (Some(Count(step)), None) => Ok((step, ROWS_MAX + 1)),
            (None, Some(Count(points))) => match usize::try_from(points) {
                Ok(most @ 1..=ROWS_MAX) => {
                    let span = self.from.0.abs_diff(self.to.0);
                    Ok(((span / points).saturating_add(1), most))
                }
                _ => wrong("points: expected 1 to 10000"),
            },
            _ => wrong("expected one of `step` and `points`"),
        }
    }
}

/// Balances at instants that are equally far apart.
#[derive(Serialize, ToSchema)]
pub(super) struct Series {
    account: String,
    points: Vec<Point>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Point {
    at: Time,
    balance: Option<Count>,
}

/// The balance at an instant and every `step` after it, or at so many `points`. At most 10,000 instants.
#[utoipa::path(
    get,
    path = "/accounts/{account}/series",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        SeriesQuery,
    ),
    responses((status = 200, description = "The balances.", body = Series)),
)]
pub(super) async fn series(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<SeriesQuery>,
) -> Result<Reply<Series>, Problem> {
    caller.may(Verb::Read, &account)?;
    let SeriesQuery { from, to, .. } = query;
    let (step, most) = query.spacing()?;
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let series = account.ledger().series(from.0..=to.0, step);
        let series = series.map_err(|error| Problem::of_question(Error::Question(error)))?;
        // An iterator without end would be counted without end.
        let points: Vec<Point> = series
            .take(most)
            .map(|(at, balance)| Point {
                at: Time(at),
                balance: balance.map(Count),
            })
            .collect();
        if points.len() > ROWS_MAX {
            return Err(too_large());
        }
        Ok(Series {
            account: account.key().name.to_string(),
            points,
            revision: Count(account.revision().get()),
        })
    };
    let series = ask_aside(&state, &account, recorded(query.as_recorded), question).await?;
    let revision = Revision::new(series.revision.0);
    Ok(Reply::new(series).revision(revision))
}
