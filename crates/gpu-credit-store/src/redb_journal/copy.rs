//! Copies the tables as they are at one moment, in short reads.
//!
//! redb frees no page that a transaction can read, and whoever commits after a long read frees all that
//! waited for its end. So the first read takes what is written over: the last sequence, accounts, heads
//! and deletions. Entries never change: they are read a page at a time, those of an account up to the
//! revision that its head says. Only a deletion removes some; if there is one meanwhile, the copy is left.
//! Snapshots come last, as they are then: one that was dropped halfway lacks segments, and is of no use.

use std::collections::HashMap;
use std::ops::Bound;

use redb::{
    Key, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, Value,
    WriteTransaction,
};

use super::codec;
use super::error::Failure;
use super::open_file::{Done, OpenFile};
use super::tables::{ACCOUNTS, DELETIONS, ENTRIES, HEADS, IDS, META, SEGMENTS, SNAPSHOTS};

/// Rows that one read takes at most.
const PAGE_ROWS: usize = 8_192;
/// Bytes from which on one read takes no further row.
const PAGE_BYTES: usize = 4 << 20;

/// How the tables are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reads {
    /// Threads that post do not wait for it; a deletion stops it.
    Short,
    /// All in one: nothing stops it.
    One,
}

/// Why a copy is left unfinished that can be written.
pub(super) enum Stopped {
    /// An account was deleted meanwhile.
    Overtaken,
    /// The journal cannot be read.
    Unread(Failure),
}

/// Copies every table into an empty file. The last read ends before the file is committed.
pub(super) fn copy(
    from: &OpenFile,
    reads: Reads,
    to: &mut OpenFile,
) -> Result<Done<Result<(), Stopped>>, Failure> {
    let copied = to.write_or_leave(|write| match copy_tables(from, reads, write) {
        Ok(()) => Ok(Done::Commit(Ok(()))),
        Err(Problem::From(stopped)) => Ok(Done::Leave(Err(stopped))),
        Err(Problem::To(failure)) => Err(failure),
    })?;
    if copied.is_err() {
        return Ok(Done::Leave(copied));
    }
    to.compact()?;
    Ok(Done::Commit(copied))
}

enum Problem {
    From(Stopped),
    To(Failure),
}

fn copy_tables(from: &OpenFile, reads: Reads, to: &WriteTransaction) -> Result<(), Problem> {
    let source = Source::new(from, reads).map_err(Problem::unread)?;
    let first = source.read(First::read).map_err(Problem::unread)?;
    first.write(to).map_err(Problem::To)?;
    copy_pages(
        ENTRIES,
        |&(account, revision)| (account, revision),
        &first,
        &source,
        to,
    )?;
    copy_pages(
        IDS,
        |&(account, _, revision)| (account, revision),
        &first,
        &source,
        to,
    )?;
    copy_pages(
        SNAPSHOTS,
        |&(account, revision)| (account, revision),
        &first,
        &source,
        to,
    )?;
    copy_pages(SEGMENTS, |&(account, _)| (account, 0), &first, &source, to)
}

impl Problem {
    fn unread(failure: Failure) -> Self {
        Problem::From(Stopped::Unread(failure))
    }
}

/// What is copied, in reads that are short or are one.
struct Source<'f> {
    file: &'f OpenFile,
    one: Option<ReadTransaction>,
}

impl<'f> Source<'f> {
    fn new(file: &'f OpenFile, reads: Reads) -> Result<Self, Failure> {
        let one = match reads {
            Reads::Short => None,
            Reads::One => Some(file.begin_read()?),
        };
        Ok(Source { file, one })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&ReadTransaction) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match &self.one {
            Some(transaction) => self.file.read_in(transaction, read),
            None => self.file.read(read),
        }
    }
}

/// What is written over: of the moment that the copy is of.
struct First {
    meta: Rows<&'static str, u64>,
    accounts: Rows<&'static str, u64>,
    heads: Rows<u64, &'static [u8]>,
    deletions: Rows<(&'static [u8; 32], &'static str), u64>,
    /// The last revisions of the accounts, by their numbers.
    revisions: HashMap<u64, u64>,
}

impl First {
    fn read(read: &ReadTransaction) -> Result<Self, Failure> {
        let mut revisions = HashMap::new();
        for row in read.open_table(HEADS)?.iter()? {
            let (account, head) = row?;
            let revision = codec::revision(head.value());
            let revision = revision.map_err(|problem| {
                Failure::damaged(format!("the head of an account: {problem}"))
            })?;
            revisions.insert(account.value(), revision.get());
        }
        Ok(First {
            meta: Rows::all(META, read)?,
            accounts: Rows::all(ACCOUNTS, read)?,
            heads: Rows::all(HEADS, read)?,
            deletions: Rows::all(DELETIONS, read)?,
            revisions,
        })
    }

    fn write(&self, to: &WriteTransaction) -> Result<(), Failure> {
        self.meta.write(|_| true, to)?;
        self.accounts.write(|_| true, to)?;
        self.heads.write(|_| true, to)?;
        self.deletions.write(|_| true, to)
    }

    /// Whether no account was deleted since. Every deletion has a row of its own, which stays.
    fn holds(&self, read: &ReadTransaction) -> Result<bool, Failure> {
        Ok(read.open_table(DELETIONS)?.len()? == self.deletions.ends.len() as u64)
    }
}

/// Copies the rows of a table up to the last revision of each account, a page at a time.
fn copy_pages<K, V>(
    table: TableDefinition<'static, K, V>,
    account_and_revision: fn(&K) -> (u64, u64),
    first: &First,
    source: &Source<'_>,
    to: &WriteTransaction,
) -> Result<(), Problem>
where
    K: Key + for<'k> Value<SelfType<'k> = K> + 'static,
    V: Value + 'static,
{
    let mut after = Bound::Unbounded;
    loop {
        let read = source.read(|read| {
            let is_held = first.holds(read)?;
            is_held
                .then(|| Page::read(table, after.as_ref(), read))
                .transpose()
        });
        let page = read.map_err(Problem::unread)?;
        let page = page.ok_or(Problem::From(Stopped::Overtaken))?;
        let is_copied = |key: &K| {
            let (account, revision) = account_and_revision(key);
            let last = first.revisions.get(&account);
            last.is_some_and(|last| revision <= *last)
        };
        page.rows.write(is_copied, to).map_err(Problem::To)?;
        let Some(last) = page.last else {
            return Ok(());
        };
        after = Bound::Excluded(last);
    }
}

/// Rows that follow each other.
struct Page<K: Key + 'static, V: Value + 'static> {
    rows: Rows<K, V>,
    /// The key of the last of them.
    last: Option<K>,
}

impl<K, V> Page<K, V>
where
    K: Key + for<'k> Value<SelfType<'k> = K> + 'static,
    V: Value + 'static,
{
    fn read(
        table: TableDefinition<'static, K, V>,
        after: Bound<&K>,
        read: &ReadTransaction,
    ) -> Result<Self, Failure> {
        let (mut rows, mut last) = (Rows::none(table), None);
        let there = read.open_table(table)?;
        for row in there.range::<K>((after, Bound::Unbounded))?.take(PAGE_ROWS) {
            if rows.bytes.len() >= PAGE_BYTES {
                break;
            }
            let (key, value) = row?;
            let key = key.value();
            rows.push(&key, &value.value());
            last = Some(key);
        }
        Ok(Page { rows, last })
    }
}

/// Rows of a table, as they are in the file.
struct Rows<K: Key + 'static, V: Value + 'static> {
    table: TableDefinition<'static, K, V>,
    bytes: Vec<u8>,
    /// Where the key and the value of each end.
    ends: Vec<(usize, usize)>,
}

impl<K: Key + 'static, V: Value + 'static> Rows<K, V> {
    fn none(table: TableDefinition<'static, K, V>) -> Self {
        Rows {
            table,
            bytes: Vec::new(),
            ends: Vec::new(),
        }
    }

    fn all(table: TableDefinition<'static, K, V>, read: &ReadTransaction) -> Result<Self, Failure> {
        let mut rows = Self::none(table);
        for row in read.open_table(table)?.iter()? {
            let (key, value) = row?;
            rows.push(&key.value(), &value.value());
        }
        Ok(rows)
    }

    fn push(&mut self, key: &K::SelfType<'_>, value: &V::SelfType<'_>) {
        self.bytes.extend_from_slice(K::as_bytes(key).as_ref());
        let end_of_key = self.bytes.len();
        self.bytes.extend_from_slice(V::as_bytes(value).as_ref());
        self.ends.push((end_of_key, self.bytes.len()));
    }

    /// Writes those of which the key is wanted.
    fn write(
        &self,
        is_wanted: impl Fn(&K::SelfType<'_>) -> bool,
        to: &WriteTransaction,
    ) -> Result<(), Failure> {
        let mut table = to.open_table(self.table)?;
        let mut start = 0;
        for &(end_of_key, end) in &self.ends {
            let (key, value) = (&self.bytes[start..end_of_key], &self.bytes[end_of_key..end]);
            let key = K::from_bytes(key);
            if is_wanted(&key) {
                table.insert(key, V::from_bytes(value))?;
            }
            start = end;
        }
        Ok(())
    }
}
