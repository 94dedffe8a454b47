//! Entries, as they are sent and as they are shown.

mod new;
mod shown;
mod window;

pub(crate) use new::{
    Closing, Correction, NewEntry, NewGrant, NewOpening, NewRun, NewUsage, Planned,
};
pub(crate) use shown::{Entry, Funds, HeldOrRefused};
