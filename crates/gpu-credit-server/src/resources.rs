//! The resources, each with its routes.

pub(crate) mod accounts;
