//! Holds: may this be spent, and will it be kept? And what becomes of them.

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gpu_credit::MeteredUsage;
use gpu_credit_store::{
    Account, Authorise, Authorised, Change, Decision, Error, HoldClosed, RecordId, Refusal,
    Revision, Settle,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::posted::{Posted, Word};
use crate::access::{Caller, Verb};
use crate::entry::{Funds, HeldOrRefused};
use crate::form::{Count, Time};
use crate::page::{Limit, encoded};
use crate::problem::{ProblemDocument, kinds};
use crate::read::{IdempotencyKey, InPath, Json, NoIfMatch, Query};
use crate::reply::Reply;
use crate::run::{ask_aside, blocking};
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(hold))
        .routes(routes!(settle))
        .routes(routes!(release))
        .routes(routes!(holds))
}

/// A hold to be asked for. It is of an `amount`, or of a `rate` for a job; and it says until when it is open, or for how
/// long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewHold {
    /// The name of the hold for ever: sent again with it, the same comes of it. The header Idempotency-Key may give it.
    #[schema(min_length = 1, max_length = 1024)]
    id: Option<String>,
    /// The accounts that it is on: on all of them, or on none.
    #[schema(min_items = 1, max_items = 64)]
    accounts: Vec<String>,
    /// What is kept, in the smallest unit.
    amount: Option<Count>,
    /// What each tick of a job uses.
    rate: Option<Count>,
    /// The first tick that the job no longer uses. It goes with `rate`; `lasts` may say how long the job runs instead.
    end: Option<Time>,
    /// Whether as much of it as fits is enough; nothing is a refusal.
    #[serde(default)]
    up_to: bool,
    /// Its start; now if it is left out.
    at: Option<Time>,
    /// The first instant at which it is no longer open; of a job, its end if it is left out.
    until: Option<Time>,
    /// How long it is open, counted from its start, in the place of `until`; of a job without `end`, how long that runs,
    /// and then `until` may be given besides.
    lasts: Option<Count>,
}

/// A hold that is given.
#[derive(Serialize, ToSchema)]
struct Held {
    id: String,
    outcome: Word,
    #[serde(flatten)]
    hold: HeldOrRefused,
    /// The accounts, each with the revision that the hold is.
    revisions: Vec<AtRevision>,
}

/// An account, and a revision of it.
#[derive(Serialize, ToSchema)]
struct AtRevision {
    account: String,
    revision: Count,
}

fn wrong(detail: &'static str) -> Problem {
    Problem::new(&kinds::INVALID_BODY, detail)
}

impl NewHold {
    fn authorise(self, id: RecordId, state: &State) -> Result<Authorise, Problem> {
        let at = state.instant_or_now(self.at, "at")?;
        let lasts_until = match self.lasts {
            Some(Count(lasts)) => {
                let until = at.0.checked_add_unsigned(lasts);
                Some(until.ok_or_else(|| wrong("the hold ends after the last instant"))?)
            }
            None => None,
        };
        let (end, lasts_until) = match (self.rate, self.end, self.until) {
            (Some(_), None, Some(_)) => (lasts_until.map(Time), None),
            (Some(_), None, None) => (lasts_until.map(Time), lasts_until),
            (_, end, _) => (end, lasts_until),
        };
        let open_until = match (self.until, lasts_until) {
            (Some(until), None) => Some(until.0),
            (None, Some(until)) => Some(until),
            (None, None) => end.map(|end| end.0),
            (Some(_), Some(_)) => return Err(wrong("expected one of `until` and `lasts`")),
        };
        let until = open_until.ok_or_else(|| wrong("expected `until`, or how long it `lasts`"))?;
        let mut authorise = match (self.amount, self.rate, end) {
            (Some(Count(amount)), None, None) => {
                Authorise::new(id, self.accounts, amount, at.0..until)
            }
            (None, Some(Count(rate)), Some(end)) => {
                let job = MeteredUsage {
                    rate,
                    from: at.0,
                    until: end.0,
                };
                Authorise::metered(id, self.accounts, job, until)
            }
            _ => {
                return Err(wrong(
                    "expected `amount`, or `rate` and `end`, or how long a job of it `lasts`",
                ));
            }
        };
        if self.up_to {
            authorise = authorise.up_to();
        }
        if self.at.is_none() {
            authorise = authorise.default_start();
            // What is counted from now is another end each time.
            if self.lasts.is_some() {
                authorise = authorise.default_end();
            }
        }
        Ok(authorise)
    }
}

/// May this be spent? If so, it is kept: on all accounts that are named, or it is refused on all. The same id gets the
/// same for ever. It is decided on the accounts as they are: If-Match is refused, here and where holds are closed.
#[utoipa::path(
    post,
    path = "/holds",
    tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "The id of the hold, if the body has none.")),
    request_body = NewHold,
    responses(
        (status = 200, description = "It was given before.", body = Held),
        (status = 201, description = "It is given, and durable.", body = Held),
        (status = 402, description = "It is refused, for good: `accounts` has what each had.", body = ProblemDocument, content_type = "application/problem+json"),
    ),
)]
async fn hold(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    key: IdempotencyKey,
    Json(mut new): Json<NewHold>,
) -> Result<Response, Problem> {
    for (index, account) in new.accounts.iter().enumerate() {
        let may = caller.may(Verb::Use, account);
        may.map_err(|problem| problem.at(format!("/accounts/{index}")))?;
    }
    let id = key.or(new.id.take())?;
    let accounts = new.accounts.clone();
    let names: Vec<&str> = accounts.iter().map(String::as_str).collect();
    caller.may_be_refused(&names)?;
    let authorise = new.authorise(id.clone(), &state)?;
    let (store, of) = (state.store().clone(), id.clone());
    let authorised = blocking(move || {
        let authorised = store.authorise(authorise)?;
        let revisions = match authorised.hold() {
            Some(hold) => {
                let revision = |account: &String| {
                    let entry = store.entry(account, &of)?;
                    Ok(entry.map(|entry| AtRevision {
                        account: account.clone(),
                        revision: Count(entry.revision.get()),
                    }))
                };
                let found: Result<Vec<_>, Error> = hold.accounts.iter().map(revision).collect();
                found?.into_iter().flatten().collect()
            }
            None => Vec::new(),
        };
        Ok((authorised, revisions))
    });
    let authorised = authorised.await?;
    state.has_posted();
    let (authorised, revisions) = authorised.map_err(|error| {
        let missing = match &error {
            Error::NoSuchAccount(name) => accounts.iter().position(|account| account == name),
            _ => None,
        };
        let problem = Problem::of_posting(error);
        match missing {
            Some(index) => problem.at(format!("/accounts/{index}")),
            None => problem,
        }
    })?;
    let Authorised { is_new, decision } = authorised;
    match decision {
        Decision::Held(hold) => {
            let held = Held {
                id: id.into(),
                outcome: Word::new(is_new),
                hold: hold.into(),
                revisions,
            };
            let status = match is_new {
                true => StatusCode::CREATED,
                false => StatusCode::OK,
            };
            Ok(Reply::new(held).status(status).into_response())
        }
        Decision::Refused(refused) => {
            if is_new {
                caller.was_refused(&names);
            }
            let detail = format!("the hold \"{id}\" is refused: there is not enough credit");
            let accounts = refused.into_iter().map(|(account, refused)| RefusedOn {
                account,
                funds: refused.funds.into(),
            });
            let accounts: Vec<RefusedOn> = accounts.collect();
            let accounts = serde_json::to_value(accounts).unwrap_or(Value::Null);
            Err(Problem::new(&kinds::INSUFFICIENT_CREDIT, detail)
                .with("id", id.as_str())
                .with("outcome", if is_new { "posted" } else { "posted_before" })
                .with("accounts", accounts))
        }
    }
}

/// What an account had when a hold was refused.
#[derive(Serialize)]
struct RefusedOn {
    account: String,
    #[serde(flatten)]
    funds: Funds,
}

/// How a hold is settled: with an `amount`, or, if it is for a job, as the job ran.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSettlement {
    /// The name of the settlement for ever. The header Idempotency-Key may give it instead.
    #[schema(min_length = 1, max_length = 1024)]
    id: Option<String>,
    /// One of the accounts that the hold is on. What is posted is posted to all of them.
    account: String,
    /// The id of the hold.
    hold: String,
    /// What was used, in full, also if it is more than was held.
    amount: Option<Count>,
    /// When it takes effect; the start of the hold if it is left out.
    at: Option<Time>,
    /// What each tick of the job used; as it was held if it is left out.
    rate: Option<Count>,
    /// The first tick of the job; the start of the hold if it is left out.
    from: Option<Time>,
    /// The first tick that the job no longer used; as it was held if it is left out.
    until: Option<Time>,
}

/// What came of a hold.
#[derive(Serialize, ToSchema)]
struct Closed {
    id: String,
    hold: String,
    outcome: Word,
    /// What was posted to each account of the hold.
    accounts: Vec<Posted>,
}

impl NewSettlement {
    fn settle(self, id: RecordId) -> Result<Settle, Problem> {
        let is_metered = self.rate.is_some() || self.from.is_some() || self.until.is_some();
        match self.amount {
            Some(_) if is_metered => Err(wrong(
                "expected `amount`, perhaps with `at`, or `rate`, `from` and `until` of a job",
            )),
            Some(Count(amount)) => {
                let settle = Settle::new(self.account, id, self.hold, amount);
                Ok(match self.at {
                    Some(at) => settle.at(at.0),
                    None => settle,
                })
            }
            None if self.at.is_some() => Err(wrong("`at` goes with `amount`")),
            None => {
                let mut settle = Settle::metered(self.account, id, self.hold);
                if let Some(rate) = self.rate {
                    settle = settle.rate(rate.0);
                }
                if let Some(from) = self.from {
                    settle = settle.at(from.0);
                }
                if let Some(until) = self.until {
                    settle = settle.until(until.0);
                }
                Ok(settle)
            }
        }
    }
}

/// Settles a hold: what was used is posted in full in its place, on all its accounts. Nothing of it is ever refused for
/// lack of credit.
#[utoipa::path(
    post,
    path = "/settlements",
    tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "The id of the settlement, if the body has none.")),
    request_body = NewSettlement,
    responses(
        (status = 200, description = "It was settled before, under the same id.", body = Closed),
        (status = 201, description = "It is settled, and durable.", body = Closed),
    ),
)]
async fn settle(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    key: IdempotencyKey,
    Json(mut new): Json<NewSettlement>,
) -> Result<Reply<Closed>, Problem> {
    caller.may(Verb::Use, &new.account)?;
    let id = key.or(new.id.take())?;
    let (account, hold) = (new.account.clone(), new.hold.clone());
    let settle = new.settle(id.clone())?;
    may_close(&state, &caller, account, &id, RecordId::from(&*hold)).await?;
    let store = state.store().clone();
    let closed = blocking(move || store.settle(settle)).await?;
    state.has_posted();
    Ok(reply(&id, hold, closed.map_err(Problem::of_posting)?))
}

/// A hold to be released.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRelease {
    /// The name of the release for ever. The header Idempotency-Key may give it instead.
    #[schema(min_length = 1, max_length = 1024)]
    id: Option<String>,
    /// One of the accounts that the hold is on.
    account: String,
    /// The id of the hold.
    hold: String,
}

/// Releases a hold: nothing is posted in its place, on all its accounts.
#[utoipa::path(
    post,
    path = "/releases",
    tag = "holds",
    params(("Idempotency-Key" = Option<String>, Header, description = "The id of the release, if the body has none.")),
    request_body = NewRelease,
    responses(
        (status = 200, description = "It was released before, under the same id.", body = Closed),
        (status = 201, description = "It is released, and durable.", body = Closed),
    ),
)]
async fn release(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    key: IdempotencyKey,
    Json(new): Json<NewRelease>,
) -> Result<Reply<Closed>, Problem> {
    let NewRelease { id, account, hold } = new;
    caller.may(Verb::Use, &account)?;
    let id = key.or(id)?;
    may_close(
        &state,
        &caller,
        account.clone(),
        &id,
        RecordId::from(&*hold),
    )
    .await?;
    let store = state.store().clone();
    let (of, released) = (RecordId::from(&*hold), id.clone());
    let closed = blocking(move || store.release(&account, released, of)).await?;
    state.has_posted();
    Ok(reply(&id, hold, closed.map_err(Problem::of_posting)?))
}

/// Whether the caller may post to all accounts of a hold. One that is not there is refused by the store.
async fn may_close(
    state: &State,
    caller: &Caller,
    account: String,
    id: &RecordId,
    hold: RecordId,
) -> Result<(), Problem> {
    let store = state.store().clone();
    let found = blocking(move || {
        let entry = store.entry(&account, &hold);
        (account, hold, entry)
    });
    let (account, hold, entry) = found.await?;
    let entry = entry.map_err(Problem::of_question)?;
    match entry.map(|entry| entry.change) {
        Some(Change::Hold(hold)) => {
            let mut accounts = hold.accounts.iter();
            accounts.try_for_each(|account| match caller.sees(account) {
                true => caller.may(Verb::Use, account),
                false => caller.may(Verb::Use, account).map_err(|_| others()),
            })
        }
        Some(_) => Ok(()),
        // One that somebody gives meanwhile may be on other accounts.
        None => Err(Problem::of_posting(Error::Refused {
            account,
            id: id.clone(),
            refusal: Refusal::NoSuchHold(hold),
        })),
    }
}

/// That a hold is on accounts besides, which are not named.
fn others() -> Problem {
    let detail = "the hold is on other accounts, too, which the token may not use";
    Problem::new(&kinds::FORBIDDEN, detail).with("verb", Verb::Use.name())
}

fn reply(id: &RecordId, hold: String, closed: HoldClosed) -> Reply<Closed> {
    let HoldClosed { is_new, accounts } = closed;
    let posted = |(account, outcome)| Posted::new(account, id.as_str().to_owned(), outcome);
    let reply = Reply::new(Closed {
        outcome: Word::new(is_new),
        accounts: accounts.into_iter().map(posted).collect(),
        id: id.as_str().to_owned(),
        hold,
    });
    match is_new {
        true => reply.status(StatusCode::CREATED),
        false => reply,
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct HoldsQuery {
    /// The revision after which the page begins: `next` of the page before.
    #[serde(default)]
    after: Count,
    #[serde(default)]
    #[param(inline)]
    limit: Limit,
}

/// A page of the holds of an account that are neither settled nor released.
#[derive(Serialize, ToSchema)]
struct Holds {
    account: String,
    /// In the order in which they were given. Those that have ended are among them: they can still be settled.
    holds: Vec<GivenHold>,
    /// What `after` of the next page is; null on the last one.
    next: Option<Count>,
    revision: Count,
}

/// A hold, by its id.
#[derive(Serialize, ToSchema)]
struct GivenHold {
    id: String,
    /// The revision of the account that gave it.
    given: Count,
    #[serde(flatten)]
    hold: HeldOrRefused,
}

/// The holds of an account that are neither settled nor released.
#[utoipa::path(
    get,
    path = "/accounts/{account}/holds",
    tag = "holds",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        HoldsQuery,
    ),
    responses((status = 200, description = "A page of them.", body = Holds)),
)]
async fn holds(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(query): Query<HoldsQuery>,
) -> Result<Reply<Holds>, Problem> {
    caller.may(Verb::Read, &account)?;
    let (after, limit) = (Revision::new(query.after.0), query.limit.get());
    let question = move |account: &Account| {
        let mut given: Vec<_> = account
            .holds()
            .filter(|(given, _, _)| *given > after)
            .collect();
        given.sort_unstable_by_key(|(given, _, _)| *given);
        let last = given
            .get(limit.saturating_sub(1))
            .map(|(given, _, _)| Count(given.get()));
        let has_more = given.len() > limit;
        let page = given
            .into_iter()
            .take(limit)
            .map(|(given, id, hold)| GivenHold {
                id: id.as_str().to_owned(),
                given: Count(given.get()),
                hold: HeldOrRefused::seen_by(&caller, hold.clone()),
            });
        Ok(Holds {
            account: account.key().name.to_string(),
            holds: page.collect(),
            next: last.filter(|_| has_more),
            revision: Count(account.revision().get()),
        })
    };
    let page = ask_aside(&state, &account, None, question).await?;
    let address = page.next.map(|Count(next)| {
        let account = encoded(&account);
        format!("/v1/accounts/{account}/holds?after={next}&limit={limit}")
    });
    let revision = Revision::new(page.revision.0);
    Ok(Reply::new(page).revision(revision).next_page(address))
}
