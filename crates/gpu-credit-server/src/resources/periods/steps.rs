//! The balance over a range of time, step by step.

use axum::extract::State as Shared;
use gpu_credit_store::{Account, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::recorded;
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::page::{Limit, encoded};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::resources::balances::{Standing, check_open};
use crate::run::ask_aside;
use crate::{Problem, State};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct StepsQuery {
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
pub(super) struct Steps {
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
pub(super) async fn steps(
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
