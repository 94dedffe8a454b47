//! What an account has at an instant, and of which grants.

use axum::extract::State as Shared;
use gpu_credit_store::Revision;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::asked::{at_revision, record_id};
use crate::access::{Caller, Verb};
use crate::form::{Count, Form, Time};
use crate::read::{InPath, Query};
use crate::reply::Reply;
use crate::run::blocking;
use crate::{Problem, State};

/// Grants that a readout has, at most: those that are drawn from first.
const GRANTS_MAX: usize = 50;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The instant.
    at: Time,
    /// The account as it stood at this revision.
    as_recorded: Option<Count>,
}

/// What an account has at an instant.
#[derive(Serialize, ToSchema)]
pub(super) struct Readout {
    account: String,
    at: Time,
    revision: Count,
    balance: Option<Count>,
    /// Why the balance is what it is: `available`, `overdrawn`, `spent` or `inactive`.
    status: &'static str,
    deficit: Count,
    held: Count,
    available: Count,
    spendable: Count,
    /// What is left of each grant, that which is drawn from first at first: 50 of them at most.
    remainders: Vec<OfGrant>,
}

/// What is left of a grant.
#[derive(Serialize, ToSchema)]
struct OfGrant {
    /// The id of its record.
    id: String,
    credit_id: String,
    amount: Count,
    /// The last instant of its window.
    last: Time,
}

/// What an account has at an instant, and of which grants.
#[utoipa::path(
    get,
    path = "/accounts/{account}/readout",
    tag = "accounts",
    params(("account" = String, Path, description = "The name, percent-encoded."), Asked),
    responses((status = 200, description = "What it has.", body = Readout)),
)]
pub(super) async fn readout(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    Query(asked): Query<Asked>,
) -> Result<Reply<Readout>, Problem> {
    caller.may(Verb::Read, &account)?;
    let form = Form::current();
    let readout = blocking(move || form.within(|| read(&state, account, &asked))).await??;
    let revision = Revision::new(readout.revision.0);
    Ok(Reply::new(readout).revision(revision))
}

fn read(state: &State, name: String, asked: &Asked) -> Result<Readout, Problem> {
    let at = asked.at.0;
    let revision = asked.as_recorded.map(|revision| Revision::new(revision.0));
    let (mut readout, grants) = at_revision(state, &name, revision, |account| {
        let answer = account.balance_at(at)?;
        let ledger = account.ledger();
        let remainders = ledger.remainders_at(at).into_iter().take(GRANTS_MAX);
        let mut grants = Vec::new();
        let remainders = remainders.filter_map(|remainder| {
            let grant = ledger.grant(remainder.grant)?;
            grants.push(account.grant_revision(remainder.grant)?);
            Some(OfGrant {
                id: String::new(),
                credit_id: grant.credit_id.to_owned(),
                amount: remainder.amount.into(),
                last: grant.end.into(),
            })
        });
        let remainders = remainders.collect();
        let readout = Readout {
            account: String::new(),
            at: asked.at,
            revision: account.revision().get().into(),
            balance: answer.balance.map(Count),
            status: answer.status.as_str(),
            deficit: answer.deficit.into(),
            held: account.held(at)?.into(),
            available: account.available(at)?.into(),
            spendable: account.spendable(at)?.into(),
            remainders,
        };
        Ok((readout, grants))
    })?;
    for (grant, revision) in readout.remainders.iter_mut().zip(grants) {
        let id = record_id(state.store(), &name, revision).map_err(Problem::of_question)?;
        grant.id = id.map(|id| id.as_str().to_owned()).unwrap_or_default();
    }
    readout.account = name;
    Ok(readout)
}
