//! What all commands share that post.

use std::collections::{HashMap, HashSet};

use clap::Args;
use gpu_credit_store::{Change, Outcome, Posting, RecordId, Revision};
use serde::Serialize;
use uuid::Uuid;

use super::change::start_of;
use super::result::ResultingBalance;
use super::{OpenStore, StoreArguments, counted};
use crate::arguments::QuietArguments;
use crate::complain;
use crate::escape::printable;
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
    pub(super) store: StoreArguments,
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
pub(super) struct Posted {
    pub(super) posting: Posting,
    pub(super) outcome: Outcome,
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
    /// Posts one entry, and says what came of it. Whether it counts: not if it was posted before, and
    /// retracted since.
    pub(super) fn run(
        &self,
        posting: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Posting>,
    ) -> anyhow::Result<bool> {
        let posted = self.post(|store, id| Ok(vec![posting(store, id)?]))?;
        self.report(posted, |posted| vec![self.sentence(&posted[0])])
    }

    /// What came of one entry, for people.
    pub(super) fn sentence(&self, posted: &Posted) -> String {
        let Posted {
            posting,
            outcome,
            result,
            told,
            retracted,
        } = posted;
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
    }

    /// Posts several entries, all of them or none, and says what came of them. Whether all count.
    pub(super) fn run_all(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<bool> {
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
                return Vec::new();
            };
            let said = match self.dry_run {
                true => "nothing was posted; it would be ",
                false => "",
            };
            vec![format!(
                "{said}{entries} posted, {known} there already{retracted}, ids {} to {}: the first is {}, \
                 the last is {}{}",
                first.posting.id,
                last.posting.id,
                first.told,
                last.told,
                self.said(first_new.and_then(|posted| posted.result.as_ref()))
            )]
        })
    }

    fn said(&self, result: Option<&ResultingBalance>) -> String {
        result.map_or_else(String::new, |result| result.sentence(&self.rows.times))
    }

    pub(super) fn post(
        &self,
        postings: impl FnOnce(&OpenStore, RecordId) -> anyhow::Result<Vec<Posting>>,
    ) -> anyhow::Result<Vec<Posted>> {
        let store = self.store.open_for(&self.rows.times)?;
        let id = self.id.get();
        let postings = postings(&store, id.clone())?;
        let names: Vec<&str> = postings.iter().map(|posting| &*posting.account).collect();
        let outcomes = store.write(
            (&names, Some(&id)),
            |store| match self.dry_run {
                true => store.dry_run(postings.clone()),
                false => store.post_all(postings.clone()),
            },
            |remote| remote.post(&postings, self.dry_run),
        )?;
        let outcomes = outcomes.map_err(|error| match &self.id.id {
            Some(_) => store.explain(error),
            None => store.explain_without_id(error),
        })?;
        store.ensure_in_place()?;
        let retracted = retracted(&store, &postings, &outcomes);
        let posted = postings
            .into_iter()
            .zip(outcomes)
            .map(|(posting, outcome)| Posted {
                result: match self.dry_run || self.quiet.quiet {
                    true => None,
                    false => ResultingBalance::of(&store, &posting),
                },
                told: match self.quiet.quiet {
                    true => String::new(),
                    false => told(&store, &posting),
                },
                retracted: retracted.get(&posting.id).copied(),
                posting,
                outcome,
            });
        Ok(posted.collect())
    }

    /// Says what came of it: lines for people, and rows for programs. Whether all count.
    pub(super) fn report(
        &self,
        posted: Vec<Posted>,
        lines: impl FnOnce(&[Posted]) -> Vec<String>,
    ) -> anyhow::Result<bool> {
        let all_count = posted.iter().all(|posted| posted.retracted.is_none());
        if self.quiet.quiet || self.rows.format != RowFormat::Table {
            warn_of_retracted(&posted);
        }
        match self.rows.format {
            _ if self.quiet.quiet => {}
            RowFormat::Table => {
                let mut lines = lines(&posted).into_iter();
                lines.try_for_each(|line| crate::say(format_args!("{line}")))?;
            }
            _ => self.rows.write(posted.into_iter().map(PostedRow::from))?,
        }
        Ok(all_count)
    }
}

/// Says on standard error what was posted before and does not count.
fn warn_of_retracted(posted: &[Posted]) {
    for posted in posted {
        if let Some(retracted) = posted.retracted {
            let id = &posted.posting.id;
            let line = format!(
                "gpu-credit: id {id} was posted already, and retracted by revision {retracted}: nothing was \
                 done; post it under another id to have it back"
            );
            complain(format_args!("{}", printable(&line)));
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
    let Some(account) = known.map(|posting| &posting.account).next() else {
        return HashMap::new();
    };
    let retractions = store.fetch(&[account]);
    let retractions = retractions.and_then(|()| store.retractions(account, &ids));
    retractions.unwrap_or_default()
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
        && let Some(start) = start_of(store, account, of)
        && let Some(end) = start.checked_add_unsigned(*expiration)
    {
        let (start, end) = (store.show(start), store.show(end));
        return format!("the change of {of} to active {start} to {end}");
    }
    change.told(|instant| store.show(instant)).to_string()
}
