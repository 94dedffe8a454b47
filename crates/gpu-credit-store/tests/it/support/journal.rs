//! A journal that is watched, held up, or made to fail.

use std::ops::ControlFlow;

use gpu_credit_store::{
    AccountKey, Deletion, Entry, Head, Journal, JournalError, Part, Reader, RecordId, RedbJournal,
    Revision, SegmentNumber, Sequence, SnapshotChange, Snapshots,
};

use super::backend::Disk;

/// What a journal is about to do, or has done.
pub(crate) enum Step<'a> {
    Prepare,
    Append,
    Appended,
    Entries(&'a AccountKey),
    Find(&'a [(AccountKey, RecordId)]),
    Heads,
    Segments(&'a RedbJournal, &'a AccountKey),
}

/// A value that a hook can refer to as long as it likes.
pub(crate) fn kept<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// Calls a hook at each step; an error of the hook is one of the journal.
pub(crate) struct Hooked<H> {
    journal: RedbJournal,
    hook: H,
}

impl<H> Hooked<H> {
    /// On a disk in memory.
    pub(crate) fn new(hook: H) -> Self {
        Self::on(Disk::default(), hook)
    }

    pub(crate) fn on(disk: Disk, hook: H) -> Self {
        let journal = RedbJournal::with_backend(disk, "disk").unwrap();
        Hooked { journal, hook }
    }
}

impl<H> Snapshots for Hooked<H>
where
    H: Fn(Step<'_>) -> Result<(), JournalError> + Send + Sync + 'static,
{
    fn snapshots(&self, account: &AccountKey) -> Result<Vec<Revision>, JournalError> {
        self.journal.snapshots(account)
    }

    fn snapshot(
        &self,
        account: &AccountKey,
        through: Revision,
    ) -> Result<Option<(Revision, Vec<u8>)>, JournalError> {
        self.journal.snapshot(account, through)
    }

    fn segments(
        &self,
        account: &AccountKey,
        numbers: &[SegmentNumber],
    ) -> Result<Vec<Option<Vec<u8>>>, JournalError> {
        (self.hook)(Step::Segments(&self.journal, account))?;
        self.journal.segments(account, numbers)
    }

    fn segment_numbers(&self, account: &AccountKey) -> Result<Vec<SegmentNumber>, JournalError> {
        self.journal.segment_numbers(account)
    }

    fn change_snapshots(
        &self,
        account: &AccountKey,
        change: &SnapshotChange,
    ) -> Result<bool, JournalError> {
        self.journal.change_snapshots(account, change)
    }
}

impl<H> Reader for Hooked<H>
where
    H: Fn(Step<'_>) -> Result<(), JournalError> + Send + Sync + 'static,
{
    fn note(&self, name: &str) -> Result<Option<u64>, JournalError> {
        self.journal.note(name)
    }

    fn notes(&self, beginning: &str) -> Result<Vec<(String, u64)>, JournalError> {
        self.journal.notes(beginning)
    }

    fn heads(&self, names: &[&str]) -> Result<Vec<Option<Head>>, JournalError> {
        (self.hook)(Step::Heads)?;
        self.journal.heads(names)
    }

    fn accounts(&self) -> Result<Vec<AccountKey>, JournalError> {
        self.journal.accounts()
    }

    fn entries(
        &self,
        account: &AccountKey,
        after: Revision,
        through: Sequence,
        visit: &mut dyn FnMut(Entry) -> ControlFlow<()>,
    ) -> Result<(), JournalError> {
        (self.hook)(Step::Entries(account))?;
        self.journal.entries(account, after, through, visit)
    }

    fn find_many(
        &self,
        ids: &[(AccountKey, RecordId)],
    ) -> Result<Vec<Option<Entry>>, JournalError> {
        (self.hook)(Step::Find(ids))?;
        self.journal.find_many(ids)
    }

    fn deletions(&self) -> Result<Vec<Deletion>, JournalError> {
        self.journal.deletions()
    }

    fn is_deleted(&self, name: &str, id: &RecordId) -> Result<bool, JournalError> {
        self.journal.is_deleted(name, id)
    }

    fn check(&self) -> Result<Vec<String>, JournalError> {
        self.journal.check()
    }
}

impl<H> Journal for Hooked<H>
where
    H: Fn(Step<'_>) -> Result<(), JournalError> + Send + Sync + 'static,
{
    fn append(&self, entries: &[Entry], heads: &[Head]) -> Result<(), JournalError> {
        (self.hook)(Step::Append)?;
        self.journal.append(entries, heads)?;
        (self.hook)(Step::Appended)
    }

    fn prepare(&self, entries: &[Entry]) -> Result<Vec<u8>, JournalError> {
        (self.hook)(Step::Prepare)?;
        self.journal.prepare(entries)
    }

    fn append_parts(
        &self,
        parts: &mut dyn Iterator<Item = Result<Part<'_>, JournalError>>,
    ) -> Result<(), JournalError> {
        (self.hook)(Step::Append)?;
        self.journal.append_parts(parts)?;
        (self.hook)(Step::Appended)
    }

    fn keep_note(&self, name: &str, number: u64) -> Result<u64, JournalError> {
        self.journal.keep_note(name, number)
    }

    fn last_sequence(&self) -> Result<Sequence, JournalError> {
        self.journal.last_sequence()
    }
}
