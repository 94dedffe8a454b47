//! What became of credit and usage.

use axum::extract::State as Shared;
use gpu_credit::GrantPeriod;
use gpu_credit_store::Account;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::named::{Asked, Named, about, asked};
use super::recorded;
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::ids::Ids;
use crate::problem::kinds;
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StatementQuery {
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
pub(super) struct Statement {
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

impl GrantRow {
    fn new(grant: Named, row: &GrantPeriod, ids: &Ids) -> Self {
        GrantRow {
            grant: ids.get(grant.revision),
            credit_id: grant.credit_id,
            start: Time(grant.start),
            last: Time(grant.last),
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
pub(super) async fn statement(
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
        grants: rows
            .map(|(row, grant)| GrantRow::new(grant, row, &ids))
            .collect(),
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

impl Of {
    fn ask(self, account: &Account) -> Result<Asked<gpu_credit::PeriodStatement>, Problem> {
        let statement = match self {
            Of::At(timestamp) => account.statement_at(timestamp)?,
            Of::Period(from, until) => {
                let first = from.or(account.closed_until()).unwrap_or(i64::MIN);
                account.statement(first.min(until)..until)?
            }
        };
        let grants = statement.grants.iter().map(|row| row.grant).collect();
        about(account, statement, grants)
    }
}
