//! What is true of a journal's prefix: a store of its own, and a replay.

use std::collections::{BTreeMap, BTreeSet};

use gpu_credit_replay::Replay;
use gpu_credit_store::{
    Append, Change, Entry, Error, HeldUsage, Hold, ImportMode, Outcome, Posting, RecordId,
    Revision, Settle, Store,
};

use super::operation::{Operation, Told, of_answer};
use crate::support::backend::Disk;
use crate::support::hold_requests::{HoldRequest, Kind};
use crate::support::model::{Model, ModelAccount};
use crate::support::{open_disk, store_in_memory};

/// How many holds were decided, and how many of them refused.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Decisions {
    pub(super) given: u64,
    pub(super) refused: u64,
    /// Entries that settle or release.
    pub(super) closed: u64,
}

impl Decisions {
    pub(super) fn add(&mut self, other: Decisions) {
        self.given += other.given;
        self.refused += other.refused;
        self.closed += other.closed;
    }

    pub(super) fn are_all_kinds(&self) -> bool {
        self.given > 0 && self.refused > 0 && self.closed > 0
    }
}

pub(super) struct Reference {
    /// A store of its own, to which all is posted that is written, one by one.
    pub(super) store: (Disk, Store),
    pub(super) model: Model,
    /// Every account as it stood at every revision.
    past: BTreeMap<(String, Revision), ModelAccount>,
    /// How often each id was written.
    pub(super) written: BTreeMap<(String, RecordId), u64>,
    pub(super) decisions: Decisions,
}

impl Reference {
    pub(super) fn new() -> Self {
        Reference {
            store: store_in_memory(),
            model: Model::default(),
            past: BTreeMap::new(),
            written: BTreeMap::new(),
            decisions: Decisions::default(),
        }
    }

    pub(super) fn take_in(&mut self, append: &Append) {
        let entries = &append.entries;
        match &entries[0].change {
            Change::Hold(_) | Change::RefuseHold(_) => self.decide(entries),
            Change::Release { .. } | Change::Settle { .. } | Change::SettleMetered { .. } => {
                self.close(entries);
            }
            _ => self.post(entries),
        }
        for entry in entries {
            let name = entry.account.name.to_string();
            let written = self.written.entry((name.clone(), entry.id.clone()));
            *written.or_default() += 1;
            self.model.post(&posting(entry));
            match self.model.accounts.get(&name) {
                Some(account) => {
                    let key = (name, entry.revision);
                    self.past.insert(key, account.clone());
                }
                None => self.past.retain(|(of, _), _| *of != name),
            }
        }
    }

    fn post(&self, entries: &[Entry]) {
        let posted = self.store.1.post_all(entries.iter().map(posting).collect());
        let posted = posted.expect("what is written was admitted");
        for (entry, outcome) in entries.iter().zip(posted) {
            match entry.change {
                Change::DeleteAccount => assert_eq!(outcome, Outcome::Deleted),
                _ => assert_eq!(outcome, Outcome::Posted(entry.revision), "{entry:?}"),
            }
        }
    }

    /// A hold was given or refused: that must be what a replay decides, and the store of its own.
    fn decide(&mut self, entries: &[Entry]) {
        let asked = asked(&entries[0].change);
        let names = entries.iter().map(|entry| &*entry.account.name);
        assert!(names.eq(&asked.accounts), "on all accounts: {entries:?}");
        for entry in entries {
            let account = &self.model.accounts[&*entry.account.name];
            assert!(asked.at >= account.closed, "{entry:?}");
            if account.is_beyond_records {
                continue;
            }
            let affords = |level| account.affords(&asked, level);
            match &entry.change {
                Change::Hold(hold) => assert!(affords(level(hold)), "{entry:?}"),
                Change::RefuseHold(refused) => {
                    let spendable = refused.funds.spendable;
                    assert!(affords(spendable) && !affords(spendable + 1), "{entry:?}");
                    assert_eq!(refused.funds.held, account.held(asked.at), "{entry:?}");
                }
                other => panic!("{other:?} is no decision"),
            }
        }
        match &entries[0].change {
            Change::Hold(_) => self.decisions.given += 1,
            _ => self.decisions.refused += 1,
        }
        let id = &entries[0].id;
        self.assert_does(&HoldRequest::ask(id.clone(), &asked), entries);
    }

    /// A hold was settled or released, on all its accounts.
    fn close(&mut self, entries: &[Entry]) {
        let Entry {
            account,
            id,
            change,
            ..
        } = &entries[0];
        let name = account.name.to_string();
        let kind = match change {
            Change::Release { hold } => Kind::Release(name, hold.clone()),
            Change::Settle {
                hold,
                amount,
                timestamp,
            } => {
                let settle = Settle::new(name, id.clone(), hold.clone(), *amount);
                // By default it is as early as the books of each account are open.
                Kind::Settle(match is_at_once(entries) {
                    true => settle.at(*timestamp),
                    false => settle,
                })
            }
            Change::SettleMetered {
                hold,
                rate,
                from,
                until,
            } => {
                let settle = Settle::metered(name, id.clone(), hold.clone());
                Kind::Settle(settle.rate(*rate).at(*from).until(*until))
            }
            other => panic!("{other:?} closes no hold"),
        };
        self.decisions.closed += entries.len() as u64;
        let request = HoldRequest {
            id: id.clone(),
            accounts: Vec::new(),
            kind,
        };
        self.assert_does(&request, entries);
    }

    /// The store of its own writes these entries if this is asked of it.
    fn assert_does(&self, request: &HoldRequest, entries: &[Entry]) {
        let store = &self.store.1;
        let done = request.perform(store);
        done.expect("what is written was admitted");
        for entry in entries {
            let written = store.entry(&entry.account.name, &request.id).unwrap();
            let written = written.expect("it is on all accounts");
            assert_eq!(
                (written.revision, written.change),
                (entry.revision, entry.change.clone())
            );
        }
    }

    /// What a store should tell that stands where the reference stands. An operation that was told to be done is
    /// there.
    pub(super) fn tells(&self, operation: &Operation, told: &Result<Told, Error>) -> String {
        let store = &self.store.1;
        let expected = match operation {
            Operation::Post(batch) => Operation::Try(batch.clone()).perform(store),
            Operation::Import(import) => {
                let text = import.perform(store, ImportMode::DryRun);
                text.map(answered)
            }
            Operation::OfHold(request) => return self.tells_of_hold(request, told),
            Operation::Ask { names, at } => {
                let answer = |name: &String| {
                    let head = store.head(name)?;
                    self.answer(name, head.revision, *at)
                };
                let answers: Result<Vec<_>, _> = names.iter().map(answer).collect();
                answers.map(|answers| answered(answers.join(", ")))
            }
            Operation::AsRecorded { name, revision, at } => {
                self.answer(name, *revision, *at).map(answered)
            }
            operation => operation.perform(store),
        };
        as_text(&expected)
    }

    fn tells_of_hold(&self, request: &HoldRequest, told: &Result<Told, Error>) -> String {
        let store = &self.store.1;
        let of = |account: &String| self.model.accounts.get(account);
        let is_known = |account| matches!(store.entry(account, &request.id), Ok(Some(_)));
        let operation = Operation::OfHold(request.clone());
        // Then it writes nothing.
        let is_refused = match &request.kind {
            Kind::Ask(asked) => (asked.accounts.iter())
                .any(|name| of(name).is_none_or(|account| asked.at < account.closed)),
            _ => request.accounts.iter().all(|name| of(name).is_none()),
        };
        if is_refused || request.accounts.iter().any(|name| is_known(name)) {
            return as_text(&operation.perform(store));
        }
        match (&request.kind, told) {
            (Kind::Ask(_), _) | (_, Ok(_)) => "not done yet".to_owned(),
            // Why it is not is told by a copy of the store.
            (_, Err(_)) => {
                let copy = open_disk(Disk::holding(self.store.0.bytes()));
                as_text(&operation.perform(&copy))
            }
        }
    }

    /// The replay of the prefix that a revision names.
    fn answer(&self, name: &str, revision: Revision, at: i64) -> Result<String, Error> {
        let key = (name.to_owned(), revision);
        let account = match self.past.get(&key) {
            Some(account) if !account.is_beyond_records => account,
            _ => {
                let name = name.to_owned();
                let asked = Operation::AsRecorded { name, revision, at };
                return asked.perform(&self.store.1).map(|told| told.text);
            }
        };
        let is_open = at >= account.closed;
        let answer = is_open.then(|| {
            let answer = account.replay().balance_at(at);
            (answer.balance, answer.status.as_str(), answer.deficit)
        });
        let of_holds = is_open.then(|| (account.held(at), account.available(at)));
        Ok(of_answer(revision, answer, of_holds))
    }
}

fn posting(entry: &Entry) -> Posting {
    Posting::new(&*entry.account.name, entry.id.clone(), entry.change.clone())
}

fn answered(text: String) -> Told {
    Told {
        text,
        acknowledged: Vec::new(),
    }
}

/// What was asked for that was decided so.
fn asked(decision: &Change) -> Hold {
    match decision {
        Change::RefuseHold(refused) => refused.asked.clone(),
        Change::Hold(hold) => {
            let mut asked = (**hold).clone();
            if let Some(most) = asked.up_to {
                asked.usage = match asked.usage {
                    HeldUsage::Amount(_) => HeldUsage::Amount(most),
                    HeldUsage::Metered { end, .. } => HeldUsage::Metered { rate: most, end },
                };
            }
            asked
        }
        other => panic!("{other:?} is no decision"),
    }
}

/// Whether a settlement takes effect at one instant on all accounts.
fn is_at_once(entries: &[Entry]) -> bool {
    let instants = entries.iter().filter_map(|entry| match entry.change {
        Change::Settle { timestamp, .. } => Some(timestamp),
        _ => None,
    });
    instants.collect::<BTreeSet<i64>>().len() == 1
}

fn level(hold: &Hold) -> u64 {
    match hold.usage {
        HeldUsage::Amount(level) | HeldUsage::Metered { rate: level, .. } => level,
    }
}

/// Of several accounts that are missing, a store may name any.
pub(super) fn as_text(told: &Result<Told, Error>) -> String {
    match told {
        Ok(told) => told.text.clone(),
        Err(Error::NoSuchAccount(_)) => "there is no such account".to_owned(),
        Err(error) => error.to_string(),
    }
}
