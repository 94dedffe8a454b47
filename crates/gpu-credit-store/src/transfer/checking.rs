//! Decides which rows of a file are new, and checks every rule for them, before anything is written.

use std::ops::ControlFlow;
use std::sync::Arc;

use gpu_credit::Overdraft;
use hashbrown::{HashMap, HashSet};

use super::accounts::AccountIndex;
use super::appending::{Posted, heads, last};
use super::identity::{FileDigest, ImportedFile, RowDigest, RowKey};
use super::memory::Repeated;
use super::reading::{ReadFile, StagedRow};
use super::refused::RefusedRows;
use super::{ChangedRow, EqualRow, ImportOptions, ImportStep, PostedBy, refused, tell};
use crate::store::OPENING_ID;
use crate::{
    AccountKey, Change, Entry, Error, Head, ImportError, Posting, RecordId, Revision, Sequence,
    Storage, Store, Totals, rules,
};

/// Rows whose ids are looked up together.
const LOOKED_UP_AT_ONCE: usize = 65_536;
/// Rows that are shown of those that equal rows imported before.
const SHOWN_MAX: usize = 3;

/// What is to be written of a file, and on which facts that rests.
pub(super) struct Checked {
    /// The journal was seen up to here at least.
    pub(super) through: Sequence,
    /// Nothing that is known of the journal comes after this entry.
    pub(super) last: Sequence,
    /// The accounts of the file as they are; `None` for one that is not there.
    pub(super) heads: Vec<Option<Head>>,
    /// Rows at the beginning that were imported before.
    pub(super) continued: u64,
    /// Rows that are there already, those included.
    pub(super) known: u64,
    pub(super) new: u64,
    /// Accounts that are to be opened, each once.
    pub(super) opened: Vec<AccountIndex>,
    /// Rows that are left out.
    pub(super) refused: RefusedRows,
    is_new: Bits,
    /// Rows without id whose occurrence in the account is not that in the file, in order.
    occurrences: Vec<(u64, u32)>,
}

impl Checked {
    /// Whether a row is to be written.
    pub(super) fn is_new(&self, place: u64) -> bool {
        self.is_new.get(place)
    }

    /// The id under which a row is to be written; `None` if it is not.
    pub(super) fn id(&self, place: u64, row: &StagedRow) -> Option<RecordId> {
        if !self.is_new(place) {
            return None;
        }
        let made = || {
            let found = self.occurrences.binary_search_by_key(&place, |(at, _)| *at);
            let occurrence = found.map_or(row.occurrence, |at| self.occurrences[at].1);
            row.key.made_id(occurrence)
        };
        Some(row.id.clone().unwrap_or_else(made))
    }

    /// Takes in what was written, before which nobody else wrote to the accounts.
    pub(super) fn wrote(&mut self, posted: &Posted) {
        // Entries that have no order are never all seen.
        if self.through < Sequence::END {
            self.through = posted.last;
        }
        self.last = posted.last;
        for (account, head) in posted.accounts.iter().zip(&posted.heads) {
            self.heads[account.get()] = Some(head.clone());
        }
    }
}

/// A set of places.
#[derive(Default)]
struct Bits(Vec<u64>);

impl Bits {
    fn set(&mut self, place: u64) {
        let (word, bit) = Self::at(place);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= bit;
    }

    fn get(&self, place: u64) -> bool {
        let (word, bit) = Self::at(place);
        self.0.get(word).is_some_and(|bits| bits & bit != 0)
    }

    #[allow(
        clippy::cast_possible_truncation,
        reason = "so many rows do not fit beside their keys in memory"
    )]
    fn at(place: u64) -> (usize, u64) {
        (place as usize / 64, 1 << (place % 64))
    }
}

/// Checks all rows. The first `written` were written by this import.
pub(super) fn check<S: Storage>(
    store: &Store<S>,
    file: &mut ReadFile,
    options: &ImportOptions,
    written: u64,
    progress: &mut impl FnMut(ImportStep) -> ControlFlow<()>,
) -> Result<Checked, Error> {
    let through = store.storage()?.visible();
    let heads = heads(store, &file.accounts)?;
    let continued = match options.again {
        true => 0,
        false => continued(store, file)?,
    };
    let totals = heads.iter().map(|head| match head {
        Some(head) => head.totals,
        None => Totals::default(),
    });
    let mut checking = Checking {
        store,
        storage: store.storage()?,
        again: options.again,
        opens_accounts: options.opens_accounts,
        policy: options.policy,
        totals: totals.collect(),
        is_opened: vec![false; heads.len()],
        repeated_ids: HashMap::new(),
        copies: HashMap::new(),
        equal: Equal::default(),
        checked: Checked {
            through,
            last: last(through, &heads),
            heads,
            continued,
            known: continued.max(written),
            new: 0,
            opened: Vec::new(),
            refused: RefusedRows::new(options.skip_refused),
            is_new: Bits::default(),
            occurrences: Vec::new(),
        },
    };
    let ReadFile {
        staging,
        accounts,
        repeated,
        ..
    } = file;
    let mut rows = staging.read()?;
    let (mut chunk, mut place, mut is_last) = (Vec::new(), 0, false);
    while !is_last {
        match rows.next()? {
            Some(row) => {
                if place >= checking.checked.continued.max(written) {
                    chunk.push((place, row));
                }
                place += 1;
            }
            None => is_last = true,
        }
        if is_last || chunk.len() == LOOKED_UP_AT_ONCE {
            checking.check_chunk(accounts, repeated, &mut chunk)?;
            tell(progress, ImportStep::Checked(place))?;
        }
    }
    checking.finish()
}

/// How many rows, from the first on, are all rows of a file that was imported before: the most there
/// can be. None if a row has an id.
fn continued<S: Storage>(store: &Store<S>, file: &mut ReadFile) -> Result<u64, Error> {
    if file.digest.is_none() {
        return Ok(0);
    }
    let mut files: HashSet<ImportedFile> = HashSet::new();
    files.extend(ImportedFile::all(store.reader())?);
    files.retain(|imported| imported.rows <= file.staging.rows());
    let mut lengths: Vec<u64> = files.iter().map(|imported| imported.rows).collect();
    lengths.sort_unstable();
    let Some(last) = lengths.last() else {
        return Ok(0);
    };
    let (mut digest, mut continued) = (FileDigest::default(), 0);
    let mut rows = file.staging.read()?;
    while digest.rows() < *last
        && let Some(row) = rows.next()?
    {
        let account = &file.accounts[row.account.get()];
        digest.add(RowDigest::of(account, &row.change));
        let may_be_known = lengths.binary_search(&digest.rows()).is_ok();
        if may_be_known && files.contains(&digest.file()) {
            continued = digest.rows();
        }
    }
    Ok(continued)
}

/// Rows without id of one key, which the file has several times.
#[derive(Default)]
struct Copies {
    /// In the account already.
    there: u32,
    /// Of the file, and new.
    new: u32,
    /// Of the file, and equal to one that is there.
    equal: u32,
}

/// Rows that equal rows imported before.
#[derive(Default)]
struct Equal {
    count: u64,
    shown: Vec<EqualRow>,
}

struct Checking<'s, S: Storage> {
    store: &'s Store<S>,
    storage: &'s S,
    again: bool,
    opens_accounts: bool,
    policy: Overdraft,
    totals: Vec<Totals>,
    is_opened: Vec<bool>,
    /// New rows by the ids that the file has several times.
    repeated_ids: HashMap<(AccountIndex, RecordId), (u64, Change)>,
    copies: HashMap<RowKey, Copies>,
    equal: Equal,
    checked: Checked,
}

impl<S: Storage> Checking<'_, S> {
    fn check_chunk(
        &mut self,
        accounts: &[Arc<str>],
        repeated: &Repeated,
        chunk: &mut Vec<(u64, StagedRow)>,
    ) -> Result<(), Error> {
        let mut asked = Vec::new();
        for (_, row) in chunk.iter() {
            // What is counted is looked up below.
            let is_counted = row.id.is_none() && repeated.has(row.key);
            if !is_counted && let Some(account) = self.account(row.account) {
                let made = || row.key.made_id(1);
                asked.push((account.clone(), row.id.clone().unwrap_or_else(made)));
            }
        }
        let mut found = self.store.reader().find_many(&asked)?.into_iter();
        for (place, row) in chunk.drain(..) {
            let is_repeated = repeated.has(row.key);
            let is_counted = row.id.is_none() && is_repeated;
            let there = match self.account(row.account) {
                Some(_) if !is_counted => found.next().flatten(),
                _ => None,
            };
            let name = &accounts[row.account.get()];
            let has_id = row.id.is_some();
            match self.check_row(name, place, row, there, is_repeated) {
                Err(error) if has_id => self.checked.refused.add(place, error)?,
                checked => checked?,
            }
        }
        Ok(())
    }

    /// A row of which the journal has `there`; if it is an error nothing is known of the row.
    fn check_row(
        &mut self,
        name: &str,
        place: u64,
        row: StagedRow,
        there: Option<Entry>,
        is_repeated: bool,
    ) -> Result<(), Error> {
        let is_new = match &row.id {
            Some(id) => self.is_new_by_id(name, id, &row, there, is_repeated)?,
            None if is_repeated => self.is_new_copy(name, place, &row)?,
            None => self.is_new_row(name, place, &row, there)?,
        };
        match is_new {
            true => self.admit(name, place, row, is_repeated),
            false => Ok(()),
        }
    }

    fn account(&self, account: AccountIndex) -> Option<&AccountKey> {
        let head = self.checked.heads[account.get()].as_ref();
        head.map(|head| &head.account)
    }

    /// Of a row with an id, of which the journal has `there`.
    fn is_new_by_id(
        &mut self,
        name: &str,
        id: &RecordId,
        row: &StagedRow,
        there: Option<Entry>,
        is_repeated: bool,
    ) -> Result<bool, Error> {
        let changed = |posted: Change, place| {
            let changed = ChangedRow {
                line: row.line,
                account: name.to_owned(),
                id: id.clone(),
                row: row.change.clone(),
                posted,
                place,
            };
            Err(ImportError::Changed(Box::new(changed)).into())
        };
        if let Some(entry) = there {
            if entry.change != row.change {
                return changed(entry.change, PostedBy::Revision(entry.revision));
            }
            self.checked.known += 1;
            return Ok(false);
        }
        if id.as_str() == OPENING_ID && self.account(row.account).is_none() {
            let policy = self.policy;
            return changed(Change::OpenAccount { policy }, PostedBy::Opening);
        }
        if !is_repeated {
            return Ok(true);
        }
        let key = (row.account, id.clone());
        match self.repeated_ids.get(&key) {
            None => Ok(true),
            Some((_, change)) if *change == row.change => {
                self.checked.known += 1;
                Ok(false)
            }
            Some((line, change)) => changed(change.clone(), PostedBy::Line(*line)),
        }
    }

    /// Of a row without id whose columns no other row of the file has.
    fn is_new_row(
        &mut self,
        name: &str,
        place: u64,
        row: &StagedRow,
        there: Option<Entry>,
    ) -> Result<bool, Error> {
        let Some(entry) = there else {
            return Ok(true);
        };
        if !self.again {
            self.equal(name, row, entry.revision);
            return Ok(false);
        }
        let there = self.count(row)?;
        self.checked.occurrences.push((place, there + 1));
        Ok(true)
    }

    /// Of a row without id whose columns other rows of the file have, too. They are told from those of
    /// earlier files by their number: `copies.there` are in the account, and of those the ones that
    /// stand before the new part of this file are this file's own.
    fn is_new_copy(&mut self, name: &str, place: u64, row: &StagedRow) -> Result<bool, Error> {
        if !self.copies.contains_key(&row.key) {
            let there = match self.account(row.account) {
                Some(_) => self.count(row)?,
                None => 0,
            };
            let copies = Copies {
                there,
                ..Copies::default()
            };
            self.copies.insert(row.key, copies);
        }
        let again = self.again;
        let Some(copies) = self.copies.get_mut(&row.key) else {
            unreachable!("it was put there");
        };
        let continued = row.occurrence - 1 - copies.new - copies.equal;
        if copies.there > continued && !again {
            copies.equal += 1;
            let account = self.checked.heads[row.account.get()].as_ref();
            let account = account.map(|head| head.account.clone());
            let revision = match account {
                Some(account) => self.revision(account, row.key.made_id(continued + 1))?,
                None => None,
            };
            self.equal(name, row, revision.unwrap_or(Revision::START));
            return Ok(false);
        }
        copies.new += 1;
        let occurrence = copies.there + copies.new;
        if occurrence != row.occurrence {
            self.checked.occurrences.push((place, occurrence));
        }
        Ok(true)
    }

    fn equal(&mut self, name: &str, row: &StagedRow, revision: Revision) {
        self.equal.count += 1;
        if self.equal.shown.len() < SHOWN_MAX {
            self.equal.shown.push(EqualRow {
                line: row.line,
                account: name.to_owned(),
                change: row.change.clone(),
                revision,
            });
        }
    }

    /// How many records without id the account has of these columns. They are numbered from 1 on.
    /// O(log n) look-ups.
    fn count(&self, row: &StagedRow) -> Result<u32, Error> {
        let Some(account) = self.account(row.account) else {
            return Ok(0);
        };
        let is_there = |occurrence| {
            let id = row.key.made_id(occurrence);
            Ok::<_, Error>(self.revision(account.clone(), id)?.is_some())
        };
        let (mut there, mut step) = (0, 1);
        while is_there(there + step)? {
            there += step;
            step *= 2;
        }
        while step > 1 {
            step /= 2;
            if is_there(there + step)? {
                there += step;
            }
        }
        Ok(there)
    }

    fn revision(&self, account: AccountKey, id: RecordId) -> Result<Option<Revision>, Error> {
        let found = self.store.reader().find_many(&[(account, id)])?.pop();
        Ok(found.flatten().map(|entry| entry.revision))
    }

    /// Checks the rules for a row that is new.
    fn admit(
        &mut self,
        name: &str,
        place: u64,
        row: StagedRow,
        is_repeated: bool,
    ) -> Result<(), Error> {
        let StagedRow {
            line, account, id, ..
        } = row;
        let index = account.get();
        let is_there = self.checked.heads[index].is_some();
        if !is_there && !self.opens_accounts {
            let error = Error::NoSuchAccount(name.to_owned());
            return Err(ImportError::Refused { line, error }.into());
        }
        let is_named = id.is_some();
        let id = id.unwrap_or_else(|| row.key.made_id(1));
        let posting = Posting::new(name, id, row.change);
        let admitted = rules::check_texts(&posting);
        let admitted =
            admitted.and_then(|()| rules::check_kept(&posting, |text| self.storage.keeps(text)));
        let admitted = admitted.and_then(|()| rules::posted(self.totals[index], &posting.change));
        self.totals[index] =
            admitted.map_err(|refusal| refused(line, name, &posting.id, refusal))?;
        if !is_there && !self.is_opened[index] {
            self.is_opened[index] = true;
            self.checked.opened.push(account);
        }
        if is_named && is_repeated {
            let (key, first) = ((account, posting.id), (line, posting.change));
            self.repeated_ids.insert(key, first);
        }
        self.checked.is_new.set(place);
        self.checked.new += 1;
        Ok(())
    }

    fn finish(self) -> Result<Checked, Error> {
        let Equal { count, shown } = self.equal;
        match count {
            0 => Ok(self.checked),
            _ => Err(ImportError::Equal { count, shown }.into()),
        }
    }
}
