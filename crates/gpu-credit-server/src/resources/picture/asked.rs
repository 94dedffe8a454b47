//! An account as it stands, or as it stood.

use std::ops::ControlFlow;

use gpu_credit_store::{Account, AnyStorage, Error, RecordId, Revision, Store};

use crate::{Problem, State};

/// Asks an account as it stood at a revision; as it stands if none is given.
pub(super) fn at_revision<R>(
    state: &State,
    name: &str,
    revision: Option<Revision>,
    question: impl FnOnce(&Account) -> Result<R, Problem>,
) -> Result<R, Problem> {
    match revision {
        None => (state.store().with_account(name, question)).map_err(Problem::of_question)?,
        Some(revision) => {
            let account = state.store().as_recorded(name, revision);
            question(&account.map_err(Problem::of_question)?)
        }
    }
}

/// The record id of an entry; `None` if there is none.
pub(super) fn record_id(
    store: &Store<AnyStorage>,
    name: &str,
    revision: Revision,
) -> Result<Option<RecordId>, Error> {
    let before = Revision::new(revision.get().saturating_sub(1));
    let mut id = None;
    store.visit_history(name, before, |entry| {
        id = (entry.revision == revision).then_some(entry.id);
        ControlFlow::Break(())
    })?;
    Ok(id)
}
