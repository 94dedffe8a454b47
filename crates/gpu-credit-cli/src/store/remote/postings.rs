//! What is posted to a service.

use anyhow::{anyhow, ensure};
use gpu_credit::Overdraft;
use gpu_credit_store::{Change, Outcome, Posting, RecordId, Revision, Stopped};
use serde_json::{Value, json};

use super::failure::{Failure, Problem};
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

    /// Posts entries, each by itself: whether it is new, or why it is refused. If nobody knows that of one of them, it is
    /// [`Failure::Unknown`].
    pub(crate) fn post_each(
        &self,
        postings: &[Posting],
        dry_run: bool,
    ) -> Result<Vec<Result<bool, String>>, Failure> {
        let answer = self.batch(postings, dry_run, false)?;
        let outcomes = answer["outcomes"].as_array().into_iter().flatten();
        let outcomes = outcomes.map(|answer| outcome_of_each(answer, self.name()));
        let outcomes = outcomes.collect::<Result<Vec<_>, Failure>>()?;
        match outcomes.len() == postings.len() {
            true => Ok(outcomes),
            false => Err(Failure::misunderstood(self.name())),
        }
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

/// What came of an entry that is posted by itself: whether it is new, or why it is refused.
fn outcome_of_each(answer: &Value, name: &str) -> Result<Result<bool, String>, Failure> {
    if let Some(outcome) = outcome(answer) {
        return Ok(Ok(outcome.is_new()));
    }
    let document = &answer["problem"];
    let problem =
        integer(document, "status").and_then(|status| Problem::of(status, document.clone()));
    let Some(problem) = problem else {
        return Err(Failure::misunderstood(name));
    };
    let (status, reason) = (problem.status, problem.detail.clone());
    let failure = Failure::Problem(problem);
    match failure.may_be_done(status) {
        true => Err(failure.into_unknown(name)),
        false => Ok(Err(reason)),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_of_which_nobody_knows_is_not_refused() {
        let problem = |kind: &str, status: u16| {
            let problem = json!({
                "type": format!("/problems/{kind}"), "status": status, "detail": "why",
            });
            outcome_of_each(
                &json!({ "outcome": "refused", "problem": problem }),
                "service",
            )
        };
        let new = json!({ "outcome": "posted", "revision": 5 });
        assert_eq!(outcome_of_each(&new, "service").unwrap(), Ok(true));
        for (kind, status) in [("different-content", 409), ("journal-full", 507)] {
            assert_eq!(
                problem(kind, status).unwrap(),
                Err("why".to_owned()),
                "{kind}"
            );
        }
        for (kind, status) in [("outcome-unknown", 503), ("storage-failed", 500)] {
            let failure = problem(kind, status).unwrap_err();
            assert!(matches!(failure, Failure::Unknown(_)), "{kind}");
        }
        let other = outcome_of_each(&json!({ "outcome": "refused" }), "service");
        assert!(matches!(other.unwrap_err(), Failure::Unknown(_)));
    }
}
