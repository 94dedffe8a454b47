//! The entries of an account, each told on one line.

use std::fmt::Write;
use std::ops::ControlFlow;

use axum::extract::State as Shared;
use gpu_credit_store::{Change, Entry, Revision, TimeUnit};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::access::{Caller, Verb};
use crate::entry::hide_accounts_of;
use crate::form::{Count, Form, Time};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

/// Entries of a page, at most and if it is not said.
const LIMIT: (u64, u64) = (1_000, 100);

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// Entries after this revision; from the first one on if it is not given.
    after: Option<Count>,
    /// Entries up to this revision; to the last one if it is not given.
    through: Option<Count>,
    /// Entries of a page: 1 to 1,000, and 100 if it is not given.
    limit: Option<Count>,
}

/// Entries in their order.
#[derive(Serialize, ToSchema)]
pub(super) struct ToldEntries {
    account: String,
    /// The revision of the account.
    revision: Count,
    entries: Vec<ToldEntry>,
    /// The `after` of the next page, if there is one.
    next: Option<Count>,
}

/// An entry on one line.
#[derive(Serialize, ToSchema)]
struct ToldEntry {
    revision: Count,
    /// When it was recorded, in milliseconds since 1970.
    recorded_at: i64,
    id: String,
    /// What it does.
    told: String,
    /// The record that it corrects, or the hold that it closes.
    of: Option<String>,
    /// When it takes effect, if it says so itself.
    at: Option<Time>,
    /// Whether it takes effect before usage that the page has before it.
    is_late: bool,
    /// Whether it is usage, of which can be asked who paid it.
    is_usage: bool,
}

/// The entries of an account, each told on one line, with instants by the calendar if the store has a unit of time.
#[utoipa::path(
    get,
    path = "/accounts/{account}/told",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded."), Asked),
    responses((status = 200, description = "A page of entries.", body = ToldEntries)),
)]
pub(super) async fn told(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(asked): Query<Asked>,
) -> Result<Reply<ToldEntries>, Problem> {
    caller.may(Verb::Read, &account)?;
    let form = Form::current();
    let told = blocking(move || form.within(|| tell(&state, &caller, account, &asked))).await??;
    let revision = Revision::new(told.revision.0);
    Ok(Reply::new(told).revision(revision))
}

fn tell(
    state: &State,
    caller: &Caller,
    account: String,
    asked: &Asked,
) -> Result<ToldEntries, Problem> {
    let limit = asked
        .limit
        .map_or(LIMIT.1, |limit| limit.0.clamp(1, LIMIT.0));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let after = asked.after.map_or(0, |after| after.0);
    let through = asked.through.map_or(u64::MAX, |through| through.0);
    let head = state.store().head(&account).map_err(Problem::of_question)?;
    let (mut entries, mut next) = (Vec::new(), None);
    let mut last_usage = i64::MIN;
    let unit = state.time_unit();
    let visited = state
        .store()
        .visit_history(&account, Revision::new(after), |entry| {
            if entry.revision.get() > through {
                return ControlFlow::Break(());
            }
            if entries.len() == limit {
                next = Some(entry.revision.get() - 1);
                return ControlFlow::Break(());
            }
            let entry = ToldEntry::new(caller, entry, unit, last_usage);
            if let Some(at) = entry.at.filter(|_| entry.is_usage) {
                last_usage = last_usage.max(at.0);
            }
            entries.push(entry);
            ControlFlow::Continue(())
        });
    visited.map_err(Problem::of_question)?;
    Ok(ToldEntries {
        account,
        revision: head.revision.get().into(),
        entries,
        next: next.map(Count),
    })
}

impl ToldEntry {
    fn new(caller: &Caller, mut entry: Entry, unit: Option<TimeUnit>, last_usage: i64) -> Self {
        let hidden = hide_accounts_of(&mut entry.change, |account| caller.sees(account));
        let (at, is_usage) = match &entry.change {
            Change::Usage { timestamp, .. } | Change::Settle { timestamp, .. } => {
                (Some(*timestamp), true)
            }
            Change::MeteredUsage { from, .. } | Change::SettleMetered { from, .. } => {
                (Some(*from), true)
            }
            Change::Grant { timestamp, .. } => (Some(*timestamp), false),
            Change::Revoke { from, .. } => (Some(*from), false),
            _ => (None, false),
        };
        let mut told = entry.change.told(|instant| show(instant, unit)).to_string();
        if hidden > 0 {
            let accounts = if hidden == 1 { "account" } else { "accounts" };
            let _ = write!(
                told,
                ", and on {hidden} {accounts} outside of the token's scope"
            );
        }
        ToldEntry {
            revision: entry.revision.get().into(),
            recorded_at: entry.recorded_at,
            id: entry.id.as_str().to_owned(),
            told,
            of: entry.change.corrects().map(|of| of.as_str().to_owned()),
            at: at.map(Time),
            is_late: at.is_some_and(|at| at < last_usage),
            is_usage,
        }
    }
}

fn show(instant: i64, unit: Option<TimeUnit>) -> String {
    let by_calendar = unit.and_then(|unit| {
        let nanoseconds = i128::from(instant) * i128::from(unit.nanoseconds());
        Timestamp::from_nanosecond(nanoseconds).ok()
    });
    match by_calendar {
        _ if instant == i64::MAX => "never".to_owned(),
        Some(time) => time.to_string(),
        None => instant.to_string(),
    }
}
