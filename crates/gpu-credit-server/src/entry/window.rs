//! The window of a grant: its length, its last instant, or the first one after it.

use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::Problem;
use crate::form::{Count, Time};
use crate::problem::kinds;

/// What a request says of the end of a window: one of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) expiration: Option<Option<Count>>,
    pub(crate) last: Option<Time>,
    pub(crate) end: Option<Time>,
}

impl Window {
    /// The last instant, counted from the start; `None` for a window without end.
    pub(crate) fn expiration(self, start: Time) -> Result<Option<u64>, Problem> {
        let length = |last: Option<i64>| {
            let last = last.filter(|last| *last >= start.0);
            let last = last.ok_or_else(|| wrong("the window ends before it starts"))?;
            Ok(Some(start.0.abs_diff(last)))
        };
        match (self.expiration, self.last, self.end) {
            (Some(expiration), None, None) => Ok(expiration.map(|Count(length)| length)),
            (None, Some(last), None) => length(Some(last.0)),
            (None, None, Some(end)) => length(end.0.checked_sub(1)),
            _ => Err(wrong(
                "expected one of `expiration` (a length, or null for a window without end), `last` (the last instant) \
                 and `end` (the first instant after it)",
            )),
        }
    }
}

fn wrong(detail: &'static str) -> Problem {
    Problem::new(&kinds::INVALID_BODY, detail)
}

/// What is there, null too: a window without end is never one by oversight.
pub(super) fn said<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<Count>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// A member that may be null, in the document.
#[derive(ToSchema)]
#[schema(as = Length)]
#[expect(dead_code, reason = "it stands for a type in the document")]
pub(super) struct Length(Option<Count>);
