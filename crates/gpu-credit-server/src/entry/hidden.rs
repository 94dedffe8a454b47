//! What a caller does not see of a hold: the accounts outside of its scope are counted, and not named.

use gpu_credit_store::{Change, Hold};

/// Takes the names of the accounts that are not seen out of a hold, and says how many there were.
pub(crate) fn hide_accounts(hold: &mut Hold, sees: impl Fn(&str) -> bool) -> u64 {
    let all = hold.accounts.len();
    hold.accounts.retain(|account| sees(account));
    (all - hold.accounts.len()) as u64
}

/// The same of a hold that a change gives or refuses; nothing is hidden of other changes.
pub(crate) fn hide_accounts_of(change: &mut Change, sees: impl Fn(&str) -> bool) -> u64 {
    change
        .hold_mut()
        .map_or(0, |hold| hide_accounts(hold, sees))
}
