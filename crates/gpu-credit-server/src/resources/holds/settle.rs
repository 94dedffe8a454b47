//! What was used in the place of a hold.

use axum::extract::State as Shared;
use gpu_credit_store::{AnyStorage, RecordId, Settle, Store};
use serde::Deserialize;
use utoipa::ToSchema;

use super::closed::{Closed, close};
use super::wrong;
use crate::access::{Caller, Verb};
use crate::form::{Count, Time};
use crate::read::{IdempotencyKey, Json, NoIfMatch};
use crate::reply::Reply;
use crate::{Problem, State};

/// How a hold is settled: with an `amount`, or, if it is for a job, as the job ran.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewSettlement {
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
pub(super) async fn settle(
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
    let act = move |store: &Store<AnyStorage>| store.settle(settle);
    close(&state, &caller, account, (id, hold), act).await
}
