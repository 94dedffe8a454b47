//! What stores ask of their journal, by statements.

use std::future::Future;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gpu_credit_store::{
    AccountKey, Append, Appended, Entry, Have, Head, JournalError, LookedUp, News, Reader,
    RecordId, Revision, Sequence, SharedJournal, Snapshots, StorageProblem, Wanted,
};
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use crate::append::{Parameters, digest};
use crate::connection::{Connection, Held, Live, Settings, WAIT};
use crate::failure::{Failed, other, problem};
use crate::rows::{self, HEAD_COLUMNS, signed, unsigned};
use crate::statements::{PAGE, Statements};

/// Connections that append.
const LANES: usize = 2;
/// Connections that read.
const READERS: usize = 2;
/// Times that a read is tried, each on a new connection.
const READ_TRIES: usize = 3;
/// Entries of a deleted account that are dropped at a time.
const PURGED_AT_ONCE: i64 = 5_000;

/// A journal on PostgreSQL, which other processes write to, too.
pub struct PostgresJournal {
    settings: Arc<Settings>,
    lanes: Vec<Connection>,
    readers: Vec<Connection>,
    next_reader: AtomicUsize,
    /// There until it is dropped.
    runtime: Option<Runtime>,
}

type Parameter<'p> = &'p (dyn ToSql + Sync);

impl PostgresJournal {
    /// Connects, and makes the tables if there are none.
    ///
    /// # Errors
    /// If the address cannot be read, or the server does not answer or refuses.
    pub fn open(url: &str) -> Result<Self, JournalError> {
        Self::open_with_lanes(url, LANES)
    }

    /// The same with another number of connections that append; two are best if each appends for many who
    /// wait.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_lanes(url: &str, lanes: usize) -> Result<Self, JournalError> {
        let failed = |problem| JournalError::new("PostgreSQL", problem);
        let number = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0);
        let settings = Arc::new(Settings::parse(url, number).map_err(failed)?);
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("gpu-credit-postgres")
            .enable_all()
            .build();
        let runtime = runtime.map_err(|error| failed(other(error.to_string())))?;
        let connections = |count| (0..count).map(|_| Connection::new(&settings)).collect();
        let journal = PostgresJournal {
            lanes: connections(lanes.max(1)),
            readers: connections(READERS),
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
    fn run<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.runtime.as_ref();
        runtime
            .expect("it is there until it is dropped")
            .block_on(future)
    }

    fn named<T>(&self, result: Result<T, StorageProblem>) -> Result<T, JournalError> {
        result.map_err(|problem| JournalError::new(Arc::clone(&self.settings.place), problem))
    }

    /// Reads something: again on a new connection, if one is lost.
    async fn read<T>(
        &self,
        read: impl AsyncFn(&Live) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, StorageProblem> {
        let reader = self.next_reader.fetch_add(1, Ordering::Relaxed) % self.readers.len();
        let mut tries = 0;
        loop {
            tries += 1;
            let live = self.readers[reader].get().await?;
            let failed = match timeout(WAIT, read(&live)).await {
                Ok(Ok(read)) => return Ok(read),
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

    async fn rows(
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

    /// Drops what is left of deleted accounts, but for the entry that deleted each.
    async fn purge(&self) -> Result<(), StorageProblem> {
        let some = "DELETE FROM entry WHERE (account, revision) IN (SELECT e.account, e.revision \
            FROM entry e JOIN account a ON a.account = e.account WHERE a.state = 1 \
            AND e.revision < a.head LIMIT $1)";
        loop {
            let dropped = self
                .read(async |live| live.client.execute(some, &[&PURGED_AT_ONCE]).await)
                .await?;
            if dropped == 0 {
                return Ok(());
            }
        }
    }

    /// Runs an append on a connection that is held.
    async fn append_on(held: Held, append: &Append) -> Result<Appended, StorageProblem> {
        let parameters = Parameters::of(append)?;
        let live = held.live();
        live.listen();
        let ran = timeout(WAIT, parameters.run(live)).await;
        let is_noticed = live.is_noticed();
        let unknown = |held: Held| {
            held.give_up();
            Ok(Appended::Unknown)
        };
        match ran {
            Ok(Ok(Ok(true))) if !is_noticed => Ok(Appended::Written),
            Ok(Ok(Ok(false))) if !is_noticed => Ok(Appended::Conflict),
            Ok(Ok(Err(problem))) => Err(problem),
            Ok(Err(error)) if !is_noticed => match Failed::of(&error) {
                Failed::Conflict => Ok(Appended::Conflict),
                Failed::Refused(problem) => Err(problem),
                Failed::Unknown => unknown(held),
            },
            _ => unknown(held),
        }
    }

    async fn look_up_on(live: &Live, wanted: &Arrays<'_>) -> Result<Found, tokio_postgres::Error> {
        let (client, statements) = (&live.client, &live.statements);
        let ids = async {
            match wanted.ids.is_empty() {
                true => Ok(Vec::new()),
                false => {
                    let parameters: [Parameter<'_>; 3] =
                        [&wanted.places, &wanted.names_of_ids, &wanted.ids];
                    client.query(&statements.by_name, &parameters).await
                }
            }
        };
        let deletion = async {
            match &wanted.deletion {
                None => Ok(Vec::new()),
                Some((digest, id)) => client.query(&statements.deletion, &[digest, id]).await,
            }
        };
        let names: [Parameter<'_>; 1] = [&wanted.names];
        let heads = client.query(&statements.heads, &names);
        // Sent one after the other without waiting, so that the ids are looked up after the heads.
        let (mut heads, ids, deletion) = tokio::try_join!(heads, ids, deletion)?;
        if !deletion.is_empty() {
            heads = client.query(&statements.heads, &names).await?;
        }
        Ok(Found {
            heads,
            ids,
            is_deleted: !deletion.is_empty(),
        })
    }
}

impl Drop for PostgresJournal {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What is wanted, as arrays.
struct Arrays<'w> {
    names: Vec<&'w str>,
    places: Vec<i64>,
    names_of_ids: Vec<&'w str>,
    ids: Vec<&'w str>,
    deletion: Option<(Vec<u8>, &'w str)>,
}

impl<'w> Arrays<'w> {
    fn of(wanted: &Wanted<'w>) -> Self {
        let ids = wanted.ids.iter().enumerate();
        let ids = ids.filter(|(_, (_, id))| is_kept(id.as_str()));
        let mut arrays = Arrays {
            names: kept(&wanted.names),
            places: Vec::new(),
            names_of_ids: Vec::new(),
            ids: Vec::new(),
            deletion: wanted
                .deletion
                .map(|(name, id)| (digest(name), id.as_str())),
        };
        for (place, (name, id)) in ids {
            let name = wanted.names[*name];
            if is_kept(name) {
                arrays.places.push(signed(place as u64));
                arrays.names_of_ids.push(name);
                arrays.ids.push(id.as_str());
            }
        }
        arrays
    }
}

/// What was found, as rows.
struct Found {
    heads: Vec<Row>,
    ids: Vec<Row>,
    is_deleted: bool,
}

impl Found {
    fn read(&self, wanted: &Wanted<'_>) -> Result<LookedUp, StorageProblem> {
        let mut found = vec![None; wanted.ids.len()];
        for row in &self.ids {
            let head = rows::head_at(row, 1)?;
            let place: i64 = row.try_get(0).map_err(|error| problem(&error))?;
            let place = usize::try_from(place).ok();
            let place = place.and_then(|place| found.get_mut(place));
            *place.ok_or_else(|| other("a row that was not asked for"))? =
                rows::entry(&head.account, row, 1 + HEAD_COLUMNS)?;
        }
        Ok(LookedUp {
            heads: heads(&wanted.names, &self.heads)?,
            found,
            is_deleted: self.is_deleted,
        })
    }
}

/// Whether a text can be kept: the server's texts have no NUL.
fn is_kept(text: &str) -> bool {
    !text.contains('\0')
}

fn kept<'t>(texts: &[&'t str]) -> Vec<&'t str> {
    let texts = texts.iter().copied();
    texts.filter(|text| is_kept(text)).collect()
}

/// The heads of rows, in the order of the names.
fn heads(names: &[&str], rows: &[Row]) -> Result<Vec<Option<Head>>, StorageProblem> {
    let read = rows.iter().map(|row| rows::head_at(row, 0));
    let mut read: Vec<Head> = read.collect::<Result<_, _>>()?;
    read.sort_unstable_by(|one, other| one.account.name.cmp(&other.account.name));
    let find = |name: &&str| {
        let place = read.binary_search_by(|head| (*head.account.name).cmp(name));
        place.ok().map(|place| read[place].clone())
    };
    Ok(names.iter().map(find).collect())
}

/// It keeps none: accounts are folded from their entries.
impl Snapshots for PostgresJournal {}

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
        let key = |row: &Row| {
            Ok(AccountKey {
                opened: Sequence::new(unsigned(row.try_get(0)?)),
                name: row.try_get::<_, &str>(1)?.into(),
            })
        };
        let keys: Result<Vec<_>, tokio_postgres::Error> =
            self.named(rows)?.iter().map(key).collect();
        self.named(keys.map_err(|error| problem(&error)))
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
            let page = self.run(self.rows(|statements| &statements.page, &[&number, &from]));
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
            if page.len() < PAGE {
                return Ok(());
            }
        }
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

impl SharedJournal for PostgresJournal {
    fn place(&self) -> &str {
        &self.settings.place
    }

    fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn keeps(&self, text: &str) -> bool {
        is_kept(text)
    }

    fn look_up(&self, wanted: &Wanted<'_>) -> Result<LookedUp, JournalError> {
        let arrays = Arrays::of(wanted);
        let found = self.run(self.read(async |live| Self::look_up_on(live, &arrays).await));
        self.named(self.named(found)?.read(wanted))
    }

    fn news(&self, accounts: &[Have<'_>]) -> Result<Vec<Option<News>>, JournalError> {
        let asked = accounts.iter().filter(|have| is_kept(have.name));
        let (names, haves): (Vec<&str>, Vec<i64>) = asked
            .map(|have| (have.name, signed(have.after.get())))
            .unzip();
        let rows = self.run(self.rows(|statements| &statements.news, &[&names, &haves]));
        let read = || {
            let mut news: Vec<News> = Vec::new();
            for row in &self.named(rows)? {
                let head = self.named(rows::head_at(row, 0))?;
                if news
                    .last()
                    .is_none_or(|last| last.head.account != head.account)
                {
                    let entries = Vec::new();
                    news.push(News { head, entries });
                }
                let last = news.last_mut().expect("one was just pushed");
                let entry = rows::entry(&last.head.account, row, HEAD_COLUMNS);
                last.entries.extend(self.named(entry)?);
            }
            Ok(news)
        };
        let mut news: Vec<News> = read()?;
        news.sort_unstable_by(|one, other| one.head.account.name.cmp(&other.head.account.name));
        let find = |have: &Have<'_>| {
            let name = |news: &News| (*news.head.account.name).cmp(have.name);
            let place = news.binary_search_by(name).ok()?;
            Some(news[place].clone())
        };
        Ok(accounts.iter().map(find).collect())
    }

    fn append(&self, lane: usize, append: &Append) -> Result<Appended, JournalError> {
        let appended = self.run(async {
            let held = self.lanes[lane].hold().await?;
            Self::append_on(held, append).await
        });
        let appended = self.named(appended)?;
        self.tidy(append, appended);
        Ok(appended)
    }

    fn append_held(
        &self,
        lane: usize,
        wanted: &Wanted<'_>,
        draft: &mut dyn FnMut(LookedUp) -> Option<Append>,
    ) -> Result<Option<Appended>, JournalError> {
        let arrays = Arrays::of(wanted);
        let begun = self.run(async {
            let mut held = self.lanes[lane].hold().await?;
            held.open();
            let locked = timeout(WAIT, async {
                let live = held.live();
                let begin = "BEGIN; SET LOCAL idle_in_transaction_session_timeout = 5000";
                live.client.batch_execute(begin).await?;
                live.client
                    .query(&live.statements.lock, &[&arrays.names])
                    .await?;
                Self::look_up_on(live, &arrays).await
            });
            match locked.await {
                Ok(Ok(found)) => Ok((held, found)),
                // Nothing was written: what is begun ends with the connection.
                Ok(Err(error)) => {
                    held.give_up();
                    Err(problem(&error))
                }
                Err(_) => {
                    held.give_up();
                    Err(other("no answer in time"))
                }
            }
        });
        let (held, found) = self.named(begun)?;
        let looked_up = match found.read(wanted) {
            Ok(looked_up) => looked_up,
            Err(problem) => {
                held.give_up();
                return self.named(Err(problem));
            }
        };
        let Some(append) = draft(looked_up) else {
            let ended = self.run(Self::end(held, "ROLLBACK"));
            return self.named(ended.map(|_| None));
        };
        let appended = self.run(Self::append_and_end(held, &append));
        let appended = self.named(appended)?;
        self.tidy(&append, appended);
        Ok(Some(appended))
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        let sql = "INSERT INTO note VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let number = signed(number);
        let kept =
            self.run(self.read(async |live| live.client.execute(sql, &[&name, &number]).await));
        self.named(kept)?;
        let kept = self.note(name)?;
        kept.map_or_else(|| self.named(Err(other("what was kept is not there"))), Ok)
    }
}

impl PostgresJournal {
    async fn append_and_end(held: Held, append: &Append) -> Result<Appended, StorageProblem> {
        let parameters = match Parameters::of(append) {
            Ok(parameters) => parameters,
            Err(problem) => {
                Self::end(held, "ROLLBACK").await?;
                return Err(problem);
            }
        };
        held.live().listen();
        let ran = timeout(WAIT, parameters.run(held.live())).await;
        // Before COMMIT is sent, nothing is written.
        let failed = match ran {
            Ok(Ok(Ok(true))) => {
                return Ok(Self::end(held, "COMMIT").await.unwrap_or(Appended::Unknown));
            }
            Ok(Ok(Ok(false))) => Ok(Appended::Conflict),
            Ok(Ok(Err(problem))) => Err(problem),
            Ok(Err(error)) => match Failed::of(&error) {
                Failed::Conflict | Failed::Unknown => Ok(Appended::Conflict),
                Failed::Refused(problem) => Err(problem),
            },
            Err(_) => Err(other("no answer in time")),
        };
        Self::end(held, "ROLLBACK").await?;
        failed
    }

    /// Ends a transaction. An end that is not confirmed, or not without a notice, is unknown.
    async fn end(mut held: Held, how: &str) -> Result<Appended, StorageProblem> {
        let live = held.live();
        let ended = timeout(WAIT, live.client.batch_execute(how)).await;
        match ended {
            Ok(Ok(())) if !live.is_noticed() => {
                held.close();
                Ok(Appended::Written)
            }
            _ => {
                held.give_up();
                match how {
                    "ROLLBACK" => Ok(Appended::Conflict),
                    _ => Ok(Appended::Unknown),
                }
            }
        }
    }

    /// Drops the entries of an account that was deleted. If that fails, whoever opens the store next goes on.
    fn tidy(&self, append: &Append, appended: Appended) {
        let is_any = append.accounts.iter().any(|change| change.is_deleted);
        if is_any && appended == Appended::Written {
            let _ = self.run(self.purge());
        }
    }
}
