//! What may be done: five verbs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What a request does to accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Asks: balances, statements, histories, exports, live changes.
    Read,
    /// Records usage and jobs, and holds, settles and releases credit.
    Use,
    /// Grants credit.
    Grant,
    /// Corrects what is recorded.
    Correct,
    /// Opens and deletes accounts, and closes their books.
    Admin,
}

impl Verb {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Verb; 5] = [
        Verb::Read,
        Verb::Use,
        Verb::Grant,
        Verb::Correct,
        Verb::Admin,
    ];

    /// As it is typed and shown.
    pub fn name(self) -> &'static str {
        match self {
            Verb::Read => "read",
            Verb::Use => "use",
            Verb::Grant => "grant",
            Verb::Correct => "correct",
            Verb::Admin => "admin",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A word that is no verb.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("found {0:?}, expected read, use, grant, correct or admin")]
pub struct UnknownVerb(String);

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(typed: &str) -> Result<Self, UnknownVerb> {
        let found = Verb::ALL.into_iter().find(|verb| verb.name() == typed);
        found.ok_or_else(|| UnknownVerb(typed.to_owned()))
    }
}
