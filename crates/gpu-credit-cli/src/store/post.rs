//! `gpu-credit use`, `retract`, `revoke` and `close`: an entry each; and what all that post share.

use clap::Args;
use gpu_credit_store::{Outcome, Posting, RecordId, Sequence};
use serde::Serialize;
use uuid::Uuid;

use super::{OpenStore, StoreArguments, counted};
use crate::integer::amount;
use crate::rows::{Row, RowArguments, RowFormat};
use crate::time::TimeArguments;

#[derive(Args)]
pub(crate) struct IdArguments {
    /// The record id of this entry, an idempotency key; a UUID is made and printed if not given
    #[arg(long)]
    id: Option<String>,
}

impl IdArguments {
    pub(crate) fn get(&self) -> RecordId {
        match &self.id {
            Some(id) => id.as_str().into(),
            None => Uuid::now_v7().to_string().into(),
        }
    }
}

/// What all of them are told.
#[derive(Args)]
pub(crate) struct PostArguments {
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    id: IdArguments,
    #[command(flatten)]
    pub(super) rows: RowArguments,
}

pub(crate) const USE_HELP: &str = "\
Usage is never refused for lack of credit: the policy of the account says what
becomes of it (see gpu-credit help policies). For what is used over a while,
such as by a job, there is gpu-credit run. Posting again with the same id does
nothing, and says so; posting something else under it is an error.

Example:
  gpu-credit use acme 1200 --at 2025-03-04T16:30:00Z --unit s --id job-17";

#[derive(Args)]
pub(crate) struct UseArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The amount, an integer of the smallest unit
    #[arg(value_parser = amount(), allow_negative_numbers = true)]
    amount: u64,
    /// When it takes effect
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
}

pub(crate) const RETRACT_HELP: &str = "\
Every answer is then as if the record had never been posted. The journal keeps
both: --as-recorded gives the answers from before. To end a grant early, and
keep what has been drawn from it, there is gpu-credit revoke.

Example:
  gpu-credit retract acme job-17";

#[derive(Args)]
pub(crate) struct RetractArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The record id of a grant, of usage or of a job
    record: String,
}

pub(crate) const REVOKE_HELP: &str = "\
The grant is then no longer active from that instant on. What remains of it
counts as revoked, and does not lapse; what has been drawn stays drawn. Other
systems call that to void a grant. For one that should never have been, there
is gpu-credit retract.

Example:
  gpu-credit revoke acme invoice-1 --from 2025-03-20 --unit s";

#[derive(Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The record id of the grant
    grant: String,
    /// The first instant at which it is no longer active
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
}

pub(crate) const CLOSE_HELP: &str = "\
From then on, records, corrections and queries before that instant are refused.
Answers after it stay as they are, and --as-recorded still gives earlier ones.
This cannot be undone. On a terminal it asks, unless there is --yes.

Example:
  gpu-credit close acme --until 2025-02-01 --unit s";

#[derive(Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The first instant that stays open
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: String,
}

pub(crate) fn usage(arguments: &UseArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    arguments.post.run(|_, id| {
        let at = times.instant("--at", &arguments.at)?;
        Ok(Posting::usage(
            arguments.account.as_str(),
            id,
            arguments.amount,
            at,
        ))
    })
}

pub(crate) fn retract(arguments: &RetractArguments) -> anyhow::Result<()> {
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    (arguments.post).run(|_, id| Ok(Posting::retract(account, id, of)))
}

pub(crate) fn revoke(arguments: &RevokeArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let (account, of) = (arguments.account.as_str(), arguments.grant.as_str());
    arguments.post.run(|_, id| {
        let from = times.instant("--from", &arguments.from)?;
        Ok(Posting::revoke(account, id, of, from))
    })
}

pub(crate) fn close(arguments: &CloseArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let account = arguments.account.as_str();
    arguments.post.run(|_, id| {
        let until = times.instant("--until", &arguments.until)?;
        Ok(Posting::close_books(account, id, until))
    })
}

#[derive(Serialize)]
struct PostedRow {
    account: String,
    record_id: RecordId,
    sequence: Sequence,
    is_new: bool,
}

impl Row for PostedRow {
    const HEADER: &'static [&'static str] = &["account", "record_id", "sequence", "is_new"];

    fn cells(&self, _times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.to_string(),
            self.sequence.to_string(),
            self.is_new.to_string(),
        ]
    }
}

impl PostedRow {
    fn new(posting: &Posting, outcome: Outcome) -> Self {
        PostedRow {
            account: posting.account.clone(),
            record_id: posting.id.clone(),
            sequence: outcome.sequence(),
            is_new: outcome.is_new(),
        }
    }
}

impl PostArguments {
    /// Posts one entry, and says what came of it.
    pub(super) fn run(
        &self,
        posting: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Posting>,
    ) -> anyhow::Result<()> {
        let rows = self.post(|store, id| Ok(vec![posting(store, id)?]))?;
        self.report(rows, |rows| {
            let PostedRow {
                record_id: id,
                sequence,
                is_new,
                ..
            } = &rows[0];
            match is_new {
                true => format!("posted as entry {sequence}, id {id}"),
                false => {
                    format!("was posted already as entry {sequence}, id {id}: nothing was done")
                }
            }
        })
    }

    /// Posts several entries, all of them or none, and says what came of them.
    pub(super) fn run_all(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<()> {
        let rows = self.post(postings)?;
        self.report(rows, |rows| {
            let is_new = |row: &&PostedRow| row.is_new;
            let new = rows.iter().filter(is_new).count() as u64;
            let known = rows.len() as u64 - new;
            let entries = counted(new, "entry", "entries");
            let ids = (rows.first(), rows.last());
            match ids {
                (Some(first), Some(last)) => format!(
                    "{entries} posted, {known} there already, ids {} to {}",
                    first.record_id, last.record_id
                ),
                _ => "nothing was posted".to_owned(),
            }
        })
    }

    fn post(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<Vec<PostedRow>> {
        let store = self.store.open_for(&self.rows.times)?;
        let postings = postings(&store, self.id.get())?;
        let outcomes = store.ask(|store| store.post_all(postings.clone()))?;
        store.ensure_in_place()?;
        let rows = postings.iter().zip(outcomes);
        Ok(rows
            .map(|(posting, outcome)| PostedRow::new(posting, outcome))
            .collect())
    }

    /// A sentence for people, and rows for programs.
    fn report(
        &self,
        rows: Vec<PostedRow>,
        sentence: impl FnOnce(&[PostedRow]) -> String,
    ) -> anyhow::Result<()> {
        match self.rows.format {
            RowFormat::Table => crate::say(format_args!("{}", sentence(&rows))),
            _ => self.rows.write(rows),
        }
    }
}
