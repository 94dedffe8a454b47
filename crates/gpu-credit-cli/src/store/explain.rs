//! What a store refuses, in the words of the program: times by the calendar, and what to do next.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;

use anyhow::anyhow;
use gpu_credit_store::{BeforeClose, Error, RecordId, Refusal, Sequence, StorageProblem};

use super::OpenStore;
use crate::time::{Unit, show};

impl OpenStore {
    pub(crate) fn explain(&self, error: Error) -> anyhow::Error {
        match error {
            Error::Export(error) if error.kind() == ErrorKind::BrokenPipe => {
                io::Error::from(ErrorKind::BrokenPipe).into()
            }
            error @ Error::Journal(_) => advised(error),
            error => anyhow!("{}: {}", self.name, self.told(&error)),
        }
    }

    fn told(&self, error: &Error) -> String {
        match error {
            Error::NoSuchAccount(name) => self.no_such_account(name),
            Error::NoSuchUsage { account, id } => {
                format!("{error}{}", self.near_record(account, id))
            }
            Error::Closed(BeforeClose { until, timestamp }) => format!(
                "the books are closed up to {}, and {} is before that; --as-recorded asks as of an entry \
                 before the close",
                self.show(*until),
                self.show(*timestamp)
            ),
            Error::Refused {
                account,
                id,
                refusal,
            } => format!(
                "account {account:?}, id \"{id}\": {}",
                self.told_refusal(account, refusal)
            ),
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
            Refusal::Revoked { of, from } => {
                format!("\"{of}\" is revoked from {} on already", self.show(*from))
            }
            Refusal::PastEnd { of, end, from } => format!(
                "\"{of}\" ends at {}, before {}",
                self.show(*end),
                self.show(*from)
            ),
            Refusal::BooksClosed { until } => format!(
                "the books are closed up to {}, and this takes effect before that",
                self.show(*until)
            ),
            Refusal::ClosedLater { until } => {
                format!("the books are closed up to {} already", self.show(*until))
            }
            other => other.to_string(),
        }
    }

    fn show(&self, instant: i64) -> String {
        let unit = self.store.time_unit().ok().flatten();
        show(unit.map(Unit::from), instant)
    }

    fn no_such_account(&self, name: &str) -> String {
        let accounts = self.store.accounts().unwrap_or_default();
        let names = accounts.iter().map(|account| &*account.name);
        let near = nearest(name, names).map(|near| format!("; did you mean {near:?}?"));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let typed = match name.bytes().all(is_plain) {
            true => format!(" {name}"),
            false => String::new(),
        };
        format!(
            "there is no account {name:?}{} `gpu-credit account create{typed}` opens one",
            near.unwrap_or_else(|| ";".to_owned())
        )
    }

    /// The record of an account that may be meant.
    fn near_record(&self, account: &str, id: &RecordId) -> String {
        let mut ids = Vec::new();
        let visited = self.store.visit_history(account, Sequence::START, |entry| {
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
            "{} `gpu-credit history` lists the records of the account",
            near.unwrap_or_else(|| ";".to_owned())
        )
    }
}

/// Edits between two words of which one may be meant for the other.
const EDITS_MAX: usize = 2;
/// Longer words are not compared: that costs their product.
const COMPARED_BYTES_MAX: usize = 64;

fn is_comparable(typed: &str, name: &str) -> bool {
    typed.len() <= COMPARED_BYTES_MAX && typed.len().abs_diff(name.len()) <= EDITS_MAX * 4
}

/// The name that is most like what was typed, if one is.
fn nearest<'n>(typed: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let edits_max = EDITS_MAX.min(typed.chars().count() / 3);
    let near = names.filter(|name| is_comparable(typed, name)).map(|name| {
        let edits = strsim::osa_distance(typed, name);
        (edits, name)
    });
    let near = near.filter(|(edits, _)| *edits <= edits_max).min();
    near.map(|(_, name)| name)
}

/// Whether storage failed by a problem.
pub(super) fn is(error: &Error, problem: impl Fn(&StorageProblem) -> bool) -> bool {
    matches!(error, Error::Journal(error) if problem(error.problem()))
}

/// A failure of the storage, which names its place itself, with what to do about it.
pub(super) fn advised(error: Error) -> anyhow::Error {
    let Error::Journal(failure) = &error else {
        return error.into();
    };
    let advice = match failure.problem() {
        StorageProblem::NotFound => {
            "; `gpu-credit account create` and `gpu-credit import` make one, and --db names another"
        }
        StorageProblem::Io(error) if error.kind() == ErrorKind::IsADirectory => {
            "; name a file in it"
        }
        StorageProblem::Denied(_) => "; ask who owns it, or go on with a copy of your own",
        StorageProblem::Exists => "; name another",
        StorageProblem::InUse => {
            "; `fuser` or `lsof` names the process: try again once that has ended, or ask a copy"
        }
        StorageProblem::NotAStore => "; --db names another",
        StorageProblem::Newer { .. } => "; use a newer gpu-credit",
        StorageProblem::Damaged(_) => "; keep it, and go on with a copy from before",
        StorageProblem::Full => {
            "; make room and repeat the command: what has an id already is not posted twice"
        }
        _ => "",
    };
    anyhow!("{error}{advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_may_be_meant_is_found() {
        let names = ["account-1", "account-2", "acme", "bert", "a"];
        let found = |typed| nearest(typed, names.into_iter());
        assert_eq!(found("acount-1"), Some("account-1"));
        assert_eq!(found("account-3"), Some("account-1"));
        assert_eq!(found("amce"), Some("acme"));
        assert_eq!(found("bart"), Some("bert"));
        for far in ["zz", "b", "credit", "", &"x".repeat(100_000)] {
            assert_eq!(found(far), None, "{far}");
        }
    }
}
