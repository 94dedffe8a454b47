//! What an append gives the server: arrays, a column each.

use std::borrow::Cow;

use gpu_credit_store::{Append, Change, HeadChange, Revision, StorageProblem};
use sha2::{Digest, Sha256};
use tokio_postgres::Error;
use tokio_postgres::types::ToSql;

use crate::connection::Live;
use crate::failure::other;
use crate::rows::{Columns, policy_columns, signed};

/// SHA-256 of a name: what is kept of one that is deleted.
pub(crate) fn digest(name: &str) -> Vec<u8> {
    Sha256::digest(name.as_bytes()).to_vec()
}

/// Heads by columns.
#[derive(Default)]
struct Heads<'a> {
    accounts: Vec<i64>,
    expected: Vec<i64>,
    names: Vec<&'a str>,
    states: Vec<i16>,
    policies: Vec<i16>,
    lines: Vec<Option<i64>>,
    heads: Vec<i64>,
    recorded_at: Vec<i64>,
    granted: Vec<i64>,
    used: Vec<i64>,
    grants: Vec<i64>,
    usage_records: Vec<i64>,
    credit_id_bytes: Vec<i64>,
    closed: Vec<Option<i64>>,
}

impl<'a> Heads<'a> {
    fn push(&mut self, change: &'a HeadChange) -> Result<(), StorageProblem> {
        let HeadChange {
            expected,
            head,
            is_deleted,
        } = change;
        let (policy, line) = policy_columns(head.policy)?;
        self.accounts.push(signed(head.account.opened.get()));
        self.expected.push(signed(expected.get()));
        self.names.push(match is_deleted {
            true => "",
            false => &head.account.name,
        });
        self.states.push(i16::from(*is_deleted));
        self.policies.push(policy);
        self.lines.push(line);
        self.heads.push(signed(head.revision.get()));
        self.recorded_at.push(head.recorded_at);
        self.granted.push(signed(head.totals.granted));
        self.used.push(signed(head.totals.used));
        self.grants.push(signed(head.totals.grants));
        self.usage_records.push(signed(head.totals.usage_records));
        self.credit_id_bytes
            .push(signed(head.totals.credit_id_bytes));
        self.closed.push(head.totals.closed);
        Ok(())
    }
}

/// Entries by columns.
#[derive(Default)]
struct Entries<'a> {
    accounts: Vec<i64>,
    revisions: Vec<i64>,
    ids: Vec<&'a str>,
    recorded_at: Vec<i64>,
    kinds: Vec<i16>,
    amounts: Vec<Option<i64>>,
    starts: Vec<Option<i64>>,
    ends: Vec<Option<i64>>,
    expirations: Vec<Option<i64>>,
    priorities: Vec<Option<i16>>,
    corrects: Vec<Option<&'a str>>,
    credit_ids: Vec<Option<Cow<'a, str>>>,
    checksums: Vec<i32>,
}

/// Deletions by columns.
#[derive(Default)]
struct Deletions<'a> {
    digests: Vec<Vec<u8>>,
    ids: Vec<&'a str>,
    accounts: Vec<i64>,
    revisions: Vec<i64>,
}

/// An append as the parameters of its statement.
pub(crate) struct Parameters<'a> {
    moved: Heads<'a>,
    opened: Heads<'a>,
    entries: Entries<'a>,
    deletions: Deletions<'a>,
}

impl<'a> Parameters<'a> {
    pub(crate) fn of(append: &'a Append) -> Result<Self, StorageProblem> {
        let mut parameters = Parameters {
            moved: Heads::default(),
            opened: Heads::default(),
            entries: Entries::default(),
            deletions: Deletions::default(),
        };
        for change in &append.accounts {
            match change.expected == Revision::START {
                true => parameters.opened.push(change)?,
                false => parameters.moved.push(change)?,
            }
        }
        for entry in &append.entries {
            let columns = Columns::of(&entry.change)?;
            let account = signed(entry.account.opened.get());
            let revision = signed(entry.revision.get());
            let entries = &mut parameters.entries;
            entries.accounts.push(account);
            entries.revisions.push(revision);
            entries.ids.push(entry.id.as_str());
            entries.recorded_at.push(entry.recorded_at);
            entries.kinds.push(columns.kind);
            entries.amounts.push(columns.amount);
            entries.starts.push(columns.starts);
            entries.ends.push(columns.ends);
            entries.expirations.push(columns.expiration);
            entries.priorities.push(columns.priority);
            entries.corrects.push(columns.corrects);
            entries.credit_ids.push(columns.credit_id);
            entries.checksums.push(entry.checksum().cast_signed());
            if entry.change == Change::DeleteAccount {
                let deletions = &mut parameters.deletions;
                deletions.digests.push(digest(&entry.account.name));
                deletions.ids.push(entry.id.as_str());
                deletions.accounts.push(account);
                deletions.revisions.push(revision);
            }
        }
        Ok(parameters)
    }

    /// Runs the statement; whether it has written.
    pub(crate) async fn run(&self, live: &Live) -> Result<Result<bool, StorageProblem>, Error> {
        let Parameters {
            moved,
            opened,
            entries,
            deletions,
        } = self;
        let parameters: [&(dyn ToSql + Sync); 41] = [
            &moved.accounts,
            &moved.expected,
            &moved.heads,
            &moved.recorded_at,
            &moved.granted,
            &moved.used,
            &moved.grants,
            &moved.usage_records,
            &moved.credit_id_bytes,
            &moved.closed,
            &moved.states,
            &moved.names,
            &opened.accounts,
            &opened.names,
            &opened.policies,
            &opened.lines,
            &opened.heads,
            &opened.recorded_at,
            &opened.granted,
            &opened.used,
            &opened.grants,
            &opened.usage_records,
            &opened.credit_id_bytes,
            &opened.closed,
            &entries.accounts,
            &entries.revisions,
            &entries.ids,
            &entries.recorded_at,
            &entries.kinds,
            &entries.amounts,
            &entries.starts,
            &entries.ends,
            &entries.expirations,
            &entries.priorities,
            &entries.corrects,
            &entries.credit_ids,
            &entries.checksums,
            &deletions.digests,
            &deletions.ids,
            &deletions.accounts,
            &deletions.revisions,
        ];
        let row = live
            .client
            .query_one(&live.statements.append, &parameters)
            .await?;
        let mut counts = [0_i64; 4];
        for (place, count) in counts.iter_mut().enumerate() {
            *count = row.try_get(place)?;
        }
        let asked = [
            moved.accounts.len(),
            opened.accounts.len(),
            entries.accounts.len(),
            deletions.ids.len(),
        ];
        Ok(match counts {
            [0, 0, 0, 0] => Ok(false),
            counts if counts.map(usize::try_from) == asked.map(Ok) => Ok(true),
            counts => Err(other(format!(
                "an append of {asked:?} rows has written {counts:?}: the tables are not this program's"
            ))),
        })
    }
}
