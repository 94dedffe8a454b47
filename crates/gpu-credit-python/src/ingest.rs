//! Tables into the store, and accounts out of it.

use std::collections::HashSet;

use gpu_credit::{CreditBook, MeteredUsage, Overdraft, Record, UsageRecord};
use gpu_credit_store::{Change, Error, Outcome, Posting};
use pyo3::prelude::*;

use crate::array::push;
use crate::book::{Book, insert};
use crate::events::{self, EventKind, Reading};
use crate::instant::Unit;
use crate::opened::Store;
use crate::policy::Policy;
use crate::progress::Progress;
use crate::records;
use crate::shared::Shared;
use crate::store::DurableStore;
use crate::table::Table;
use crate::words;

/// The id under which accounts are opened, as by `open_account`.
const OPENING_ID: &str = "open";

#[pymethods]
impl DurableStore {
    /// Post the records of a table, in the order of the rows, all or nothing: as CreditBook.ingest, with a
    /// column id. A record is posted once, however often the table is ingested; with other content it is a
    /// ValueError. Accounts that are not open are opened with the policy. Returns Ingested(posted,
    /// already_posted, accounts). When it returns, all is durable.
    ///
    /// >>> from gpu_credit import CreditStore
    /// >>> import pyarrow
    /// >>> usage = pyarrow.table({"id": ["job-17"], "account": ["lynx"], "amount": [8], "timestamp": [5]})
    /// >>> with CreditStore(path) as store:
    /// ...     store.ingest(usage, kind="usage")
    /// ...     store.ingest(usage, kind="usage")
    /// Ingested(posted=1, already_posted=0, accounts=1)
    /// Ingested(posted=0, already_posted=1, accounts=0)
    #[pyo3(signature = (events, *, kind = None, policy = Policy::CARRY, progress = None),
           text_signature = "($self, events, *, kind=None, policy='carry', progress=None)")]
    fn ingest<'py>(
        &self,
        py: Python<'py>,
        events: Table,
        kind: Option<EventKind>,
        policy: Policy,
        progress: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let progress = Progress::new(progress);
        let reading = Reading {
            kind,
            unit: self.unit(py)?,
            has_ids: true,
        };
        let mut postings = Vec::new();
        events::read(py, events, reading, &progress, |event| {
            let posting = Posting::new(event.account, event.id, change(event.record));
            push(&mut postings, posting)
        })?;
        let count = postings.len();
        let ingested = self.ask(py, move |store| post(store, postings, policy.0))?;
        progress.report(py, count, Some(count))?;
        words::ingested_class(py)?.call1((
            ingested.posted,
            count - ingested.posted,
            ingested.accounts,
        ))
    }

    /// A copy of all accounts, or of some, to ask them anything at once: a CreditBook. What is posted to it is
    /// not stored.
    ///
    /// >>> with CreditStore(path) as store:
    /// ...     store.subtract("ada", "job-17", amount=8, timestamp=5)
    /// ...     store.to_book().first_uncovered()[0]
    /// True
    /// Row(account='ada', timestamp=5)
    #[pyo3(signature = (*, accounts = None))]
    fn to_book(&self, py: Python<'_>, accounts: Option<Bound<'_, PyAny>>) -> PyResult<Book> {
        let accounts = accounts
            .map(|accounts| records::all_texts(&accounts))
            .transpose()?;
        let book = self.ask(py, move |store| {
            let names = match accounts {
                Some(names) => names,
                None => names_of(store)?,
            };
            let mut book = CreditBook::new();
            for name in names.iter().collect::<HashSet<_>>() {
                let account = store.with_account(name, |account| account.ledger().clone())?;
                insert(&mut book, name, account).expect("the names differ");
            }
            book.pack();
            Ok(book)
        })?;
        Ok(Book {
            accounts: Shared::new(book),
            unit: Unit::new(self.unit(py)?),
        })
    }
}

struct Ingested {
    posted: usize,
    accounts: usize,
}

/// Posts all or nothing, and before that what opens accounts.
fn post(store: &Store, records: Vec<Posting>, policy: Overdraft) -> Result<Ingested, Error> {
    let mut known: HashSet<String> = names_of(store)?.into_iter().collect();
    let mut postings = Vec::new();
    for posting in &records {
        if known.insert(posting.account.clone()) {
            let account = posting.account.clone();
            postings.push(Posting::open_account(account, OPENING_ID, policy));
        }
    }
    let openings = postings.len();
    postings.extend(records);
    let outcomes = store.post_all(postings)?;
    let (opened, posted) = outcomes.split_at(openings);
    let new = |outcomes: &[Outcome]| outcomes.iter().filter(|outcome| outcome.is_new()).count();
    Ok(Ingested {
        posted: new(posted),
        accounts: new(opened),
    })
}

fn names_of(store: &Store) -> Result<Vec<String>, Error> {
    let accounts = store.accounts()?.into_iter();
    Ok(accounts.map(|account| account.name.to_string()).collect())
}

fn change(record: Record) -> Change {
    match record {
        Record::Grant(grant) => Change::Grant {
            credit_id: grant.credit_id,
            amount: grant.amount,
            timestamp: grant.timestamp,
            expiration: Some(grant.expiration),
            priority: grant.priority,
        },
        Record::Usage(UsageRecord { amount, timestamp }) => Change::Usage { amount, timestamp },
        Record::Metered(MeteredUsage { rate, from, until }) => {
            Change::MeteredUsage { rate, from, until }
        }
        _ => unreachable!("a table has grants and usage"),
    }
}
