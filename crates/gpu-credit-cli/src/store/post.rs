//! `gpu-credit use`, `retract`, `revoke` and `close`: an entry each; and what all that post share.

use std::collections::{HashMap, HashSet};

use clap::Args;
use gpu_credit_store::{Change, Outcome, Posting, RecordId, Revision};
use serde::Serialize;
use uuid::Uuid;

use super::change::start;
use super::result::ResultingBalance;
use super::{OpenStore, StoreArguments, counted};
use crate::arguments::QuietArguments;
use crate::confirm::confirm;
use crate::integer::amount;
use crate::name::new_name;
use crate::rows::{Row, RowArguments, RowFormat, or_empty, or_none};
use crate::time::TimeArguments;

#[derive(Args)]
pub(crate) struct IdArguments {
    /// The record id of this entry, an idempotency key; a UUID is made and printed if not given
    #[arg(long, value_parser = new_name)]
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
    /// Check that nothing is wrong with it, and post nothing
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    #[command(flatten)]
    quiet: QuietArguments,
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
systems call that to void a grant. Usage at that instant or later that it had
covered is drawn from other grants, or not covered. For a grant that should
never have been, there is gpu-credit retract.

A revocation cannot be undone or moved to a later instant: retract the grant,
and grant it again under another id.

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
This cannot be undone. On a terminal it asks; elsewhere it needs --yes.

Example:
  gpu-credit close acme --until 2025-02-01 --yes --unit s";

#[derive(Args)]
pub(crate) struct CloseArguments {
    #[command(flatten)]
    post: PostArguments,
    /// The name of the account
    account: String,
    /// The first instant that stays open
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    until: String,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
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
    if !arguments.yes && !arguments.post.dry_run {
        let until = &arguments.until;
        confirm(
            format_args!(
                "Close the books of account {account:?} before {until}? Records, corrections and queries \
                 before that are refused from then on, and this cannot be undone."
            ),
            format_args!(
                "closing the books of account {account:?} before {until} cannot be undone"
            ),
        )?;
    }
    arguments.post.run(|_, id| {
        let until = times.instant("--until", &arguments.until)?;
        Ok(Posting::close_books(account, id, until))
    })
}

#[derive(Serialize)]
struct PostedRow {
    account: String,
    record_id: RecordId,
    revision: Option<Revision>,
    is_new: bool,
    timestamp: Option<i64>,
    balance: Option<u64>,
    status: Option<&'static str>,
    deficit: Option<u64>,
}

impl Row for PostedRow {
    const HEADER: &'static [&'static str] = &[
        "account",
        "record_id",
        "revision",
        "is_new",
        "timestamp",
        "balance",
        "status",
        "deficit",
    ];

    fn cells(&self, times: &TimeArguments) -> Vec<String> {
        vec![
            self.account.clone(),
            self.record_id.to_string(),
            or_empty(self.revision),
            self.is_new.to_string(),
            or_empty(self.timestamp.map(|at| times.show(at))),
            or_none(self.balance),
            or_empty(self.status),
            or_empty(self.deficit),
        ]
    }
}

/// What came of a posting.
struct Posted {
    posting: Posting,
    outcome: Outcome,
    result: Option<ResultingBalance>,
    /// What was posted, for people.
    told: String,
    /// The entry that has retracted it since, if it was there already.
    retracted: Option<Revision>,
}

impl From<Posted> for PostedRow {
    fn from(posted: Posted) -> Self {
        let Posted {
            posting,
            outcome,
            result,
            ..
        } = posted;
        PostedRow {
            account: posting.account,
            record_id: posting.id,
            revision: outcome.revision(),
            is_new: outcome.is_new(),
            timestamp: result.map(|result| result.timestamp),
            balance: result.and_then(|result| result.balance),
            status: result.map(|result| result.status),
            deficit: result.map(|result| result.deficit),
        }
    }
}

impl PostArguments {
    /// Posts one entry, and says what came of it.
    pub(super) fn run(
        &self,
        posting: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Posting>,
    ) -> anyhow::Result<()> {
        let posted = self.post(|store, id| Ok(vec![posting(store, id)?]))?;
        self.report(posted, |posted| {
            let Posted {
                posting,
                outcome,
                result,
                told,
                retracted,
            } = &posted[0];
            let (revision, id) = (or_empty(outcome.revision()), &posting.id);
            match (outcome.is_new(), self.dry_run, retracted) {
                (false, _, Some(retracted)) => format!(
                    "was posted already as revision {revision}, id {id}, and retracted by revision {retracted}: \
                     nothing was done; post it under another id to have it back"
                ),
                (false, _, None) => {
                    format!("was posted already as revision {revision}, id {id}: nothing was done")
                }
                (true, true, _) => {
                    format!("nothing is wrong with it; nothing was posted: {told}")
                }
                (true, false, _) => format!(
                    "posted as revision {revision}, id {id}: {told}{}",
                    self.said(result.as_ref())
                ),
            }
        })
    }

    /// Posts several entries, all of them or none, and says what came of them.
    pub(super) fn run_all(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<()> {
        let posted = self.post(postings)?;
        self.report(posted, |posted| {
            let is_new = |posted: &&Posted| posted.outcome.is_new();
            let first_new = posted.iter().find(is_new);
            let new = posted.iter().filter(is_new).count() as u64;
            let known = posted.len() as u64 - new;
            let retracted = posted.iter().filter(|posted| posted.retracted.is_some());
            let retracted = match retracted.count() {
                0 => String::new(),
                count => format!(" ({count} retracted: post those under another id)"),
            };
            let entries = counted(new, "entry", "entries");
            let (Some(first), Some(last)) = (posted.first(), posted.last()) else {
                return "nothing was posted".to_owned();
            };
            let said = match self.dry_run {
                true => "nothing was posted; it would be ",
                false => "",
            };
            format!(
                "{said}{entries} posted, {known} there already{retracted}, ids {} to {}: the first is {}, \
                 the last is {}{}",
                first.posting.id,
                last.posting.id,
                first.told,
                last.told,
                self.said(first_new.and_then(|posted| posted.result.as_ref()))
            )
        })
    }

    fn said(&self, result: Option<&ResultingBalance>) -> String {
        result.map_or_else(String::new, |result| result.sentence(&self.rows.times))
    }

    fn post(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<Vec<Posted>> {
        let store = self.store.open_for(&self.rows.times)?;
        let id = self.id.get();
        let postings = postings(&store, id)?;
        let outcomes = match self.dry_run {
            true => store.store.dry_run(postings.clone()),
            false => store.store.post_all(postings.clone()),
        };
        let outcomes = outcomes.map_err(|error| match &self.id.id {
            Some(_) => store.explain(error),
            None => store.explain_without_id(error),
        })?;
        store.ensure_in_place()?;
        if self.quiet.quiet {
            return Ok(Vec::new());
        }
        let retracted = retracted(&store, &postings, &outcomes);
        let posted = postings
            .into_iter()
            .zip(outcomes)
            .map(|(posting, outcome)| Posted {
                result: match self.dry_run {
                    true => None,
                    false => ResultingBalance::of(&store, &posting),
                },
                told: told(&store, &posting),
                retracted: retracted.get(&posting.id).copied(),
                posting,
                outcome,
            });
        Ok(posted.collect())
    }

    /// A sentence for people, and rows for programs.
    fn report(
        &self,
        posted: Vec<Posted>,
        sentence: impl FnOnce(&[Posted]) -> String,
    ) -> anyhow::Result<()> {
        match self.rows.format {
            _ if self.quiet.quiet => Ok(()),
            RowFormat::Table => crate::say(format_args!("{}", sentence(&posted))),
            _ => self.rows.write(posted.into_iter().map(PostedRow::from)),
        }
    }
}

/// The entries that have retracted what was there already. What is posted is posted, if they cannot be read
/// too.
fn retracted(
    store: &OpenStore,
    postings: &[Posting],
    outcomes: &[Outcome],
) -> HashMap<RecordId, Revision> {
    let known = postings
        .iter()
        .zip(outcomes)
        .filter(|(_, outcome)| !outcome.is_new())
        .map(|(posting, _)| posting);
    let ids: HashSet<&RecordId> = known.clone().map(|posting| &posting.id).collect();
    let account = known.map(|posting| &posting.account).next();
    let retractions = account.map(|account| store.retractions(account, &ids));
    retractions.and_then(Result::ok).unwrap_or_default()
}

/// What a posting says, for people: of a grant the window that it has.
fn told(store: &OpenStore, posting: &Posting) -> String {
    let Posting {
        account, change, ..
    } = posting;
    if let Change::ChangeExpiration {
        of,
        expiration: Some(expiration),
    } = change
        && let Ok(start) = start(store, account, of.as_str())
        && let Some(end) = start.checked_add_unsigned(*expiration)
    {
        let (start, end) = (store.show(start), store.show(end));
        return format!("the change of {of} to active {start} to {end}");
    }
    change.told(|instant| store.show(instant)).to_string()
}
