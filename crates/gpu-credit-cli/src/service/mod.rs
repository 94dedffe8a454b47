//! The commands of the service, a file each.

pub(crate) mod serve;
pub(crate) mod token;
