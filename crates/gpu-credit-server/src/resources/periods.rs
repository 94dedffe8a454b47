//! Questions about a stretch of time, and about each grant.

use axum::extract::State as Shared;
use gpu_credit::{GrantId, GrantPeriod};
use gpu_credit_store::{Account, AnyStorage, Error, Revision, Store};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::balances::{Standing, check_open};
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::ids::Ids;
use crate::page::{Limit, encoded};
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::{ask_aside, blocking};
use crate::{Problem, State};

/// Instants of a series, and rows of an answer, at most.
pub(super) const ROWS_MAX: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(series))
        .routes(routes!(steps))
        .routes(routes!(statement))
        .routes(routes!(remainders))
        .routes(routes!(lapses))
        .routes(routes!(low))
}

/// That an answer has more rows than it may have.
pub(super) fn too_large() -> Problem {
    let detail = format!("the answer has more than {ROWS_MAX} rows");
    Problem::new(&kinds::TOO_LARGE_ANSWER, detail)
}

pub(super) fn recorded(revision: Option<Count>) -> Option<Revision> {
    revision.map(|Count(revision)| Revision::new(revision))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SeriesQuery {
    /// The first instant.
    from: Time,
    /// The last instant that there may be.
    to: Time,
    /// How far apart the instants are, from 1 on.
    step: Count,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// Balances at instants that are equally far apart.
#[derive(Serialize, ToSchema)]
struct Series {
    account: String,
    points: Vec<Point>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Point {
    at: Time,
    balance: Option<Count>,
}

/// The balance at an instant and every `step` after it. At most 10,000 instants.
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
async fn series(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<SeriesQuery>,
) -> Result<Reply<Series>, Problem> {
    caller.may(Verb::Read, &account)?;
    let SeriesQuery { from, to, step, .. } = query;
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let series = account.ledger().series(from.0..=to.0, step.0);
        let series = series.map_err(|error| Problem::of_question(Error::Question(error)))?;
        // An iterator without end would be counted without end.
        let points: Vec<Point> = series
            .take(ROWS_MAX + 1)
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

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StepsQuery {
    /// The first instant: that of the first page, or `next` of the page before.
    from: Time,
    /// The last instant.
    to: Time,
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// A page of the steps of a balance.
#[derive(Serialize, ToSchema)]
struct Steps {
    account: String,
    steps: Vec<Step>,
    /// What `from` of the next page is; null on the last one.
    next: Option<Time>,
    revision: Count,
}

/// A stretch of time over which the balance is constant, or falls by `rate` each tick.
#[derive(Serialize, ToSchema)]
struct Step {
    first: Time,
    last: Time,
    /// At the first instant.
    balance: Option<Count>,
    status: Standing,
    /// At the first instant.
    deficit: Count,
    /// What each tick after the first uses.
    rate: Count,
}

/// The balance over a range of time, in steps that follow one another without a gap.
#[utoipa::path(
    get,
    path = "/accounts/{account}/steps",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        StepsQuery,
    ),
    responses((status = 200, description = "A page of them.", body = Steps)),
)]
async fn steps(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<StepsQuery>,
) -> Result<Reply<Steps>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (from, to, limit) = (query.from, query.to, query.limit.get());
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let mut steps = account.ledger().steps(from.0..=to.0);
        let page: Vec<Step> = steps.by_ref().take(limit).map(Step::from).collect();
        Ok(Steps {
            account: account.key().name.to_string(),
            steps: page,
            next: steps.next().map(|step| Time(step.first)),
            revision: Count(account.revision().get()),
        })
    };
    let recorded = recorded(query.as_recorded);
    let steps = ask_aside(&state, &account, recorded, question).await?;
    let address = steps.next.map(|Time(next)| {
        let as_recorded = match recorded {
            Some(revision) => format!("&as_recorded={revision}"),
            None => String::new(),
        };
        let (account, to) = (encoded(&account), to.0);
        format!("/v1/accounts/{account}/steps?from={next}&to={to}&limit={limit}{as_recorded}")
    });
    let revision = Revision::new(steps.revision.0);
    Ok(Reply::new(steps).revision(revision).next_page(address))
}

impl From<gpu_credit::Step> for Step {
    fn from(step: gpu_credit::Step) -> Self {
        Step {
            first: Time(step.first),
            last: Time(step.last),
            balance: step.answer.balance.map(Count),
            status: step.answer.status.into(),
            deficit: Count(step.answer.deficit),
            rate: Count(step.rate),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct StatementQuery {
    /// The last instant, of a statement from the beginning; now if neither it nor a period is said.
    at: Option<Time>,
    /// The first instant of a period.
    from: Option<Time>,
    /// The first instant after the period.
    until: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What became of credit and usage: `deficit_before + used = drawn + dropped + deficit`.
#[derive(Serialize, ToSchema)]
struct Statement {
    account: String,
    grants: Vec<GrantRow>,
    deficit_before: Count,
    used: Count,
    drawn: Count,
    dropped: Count,
    deficit: Count,
    revision: Count,
}

/// What became of a grant: `remaining_before + granted = drawn + lapsed + forfeited + revoked + remaining`.
#[derive(Serialize, ToSchema)]
struct GrantRow {
    /// The id of the record.
    grant: Option<String>,
    credit_id: String,
    start: Time,
    /// The last instant of the window.
    last: Time,
    remaining_before: Count,
    granted: Count,
    drawn: Count,
    lapsed: Count,
    forfeited: Count,
    revoked: Count,
    remaining: Count,
}

/// What became of all credit and all usage, up to an instant or in a period.
#[utoipa::path(
    get,
    path = "/accounts/{account}/statement",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        StatementQuery,
    ),
    responses((status = 200, description = "The statement.", body = Statement)),
)]
async fn statement(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<StatementQuery>,
) -> Result<Reply<Statement>, Problem> {
    caller.may(Verb::Read, &account)?;
    let of = match (query.at, query.from, query.until) {
        (at, None, None) => Of::At(state.instant_or_now(at, "at")?.0),
        (None, from, Some(until)) => Of::Period(from.map(|from| from.0), until.0),
        _ => {
            let detail = "expected `at`, or `until` and perhaps `from`";
            return Err(Problem::new(&kinds::INVALID_PARAMETER, detail));
        }
    };
    let store = state.store().clone();
    let recorded = recorded(query.as_recorded);
    let question = move || asked(&store, &account, recorded, |account| of.ask(account));
    let (statement, ids) = blocking(question).await??;
    let (revision, name, period, grants) = statement;
    let rows = period.grants.iter().zip(grants);
    let statement = Statement {
        account: name,
        grants: rows.map(|(row, grant)| grant.row(row, &ids)).collect(),
        deficit_before: Count(period.deficit_before),
        used: Count(period.used),
        drawn: Count(period.drawn),
        dropped: Count(period.dropped),
        deficit: Count(period.deficit),
        revision: Count(revision.get()),
    };
    Ok(Reply::new(statement).revision(revision))
}

#[derive(Clone, Copy)]
enum Of {
    At(i64),
    Period(Option<i64>, i64),
}

/// What is asked about grants: the revision, the name, the answer, and the grants it is about.
type Asked<R> = (Revision, String, R, Vec<Named>);

impl Of {
    fn ask(self, account: &Account) -> Result<Asked<gpu_credit::PeriodStatement>, Problem> {
        let statement = match self {
            Of::At(timestamp) => account.statement_at(timestamp)?,
            Of::Period(from, until) => {
                let first = from.or(account.closed_until()).unwrap_or(i64::MIN);
                account.statement(first.min(until)..until)?
            }
        };
        if statement.grants.len() > ROWS_MAX {
            return Err(too_large());
        }
        let grants = statement
            .grants
            .iter()
            .map(|row| Named::of(account, row.grant));
        let grants = grants.collect();
        let name = account.key().name.to_string();
        Ok((account.revision(), name, statement, grants))
    }
}

/// A grant with what shows it.
#[derive(Clone, Debug)]
pub(super) struct Named {
    /// The entry that posted it.
    pub(super) revision: Option<Revision>,
    pub(super) credit_id: String,
    pub(super) start: i64,
    pub(super) last: i64,
    pub(super) priority: i16,
}

impl Named {
    pub(super) fn of(account: &Account, grant: GrantId) -> Self {
        let posted = account.ledger().grant(grant);
        Named {
            revision: account.grant_revision(grant),
            credit_id: posted.map_or_else(String::new, |grant| grant.credit_id.to_owned()),
            start: posted.map_or(0, |grant| grant.start),
            last: posted.map_or(0, |grant| grant.end),
            priority: posted.map_or(0, |grant| grant.priority),
        }
    }

    fn row(self, row: &GrantPeriod, ids: &Ids) -> GrantRow {
        GrantRow {
            grant: ids.get(self.revision),
            credit_id: self.credit_id,
            start: Time(self.start),
            last: Time(self.last),
            remaining_before: Count(row.remaining_before),
            granted: Count(row.granted),
            drawn: Count(row.drawn),
            lapsed: Count(row.lapsed),
            forfeited: Count(row.forfeited),
            revoked: Count(row.revoked),
            remaining: Count(row.remaining),
        }
    }
}

/// Asks about grants, and looks up the ids of those that the answer is about.
fn asked<R>(
    store: &Store<AnyStorage>,
    account: &str,
    recorded: Option<Revision>,
    question: impl FnOnce(&Account) -> Result<Asked<R>, Problem>,
) -> Result<(Asked<R>, Ids), Problem> {
    let asked = match recorded {
        Some(revision) => store
            .as_recorded(account, revision)
            .map(|account| question(&account)),
        None => store.with_account(account, question),
    };
    let asked = asked.map_err(Problem::of_question)??;
    let revisions = asked.3.iter().filter_map(|grant| grant.revision);
    let ids = Ids::look_up(store, account, revisions).map_err(Problem::of_question)?;
    Ok((asked, ids))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct AtQuery {
    /// The instant; now if it is left out.
    at: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What is undrawn of each live grant, in the order in which usage draws.
#[derive(Serialize, ToSchema)]
struct Remainders {
    account: String,
    at: Time,
    remainders: Vec<Remainder>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Remainder {
    /// The id of the record.
    grant: Option<String>,
    credit_id: String,
    amount: Count,
    start: Time,
    /// The last instant of the window.
    last: Time,
    priority: i16,
}

/// What is undrawn of each live grant.
#[utoipa::path(
    get,
    path = "/accounts/{account}/remainders",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        AtQuery,
    ),
    responses((status = 200, description = "The remainders.", body = Remainders)),
)]
async fn remainders(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<AtQuery>,
) -> Result<Reply<Remainders>, Problem> {
    caller.may(Verb::Read, &account)?;
    let at = state.instant_or_now(query.at, "at")?;
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let question = move |account: &Account| {
        check_open(account, at.0)?;
        let remainders = account.ledger().remainders_at(at.0);
        if remainders.len() > ROWS_MAX {
            return Err(too_large());
        }
        let grants = remainders.iter().map(|left| Named::of(account, left.grant));
        let grants = grants.collect();
        let name = account.key().name.to_string();
        Ok((account.revision(), name, remainders, grants))
    };
    let answered = blocking(move || asked(&store, &account, recorded, question)).await?;
    let ((revision, account, remainders, grants), ids) = answered?;
    let rows = remainders
        .iter()
        .zip(grants)
        .map(|(left, grant)| Remainder {
            grant: ids.get(grant.revision),
            credit_id: grant.credit_id,
            amount: Count(left.amount),
            start: Time(grant.start),
            last: Time(grant.last),
            priority: grant.priority,
        });
    let body = Remainders {
        account,
        at,
        remainders: rows.collect(),
        revision: Count(revision.get()),
    };
    Ok(Reply::new(body).revision(revision))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LapsesQuery {
    /// The instant after which nothing is used; now if it is left out.
    from: Option<Time>,
    /// The last instant.
    to: Time,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What lapses.
#[derive(Serialize, ToSchema)]
struct Lapses {
    account: String,
    /// In the order of time.
    lapses: Vec<Lapse>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Lapse {
    /// The id of the record.
    grant: Option<String>,
    credit_id: String,
    amount: Count,
    /// The instant after the last one of the window.
    at: Time,
}

/// What lapses after an instant if nothing is used after it.
#[utoipa::path(
    get,
    path = "/accounts/{account}/lapses",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        LapsesQuery,
    ),
    responses((status = 200, description = "What lapses.", body = Lapses)),
)]
async fn lapses(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<LapsesQuery>,
) -> Result<Reply<Lapses>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (from, to) = (state.instant_or_now(query.from, "from")?, query.to);
    let (store, recorded) = (state.store().clone(), recorded(query.as_recorded));
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let lapses = account.ledger().lapsing(from.0..=to.0);
        if lapses.len() > ROWS_MAX {
            return Err(too_large());
        }
        let grants = lapses.iter().map(|lapse| Named::of(account, lapse.grant));
        let grants = grants.collect();
        let name = account.key().name.to_string();
        Ok((account.revision(), name, lapses, grants))
    };
    let answered = blocking(move || asked(&store, &account, recorded, question)).await?;
    let ((revision, account, lapses, grants), ids) = answered?;
    let rows = lapses.iter().zip(grants).map(|(lapse, grant)| Lapse {
        grant: ids.get(grant.revision),
        credit_id: grant.credit_id,
        amount: Count(lapse.amount),
        at: Time(lapse.timestamp),
    });
    let body = Lapses {
        account,
        lapses: rows.collect(),
        revision: Count(revision.get()),
    };
    Ok(Reply::new(body).revision(revision))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LowQuery {
    /// The amount below which a balance is low.
    below: Count,
    /// The first instant; now if it is left out.
    from: Option<Time>,
    /// The last instant; all that come if it is left out.
    to: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// When the balance is low.
#[derive(Serialize, ToSchema)]
struct Low {
    account: String,
    /// The first instant at which the balance is below the amount while a grant is live; null if there is none.
    first_below: Option<Time>,
    /// The lowest balance while a grant is live; null if none is.
    lowest: Option<Lowest>,
    revision: Count,
}

#[derive(Serialize, ToSchema)]
struct Lowest {
    at: Time,
    balance: Option<Count>,
    status: Standing,
    deficit: Count,
}

/// When the balance falls below an amount, and where it is lowest.
#[utoipa::path(
    get,
    path = "/accounts/{account}/low",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        LowQuery,
    ),
    responses((status = 200, description = "When.", body = Low)),
)]
async fn low(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<LowQuery>,
) -> Result<Reply<Low>, Problem> {
    caller.may(Verb::Read, &account)?;
    let from = state.instant_or_now(query.from, "from")?;
    let (to, below) = (query.to.map_or(i64::MAX, |to| to.0), query.below);
    let question = move |account: &Account| {
        check_open(account, from.0)?;
        let ledger = account.ledger();
        let lowest = ledger.lowest_balance(from.0..=to);
        Ok(Low {
            account: account.key().name.to_string(),
            first_below: ledger.first_below(from.0..=to, below.0).map(Time),
            lowest: lowest.map(|(at, answer)| Lowest {
                at: Time(at),
                balance: answer.balance.map(Count),
                status: answer.status.into(),
                deficit: Count(answer.deficit),
            }),
            revision: Count(account.revision().get()),
        })
    };
    let low = ask_aside(&state, &account, recorded(query.as_recorded), question).await?;
    let revision = Revision::new(low.revision.0);
    Ok(Reply::new(low).revision(revision))
}
