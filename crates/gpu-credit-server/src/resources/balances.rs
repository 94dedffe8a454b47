//! Balances, and what may be spent.

use std::collections::HashMap;

use axum::extract::State as Shared;
use gpu_credit::Status;
use gpu_credit_store::{Account, Revision};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::batches::{ENTRIES_MAX, too_many};
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::problem::kinds;
use crate::read::{IfMatch, InPath, Json, Query};
use crate::reply::Reply;
use crate::run::{ask, ask_aside, blocking};
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(balance))
        .routes(routes!(balances))
        .routes(routes!(spendable))
        .routes(routes!(runs_dry))
}

/// The balance of an account at an instant.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Balance {
    account: String,
    at: Time,
    /// What is left; null if no grant is live, or if it is negative.
    balance: Option<Count>,
    status: Standing,
    /// Usage that no grant has covered yet.
    deficit: Count,
    /// The sum of the holds that are open at the instant.
    held: Count,
    /// The balance with these holds as usage at their starts, never below 0.
    available: Count,
    /// The revision of the account that this was answered at.
    revision: Count,
}

/// Why a balance is what it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// No grant is live.
    Inactive,
    /// There is a deficit.
    Overdrawn,
    /// Nothing is left, under the policy `forfeit`.
    Spent,
    /// The balance is a number.
    Available,
}

impl From<Status> for Standing {
    fn from(status: Status) -> Self {
        match status {
            Status::Inactive => Standing::Inactive,
            Status::Overdrawn => Standing::Overdrawn,
            Status::Spent => Standing::Spent,
            _ => Standing::Available,
        }
    }
}

impl Balance {
    pub(crate) fn of(account: &Account, at: Time) -> Result<Self, Problem> {
        let answer = account.balance_at(at.0)?;
        let has_holds = account.holds().next().is_some();
        let (held, available) = match has_holds {
            true => (account.held(at.0)?, account.available(at.0)?),
            false => (0, answer.balance.unwrap_or(0)),
        };
        Ok(Balance {
            account: account.key().name.to_string(),
            at,
            balance: answer.balance.map(Count),
            status: answer.status.into(),
            deficit: Count(answer.deficit),
            held: Count(held),
            available: Count(available),
            revision: Count(account.revision().get()),
        })
    }

    pub(crate) fn revision(&self) -> Revision {
        Revision::new(self.revision.0)
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BalanceQuery {
    /// The instant; now if it is left out.
    at: Option<Time>,
    /// The revision of the account at which to answer: what was known then.
    as_recorded: Option<Count>,
}

/// The balance of an account at an instant, past or future.
#[utoipa::path(
    get,
    path = "/accounts/{account}/balance",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("If-Match" = Option<String>, Header, description = "The revision that the account has to have, in quotes."),
        BalanceQuery,
    ),
    responses((status = 200, description = "The balance.", body = Balance)),
)]
async fn balance(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    if_match: IfMatch,
    Query(query): Query<BalanceQuery>,
) -> Result<Reply<Balance>, Problem> {
    caller.may(Verb::Read, &account)?;
    let at = state.instant_or_now(query.at, "at")?;
    let question = move |account: &Account| {
        if_match.check(&account.key().name, account.revision())?;
        Balance::of(account, at)
    };
    let balance = match query.as_recorded {
        None => ask(&state, &account, question).await?,
        Some(Count(revision)) => {
            let recorded = Some(Revision::new(revision));
            ask_aside(&state, &account, recorded, question).await?
        }
    };
    let revision = balance.revision();
    Ok(Reply::new(balance).revision(revision))
}

/// Balances to be asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Questions {
    #[schema(max_items = 10000)]
    questions: Vec<Question>,
}

/// A balance to be asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Question {
    account: String,
    at: Time,
}

/// Balances, in the order of the questions.
#[derive(Serialize, ToSchema)]
struct Answers {
    balances: Vec<Balance>,
}

/// Balances of several accounts at several instants, all at one moment.
#[utoipa::path(
    post,
    path = "/balances",
    tag = "questions",
    request_body = Questions,
    responses((status = 200, description = "The balances.", body = Answers)),
)]
async fn balances(
    Shared(state): Shared<State>,
    caller: Caller,
    Json(Questions { questions }): Json<Questions>,
) -> Result<Reply<Answers>, Problem> {
    if questions.len() > ENTRIES_MAX {
        return Err(too_many("questions", questions.len()));
    }
    for (index, question) in questions.iter().enumerate() {
        let may = caller.may(Verb::Read, &question.account);
        may.map_err(|problem| problem.at(format!("/questions/{index}/account")))?;
    }
    let store = state.store().clone();
    let balances = blocking(move || {
        let mut names: Vec<&str> = questions.iter().map(|asked| &*asked.account).collect();
        names.sort_unstable();
        names.dedup();
        let asked = store.with_accounts(&names, |accounts| {
            let places: HashMap<&str, usize> = names
                .iter()
                .enumerate()
                .map(|(place, name)| (*name, place))
                .collect();
            let answers = questions.iter().enumerate().map(|(index, question)| {
                let account = accounts[places[&*question.account]];
                let answer = Balance::of(account, question.at);
                answer.map_err(|problem| problem.at(format!("/questions/{index}")))
            });
            answers.collect::<Result<Vec<_>, _>>()
        });
        asked.map_err(|error| {
            let gone = match &error {
                gpu_credit_store::Error::NoSuchAccount(name) => {
                    questions.iter().position(|asked| asked.account == *name)
                }
                _ => None,
            };
            let problem = Problem::of_question(error);
            match gone {
                Some(index) => problem.at(format!("/questions/{index}/account")),
                None => problem,
            }
        })?
    });
    Ok(Reply::new(Answers {
        balances: balances.await??,
    }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SpendableQuery {
    /// The instant, or the first tick of a job; now if it is left out.
    at: Option<Time>,
    /// The first tick that a job no longer uses: then the answer is the largest rate.
    until: Option<Time>,
    /// The revision of the account at which to answer.
    as_recorded: Option<Count>,
}

/// What may be spent.
#[derive(Serialize, ToSchema)]
struct Spendable {
    account: String,
    at: Time,
    until: Option<Time>,
    /// The largest amount that would be held from the instant on; with `until` the largest rate.
    spendable: Count,
    balance: Option<Count>,
    held: Count,
    available: Count,
    revision: Count,
}

/// What may be spent at an instant, beside all that is posted and held. It writes nothing and keeps nothing: a hold does.
#[utoipa::path(
    get,
    path = "/accounts/{account}/spendable",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        SpendableQuery,
    ),
    responses((status = 200, description = "What may be spent.", body = Spendable)),
)]
async fn spendable(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<SpendableQuery>,
) -> Result<Reply<Spendable>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (at, until) = (state.instant_or_now(query.at, "at")?, query.until);
    let recorded = query
        .as_recorded
        .map(|Count(revision)| Revision::new(revision));
    let question = move |account: &Account| {
        let spendable = match until {
            Some(until) => {
                let rate = account.spendable_rate(at.0..until.0);
                rate.map_err(Problem::of_question)?
            }
            None => account.spendable(at.0)?,
        };
        let balance = Balance::of(account, at)?;
        Ok(Spendable {
            account: balance.account,
            at,
            until,
            spendable: Count(spendable),
            balance: balance.balance,
            held: balance.held,
            available: balance.available,
            revision: balance.revision,
        })
    };
    let spendable = ask_aside(&state, &account, recorded, question).await?;
    let revision = Revision::new(spendable.revision.0);
    Ok(Reply::new(spendable).revision(revision))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct RunsDryQuery {
    /// The first tick to look at; now if it is left out.
    from: Option<Time>,
    /// What each tick of one more job, without end, uses.
    rate: Option<Count>,
}

/// When credit runs out.
#[derive(Serialize, ToSchema)]
struct RunsDry {
    account: String,
    from: Time,
    rate: Option<Count>,
    /// The first tick at which usage is not drawn whole; null if there is none.
    runs_dry: Option<Time>,
    revision: Count,
}

/// The first tick at which recorded usage, planned ends of jobs among it, is not drawn whole; with a rate, at which one more job could not
/// be.
#[utoipa::path(
    get,
    path = "/accounts/{account}/runs-dry",
    tag = "questions",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        RunsDryQuery,
    ),
    responses((status = 200, description = "The tick.", body = RunsDry)),
)]
async fn runs_dry(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<RunsDryQuery>,
) -> Result<Reply<RunsDry>, Problem> {
    caller.may(Verb::Read, &account)?;
    let from = state.instant_or_now(query.from, "from")?;
    let rate = query.rate;
    let question = move |account: &Account| {
        let runs_dry = match rate {
            Some(Count(rate)) => account.runs_dry(rate, from.0)?,
            None => account.first_uncovered(from.0)?,
        };
        Ok(RunsDry {
            account: account.key().name.to_string(),
            from,
            rate,
            runs_dry: runs_dry.map(Time),
            revision: Count(account.revision().get()),
        })
    };
    let answer = ask_aside(&state, &account, None, question).await?;
    let revision = Revision::new(answer.revision.0);
    Ok(Reply::new(answer).revision(revision))
}

/// Refuses a question about an instant before the close of the books.
pub(super) fn check_open(account: &Account, first: i64) -> Result<(), Problem> {
    match account.closed_until() {
        Some(until) if first < until => {
            let detail = format!("the books are closed up to {until}, and {first} is before");
            Err(Problem::new(&kinds::BOOKS_CLOSED, detail).with("until", until))
        }
        _ => Ok(()),
    }
}
