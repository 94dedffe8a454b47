//! What settlements and releases have in common: who may close a hold, and what came of it.

use axum::http::StatusCode;
use gpu_credit_store::{AnyStorage, Change, Error, HoldClosed, RecordId, Refusal, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::{Caller, Verb};
use crate::problem::kinds;
use crate::reply::Reply;
use crate::resources::posted::{Posted, Word};
use crate::run::blocking;
use crate::{Problem, State};

/// What came of a hold.
#[derive(Serialize, ToSchema)]
pub(super) struct Closed {
    id: String,
    hold: String,
    outcome: Word,
    /// What was posted to each account of the hold.
    accounts: Vec<Posted>,
}

/// Closes a hold under an id, if the caller may post to all its accounts.
pub(super) async fn close(
    state: &State,
    caller: &Caller,
    account: String,
    (id, hold): (RecordId, String),
    act: impl FnOnce(&Store<AnyStorage>) -> Result<HoldClosed, Error> + Send + 'static,
) -> Result<Reply<Closed>, Problem> {
    may_close(state, caller, account, &id, RecordId::from(&*hold)).await?;
    let store = state.store().clone();
    let closed = blocking(move || act(&store)).await?;
    state.has_posted();
    Ok(reply(&id, hold, closed.map_err(Problem::of_posting)?))
}

/// Whether the caller may post to all accounts of a hold. One that is not there is refused, as the store does it.
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
