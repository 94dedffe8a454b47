//! The accounts that the lane keeps to decide on holds.
//!
//! An account that several ask for holds at once is kept here as well as in the directory, up to what the lane has
//! written: so the lane decides without waiting for readers, and without a copy for each request.

use hashbrown::{HashMap, HashSet};
use parking_lot::Mutex;

use crate::folding::apply_all;
use crate::recent::{Share, Written};
use crate::{Account, AccountKey, Change};

/// Accounts that are kept at most.
const KEPT_MAX: usize = 64;
/// An account that so many entries of one commit are written to is not kept: they would be taken in while
/// others wait.
const TAKEN_IN_MAX: usize = 512;

#[derive(Default)]
pub(crate) struct Standby {
    accounts: Mutex<HashMap<AccountKey, Account>>,
    /// Of which accounts, for those who gather facts; during a commit it may tell too much.
    keys: Mutex<HashSet<AccountKey>>,
}

impl Standby {
    /// Whether an account is kept, as far as is known outside of the lane.
    pub(crate) fn has(&self, account: &AccountKey) -> bool {
        self.keys.lock().contains(account)
    }

    /// The accounts, to be put back.
    pub(crate) fn take(&self) -> HashMap<AccountKey, Account> {
        std::mem::take(&mut *self.accounts.lock())
    }

    /// Puts accounts back, and brings them up to what was written.
    pub(crate) fn put_back(&self, mut accounts: HashMap<AccountKey, Account>, written: &Written) {
        for share in &written.shares {
            if let Some(mut account) = accounts.remove(&share.account)
                && take_in(&mut account, share, written)
            {
                accounts.insert(share.account.clone(), account);
            }
        }
        let too_many = accounts.len().saturating_sub(KEPT_MAX);
        let is_written =
            |key: &AccountKey| written.shares.iter().any(|share| share.account == *key);
        let others = accounts.keys().filter(|key| !is_written(key));
        let dropped: Vec<AccountKey> = others.take(too_many).cloned().collect();
        for key in dropped {
            accounts.remove(&key);
        }
        *self.keys.lock() = accounts.keys().cloned().collect();
        *self.accounts.lock() = accounts;
    }

    /// Keeps none.
    pub(crate) fn forget(&self) {
        self.keys.lock().clear();
        self.accounts.lock().clear();
    }
}

/// Brings an account up to what was written to it; whether it is to be kept.
fn take_in(account: &mut Account, share: &Share, written: &Written) -> bool {
    let is_closed = |place: &usize| {
        let change = &written.entries[*place].change;
        matches!(change, Change::CloseBooks { .. })
    };
    let is_much = share.entries.len() > TAKEN_IN_MAX || share.entries.iter().any(is_closed);
    !share.is_deleted && !is_much && apply_all(account, written.entries_of(share)).is_ok()
}
