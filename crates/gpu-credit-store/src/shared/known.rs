//! What is known of accounts and ids when a request is drafted, and what a draft of it appends.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::journal::{Append, HeadChange, LookedUp, Wanted};
use crate::draft::Finished;
use crate::facts::{AccountFacts, Facts, Needs};
use crate::recent::Pins;
use crate::{Change, Head, RecordId, Revision, Sequence};

/// What drafts are made from.
pub(super) struct Known {
    pub(super) heads: HashMap<Arc<str>, Option<Head>>,
    /// The entries that were found of ids.
    pub(super) found: HashMap<Arc<str>, HashMap<RecordId, (Revision, Change)>>,
    pub(super) is_deleted: bool,
}

impl Known {
    pub(super) fn looked_up(wanted: &Wanted<'_>, looked_up: LookedUp) -> Self {
        let names = wanted.names.iter().map(|name| Arc::<str>::from(*name));
        let mut known = Known {
            heads: names.zip(looked_up.heads).collect(),
            found: HashMap::new(),
            is_deleted: looked_up.is_deleted,
        };
        for entry in looked_up.found.into_iter().flatten() {
            let name = Arc::clone(&entry.account.name);
            // The account may be another by the time its entries are looked up.
            let is_same = known
                .head(&name)
                .is_some_and(|head| head.account == entry.account);
            if is_same {
                let records = known.found.entry(name).or_default();
                records.insert(entry.id, (entry.revision, entry.change));
            }
        }
        known
    }

    pub(super) fn head(&self, name: &str) -> Option<&Head> {
        self.heads.get(name)?.as_ref()
    }

    pub(super) fn facts(&self, needs: &Needs<'_>, pins: &Pins) -> Facts {
        let mut accounts = HashMap::new();
        for name in needs.names() {
            let facts = self.head(name).cloned().map(AccountFacts::new);
            accounts.insert(Arc::<str>::from(name), facts);
        }
        for lookup in &needs.ids {
            let (name, _) = needs.accounts[lookup.account];
            if let Some(record) = self.found.get(name).and_then(|found| found.get(lookup.id))
                && let Some(Some(account)) = accounts.get_mut(name)
            {
                account.add(lookup.id.clone(), record.clone());
            }
        }
        let pin = pins.pin(|| Sequence::START);
        let mut facts = Facts::known(pin, accounts);
        facts.is_deleted = self.is_deleted;
        facts
    }

    /// What a draft appends, with the accounts of these names unchanged otherwise.
    pub(super) fn append<'n>(
        &self,
        finished: Finished,
        names: impl Iterator<Item = &'n str>,
    ) -> Append {
        let mut accounts = BTreeMap::new();
        for touched in finished.touched {
            let mut head = touched.head;
            head.last = Sequence::START;
            let before = self.head(&head.account.name);
            let before = before.filter(|before| before.account == head.account);
            let change = HeadChange {
                expected: before.map_or(Revision::START, |before| before.revision),
                is_deleted: touched.is_deleted,
                head,
            };
            accounts.insert(change.head.account.opened, change);
        }
        for head in names.filter_map(|name| self.head(name)) {
            accounts
                .entry(head.account.opened)
                .or_insert_with(|| HeadChange {
                    expected: head.revision,
                    head: head.clone(),
                    is_deleted: false,
                });
        }
        let mut entries = finished.written.entries;
        for entry in &mut entries {
            entry.sequence = Sequence::START;
        }
        Append {
            accounts: accounts.into_values().collect(),
            entries,
        }
    }
}
