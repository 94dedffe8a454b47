//! `gpu-credit grant`, `use`, `retract`, `revoke`, `change` and `close`: an entry each.

use anyhow::{bail, ensure};
use clap::Args;
use gpu_credit_store::{Change, Posting, RecordId, Sequence};
use serde::Serialize;
use uuid::Uuid;

use super::{OpenStore, StoreArguments};
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
--for and --expires-at name the first instant at which the grant is no longer
live: --at 0 --for 720 is live at 719 and not at 720. --expiration is the classic
length, both ends included: --at 0 --expiration 720 is live at 720. again under the same id does nothing, and says so; with other content it is
refused.

Example:
  gpu-credit grant acme 50000 --at 2025-03-01 --for 30d --unit s \\
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
    #[command(flatten)]
    window: WindowArguments,
    /// What it is called: metadata
    #[arg(long, default_value = "")]
    credit_id: String,
}

/// Until when a grant is live: one of these.
#[derive(Args)]
#[group(multiple = false)]
struct WindowArguments {
    /// How long it is live: at the end of it no longer, so that two 30d in a row do not overlap; never
    /// for a window without end
    #[arg(long = "for", value_name = "LENGTH", allow_hyphen_values = true)]
    live_for: Option<String>,
    /// The first instant at which it is no longer live
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    expires_at: Option<String>,
    /// The last instant at which it is live, counted from the first: both ends included, so that it is
    /// live one instant longer than --for; never for a window without end
    #[arg(long, value_name = "LENGTH", allow_hyphen_values = true)]
    expiration: Option<String>,
}

impl WindowArguments {
    fn is_said(&self) -> bool {
        self.live_for.is_some() || self.expires_at.is_some() || self.expiration.is_some()
    }

    /// The expiration, both ends included, of a window from `start` on; `None` without end.
    fn expiration(&self, times: &TimeArguments, start: i64) -> anyhow::Result<Option<u64>> {
        if let Some(typed) = &self.expiration {
            return times.length("--expiration", typed);
        }
        if let Some(typed) = &self.expires_at {
            let end = times.instant("--expires-at", typed)?;
            ensure!(
                end > start,
                "--expires-at: found {typed:?}, expected an instant after {}, the first at which it is \
                 live",
                times.show(start)
            );
            return Ok(Some(start.abs_diff(end) - 1));
        }
        let Some(typed) = &self.live_for else {
            bail!("expected --for, --expires-at or --expiration");
        };
        let length = times.length("--for", typed)?;
        ensure!(
            length != Some(0),
            "--for: found {typed:?}, expected a length above 0"
        );
        Ok(length.map(|length| length - 1))
    }
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
Usage gets another amount, a grant another end of its window. Every answer afterwards
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
struct ChangeTo {
    /// The amount of usage, in the smallest unit
    #[arg(
        long,
        value_parser = amount_parser(),
        allow_negative_numbers = true,
        conflicts_with = "WindowArguments"
    )]
    amount: Option<u64>,
    #[command(flatten)]
    window: WindowArguments,
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
    arguments.post.run(|_, id| {
        let at = times.instant("--at", &arguments.at)?;
        Ok(Posting::grant(
            arguments.account.as_str(),
            id,
            arguments.credit_id.as_str(),
            arguments.amount,
            at,
            arguments.window.expiration(times, at)?,
        ))
    })
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

pub(crate) fn change(arguments: &ChangeArguments) -> anyhow::Result<()> {
    let times = &arguments.post.rows.times;
    let (account, of) = (arguments.account.as_str(), arguments.record.as_str());
    arguments.post.run(|store, id| {
        let ChangeTo { amount, window } = &arguments.to;
        ensure!(
            amount.is_some() || window.is_said(),
            "expected --amount, --for, --expires-at or --expiration"
        );
        if let Some(amount) = amount {
            return Ok(Posting::change_usage(account, id, of, *amount));
        }
        // Only the end of a window is counted from its start.
        let start = match window.expires_at {
            Some(_) => start(store, account, of)?,
            None => 0,
        };
        let expiration = window.expiration(times, start)?;
        Ok(Posting::change_expiration(account, id, of, expiration))
    })
}

/// The first instant of a grant's window.
fn start(store: &OpenStore, account: &str, of: &str) -> anyhow::Result<i64> {
    let entry = store.ask(|store| store.entry(account, &of.into()))?;
    match entry.map(|entry| entry.change) {
        Some(Change::Grant { timestamp, .. }) => Ok(timestamp),
        _ => bail!("{}: account {account:?} has no grant {of:?}", store.name),
    }
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
    fn run(
        &self,
        posting: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Posting>,
    ) -> anyhow::Result<()> {
        let store = self.store.open_for(&self.rows.times)?;
        let posting = posting(&store, self.id.get())?;
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
