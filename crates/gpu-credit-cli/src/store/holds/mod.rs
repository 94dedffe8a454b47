//! Credit that is kept for usage to come.

mod authorise;
mod close;
mod list;

use gpu_credit_store::{HeldUsage, Hold};

pub(crate) use authorise::{AUTHORISE_HELP, AuthoriseArguments, authorise};
pub(crate) use close::{
    RELEASE_HELP, ReleaseArguments, SETTLE_HELP, SettleArguments, release, settle,
};
pub(crate) use list::{HOLDS_HELP, HoldsArguments, holds};

/// The amount or rate of a hold, and the end of the job that it is for.
fn told(hold: &Hold) -> (u64, Option<i64>) {
    match hold.usage {
        HeldUsage::Amount(amount) => (amount, None),
        HeldUsage::Metered { rate, end } => (rate, Some(end)),
    }
}
