//! Accounts by prefix, with what each has.

use axum::extract::State as Shared;
use gpu_credit_store::{Account, Error, TimeUnit};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::Caller;
use crate::form::{Count, Form, Time};
use crate::problem::kinds;
use crate::read::Query;
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

/// Accounts of a page, at most and if it is not said.
const LIMIT: (u64, u64) = (200, 50);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// What names begin with.
    #[serde(default)]
    prefix: String,
    /// Names after this one: the `next` of the page before.
    #[serde(default)]
    after: String,
    /// Accounts of a page: 1 to 200, and 50 if it is not given.
    limit: Option<Count>,
    /// The instant; now if it is not given.
    at: Option<Time>,
    /// Steps of the store's time within which what lapses is lapsing soon; none if it is not given.
    soon: Option<Count>,
}

/// Accounts, by name.
#[derive(Serialize, ToSchema)]
pub(super) struct Overview {
    at: Time,
    /// The unit of the store's time: `s`, `ms`, `us` or `ns`.
    unit: Option<&'static str>,
    accounts: Vec<Seen>,
    /// The `after` of the next page, if there is one.
    next: Option<String>,
}

/// What an account has.
#[derive(Serialize, ToSchema)]
struct Seen {
    account: String,
    policy: String,
    revision: Count,
    /// `available`, `overdrawn`, `spent`, `inactive`, or `closed` if the books are closed at the instant: then there are no amounts.
    status: &'static str,
    balance: Option<Count>,
    deficit: Option<Count>,
    held: Option<Count>,
    available: Option<Count>,
    /// What will lapse soon if nothing is used.
    lapsing_soon: Option<Count>,
}

/// Accounts by prefix, with what each has at an instant.
#[utoipa::path(
    get,
    path = "/overview",
    tag = "accounts",
    params(Asked),
    responses((status = 200, description = "A page of accounts.", body = Overview)),
)]
pub(super) async fn overview(
    Shared(state): Shared<State>,
    caller: Caller,
    Query(asked): Query<Asked>,
) -> Result<Reply<Overview>, Problem> {
    let form = Form::current();
    let answered = blocking(move || form.within(|| look(&state, &caller, &asked))).await??;
    Ok(Reply::new(answered))
}

fn look(state: &State, caller: &Caller, asked: &Asked) -> Result<Overview, Problem> {
    let at = match (asked.at, state.time_unit()) {
        (Some(at), _) => at,
        (None, Some(unit)) => Time::now(unit),
        (None, None) => {
            let detail = "at: the store has no unit of time, so that nobody knows what now is";
            return Err(Problem::new(&kinds::NO_TIME_UNIT, detail).with("parameter", "at"));
        }
    };
    let limit = asked
        .limit
        .map_or(LIMIT.1, |limit| limit.0.clamp(1, LIMIT.0));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let soon = asked.soon.map_or(0, |soon| soon.0);
    let names = state.store().accounts().map_err(Problem::of_question)?;
    let mut names = names.iter().map(|key| &*key.name).filter(|name| {
        name.starts_with(&asked.prefix) && *name > asked.after.as_str() && caller.sees(name)
    });
    let mut accounts = Vec::new();
    let mut last = None;
    for name in names.by_ref().take(limit) {
        last = Some(name.to_owned());
        let seen = state
            .store()
            .with_account(name, |account| see(account, at.0, soon));
        match seen {
            Ok(seen) => accounts.push(seen),
            // Deleted since.
            Err(Error::NoSuchAccount(_)) => {}
            Err(error) => return Err(Problem::of_question(error)),
        }
    }
    Ok(Overview {
        at,
        unit: state.time_unit().map(TimeUnit::as_str),
        accounts,
        next: last.filter(|_| names.next().is_some()),
    })
}

fn see(account: &Account, at: i64, soon: u64) -> Seen {
    let answer = account.balance_at(at).ok();
    let is_open = answer.is_some();
    let count = |amount: Result<u64, _>| amount.ok().map(Count);
    let lapsing = is_open.then(|| {
        let until = at.saturating_add_unsigned(soon);
        let lapses = account.ledger().lapsing(at..=until);
        Count(lapses.iter().map(|lapse| lapse.amount).sum())
    });
    Seen {
        account: account.key().name.to_string(),
        policy: account.policy().to_string(),
        revision: account.revision().get().into(),
        status: answer.map_or("closed", |answer| answer.status.as_str()),
        balance: answer.and_then(|answer| answer.balance).map(Count),
        deficit: answer.map(|answer| Count(answer.deficit)),
        held: count(account.held(at)),
        available: count(account.available(at)),
        lapsing_soon: lapsing,
    }
}
