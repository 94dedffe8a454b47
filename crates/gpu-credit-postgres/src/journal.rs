//! The journal, and what every store reads of it; `sharing.rs` has what stores that share it ask besides.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gpu_credit_store::{
    AccountKey, Deletion, Entry, Head, JournalError, Reader, RecordId, Revision, Sequence,
    StorageProblem,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::append::digest;
use crate::connection::{Connection, Live, Settings};
use crate::failure::{Failed, other, problem};
use crate::look_up::{heads, is_kept, kept};
use crate::options::PostgresOptions;
use crate::rows::{self, signed, unsigned};
use crate::schema::Missing;
use crate::statements::{PAGE, Statements};

/// Connections that read.
const READERS: usize = 2;
/// Times that a read is tried, each on a new connection.
const READ_TRIES: usize = 3;
/// Entries of a deleted account that are dropped at a time.
const PURGED_AT_ONCE: i64 = 5_000;

/// A journal on PostgreSQL, which other processes write to, too.
pub struct PostgresJournal {
    pub(crate) settings: Arc<Settings>,
    pub(crate) lanes: Vec<Connection>,
    readers: Vec<Connection>,
    /// That of transactions that take long.
    pub(crate) long: Connection,
    /// That of snapshots that are written.
    pub(crate) aside: Connection,
    /// A number at random, by which this journal writes snapshots.
    pub(crate) writer: i64,
    next_reader: AtomicUsize,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

pub(crate) type Parameter<'p> = &'p (dyn ToSql + Sync);

impl PostgresJournal {
    /// Connects, and makes the tables if there are none.
    ///
    /// # Errors
    /// If the address cannot be read, or the server does not answer or refuses.
    pub fn open(url: &str) -> Result<Self, JournalError> {
        Self::open_with(url, PostgresOptions::default())
    }

    /// Connects if the tables are there.
    ///
    /// # Errors
    /// As [`open`](Self::open), and [`StorageProblem::NoTables`] if there are none.
    pub fn open_existing(url: &str) -> Result<Self, JournalError> {
        let options = PostgresOptions::default();
        Self::open_with(url, options.with_tables(Missing::IsAnError))
    }

    pub(crate) fn open_with(url: &str, options: PostgresOptions) -> Result<Self, JournalError> {
        let failed = |problem| JournalError::new("PostgreSQL", problem);
        let settings = Arc::new(Settings::parse(url, options).map_err(failed)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gpu-credit-postgres")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| failed(other(error.to_string())))?;
        let connections = |count| (0..count).map(|_| Connection::new(&settings)).collect();
        let journal = PostgresJournal {
            lanes: connections(options.lanes),
            readers: connections(READERS),
            long: Connection::new(&settings),
            aside: Connection::new(&settings),
            writer: RandomState::new().hash_one(0).cast_signed(),
            next_reader: AtomicUsize::new(0),
            settings,
            runtime: Some(runtime),
        };
        journal.run(async {
            journal.named(journal.readers[0].get().await)?;
            // Of those whose deletion was acknowledged, and not finished.
            journal.named(journal.purge().await)
        })?;
        Ok(journal)
    }

    /// Waits for something, on the caller's thread.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("it is there until it is dropped")
            .block_on(future)
    }

    pub(crate) fn named<T>(&self, result: Result<T, StorageProblem>) -> Result<T, JournalError> {
        result.map_err(|problem| JournalError::new(Arc::clone(&self.settings.place), problem))
    }

    /// Reads something: again on a new connection, if one is lost. Strict reads are confirmed.
    pub(crate) async fn read<T>(
        &self,
        read: impl AsyncFn(&Live) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StorageProblem> {
        self.read_and(self.settings.options.strict_reads, read)
            .await
    }

    /// The same. If it is to be confirmed, a write comes after it, so that all that was read is replicated.
    pub(crate) async fn read_and<T>(
        &self,
        is_confirmed: bool,
        read: impl AsyncFn(&Live) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StorageProblem> {
        let wait = self.settings.options.wait;
        let reader = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let mut tries = 0;
        loop {
            tries += 1;
            let live = self.readers[reader].get().await?;
            let answer = timeout(wait, async {
                let answer = read(&live).await?;
                if is_confirmed {
                    live.confirm().await?;
                }
                Ok(answer)
            });
            let failed = match answer.await {
                Ok(Ok(answer)) if !(is_confirmed && live.is_noticed()) => return Ok(answer),
                Ok(Ok(_)) => Some(other("what was read is not replicated")),
                Ok(Err(error)) => match Failed::of(&error) {
                    Failed::Unknown if tries < READ_TRIES => None,
                    _ => return Err(problem(&error)),
                },
                Err(_) => Some(other("no answer in time")),
            };
            self.readers[reader].give_up(&live).await;
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
    }

    /// From now on, what is read was visible before a write that is yet to come, and is replicated.
    pub(crate) async fn renew_readers(&self) {
        for reader in &self.readers {
            reader.renew().await;
        }
    }

    pub(crate) async fn rows(
        &self,
        statement: impl Fn(&Statements) -> &Statement,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StorageProblem> {
        self.read(async |live| {
            let statement = statement(&live.statements);
            live.client.query(statement, parameters).await
        })
        .await
    }

    /// Drops what is left of deleted accounts, but for the entry that deleted each: snapshots, too.
    pub(crate) async fn purge(&self) -> Result<(), StorageProblem> {
        let each = [
            "DELETE FROM entry WHERE (account, revision) IN (SELECT e.account, e.revision \
                FROM entry e JOIN account a ON a.account = e.account WHERE a.state = 1 \
                AND e.revision < a.head LIMIT $1)",
            "DELETE FROM snapshot WHERE (account, revision) IN (SELECT s.account, s.revision \
                FROM snapshot s JOIN account a ON a.account = s.account WHERE a.state = 1 LIMIT $1)",
            "DELETE FROM segment WHERE (account, number) IN (SELECT s.account, s.number \
                FROM segment s JOIN account a ON a.account = s.account WHERE a.state = 1 LIMIT $1)",
        ];
        for some in each {
            loop {
                let dropped = self
                    .read(async |live| live.client.execute(some, &[&PURGED_AT_ONCE]).await)
                    .await?;
                if dropped == 0 {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Drop for PostgresJournal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Reader for PostgresJournal {
    fn note(&self, name: &str) -> Result<Option<u64>, JournalError> {
        let notes = self.notes(name)?.into_iter();
        let mut own = notes.filter(|(note, _)| note == name);
        Ok(own.next().map(|(_, number)| number))
    }

    fn notes(&self, beginning: &str) -> Result<Vec<(String, u64)>, JournalError> {
        let sql =
            "SELECT name, number FROM note WHERE substr(name, 1, length($1)) = $1 ORDER BY name";
        let rows = self.run(self.read(async |live| live.client.query(sql, &[&beginning]).await));
        let note = |row: &Row| {
            let (name, number) = (row.try_get(0)?, row.try_get::<_, i64>(1)?);
            Ok((name, unsigned(number)))
        };
        let notes: Result<Vec<_>, tokio_postgres::Error> =
            self.named(rows)?.iter().map(note).collect();
        self.named(notes.map_err(|error| problem(&error)))
    }

    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError> {
        let kept = kept(names);
        let rows = self.run(self.rows(|statements| &statements.heads, &[&kept]));
        self.named(heads(names, &self.named(rows)?))
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        let sql = "SELECT account, name FROM account WHERE state = 0 ORDER BY name";
        let rows = self.run(self.read(async |live| live.client.query(sql, &[]).await));
        let keys: Result<Vec<_>, _> = self.named(rows)?.iter().map(key).collect();
        self.named(keys.map_err(|error| problem(&error)))
    }

    fn accounts_page(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<AccountKey>, JournalError> {
        let sql = "SELECT account, name FROM account \
                   WHERE state = 0 AND name > $1 AND name >= $2 ORDER BY name LIMIT $3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self
            .run(self.read(async |live| live.client.query(sql, &[&after, &prefix, &limit]).await));
        let keys: Result<Vec<_>, _> = self.named(rows)?.iter().map(key).collect();
        let mut keys = self.named(keys.map_err(|error| problem(&error)))?;
        // Those that begin with the prefix come first.
        keys.truncate(keys.partition_point(|key| key.name.starts_with(prefix)));
        Ok(keys)
    }

    fn entries(
        &self,
        account: &AccountKey,
        mut after: Revision,
        _: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        let number = signed(account.opened.get());
        // As the account stood when the first page was read.
        let mut end = None;
        loop {
            let from = signed(after.get());
            let parameters: [Parameter<'_>; 3] = [&number, &from, &PAGE];
            let page = self.run(self.rows(|statements| &statements.page, &parameters));
            let page = self.named(page)?;
            for row in &page {
                let head: i64 = self.named(row.try_get(0).map_err(|error| problem(&error)))?;
                let end = *end.get_or_insert(Revision::new(unsigned(head)));
                let Some(entry) = self.named(rows::entry(account, row, 1))? else {
                    continue;
                };
                if entry.revision > end {
                    return Ok(());
                }
                after = entry.revision;
                if visit(entry).is_break() {
                    return Ok(());
                }
            }
            if signed(page.len() as u64) < PAGE {
                return Ok(());
            }
        }
    }

    fn entry_at(
        &self,
        account: &AccountKey,
        revision: Revision,
    ) -> Result<Option<Entry>, JournalError> {
        let after = signed(revision.get().saturating_sub(1));
        let parameters: [Parameter<'_>; 3] = [&signed(account.opened.get()), &after, &1_i64];
        let rows = self.run(self.rows(|statements| &statements.page, &parameters));
        let rows = self.named(rows)?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        let entry = self.named(rows::entry(account, row, 1))?;
        Ok(entry.filter(|entry| entry.revision == revision))
    }

    fn find_many(
        &self,
        ids: &[(AccountKey, RecordId)],
    ) -> Result<Vec<Option<Entry>>, JournalError> {
        let (mut places, mut accounts, mut texts) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (account, id)) in ids.iter().enumerate() {
            if is_kept(id.as_str()) {
                places.push(signed(place as u64));
                accounts.push(signed(account.opened.get()));
                texts.push(id.as_str());
            }
        }
        let mut found = vec![None; ids.len()];
        let parameters: [Parameter<'_>; 3] = [&places, &accounts, &texts];
        let rows = self.run(self.rows(|statements| &statements.by_number, &parameters));
        for row in &self.named(rows)? {
            let place: i64 = self.named(row.try_get(0).map_err(|error| problem(&error)))?;
            if let Some((account, place)) = usize::try_from(place)
                .ok()
                .and_then(|place| Some((&ids.get(place)?.0, place)))
            {
                found[place] = self.named(rows::entry(account, row, 1))?;
            }
        }
        Ok(found)
    }

    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError> {
        if !is_kept(id.as_str()) {
            return Ok(false);
        }
        let parameters: [Parameter<'_>; 2] = [&digest(name), &id.as_str()];
        let rows = self.run(self.rows(|statements| &statements.deletion, &parameters));
        Ok(!self.named(rows)?.is_empty())
    }

    fn deletions(&self) -> Result<Vec<Deletion>, JournalError> {
        let sql = "SELECT digest, id FROM deletion";
        let rows = self.run(self.read(async |live| live.client.query(sql, &[]).await));
        let deletion = |row: &Row| {
            let (digest, id) = (row.try_get::<_, &[u8]>(0), row.try_get::<_, &str>(1));
            let (digest, id) = (digest.map_err(|error| problem(&error))?, id);
            Ok(Deletion {
                digest: digest
                    .try_into()
                    .map_err(|_| other("a digest of another length"))?,
                id: id.map_err(|error| problem(&error))?.into(),
            })
        };
        let deletions: Result<Vec<_>, StorageProblem> =
            self.named(rows)?.iter().map(deletion).collect();
        self.named(deletions)
    }

    fn check(&self) -> Result<Vec<String>, JournalError> {
        let sql = "SELECT a.name, a.head, count(e.revision), max(e.revision) FROM account a \
            LEFT JOIN entry e ON e.account = a.account WHERE a.state = 0 \
            GROUP BY a.account, a.name, a.head \
            HAVING count(e.revision) <> a.head OR max(e.revision) <> a.head";
        let rows = self.run(self.read(async |live| live.client.query(sql, &[]).await));
        let told = |row: &Row| {
            let (name, head): (&str, i64) = (row.try_get(0)?, row.try_get(1)?);
            let (count, last): (i64, Option<i64>) = (row.try_get(2)?, row.try_get(3)?);
            let last = last.unwrap_or_default();
            Ok(format!(
                "account {name:?} stands at revision {head} and has {count} entries up to {last}"
            ))
        };
        let told: Result<Vec<_>, tokio_postgres::Error> =
            self.named(rows)?.iter().map(told).collect();
        self.named(told.map_err(|error| problem(&error)))
    }
}

/// The account that a row tells.
fn key(row: &Row) -> Result<AccountKey, tokio_postgres::Error> {
    Ok(AccountKey {
        opened: Sequence::new(unsigned(row.try_get(0)?)),
        name: row.try_get::<_, &str>(1)?.into(),
    })
}
