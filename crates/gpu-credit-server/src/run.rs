//! Calling the store, which blocks: on threads of their own, unless the answer is at hand.

use gpu_credit_store::{Account, Batch, Outcome, PostingError, Revision};
use tokio::task;

use crate::problem::kinds;
use crate::{Problem, State};

/// Does something that may wait, on a thread that nobody else needs.
pub(crate) async fn blocking<R: Send + 'static>(
    act: impl FnOnce() -> R + Send + 'static,
) -> Result<R, Problem> {
    let failed = |_| Problem::new(&kinds::INTERNAL, "the request came to an unexpected end");
    task::spawn_blocking(act).await.map_err(failed)
}

/// Asks an account something short. If it is in memory, and nobody has it to himself, it is asked by the thread that
/// serves the request: to wake another takes longer than the answer. Holds are counted on a thread of their own, since
/// the first question about them takes long.
pub(crate) async fn ask<R: Send + 'static>(
    state: &State,
    account: &str,
    question: impl Fn(&Account) -> Result<R, Problem> + Send + 'static,
) -> Result<R, Problem> {
    let at_hand = state.store().try_with_account(account, |account| {
        account.holds().next().is_none().then(|| question(account))
    });
    match at_hand.flatten() {
        Some(answer) => answer,
        None => ask_aside(state, account, None, question).await,
    }
}

/// Asks an account something that may take long: as it stands, or as it stood at a revision.
pub(crate) async fn ask_aside<R: Send + 'static>(
    state: &State,
    account: &str,
    recorded: Option<Revision>,
    question: impl FnOnce(&Account) -> Result<R, Problem> + Send + 'static,
) -> Result<R, Problem> {
    let (store, account) = (state.store().clone(), account.to_owned());
    blocking(move || {
        let asked = match recorded {
            Some(revision) => {
                let recorded = store.as_recorded(&account, revision);
                recorded.map(|account| question(&account))
            }
            None => store.with_account(&account, question),
        };
        asked.map_err(Problem::of_question)?
    })
    .await?
}

/// Posts a batch. On return it is durable.
pub(crate) async fn post(
    state: &State,
    batch: Batch,
) -> Result<Result<Vec<Outcome>, PostingError>, Problem> {
    let store = state.store().clone();
    let posted = blocking(move || store.post_batch(batch)).await?;
    state.has_posted();
    Ok(posted)
}
