//! Entries, as they are sent and as they are shown.

mod hidden;
mod new;
mod shown;
mod window;

pub(crate) use hidden::hide_accounts_of;
pub(crate) use new::{
    Closing, Correction, NewEntry, NewGrant, NewOpening, NewRun, NewUsage, Planned,
};
pub(crate) use shown::{Entry, Funds, HeldOrRefused};
