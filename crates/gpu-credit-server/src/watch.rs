//! Who follows an account learns here that it has changed: one look-up for all, when something was posted here, and
//! every quarter of a second, for others may post to the same accounts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use gpu_credit_store::Revision;
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::State;
use crate::run::blocking;

/// How often accounts are looked at if nothing is posted here.
const PERIOD: Duration = Duration::from_millis(250);

/// The accounts that are followed.
#[derive(Default)]
pub(crate) struct Watch {
    followed: Arc<Mutex<Followed>>,
    posted: Arc<Notify>,
}

#[derive(Default)]
struct Followed {
    /// By name; the revision that was seen last, or `None` of an account that is gone.
    accounts: HashMap<String, watch::Sender<Option<Revision>>>,
    /// Whether a task looks at them.
    is_looked_at: bool,
}

impl Watch {
    /// Looks at the accounts soon.
    pub(crate) fn look(&self) {
        self.posted.notify_one();
    }

    /// Follows an account from now on.
    pub(crate) fn follow(&self, state: &State, account: &str) -> watch::Receiver<Option<Revision>> {
        let mut followed = self.followed.lock();
        let sender = followed
            .accounts
            .entry(account.to_owned())
            .or_insert_with(|| watch::channel(Some(Revision::START)).0);
        let receiver = sender.subscribe();
        if !std::mem::replace(&mut followed.is_looked_at, true) {
            tokio::spawn(look_at(state.clone()));
        }
        drop(followed);
        self.look();
        receiver
    }
}

/// Looks at the accounts that are followed, until none is.
async fn look_at(state: State) {
    let watch = state.watch();
    loop {
        // Whichever comes first.
        let _ = timeout(PERIOD, watch.posted.notified()).await;
        let names: Vec<String> = {
            let mut followed = watch.followed.lock();
            followed
                .accounts
                .retain(|_, sender| sender.receiver_count() > 0);
            if followed.accounts.is_empty() {
                followed.is_looked_at = false;
                return;
            }
            followed.accounts.keys().cloned().collect()
        };
        let store = state.store().clone();
        let heads = blocking(move || {
            let names_of: Vec<&str> = names.iter().map(String::as_str).collect();
            let heads = store.heads(&names_of);
            (names, heads)
        });
        // What cannot be read now is looked at again.
        let Ok((names, Ok(heads))) = heads.await else {
            continue;
        };
        let followed = watch.followed.lock();
        for (name, head) in names.iter().zip(heads) {
            if let Some(sender) = followed.accounts.get(name) {
                let revision = head.map(|head| head.revision);
                sender.send_if_modified(|seen| std::mem::replace(seen, revision) != revision);
            }
        }
    }
}
