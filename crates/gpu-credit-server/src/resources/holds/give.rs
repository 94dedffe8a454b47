//! May this be spent, and will it be kept?

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use gpu_credit::MeteredUsage;
use gpu_credit_store::{Authorise, Authorised, Decision, Error, RecordId};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::wrong;
use crate::access::{Caller, Verb};
use crate::entry::{Funds, HeldOrRefused};
use crate::form::{Count, Time};
use crate::problem::{ProblemDocument, kinds};
use crate::read::{IdempotencyKey, Json, NoIfMatch};
use crate::reply::Reply;
use crate::resources::posted::Word;
use crate::run::blocking;
use crate::{Problem, State};

/// A hold to be asked for. It is of an `amount`, or of a `rate` for a job; and it says until when it is open, or for how
/// long.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewHold {
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
pub(super) struct Held {
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
/// same for ever. It is decided on the accounts as they are: If-Match is refused, and so it is when a hold is closed.
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
pub(super) async fn hold(
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
