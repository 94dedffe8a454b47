//! The fold: from the events and questions of many accounts, in any order, to the answers.
//!
//! It is what a distributed engine runs on each of its partitions. Nothing is taken for granted
//! about the order of the rows: they are grouped here, and what order decides is put in order here.

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_pyarrow::ToPyArrow;
use gpu_credit::{Answer, GrantRecord, MeteredUsage, Record, UsageRecord};
use pyo3::exceptions::{PyOverflowError, PyValueError};
use pyo3::prelude::*;

use crate::array::signed;
use crate::integer::{negative, priority_too_large};
use crate::policy::Policy;
use crate::pool;
use crate::table::{IntegerColumn, Table, TextColumn};

const GRANT: i64 = 0;
const USAGE: i64 = 1;
const QUESTION: i64 = 2;

/// So many answers go into one batch.
const ANSWERS_PER_BATCH: usize = 64 * 1024;

/// The answers to the questions of a table of rows (kind, account, amount, timestamp, expiration,
/// posted, priority, until), the last three optional: kind is 0 for a grant, 1 for usage, metered if there
/// is an until, 2 for a question. A list of PyArrow batches (account, timestamp, balance, status, deficit),
/// in no particular order.
///
/// Grants of one account that start at one instant are posted in the order of posted, those without one
/// first, then of expiration, of amount and of priority: no answer depends on the order of the rows.
#[pyfunction]
pub(crate) fn fold<'py>(
    py: Python<'py>,
    rows: Table,
    policy: Policy,
) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let accounts = py.detach(|| group(rows))?;
    let batches = pool::work(py, || answer(accounts, policy))?;
    batches.iter().map(|batch| batch.to_pyarrow(py)).collect()
}

fn answer(accounts: HashMap<Box<str>, Account>, policy: Policy) -> PyResult<Vec<RecordBatch>> {
    let mut answers = Answers::default();
    for (name, account) in accounts {
        account.answer(&name, policy, &mut answers)?;
    }
    answers.into_batches()
}

/// What concerns one account.
#[derive(Default)]
struct Account {
    grants: Vec<Grant>,
    usage: Vec<UsageRecord>,
    jobs: Vec<MeteredUsage>,
    questions: Vec<i64>,
}

/// The fields in the order in which they decide the posting order.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    timestamp: i64,
    posted: Option<i64>,
    expiration: u64,
    amount: u64,
    priority: i16,
}

impl Account {
    fn answer(mut self, name: &str, policy: Policy, answers: &mut Answers) -> PyResult<()> {
        if self.questions.is_empty() {
            return Ok(());
        }
        self.grants.sort_unstable();
        let mut account = policy.account();
        let grants = self.grants.into_iter();
        let grants = grants.map(|grant| {
            let record = GrantRecord::new("", grant.amount, grant.timestamp, grant.expiration);
            Record::from(record.priority(grant.priority))
        });
        let usage = self.usage.into_iter().map(Record::from);
        let jobs = self.jobs.into_iter().map(Record::from);
        account
            .extend(grants.chain(usage).chain(jobs))
            .map_err(|refused| {
                let error = refused.error;
                PyOverflowError::new_err(format!("account {name:?}: {error}"))
            })?;
        for timestamp in self.questions {
            answers.push(name, timestamp, account.balance_at(timestamp))?;
        }
        Ok(())
    }
}

fn group(rows: Table) -> PyResult<HashMap<Box<str>, Account>> {
    let mut accounts: HashMap<Box<str>, Account> = HashMap::new();
    for batch in rows.batches() {
        let batch = batch?;
        let has = |name| batch.schema().column_with_name(name).is_some();
        let names = TextColumn::of(&batch, "account")?;
        let integers = |name| IntegerColumn::of(&batch, name);
        let (kinds, timestamps) = (integers("kind")?, integers("timestamp")?);
        let (amounts, expirations) = (integers("amount")?, integers("expiration")?);
        let optional = |name| has(name).then(|| integers(name)).transpose();
        let (posted, priorities) = (optional("posted")?, optional("priority")?);
        let untils = optional("until")?;
        for row in 0..batch.num_rows() {
            let name = names
                .get(row)?
                .ok_or_else(|| PyValueError::new_err("a row has no account"))?;
            let missing =
                |what| PyValueError::new_err(format!("a row of account {name:?} has no {what}"));
            let natural = |what, column: &IntegerColumn<'_>| -> PyResult<u64> {
                let number = column.get(row).ok_or_else(|| missing(what))?;
                u64::try_from(number).map_err(|_| {
                    negative(
                        &format!("the {what} of account {name:?}"),
                        &number.to_string(),
                    )
                })
            };
            if !accounts.contains_key(name) {
                accounts.insert(name.into(), Account::default());
            }
            let Some(account) = accounts.get_mut(name) else {
                continue; // It has just been put there.
            };
            let timestamp = timestamps.get(row).ok_or_else(|| missing("timestamp"))?;
            let of_row = |column: &Option<IntegerColumn<'_>>| column.as_ref()?.get(row);
            let (until, priority) = (of_row(&untils), of_row(&priorities));
            let out_of_place = |kind, column| {
                let message = format!("{kind} of account {name:?} has no {column}");
                PyValueError::new_err(message)
            };
            match kinds.get(row) {
                Some(GRANT) if until.is_some() => return Err(out_of_place("a grant", "until")),
                Some(GRANT) => account.grants.push(Grant {
                    timestamp,
                    posted: of_row(&posted),
                    expiration: natural("expiration", &expirations)?,
                    amount: natural("amount", &amounts)?,
                    priority: i16::try_from(priority.unwrap_or(0)).map_err(|_| {
                        let what = format!("the priority of account {name:?}");
                        priority_too_large(&what, &priority.unwrap_or(0).to_string())
                    })?,
                }),
                Some(USAGE) if priority.is_some() => return Err(out_of_place("usage", "priority")),
                Some(USAGE) => {
                    let amount = natural("amount", &amounts)?;
                    match until {
                        Some(until) => account.jobs.push(MeteredUsage {
                            rate: amount,
                            from: timestamp,
                            until,
                        }),
                        None => account.usage.push(UsageRecord { amount, timestamp }),
                    }
                }
                Some(QUESTION) => account.questions.push(timestamp),
                _ => return Err(missing("kind: it is neither 'grant' nor 'usage'")),
            }
        }
    }
    Ok(accounts)
}

/// Answers in columns, a batch at a time.
#[derive(Default)]
struct Answers {
    full: Vec<RecordBatch>,
    count: usize,
    accounts: StringBuilder,
    timestamps: Int64Builder,
    balances: Int64Builder,
    statuses: StringBuilder,
    deficits: Int64Builder,
}

impl Answers {
    fn push(&mut self, account: &str, timestamp: i64, answer: Answer) -> PyResult<()> {
        self.accounts.append_value(account);
        self.timestamps.append_value(timestamp);
        self.balances.append_option(answer.balance.map(signed));
        self.statuses.append_value(answer.status.as_str());
        self.deficits.append_value(signed(answer.deficit));
        self.count += 1;
        if self.count == ANSWERS_PER_BATCH {
            self.finish_batch()?;
        }
        Ok(())
    }

    fn finish_batch(&mut self) -> PyResult<()> {
        self.count = 0;
        let columns: [(&str, ArrayRef, bool); 5] = [
            ("account", Arc::new(self.accounts.finish()), false),
            ("timestamp", Arc::new(self.timestamps.finish()), false),
            ("balance", Arc::new(self.balances.finish()), true),
            ("status", Arc::new(self.statuses.finish()), false),
            ("deficit", Arc::new(self.deficits.finish()), false),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns);
        self.full
            .push(batch.map_err(|error| PyValueError::new_err(error.to_string()))?);
        Ok(())
    }

    fn into_batches(mut self) -> PyResult<Vec<RecordBatch>> {
        if self.count > 0 {
            self.finish_batch()?;
        }
        Ok(self.full)
    }
}
