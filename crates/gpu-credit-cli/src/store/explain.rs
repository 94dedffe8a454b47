//! What a store refuses, in the words of the program: times by the calendar, and what to do next.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::mem::discriminant;
use std::ops::ControlFlow;

use anyhow::anyhow;
use gpu_credit_store::{
    Account, BeforeClose, Change, Error, RecordId, Refusal, Revision, TEXT_BYTES_MAX,
};

use super::OpenStore;
use super::nearest::{is_comparable, nearest};
use super::storage::advised;
use crate::os_error::words;
use crate::time::{Unit, show};

impl OpenStore {
    pub(crate) fn explain(&self, error: Error) -> anyhow::Error {
        match error {
            Error::Export(error) if error.kind() == ErrorKind::BrokenPipe => {
                io::Error::from(ErrorKind::BrokenPipe).into()
            }
            Error::Export(error) => anyhow!("cannot write the export: {}", words(&error)),
            error @ Error::Journal(_) => advised(error),
            error => anyhow!("{}: {}", self.name, self.told(&error)),
        }
    }

    /// Asks an account, with the names of the store and of the account in errors.
    pub(crate) fn ask_account<T>(
        &self,
        account: &Account,
        question: impl FnOnce(&Account) -> Result<T, Error>,
    ) -> anyhow::Result<T> {
        question(account).map_err(|error| match &error {
            Error::Closed(_) => {
                let name = &account.key().name;
                anyhow!("{}: account {name:?}: {}", self.name, self.told(&error))
            }
            _ => self.explain(error),
        })
    }

    /// Of what has no id that somebody has typed.
    pub(super) fn explain_without_id(&self, error: Error) -> anyhow::Error {
        match &error {
            Error::Refused {
                account, refusal, ..
            } => anyhow!(
                "{}: account {account:?}: {}",
                self.name,
                self.told_refusal(account, refusal)
            ),
            _ => self.explain(error),
        }
    }

    /// Of a deletion: an account that is not there is not to be opened.
    pub(super) fn explain_deletion(&self, error: Error) -> anyhow::Error {
        match &error {
            Error::NoSuchAccount(name) => {
                let near = self.near_account(name);
                let next = near.unwrap_or_else(|| "; `gpu-credit accounts` lists all".to_owned());
                anyhow!("{}: there is no account {name:?}{next}", self.name)
            }
            _ => self.explain(error),
        }
    }

    /// What has no grant of a record id.
    pub(super) fn no_such_grant(&self, account: &Account, id: &str) -> anyhow::Error {
        let name = &account.key().name;
        let kind = self.kind(name, &id.into()).filter(|kind| *kind != GRANT);
        if let Some(kind) = kind {
            return anyhow!(
                "{}: account {name:?} has no grant {id:?}: that is {kind}",
                self.name
            );
        }
        let ended = match account.closed_until() {
            Some(until) => format!(
                ", or it ended before the close of the books, {}",
                self.show(until)
            ),
            None => String::new(),
        };
        anyhow!(
            "{}: account {name:?} has no grant {id:?}{ended}{}",
            self.name,
            self.near_record(name, &id.into())
        )
    }

    pub(super) fn told(&self, error: &Error) -> String {
        match error {
            Error::NoSuchAccount(name) => self.no_such_account(name),
            Error::NoSuchUsage { account, id } => self.no_such_usage(error, account, id),
            Error::Closed(BeforeClose { until, timestamp }) => format!(
                "the books are closed up to {}, and {} is before that; --as-recorded asks at a \
                 revision before the close",
                self.show(*until),
                self.show(*timestamp)
            ),
            Error::DifferentContent {
                account,
                id,
                revision,
                posted,
                refused,
            } => format!(
                "account {account:?}, id \"{id}\": revision {revision} has this id and other content: it \
                 is {}, and not {}; give this one another --id, {}",
                posted.told(|instant| self.show(instant)),
                refused.told(|instant| self.show(instant)),
                match is_changeable(posted, refused) {
                    true => "or correct that entry with `gpu-credit change`",
                    false => "after `gpu-credit retract` of that entry if it is wrong",
                }
            ),
            Error::Refused {
                account,
                refusal: Refusal::TextLength(bytes),
                ..
            } => {
                let what = match account.len() == *bytes {
                    true => "the name of an account",
                    false => "a record id",
                };
                format!("{what} has 1 to {TEXT_BYTES_MAX} bytes, not {bytes}")
            }
            Error::Refused {
                account,
                id,
                refusal,
            } => format!(
                "account {account:?}, id \"{id}\": {}",
                self.told_refusal(account, refusal)
            ),
            Error::Question(limit) => self.told_limit(limit),
            Error::NoSuchRevision { account, .. } => {
                let history = typed(account);
                format!("{error}: `gpu-credit history{history}` lists them")
            }
            other => other.to_string(),
        }
    }

    /// Why a posting to an account is refused.
    pub(super) fn told_refusal(&self, account: &str, refusal: &Refusal) -> String {
        match refusal {
            Refusal::NoSuchRecord(id) => {
                format!(
                    "there is no record \"{id}\"{}",
                    self.near_record(account, id)
                )
            }
            Refusal::NotARecord(of) => {
                format!("\"{of}\" is {ENTRY}, and nothing else can be corrected")
            }
            Refusal::NotAGrant(of) => self.told_kind(account, of, GRANT, refusal),
            Refusal::NotUsage(of) => self.told_kind(account, of, USAGE, refusal),
            Refusal::NotMetered(of) => self.told_kind(account, of, JOB, refusal),
            Refusal::Retracted(of) => {
                format!(
                    "\"{of}\" is retracted already; post it again under another id to have it back"
                )
            }
            Refusal::Revoked { of, from } => {
                format!("\"{of}\" is revoked from {} on already", self.show(*from))
            }
            Refusal::PastEnd { of, end, from } => format!(
                "\"{of}\" ends at {}, before {}",
                self.show(*end),
                self.show(*from)
            ),
            Refusal::BooksClosed { until } => format!(
                "the books are closed up to {}, and this takes effect before that; post what it \
                 changes at that instant or later, under another id",
                self.show(*until)
            ),
            Refusal::ClosedLater { until } => {
                format!("the books are closed up to {} already", self.show(*until))
            }
            Refusal::Limit(limit) => self.told_limit(limit),
            other => other.to_string(),
        }
    }

    /// What the ledger refuses. The instants in it are as people read them.
    fn told_limit(&self, limit: &gpu_credit::Error) -> String {
        use gpu_credit::Error;
        match limit {
            Error::WindowTooLong {
                timestamp,
                expiration,
            } => format!(
                "the window from {} for {expiration} ends after the last instant there is, {}",
                self.show(*timestamp),
                self.show_last()
            ),
            Error::MeteredUsageTooLarge {
                rate,
                from,
                until,
                total,
            } => format!(
                "usage of {rate} at each tick from {} until {} does not fit: usage adds up to {total} \
                 already, and {} at most",
                self.show(*from),
                self.show(*until),
                i64::MAX
            ),
            Error::NoTicks { from, until } => format!(
                "there is no tick from {} until {}",
                self.show(*from),
                self.show(*until)
            ),
            other => other.to_string(),
        }
    }

    /// Why an id is not that of usage that counts.
    fn no_such_usage(&self, error: &Error, account: &str, id: &RecordId) -> String {
        match self.kind(account, id) {
            Some(GRANT) => format!(
                "account {account:?}: \"{id}\" is a grant, not usage: `gpu-credit statement{} --grant{}` \
                 says what became of it",
                typed(account),
                typed(id.as_str())
            ),
            Some(ENTRY) => format!("account {account:?}: \"{id}\" is {ENTRY}"),
            Some(_) => match self.retraction(account, id) {
                Some(revision) => {
                    format!("account {account:?}: \"{id}\" is retracted by revision {revision}")
                }
                None => format!("{error} that was recorded by then"),
            },
            None => format!("{error}{}", self.near_record(account, id)),
        }
    }

    /// The entry that retracted a record, if one did.
    fn retraction(&self, account: &str, id: &RecordId) -> Option<Revision> {
        let ids = HashSet::from([id]);
        self.retractions(account, &ids).ok()?.remove(id)
    }

    /// What an id names; `None` if there is no such entry.
    fn kind(&self, account: &str, id: &RecordId) -> Option<&'static str> {
        let entry = self.store().entry(account, id).ok()??;
        Some(match entry.change {
            Change::Grant { .. } => GRANT,
            Change::Usage { .. } | Change::Settle { .. } => USAGE,
            Change::MeteredUsage { .. } | Change::SettleMetered { .. } => JOB,
            _ => ENTRY,
        })
    }

    /// Of a record that is of another kind than what was to be corrected.
    fn told_kind(&self, account: &str, of: &RecordId, expected: &str, refusal: &Refusal) -> String {
        let kind = self.kind(account, of);
        let (kind, options) = match kind {
            Some(GRANT) => (GRANT, "--for, --expires-at, --expiration or --priority"),
            Some(USAGE) => (USAGE, "--amount"),
            Some(JOB) => (JOB, "--rate, --from or --until"),
            _ => return refusal.to_string(),
        };
        format!(
            "\"{of}\" is {kind}, not {expected}: `gpu-credit change` takes {options} for it, and \
             `gpu-credit retract` undoes it"
        )
    }

    /// The last instant there is.
    fn show_last(&self) -> String {
        let unit = self.store().time_unit().ok().flatten().map(Unit::from);
        let last = unit.and_then(|unit| unit.timestamp(i64::MAX));
        last.map_or_else(|| i64::MAX.to_string(), |last| last.to_string())
    }

    pub(super) fn show(&self, instant: i64) -> String {
        let unit = self.store().time_unit().ok().flatten();
        show(unit.map(Unit::from), instant)
    }

    fn no_such_account(&self, name: &str) -> String {
        let near = self.near_account(name);
        format!(
            "there is no account {name:?}{} `gpu-credit account create{}` opens one",
            near.unwrap_or_else(|| ";".to_owned()),
            typed(name)
        )
    }

    /// The account that may be meant.
    fn near_account(&self, name: &str) -> Option<String> {
        let names = self.names().unwrap_or_default();
        nearest(name, names.iter().map(String::as_str))
            .map(|near| format!("; did you mean {near:?}?"))
    }

    /// The record of an account that may be meant.
    fn near_record(&self, account: &str, id: &RecordId) -> String {
        let mut ids = Vec::new();
        let visited = self
            .store()
            .visit_history(account, Revision::START, |entry| {
                if is_comparable(id.as_str(), entry.id.as_str()) {
                    ids.push(entry.id);
                }
                ControlFlow::Continue(())
            });
        let near = visited.ok().and_then(|()| {
            let ids = ids.iter().map(RecordId::as_str);
            nearest(id.as_str(), ids.filter(|near| *near != id.as_str()))
        });
        let near = near.map(|near| format!("; did you mean {near:?}?"));
        format!(
            "{} `gpu-credit history{}` lists the records of the account",
            near.unwrap_or_else(|| ";".to_owned()),
            typed(account)
        )
    }
}

/// What an id names.
const GRANT: &str = "a grant";
const USAGE: &str = "usage at an instant";
const JOB: &str = "a job";
const ENTRY: &str = "neither a grant nor usage nor a job";

/// Whether `gpu-credit change` can give a record this content.
fn is_changeable(posted: &Change, to: &Change) -> bool {
    /// What it cannot change.
    fn fixed(change: &Change) -> (&str, u64, i64) {
        match change {
            Change::Grant {
                credit_id,
                amount,
                timestamp,
                ..
            } => (credit_id, *amount, *timestamp),
            Change::Usage { timestamp, .. } => ("", 0, *timestamp),
            _ => ("", 0, 0),
        }
    }
    let is_record = matches!(
        posted,
        Change::Grant { .. } | Change::Usage { .. } | Change::MeteredUsage { .. }
    );
    is_record && discriminant(posted) == discriminant(to) && fixed(posted) == fixed(to)
}

/// A name as somebody types it behind a command; nothing if a shell would take it for something else.
pub(super) fn typed(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
    match name.bytes().all(is_plain) && !name.starts_with('-') {
        true => format!(" {name}"),
        false => String::new(),
    }
}
