//! The accounts and entries of a server, in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gpu_credit_store::{AccountKey, Append, Change, Entry, Head, RecordId, Revision, Sequence};

#[derive(Clone, Default)]
pub(super) struct Journal {
    pub(super) accounts: BTreeMap<Arc<str>, (Head, Vec<Entry>)>,
    /// Of all accounts that ever were.
    numbers: BTreeSet<Sequence>,
    pub(super) deletions: BTreeSet<(String, RecordId)>,
}

impl Journal {
    /// What all these appends make.
    pub(super) fn of_log(log: &[Append]) -> Self {
        let mut journal = Journal::default();
        for append in log {
            journal.write(append);
        }
        journal
    }

    /// Whether an append may be written. Without a check of heads, whatever they are.
    pub(super) fn admits(&self, append: &Append, are_heads_checked: bool) -> bool {
        let stand = append.accounts.iter().all(|change| {
            let key = &change.head.account;
            let present = self.accounts.get(&key.name);
            if change.expected == Revision::START {
                return present.is_none() && !self.numbers.contains(&key.opened);
            }
            present.is_some_and(|(head, _)| {
                let stands = head.revision == change.expected || !are_heads_checked;
                head.account == *key && stands
            })
        });
        let is_free = |entry: &Entry| {
            let present = self.accounts.get(&entry.account.name);
            present.is_none_or(|(_, entries)| entries.iter().all(|other| other.id != entry.id))
        };
        stand && append.entries.iter().all(is_free)
    }

    pub(super) fn write(&mut self, append: &Append) {
        for change in &append.accounts {
            let key = &change.head.account;
            self.numbers.insert(key.opened);
            let (head, _) = self
                .accounts
                .entry(Arc::clone(&key.name))
                .or_insert_with(|| (change.head.clone(), Vec::new()));
            *head = change.head.clone();
        }
        for entry in &append.entries {
            let name = &entry.account.name;
            if entry.change == Change::DeleteAccount {
                self.accounts.remove(name);
                self.deletions.insert((name.to_string(), entry.id.clone()));
            } else {
                let account = self.accounts.get_mut(name);
                let (_, entries) = account.expect("every account of an entry is among those");
                entries.push(entry.clone());
            }
        }
    }

    pub(super) fn heads(&self, names: &[&str]) -> Vec<Option<Head>> {
        let head = |name: &&str| Some(self.accounts.get(*name)?.0.clone());
        names.iter().map(head).collect()
    }

    /// What an account that is open has under an id.
    pub(super) fn find(&self, name: &str, id: &RecordId) -> Option<Entry> {
        let (_, entries) = self.accounts.get(name)?;
        entries.iter().find(|entry| entry.id == *id).cloned()
    }

    pub(super) fn of(&self, account: &AccountKey) -> Option<&Vec<Entry>> {
        let (head, entries) = self.accounts.get(&account.name)?;
        (head.account == *account).then_some(entries)
    }
}
