//! What is asked of a store, and what it tells.

use std::ops::ControlFlow;

use gpu_credit::Overdraft;
use gpu_credit_store::{
    Account, Change, Entry, Error, ImportMode, ImportOptions, Outcome, Posting, RecordId, Revision,
    Storage, Store,
};

use crate::support::hold_requests::HoldRequest;

/// What is asked of a store.
#[derive(Clone, Debug)]
pub(super) enum Operation {
    Post(Vec<Posting>),
    Try(Vec<Posting>),
    Import(Import),
    OfHold(HoldRequest),
    Ask {
        names: Vec<String>,
        at: i64,
    },
    AsRecorded {
        name: String,
        revision: Revision,
        at: i64,
    },
    History(String),
    Entry(String, RecordId),
    Accounts,
}

/// Grants and usage, as an events file.
#[derive(Clone, Debug)]
pub(super) struct Import {
    pub(super) postings: Vec<Posting>,
    /// Of the accounts that it opens; `None` if it opens none.
    pub(super) policy: Option<Overdraft>,
}

/// What a store tells, as text, and what it says is there.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) text: String,
    pub(super) acknowledged: Vec<Acknowledged>,
}

/// An entry that is said to be there: at a revision, with a content, or both.
#[derive(Clone)]
pub(super) struct Acknowledged {
    pub(super) account: String,
    pub(super) id: RecordId,
    pub(super) revision: Option<Revision>,
    pub(super) change: Option<Change>,
}

impl Operation {
    pub(super) fn perform<S: Storage>(&self, store: &Store<S>) -> Result<Told, Error> {
        let mut acknowledged = Vec::new();
        let text = match self {
            Operation::Post(batch) => {
                let outcomes = store.post_all(batch.clone())?;
                acknowledged = posted(batch, &outcomes);
                told(&outcomes)
            }
            Operation::Try(batch) => told(&store.dry_run(batch.clone())?),
            Operation::Import(import) => {
                let text = import.perform(store, ImportMode::Post)?;
                acknowledged = import.acknowledged();
                text
            }
            Operation::OfHold(request) => {
                let told = request.perform(store)?;
                let entries = told.entries().into_iter();
                let entries = entries.map(|(account, revision, change)| Acknowledged {
                    account,
                    id: request.id.clone(),
                    revision,
                    change,
                });
                acknowledged = entries.collect();
                told.text()
            }
            Operation::Ask { names, at } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let answers = store.with_accounts(&names, |accounts| {
                    let answer = |account: &&Account| of_account(account, *at);
                    accounts.iter().map(answer).collect::<Vec<_>>()
                });
                answers?.join(", ")
            }
            Operation::AsRecorded { name, revision, at } => {
                of_account(&store.as_recorded(name, *revision)?, *at)
            }
            Operation::History(name) => format!("{:?}", contents(&store.history(name)?)),
            Operation::Entry(name, id) => {
                let entry = store.entry(name, id)?;
                format!("{:?}", contents(entry.as_slice()))
            }
            Operation::Accounts => {
                let accounts = store.accounts()?.into_iter();
                accounts.map(|key| format!("{} ", key.name)).collect()
            }
        };
        Ok(Told { text, acknowledged })
    }

    /// The entries that it may write.
    pub(super) fn writes(&self) -> Vec<(String, RecordId)> {
        let of = |posting: &Posting| (posting.account.clone(), posting.id.clone());
        match self {
            Operation::Post(batch) => batch.iter().map(of).collect(),
            Operation::Import(import) => {
                let mut writes: Vec<_> = import.postings.iter().map(of).collect();
                if import.policy.is_some() {
                    let opened = import.postings.iter();
                    let opened = opened.map(|posting| (posting.account.clone(), "open".into()));
                    writes.extend(opened.collect::<Vec<_>>());
                }
                writes
            }
            Operation::OfHold(request) => {
                let accounts = request.accounts.iter();
                accounts
                    .map(|account| (account.clone(), request.id.clone()))
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Import {
    /// Its rows are counted, whether they were there or not.
    pub(super) fn perform<S: Storage>(
        &self,
        store: &Store<S>,
        mode: ImportMode,
    ) -> Result<String, Error> {
        let options = ImportOptions {
            mode,
            policy: self.policy.unwrap_or(Overdraft::Carry),
            opens_accounts: self.policy.is_some(),
            ..ImportOptions::default()
        };
        let imported = store.import_events(self.text().as_bytes(), &options, |_| {
            ControlFlow::Continue(())
        })?;
        let rows = imported.posted - imported.opened.len() as u64 + imported.already_posted;
        Ok(format!("{rows} rows"))
    }

    fn text(&self) -> String {
        let mut text = "kind,account,credit_id,amount,timestamp,expiration,id\n".to_owned();
        for Posting {
            account,
            id,
            change,
        } in &self.postings
        {
            text += &match change {
                Change::Usage { amount, timestamp } => {
                    format!("usage,{account},,{amount},{timestamp},,{id}\n")
                }
                Change::Grant {
                    credit_id,
                    amount,
                    timestamp,
                    expiration,
                    ..
                } => {
                    let expiration = expiration.map_or(String::new(), |length| length.to_string());
                    format!("grant,{account},{credit_id},{amount},{timestamp},{expiration},{id}\n")
                }
                other => panic!("{other:?} is not imported"),
            };
        }
        text
    }

    fn acknowledged(&self) -> Vec<Acknowledged> {
        let postings = self.postings.iter().cloned();
        let each = postings.map(|posting| Acknowledged {
            account: posting.account,
            id: posting.id,
            revision: None,
            change: Some(posting.change),
        });
        each.collect()
    }
}

fn posted(batch: &[Posting], outcomes: &[Outcome]) -> Vec<Acknowledged> {
    let revisions = outcomes.iter().filter_map(|outcome| outcome.revision());
    let each = batch.iter().cloned().zip(revisions);
    let each = each.map(|(posting, revision)| Acknowledged {
        account: posting.account,
        id: posting.id,
        revision: Some(revision),
        change: Some(posting.change),
    });
    each.collect()
}

/// What came of a request, whether it came of it now or before.
fn told(outcomes: &[Outcome]) -> String {
    let revisions = outcomes.iter().map(|outcome| outcome.revision());
    format!("{:?}", revisions.collect::<Vec<_>>())
}

fn of_account(account: &Account, at: i64) -> String {
    let answer = account.balance_at(at).ok();
    let answer = answer.map(|answer| (answer.balance, answer.status.as_str(), answer.deficit));
    let of_holds = account.held(at).ok().zip(account.available(at).ok());
    of_answer(account.revision(), answer, of_holds)
}

/// Balance, status and deficit; held and available.
pub(super) fn of_answer(
    revision: Revision,
    answer: Option<(Option<u64>, &str, u64)>,
    of_holds: Option<(u64, u64)>,
) -> String {
    format!("{revision} {answer:?} {of_holds:?}")
}

pub(super) fn contents(entries: &[Entry]) -> Vec<(Revision, &RecordId, &Change)> {
    let entries = entries.iter();
    let contents = entries.map(|entry| (entry.revision, &entry.id, &entry.change));
    contents.collect()
}
