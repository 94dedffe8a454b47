//! What a token may do, to which accounts.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{UnknownVerb, Verb};

/// The ends of a prefix of account names. So `team/` has `team/a` and not `teams`.
const PREFIX_ENDS: [char; 3] = ['/', ':', '.'];
/// What stands for all accounts.
const ALL_ACCOUNTS: &str = "*";

/// Verbs, and the accounts to which they may be done. It is typed as `read,use=team/`.
///
/// ```
/// use gpu_credit_server::access::{Scope, Verb};
///
/// let scope: Scope = "read,use=team/".parse()?;
/// assert!(scope.accounts.contains("team/vision"));
/// assert!(!scope.accounts.contains("teams"));
/// assert!(scope.verbs.contains(&Verb::Use));
/// # Ok::<(), gpu_credit_server::access::WrongScope>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// In the order of [`Verb::ALL`], each once.
    pub verbs: Vec<Verb>,
    /// To which accounts.
    pub accounts: Accounts,
}

/// Some accounts, by their names. Names are compared byte by byte, after a path is decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Accounts {
    /// All of them, those that are opened later too. It is typed as `*`.
    All,
    /// Those whose names begin with it, and have more. It ends in `/`, `:` or `.`.
    Prefix(String),
    /// The one of this name.
    One(String),
}

/// What is no scope.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongScope {
    /// There is no `=`, or nothing on a side of it.
    #[error(
        "found {0:?}, expected verbs, = and accounts, such as read,use=acme, read=team/ or read=*"
    )]
    Form(String),
    /// What is before the `=`.
    #[error(transparent)]
    Verb(#[from] UnknownVerb),
    /// `team*`, which is taken for a pattern by those who type it.
    #[error(
        "found {0:?}, expected the full name of an account, a prefix that ends in /, : or ., or * for all \
         accounts"
    )]
    Pattern(String),
}

impl Scope {
    /// May everything, to all accounts.
    pub fn everything() -> Self {
        Scope {
            verbs: Verb::ALL.to_vec(),
            accounts: Accounts::All,
        }
    }

    pub(crate) fn allows(&self, verb: Verb) -> bool {
        self.verbs.contains(&verb)
    }
}

impl Accounts {
    /// Whether the account of this name is one of them. O(bytes of the name)
    pub fn contains(&self, account: &str) -> bool {
        match self {
            Accounts::All => true,
            Accounts::Prefix(prefix) => account.len() > prefix.len() && account.starts_with(prefix),
            Accounts::One(name) => account == name,
        }
    }

    /// What all their names begin with.
    pub fn common_prefix(&self) -> &str {
        match self {
            Accounts::All => "",
            Accounts::Prefix(prefix) => prefix,
            Accounts::One(name) => name,
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Accounts::All => ALL_ACCOUNTS,
            Accounts::Prefix(text) | Accounts::One(text) => text,
        }
    }
}

impl FromStr for Accounts {
    type Err = WrongScope;

    fn from_str(typed: &str) -> Result<Self, WrongScope> {
        match typed {
            "" => Err(WrongScope::Form(typed.to_owned())),
            ALL_ACCOUNTS => Ok(Accounts::All),
            _ if typed.ends_with('*') => Err(WrongScope::Pattern(typed.to_owned())),
            _ if typed.ends_with(PREFIX_ENDS) => Ok(Accounts::Prefix(typed.to_owned())),
            _ => Ok(Accounts::One(typed.to_owned())),
        }
    }
}

impl TryFrom<String> for Accounts {
    type Error = WrongScope;

    fn try_from(typed: String) -> Result<Self, WrongScope> {
        typed.parse()
    }
}

impl From<Accounts> for String {
    fn from(accounts: Accounts) -> String {
        accounts.as_str().to_owned()
    }
}

impl FromStr for Scope {
    type Err = WrongScope;

    fn from_str(typed: &str) -> Result<Self, WrongScope> {
        let wrong = || WrongScope::Form(typed.to_owned());
        // No verb has a `=`: the rest of them belong to the name.
        let (verbs, accounts) = typed.split_once('=').ok_or_else(wrong)?;
        if verbs.is_empty() || accounts.is_empty() {
            return Err(wrong());
        }
        let verbs = verbs.split(',').map(str::parse);
        let mut verbs = verbs.collect::<Result<Vec<Verb>, _>>()?;
        verbs.sort_unstable();
        verbs.dedup();
        Ok(Scope {
            verbs,
            accounts: accounts.parse()?,
        })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verbs = self.verbs.iter().map(|verb| verb.name());
        let verbs = verbs.collect::<Vec<_>>().join(",");
        write!(formatter, "{verbs}={}", self.accounts.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_shown_as_they_are_typed() {
        for typed in [
            "read=acme",
            "read,use=team/",
            "read,use,grant,correct,admin=*",
            "use=a=b",
        ] {
            assert_eq!(typed.parse::<Scope>().unwrap().to_string(), typed);
        }
        let scope: Scope = "use,read,use=x".parse().unwrap();
        assert_eq!(scope.to_string(), "read,use=x");
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for typed in [
            "",
            "read",
            "=a",
            "read=",
            "write=a",
            "read,=a",
            "read=team*",
            "Read=a",
        ] {
            assert!(typed.parse::<Scope>().is_err(), "{typed:?}");
        }
    }

    #[test]
    fn a_prefix_is_of_whole_parts_of_names() {
        fn contains(accounts: &str, name: &str) -> bool {
            accounts.parse::<Accounts>().unwrap().contains(name)
        }
        for end in PREFIX_ENDS {
            assert!(contains(&format!("team{end}"), &format!("team{end}a")));
            assert!(!contains(&format!("team{end}"), &format!("team{end}")));
            assert!(!contains(&format!("team{end}"), "teams"));
            assert!(!contains(&format!("team{end}"), "team"));
            assert!(!contains(&format!("team{end}"), &format!("Team{end}a")));
        }
        assert!(contains("acme", "acme") && !contains("acme", "acme/x"));
        assert!(contains("*", "anything") && contains("*", "*"));
        // As decoded: a name with a percent sign is another name.
        assert!(!contains("team/", "team%2Fa"));
    }
}
