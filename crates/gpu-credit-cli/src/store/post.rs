//! `gpu-credit grant`, `use`, `retract`, `revoke`, `change` and `close`: an entry each.

use anyhow::bail;
use clap::Args;
use gpu_credit_store::{Posting, RecordId, Sequence};
use serde::Serialize;
use uuid::Uuid;

use super::StoreArguments;
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
    rows: RowArguments,
}

pub(crate) const GRANT_HELP: &str = "\
The window holds both ends: --at 0 --expiration 720 is live at 0 and at 720.
Posting again under the same id does nothing, and says so; with other content it
is refused.

Example:
  gpu-credit grant acme 50000 --at 2025-03-01 --expiration 30d --unit s \\
    --credit-id march --id invoice-1";

#[derive(Args)]
pub(crate) struct GrantArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// In the smallest unit
    #[arg(value_parser = amount_parser(), allow_negative_numbers = true)]
    amount: u64,
    /// The first instant of its window
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    at: String,
    /// The last instant of its window, counted from the first; never for a window without end
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expiration: String,
    /// What it is called: metadata
    #[arg(long, default_value = "")]
    credit_id: String,
}

pub(crate) const USE_HELP: &str = "\
Usage is never refused for lack of credit: see --policy of account create.
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

pub(crate) const CHANGE_HELP: &str = "\
Usage gets another amount, a grant another expiration. Every answer afterwards
is as if it had been posted so; the journal keeps both.

Example:
  gpu-credit change acme job-17 --amount 900";

#[derive(Args)]
pub(crate) struct ChangeArguments {
    #[command(flatten)]
    post: PostArguments,
    account: String,
    /// The id of the grant or usage
    record: String,
    #[command(flatten)]
    to: ChangeTo,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct ChangeTo {
    /// The amount of usage, in the smallest unit
    #[arg(long, value_parser = amount_parser(), allow_negative_numbers = true)]
    amount: Option<u64>,
    /// The last instant of a grant's window, counted from the first; never for one without end
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expiration: Option<String>,
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

pub(crate) fn grant(arguments: &GrantArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let at = times.instant("--at", &arguments.at)?;
    let expiration = times.length("--expiration", &arguments.expiration)?;
    let credit_id = arguments.credit_id.as_str();
    let (account, amount) = (arguments.account.as_str(), arguments.amount);
    (arguments.post).run(|id| Posting::grant(account, id, credit_id, amount, at, expiration))
}

pub(crate) fn usage(arguments: &UseArguments) -> anyhow::Result<()> {
    let at = arguments.post.rows.times.instant("--at", &arguments.at)?;
    let (account, amount) = (arguments.account.as_str(), arguments.amount);
    arguments
        .post
        .run(|id| Posting::usage(account, id, amount, at))
}

pub(crate) fn retract(arguments: &RetractArguments) -> anyhow::Result<()> {
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    arguments.post.run(|id| Posting::retract(account, id, of))
}

pub(crate) fn revoke(arguments: &RevokeArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let from = times.instant("--from", &arguments.from)?;
    let (account, of) = (arguments.account.as_str(), arguments.grant.as_str());
    arguments
        .post
        .run(|id| Posting::revoke(account, id, of, from))
}

pub(crate) fn change(arguments: &ChangeArguments) -> anyhow::Result<()> {
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    let ChangeTo { amount, expiration } = &arguments.to;
    match (amount, expiration) {
        (Some(amount), _) => {
            (arguments.post).run(|id| Posting::change_usage(account, id, of, *amount))
        }
        (None, Some(expiration)) => {
            let times = &arguments.post.rows.times;
            let expiration = times.length("--expiration", expiration)?;
            (arguments.post).run(|id| Posting::change_expiration(account, id, of, expiration))
        }
        (None, None) => bail!("expected --amount or --expiration"),
    }
}

pub(crate) fn close(arguments: &CloseArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let until = times.instant("--until", &arguments.until)?;
    let account = arguments.account.as_str();
    arguments
        .post
        .run(|id| Posting::close_books(account, id, until))
}

#[derive(Serialize)]
struct PostedRow {
    account: String,
    id: RecordId,
    sequence: Sequence,
    is_new: bool,
}

impl Row for PostedRow {
    const HEADER: &'static [&'static str] = &["account", "id", "sequence", "is_new"];

    fn cells(&self, _times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.id.to_string(),
            self.sequence.to_string(),
            self.is_new.to_string(),
        ]
    }
}

impl PostArguments {
    /// Posts one entry, and says what came of it.
    fn run(&self, posting: impl FnOnce(RecordId) -> Posting) -> anyhow::Result<()> {
        let store = self.store.open()?;
        let posting = posting(self.id.get());
        let (account, id) = (posting.account.clone(), posting.id.clone());
        let outcome = store.ask(|store| store.post(posting))?;
        store.ensure_in_place()?;
        let (sequence, is_new) = (outcome.sequence(), outcome.is_new());
        if self.rows.format == RowFormat::Table {
            return match is_new {
                true => crate::say(format_args!("posted as entry {sequence}, id {id}")),
                false => crate::say(format_args!(
                    "was posted already as entry {sequence}, id {id}: nothing was done"
                )),
            };
        }
        let row = PostedRow {
            account,
            id,
            sequence,
            is_new,
        };
        self.rows.write([row])
    }
}

fn amount_parser() -> clap::builder::RangedU64ValueParser {
    clap::value_parser!(u64).range(0..=i64::MAX.unsigned_abs())
}
