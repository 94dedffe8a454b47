//! `gpu-credit use`, `retract`, `revoke` and `close`: an entry each; and what all that post share.

use clap::Args;
use gpu_credit_store::{Outcome, Posting, RecordId, Sequence};
use serde::Serialize;
use uuid::Uuid;

use super::{OpenStore, StoreArguments, counted};
use crate::rows::{Row, RowArguments, RowFormat};
use crate::time::TimeArguments;

#[derive(Args)]
pub(crate) struct IdArguments {
    /// The id of this entry, by which a retry is known; a UUID (version 7) is made and printed if
    /// not given
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
Usage is never refused for lack of credit: see --policy of account create. What is
used for a while, such as by a job, is posted with gpu-credit run.
Posting again under the same id does nothing, and says so; with other content it
is refused.

Example:
  gpu-credit use acme 1200 --at 2025-03-04T16:30:00Z --unit s --id job-17";

#[derive(Args)]
pub(crate) struct UseArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// In the smallest unit
    #[arg(value_parser = amount_parser(), allow_negative_numbers = true)]
    amount: u64,
    /// When it takes effect
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
}

pub(crate) const RETRACT_HELP: &str = "\
Every answer afterwards is as if the record had never been posted. The journal
keeps both: --as-recorded still knows.

Example:
  gpu-credit retract acme job-17";

#[derive(Args)]
pub(crate) struct RetractArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// The id of the grant or usage
    record: String,
}

pub(crate) const REVOKE_HELP: &str = "\
The window then ends the instant before; what is left of the grant there counts
as revoked, and does not lapse.

Example:
  gpu-credit revoke acme invoice-1 --from 2025-03-20 --unit s";

#[derive(Args)]
pub(crate) struct RevokeArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// The id of the grant
    grant: String,
    /// The first instant at which it is no longer live
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
}

pub(crate) const CLOSE_HELP: &str = "\
Earlier records and questions are refused from then on, and what is before is
folded away. Answers after it stay as they are.

Example:
  gpu-credit close acme --until 2025-02-01 --unit s";

#[derive(Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    post: PostArguments,
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

pub(super) fn amount_parser() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=i64::MAX.unsigned_abs())
}
