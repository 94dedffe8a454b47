//! An account to look at: drawn, and as numbers.

mod asked;
mod marks;
mod overview;
mod readout;
mod told;

use axum::extract::State as Shared;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use gpu_credit_plot::{Picture, extent};
use gpu_credit_store::{Account, Revision, TimeUnit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::{Caller, Verb};
use crate::form::{Count, Form, Time};
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};
use asked::at_revision;
pub(crate) use marks::KnownMarks;

/// Rows of the table beside a picture, at most.
const POINTS_MAX: usize = 60;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(plot))
        .routes(routes!(points))
        .routes(routes!(readout::readout))
        .routes(routes!(overview::overview))
        .routes(routes!(told::told))
}

/// What is to be seen of an account.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Shown {
    /// The first instant; that of the first record if it is not given.
    from: Option<Time>,
    /// The last instant; that of the last record or end of a window if it is not given.
    to: Option<Time>,
    /// The account as it stood at this revision.
    as_recorded: Option<Count>,
    /// The balance at this revision besides, as a dashed line.
    beside: Option<Count>,
}

/// Draws an account over time, as SVG. Attributes of the element `svg` say which instants it shows where: `data-from`, `data-to`,
/// `data-left`, `data-right`.
#[utoipa::path(
    get,
    path = "/accounts/{account}/plot.svg",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded."), Shown),
    responses(
        (status = 200, description = "The picture.", body = String, content_type = "image/svg+xml"),
    ),
)]
async fn plot(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(shown): Query<Shown>,
) -> Result<Response, Problem> {
    caller.may(Verb::Read, &account)?;
    let (svg, revision) = blocking(move || draw(&state, &account, &shown)).await??;
    let mut response = svg.into_response();
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_TYPE, "image/svg+xml"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; sandbox",
        ),
    ] {
        headers.insert::<HeaderName>(name, HeaderValue::from_static(value));
    }
    if let Ok(tag) = HeaderValue::try_from(format!("\"{revision}\"")) {
        headers.insert(header::ETAG, tag);
    }
    Ok(response)
}

fn draw(state: &State, name: &str, shown: &Shown) -> Result<(String, Revision), Problem> {
    let as_recorded = shown.as_recorded.map(|revision| Revision::new(revision.0));
    let (mut picture, revision, key) = at_revision(state, name, as_recorded, |account| {
        let range = range(account, shown)?;
        let picture = Picture::new(account, range);
        Ok((picture, account.revision(), account.key().clone()))
    })?;
    if let Some(beside) = shown.beside {
        let other = state.store().as_recorded(name, Revision::new(beside.0));
        picture = picture.beside(&other.map_err(Problem::of_question)?);
    }
    let marks = state.marks().of(state.store(), &key, revision);
    let marks = marks.map_err(Problem::of_question)?;
    picture = picture.with_marks(&marks);
    for unnamed in picture.unnamed_grants() {
        let id = asked::record_id(state.store(), name, unnamed);
        if let Some(id) = id.map_err(Problem::of_question)? {
            picture.name_grant(unnamed, id.as_str());
        }
    }
    let unit = state.time_unit();
    if let Some(unit) = unit {
        picture = picture.with_now(Time::now(unit).0);
    }
    Ok((picture.to_svg(unit), revision))
}

/// First and last instant of what is asked for.
fn range(account: &Account, shown: &Shown) -> Result<(i64, i64), Problem> {
    let all = extent(account).unwrap_or((0, 1));
    let from = shown.from.map_or(all.0, |from| from.0);
    let from = from.max(account.closed_until().unwrap_or(i64::MIN));
    let to = shown.to.map_or(all.1, |to| to.0);
    match from < to {
        true => Ok((from, to)),
        false if shown.to.is_none() => Ok((from, from.saturating_add(1))),
        false => {
            let detail = "to: expected an instant after the first one";
            Err(Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", "to"))
        }
    }
}

/// A range of time in numbers.
#[derive(Serialize, ToSchema)]
struct Points {
    account: String,
    revision: Count,
    /// The first instant.
    from: Time,
    /// The last one.
    to: Time,
    /// The unit of the store's time: `s`, `ms`, `us` or `ns`.
    unit: Option<&'static str>,
    /// What an account has at instants of the range, in order: those at which its balance changes, or some of them.
    points: Vec<InNumbers>,
}

/// What an account has at an instant.
#[derive(Serialize, ToSchema)]
struct InNumbers {
    at: Time,
    balance: Option<Count>,
    deficit: Count,
    held: Count,
    available: Count,
}

/// What an account has over time: the numbers of its picture, at 60 instants at most.
#[utoipa::path(
    get,
    path = "/accounts/{account}/points",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded."), Shown),
    responses((status = 200, description = "The numbers.", body = Points)),
)]
async fn points(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(shown): Query<Shown>,
) -> Result<Reply<Points>, Problem> {
    caller.may(Verb::Read, &account)?;
    let form = Form::current();
    let points = blocking(move || form.within(|| numbers(&state, &account, &shown))).await??;
    let revision = Revision::new(points.revision.0);
    Ok(Reply::new(points).revision(revision))
}

fn numbers(state: &State, name: &str, shown: &Shown) -> Result<Points, Problem> {
    let as_recorded = shown.as_recorded.map(|revision| Revision::new(revision.0));
    at_revision(state, name, as_recorded, |account| {
        let (from, to) = range(account, shown)?;
        let instants = Picture::new(account, (from, to)).changes(POINTS_MAX);
        let point = |at: i64| -> Result<InNumbers, Problem> {
            let answer = account.balance_at(at)?;
            Ok(InNumbers {
                at: at.into(),
                balance: answer.balance.map(Count),
                deficit: answer.deficit.into(),
                held: account.held(at)?.into(),
                available: account.available(at)?.into(),
            })
        };
        Ok(Points {
            account: name.to_owned(),
            revision: account.revision().get().into(),
            from: from.into(),
            to: to.into(),
            unit: state.time_unit().map(TimeUnit::as_str),
            points: instants.into_iter().map(point).collect::<Result<_, _>>()?,
        })
    })
}
