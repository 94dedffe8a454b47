//! What is posted to a service.

use anyhow::{anyhow, ensure};
use gpu_credit::Overdraft;
use gpu_credit_store::{Change, Outcome, Posting, RecordId, Revision, Stopped};
use serde_json::{Value, json};

use super::failure::Failure;
use super::{Remote, encoded, integer, path};

/// Entries of one request, at most.
const ENTRIES_MAX: usize = 10_000;

impl Remote {
    /// Posts entries, all of them or none; or says only what would come of it.
    pub(crate) fn post(
        &self,
        postings: &[Posting],
        dry_run: bool,
    ) -> Result<Vec<Outcome>, Failure> {
        let answer = self.batch(postings, dry_run, true)?;
        let outcomes = answer["outcomes"].as_array().into_iter().flatten();
        let outcomes: Option<Vec<Outcome>> = outcomes.map(outcome).collect();
        let outcomes = outcomes.filter(|outcomes| outcomes.len() == postings.len());
        outcomes.ok_or_else(|| Failure::misunderstood(self.name()))
    }

    /// Posts entries, each by itself: whether it is new, or why it is refused.
    pub(crate) fn post_each(
        &self,
        postings: &[Posting],
        dry_run: bool,
    ) -> Result<Vec<Result<bool, String>>, Failure> {
        let answer = self.batch(postings, dry_run, false)?;
        let outcomes = answer["outcomes"].as_array().into_iter().flatten();
        let outcomes = outcomes.map(|answer| match outcome(answer) {
            Some(outcome) => Some(Ok(outcome.is_new())),
            None => Some(Err(answer["problem"]["detail"].as_str()?.to_owned())),
        });
        let outcomes: Option<Vec<_>> = outcomes.collect();
        let outcomes = outcomes.filter(|outcomes| outcomes.len() == postings.len());
        outcomes.ok_or_else(|| Failure::misunderstood(self.name()))
    }

    /// Sends entries as one batch, to be posted all or none if it is atomic.
    fn batch(&self, postings: &[Posting], dry_run: bool, atomic: bool) -> Result<Value, Failure> {
        let check = || {
            ensure!(
                postings.len() <= ENTRIES_MAX,
                "{}: a service posts {ENTRIES_MAX} entries at once, and these are {}",
                self.name(),
                postings.len()
            );
            let entries = postings.iter().map(|posting| {
                entry(posting).ok_or_else(|| anyhow!("{}: it posts no such entry", self.name()))
            });
            entries.collect::<anyhow::Result<Vec<Value>>>()
        };
        let body = json!({ "entries": check()?, "dry_run": dry_run, "atomic": atomic });
        match dry_run {
            true => self.connection.ask("/v1/entries", &body),
            false => self.connection.send("POST", "/v1/entries", &body),
        }
    }

    /// Opens an account, under the id under which all are opened.
    pub(crate) fn open_account(
        &self,
        account: &str,
        policy: Overdraft,
    ) -> Result<Outcome, Failure> {
        let body = json!({ "policy": policy.to_string() });
        let answer = self.connection.send("PUT", &path(account, ""), &body)?;
        outcome(&answer).ok_or_else(|| Failure::misunderstood(self.name()))
    }

    /// Deletes an account.
    pub(crate) fn delete_account(&self, account: &str, id: &str) -> Result<Outcome, Failure> {
        let path = path(account, &format!("?id={}", encoded(id)));
        let answer = self.connection.send("DELETE", &path, &Value::Null)?;
        outcome(&answer).ok_or_else(|| Failure::misunderstood(self.name()))
    }

    /// Stops a job.
    pub(crate) fn stop(&self, account: &str, job: &RecordId, at: i64) -> Result<Stopped, Failure> {
        let body = json!({ "run": job.as_str(), "at": at });
        let answer = self
            .connection
            .send("POST", &path(account, "/stops"), &body)?;
        let revision = integer(&answer, "revision").map(Revision::new);
        let until = integer(&answer, "until");
        let stopped = match (answer["outcome"].as_str(), revision, until) {
            (Some("stopped"), Some(revision), _) => Stopped::Now(revision),
            (Some("stopped_before"), Some(revision), Some(until)) => {
                Stopped::Before { revision, until }
            }
            (Some("ended"), _, until) => Stopped::Ended { until },
            _ => return Err(Failure::misunderstood(self.name())),
        };
        Ok(stopped)
    }
}

/// What came of an entry; `None` if the answer does not say.
pub(super) fn outcome(answer: &Value) -> Option<Outcome> {
    let revision = integer(answer, "revision").map(Revision::new);
    Some(match (answer["outcome"].as_str()?, revision) {
        ("posted", Some(revision)) => Outcome::Posted(revision),
        ("posted", None) => Outcome::Deleted,
        ("posted_before", Some(revision)) => Outcome::AlreadyPosted(revision),
        ("posted_before", None) => Outcome::AlreadyDeleted,
        _ => return None,
    })
}

/// A posting as an entry of a batch; `None` if it is posted otherwise.
fn entry(posting: &Posting) -> Option<Value> {
    let mut entry = match &posting.change {
        Change::OpenAccount { policy } => json!({ "kind": "open", "policy": policy.to_string() }),
        Change::Grant {
            credit_id,
            amount,
            timestamp,
            expiration,
            priority,
        } => json!({
            "kind": "grant", "credit_id": credit_id, "amount": amount, "start": timestamp,
            "expiration": expiration, "priority": priority,
        }),
        Change::Usage { amount, timestamp } => {
            json!({ "kind": "usage", "amount": amount, "at": timestamp })
        }
        Change::MeteredUsage { rate, from, until } => {
            json!({ "kind": "run", "rate": rate, "from": from, "until": until })
        }
        Change::RetractRecord { of } => json!({ "kind": "retract", "of": of }),
        Change::ChangeUsage { of, amount } => {
            json!({ "kind": "change_usage", "of": of, "amount": amount })
        }
        Change::ChangeMeteredUsage {
            of,
            rate,
            from,
            until,
        } => json!({ "kind": "change_run", "of": of, "rate": rate, "from": from, "until": until }),
        Change::Revoke { of, from } => json!({ "kind": "revoke", "of": of, "from": from }),
        Change::ChangeExpiration { of, expiration } => {
            json!({ "kind": "change_expiration", "of": of, "expiration": expiration })
        }
        Change::ChangePriority { of, priority } => {
            json!({ "kind": "change_priority", "of": of, "priority": priority })
        }
        Change::CloseBooks { until } => json!({ "kind": "close", "until": until }),
        Change::DeleteAccount
        | Change::Hold(_)
        | Change::RefuseHold(_)
        | Change::Settle { .. }
        | Change::SettleMetered { .. }
        | Change::Release { .. } => return None,
    };
    entry["account"] = json!(posting.account);
    entry["id"] = json!(posting.id);
    Some(entry)
}
