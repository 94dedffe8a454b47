//! What one request answers, without the journal of an account.

use gpu_credit_store::Revision;
use serde_json::{Value, json};

use super::failure::Failure;
use super::{Remote, encoded, integer, path};

/// Names of accounts of one page.
const PAGE: usize = 1_000;
/// Balances of one request, at most.
const BALANCES_MAX: usize = 10_000;

/// A balance, as a service answers it.
pub(crate) struct AskedBalance {
    pub(crate) account: String,
    pub(crate) timestamp: i64,
    pub(crate) balance: Option<u64>,
    pub(crate) status: &'static str,
    pub(crate) deficit: u64,
}

/// What is known of an entry without its journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedEntry {
    /// Of a grant its start.
    pub(crate) start: Option<i64>,
    /// When it takes full effect, if it is a grant or usage.
    pub(crate) takes_effect: Option<i64>,
}

impl Remote {
    /// The names of all accounts that the token reaches.
    pub(crate) fn names(&self) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        let mut after = String::new();
        loop {
            let page = format!("/v1/accounts?limit={PAGE}&after={}", encoded(&after));
            let page = self.connection.get(&page)?;
            let listed = page["accounts"].as_array().into_iter().flatten();
            names
                .extend(listed.filter_map(|account| Some(account["account"].as_str()?.to_owned())));
            match page["next"].as_str() {
                Some(next) if *next > *after => next.clone_into(&mut after),
                // It would go round in circles.
                Some(_) => return Err(Failure::unexpected(self.name())),
                None => return Ok(names),
            }
        }
    }

    /// The revision of an account.
    pub(crate) fn revision(&self, account: &str) -> Result<Revision, Failure> {
        let path = path(account, "/entries?limit=1");
        let revision = integer(&self.connection.get(&path)?, "revision");
        revision
            .map(Revision::new)
            .ok_or_else(|| Failure::unexpected(self.name()))
    }

    /// The entry of an id; `None` if there is none.
    pub(crate) fn entry(&self, account: &str, id: &str) -> Result<Option<AskedEntry>, Failure> {
        let entry = match self.shown(account, id) {
            Err(failure) if failure.is("no-such-entry") => return Ok(None),
            entry => entry?,
        };
        let start = integer(&entry, "start");
        let takes_effect = match entry["kind"].as_str() {
            Some("grant") => start,
            Some("usage") => integer(&entry, "at"),
            Some("run") => integer(&entry, "until"),
            _ => None,
        };
        Ok(Some(AskedEntry {
            start,
            takes_effect,
        }))
    }

    /// The entry of an id as it is shown.
    pub(super) fn shown(&self, account: &str, id: &str) -> Result<Value, Failure> {
        self.connection
            .get(&path(account, &format!("/entries/{}", encoded(id))))
    }

    /// Balances of all these accounts at all these instants; `None` if they are too many for one request.
    pub(crate) fn balances<N: AsRef<str>>(
        &self,
        names: &[N],
        instants: &[i64],
    ) -> Result<Option<Vec<AskedBalance>>, Failure> {
        if names.len().saturating_mul(instants.len()) > BALANCES_MAX {
            return Ok(None);
        }
        let questions = names.iter().flat_map(|name| {
            let question = |at| json!({ "account": name.as_ref(), "at": at });
            instants.iter().map(question)
        });
        let body = json!({ "questions": questions.collect::<Vec<_>>() });
        let answer = self.connection.ask("/v1/balances", &body)?;
        let balances = answer["balances"].as_array().into_iter().flatten();
        let balances: Option<Vec<AskedBalance>> = balances.map(AskedBalance::of).collect();
        balances
            .map(Some)
            .ok_or_else(|| Failure::unexpected(self.name()))
    }
}

impl AskedBalance {
    fn of(answer: &Value) -> Option<Self> {
        let statuses = ["available", "overdrawn", "spent", "inactive"];
        let status = answer["status"].as_str()?;
        Some(AskedBalance {
            account: answer["account"].as_str()?.to_owned(),
            timestamp: integer(answer, "at")?,
            balance: match answer.get("balance")? {
                Value::Null => None,
                _ => Some(integer(answer, "balance")?),
            },
            status: statuses.into_iter().find(|known| *known == status)?,
            deficit: integer(answer, "deficit")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_balance_that_cannot_be_read_is_not_none() {
        let answer = |balance: Value| {
            let answer = json!({
                "account": "a", "at": 5, "balance": balance, "status": "available", "deficit": 0,
            });
            AskedBalance::of(&answer).map(|answer| answer.balance)
        };
        assert_eq!(answer(json!(7)), Some(Some(7)));
        assert_eq!(answer(Value::Null), Some(None));
        for wrong in [json!("7"), json!(7.5), json!(-1), json!([])] {
            assert_eq!(answer(wrong.clone()), None, "{wrong}");
        }
        let missing = json!({ "account": "a", "at": 5, "status": "available", "deficit": 0 });
        assert!(AskedBalance::of(&missing).is_none());
    }
}
