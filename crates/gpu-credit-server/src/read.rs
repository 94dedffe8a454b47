//! What a request says: its body, its address and the conditions in its headers.

mod body;
mod condition;
mod path;
mod query;

pub(crate) use body::{Json, parse};
pub(crate) use condition::{IdempotencyKey, IfMatch, NoIfMatch};
pub(crate) use path::InPath;
pub(crate) use query::Query;
