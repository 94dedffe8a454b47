//! What a draft knows: of itself, of what was written lately, and of the facts that come with a request.

use std::sync::Arc;

use hashbrown::HashMap;

use super::undo::Undo;
use super::{Draft, Drafted};
use crate::facts::{Facts, Record};
use crate::standing::Standing;
use crate::{Error, Head, RecordId};

impl Draft<'_> {
    /// The record of an id: of the draft, written lately, or long ago.
    pub(super) fn find(&self, account: usize, id: &RecordId, facts: &Facts) -> Option<Record> {
        let account = &self.accounts[account];
        if let Some(sequence) = account.ids.get(id) {
            let place = self
                .entries
                .binary_search_by_key(sequence, |entry| entry.sequence);
            let entry = &self.entries[place.expect("an id leads to an entry")];
            return Some((entry.revision, entry.change.clone()));
        }
        if account.is_new {
            return None;
        }
        let key = &account.head.account;
        let recent = self.recent.find(key, id);
        recent.or_else(|| facts.of(key)?.find(id).cloned())
    }

    /// How a record stands that is to be corrected.
    pub(super) fn standing(
        &self,
        account: usize,
        id: &RecordId,
        (revision, posted): &Record,
        facts: &Facts,
    ) -> Option<Standing> {
        let account = &self.accounts[account];
        if let Some((_, standing)) = account.corrected.get(revision) {
            return Some(*standing);
        }
        let key = &account.head.account;
        if let Some(standing) = self.recent.standing(key, *revision) {
            return Some(standing);
        }
        let is_late = account.ids.contains_key(id) || self.recent.has(key, id);
        match facts.of(key) {
            Some(facts) if !is_late => facts.standing(*revision),
            _ => Standing::posted(posted),
        }
    }

    /// The account of a name, as the draft has it.
    pub(super) fn account(&mut self, name: &str, facts: &Facts) -> Result<usize, Error> {
        self.find_account(name, facts)
            .ok_or_else(|| Error::NoSuchAccount(name.to_owned()))
    }

    pub(super) fn find_account(&mut self, name: &str, facts: &Facts) -> Option<usize> {
        if let Some(account) = self.names.get(name) {
            return *account;
        }
        let head = match self.recent.account(name) {
            Some(touched) => (!touched.is_deleted).then(|| touched.head.clone())?,
            None => facts.account(name)?.head.clone(),
        };
        Some(self.add_account(head, false))
    }

    pub(super) fn add_account(&mut self, head: Head, is_new: bool) -> usize {
        let (name, account) = (Arc::clone(&head.account.name), self.accounts.len());
        self.accounts.push(Drafted {
            head,
            is_new,
            changed_by: 0,
            ids: HashMap::new(),
            corrected: HashMap::new(),
            folded: None,
            decides: false,
        });
        self.set_name(name, Some(account));
        account
    }

    pub(super) fn set_name(&mut self, name: Arc<str>, account: Option<usize>) {
        let before = self.names.insert(Arc::clone(&name), account);
        self.undo.push(Undo::Name(name, before));
    }
}
