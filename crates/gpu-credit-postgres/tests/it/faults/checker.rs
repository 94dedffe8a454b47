//! What must be true of a history, as every answer says at which revision it is true.

mod order;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};

use gpu_credit_replay::Replay;
use gpu_credit_store::{Change, HeldUsage, Posting, RecordId};

use super::history::{Answer, Event, Funds, Reply, Request, Written};
use crate::support::model::{Model, ModelAccount};

/// The entries of accounts, each with its revision.
pub(super) type Journals = BTreeMap<String, Vec<(u64, Written)>>;

/// What is wrong with a history.
pub(super) struct Found {
    pub(super) problems: Vec<String>,
}

pub(super) struct Checker<'h> {
    events: &'h [Event],
    journals: &'h Journals,
    /// Where each id is.
    places: BTreeMap<(&'h str, &'h RecordId), u64>,
    problems: Vec<String>,
}

/// Compares what was told with what is there in the end.
pub(super) fn check(events: &[Event], journals: &Journals) -> Found {
    let mut checker = Checker {
        events,
        journals,
        places: BTreeMap::new(),
        problems: Vec::new(),
    };
    checker.check_journals();
    checker.check_entries();
    for event in events {
        checker.check_reply(event);
    }
    for account in journals.keys() {
        let replayed = catch_unwind(AssertUnwindSafe(|| checker.replay(account)));
        if replayed.is_err() {
            checker.tell(format!("{account}: an entry cannot be"));
        }
    }
    checker.check_whole();
    checker.check_order();
    Found {
        problems: checker.problems,
    }
}

impl<'h> Checker<'h> {
    fn tell(&mut self, problem: String) {
        if self.problems.len() < 20 {
            self.problems.push(problem);
        }
    }

    fn entry(&self, account: &str, revision: u64) -> Option<&'h Written> {
        let journal = self.journals.get(account)?;
        let (at, entry) = journal.get((revision as usize).checked_sub(1)?)?;
        (*at == revision).then_some(entry)
    }

    /// Revisions go up one by one, and no id is there twice.
    fn check_journals(&mut self) {
        for (account, journal) in self.journals {
            for (place, (revision, entry)) in journal.iter().enumerate() {
                if *revision != place as u64 + 1 {
                    self.tell(format!("{account}: entry {place} is revision {revision}"));
                    return;
                }
                let id = &entry.id;
                if self
                    .places
                    .insert((account.as_str(), id), *revision)
                    .is_some()
                {
                    self.tell(format!("{account}: {id} is there twice"));
                }
            }
        }
    }

    /// Everything that is there was asked for, and was not said to be refused.
    fn check_entries(&mut self) {
        let mut asked: BTreeMap<&RecordId, Vec<&Event>> = BTreeMap::new();
        for event in self.events {
            for (_, id) in event.request.writes() {
                asked.entry(id).or_default().push(event);
            }
        }
        for (account, journal) in self.journals {
            for (revision, entry) in journal {
                let asked = asked.get(&entry.id).map_or(&[][..], Vec::as_slice);
                let mut possible = asked
                    .iter()
                    .filter(|event| event.reply.is_unknown() || event.reply.is_acknowledged());
                if !possible.any(|event| event.request.asks_for(entry)) {
                    let id = &entry.id;
                    self.tell(format!("{account}: {id}, revision {revision}, was refused"));
                }
            }
        }
    }

    /// What is acknowledged is there, and refusals that show an entry show the one that is there.
    fn check_reply(&mut self, event: &Event) {
        let is_there = |account: &str, revision: u64, id: &RecordId| {
            let entry = self.entry(account, revision);
            entry.filter(|entry| entry.id == *id)
        };
        let is_true = match (&event.request, &event.reply) {
            (Request::Post(all), Reply::Posted(revisions)) => {
                let mut each = all.iter().zip(revisions);
                let are_there = each.all(|(written, revision)| {
                    is_there(&written.account, *revision, &written.id) == Some(written)
                });
                are_there && all.len() == revisions.len()
            }
            (Request::Ask(id, hold), Reply::Decided(decided)) => {
                let accounts = decided.iter().map(|(account, _)| account);
                let are_there = decided.iter().all(|(account, change)| {
                    let place = self.places.get(&(account.as_str(), id));
                    let entry = place.and_then(|place| self.entry(account, *place));
                    entry.is_some_and(|entry| entry.change == *change)
                });
                are_there && accounts.eq(&hold.accounts)
            }
            (Request::Close { id, .. }, Reply::Closed(each)) => each.iter().all(|(account, at)| {
                let entry = is_there(account, *at, id);
                entry.is_some_and(|entry| event.request.asks_for(entry))
            }),
            (
                Request::Post(all),
                Reply::Different {
                    account,
                    revision,
                    posted,
                },
            ) => {
                let mut ids = all.iter().filter(|written| written.account == *account);
                ids.any(|written| {
                    let entry = is_there(account, *revision, &written.id);
                    entry.is_some_and(|entry| entry.change == *posted && entry != written)
                })
            }
            // All accounts are opened before anything else is asked, and none is deleted.
            (_, Reply::Missing) => matches!(&event.request, Request::Post(all)
                if matches!(all[0].change, Change::OpenAccount { .. })),
            (Request::Read(accounts, _), Reply::Read(answers)) => {
                let mut each = accounts.iter().zip(answers);
                each.all(|(account, answer)| self.entry(account, answer.revision).is_some())
            }
            (_, Reply::Refused(_) | Reply::Unknown(_)) => true,
            _ => false,
        };
        if !is_true {
            self.tell(format!("what was told is not there: {event:?}"));
        }
    }

    /// Replays an account: every decision is that of the revision before, and every answer that of its own.
    fn replay(&mut self, account: &str) {
        let mut asked: BTreeMap<u64, Vec<(i64, &Answer)>> = BTreeMap::new();
        for event in self.events {
            let (Request::Read(accounts, at), Reply::Read(answers)) =
                (&event.request, &event.reply)
            else {
                continue;
            };
            let answers = accounts.iter().zip(answers);
            for (_, answer) in answers.filter(|(name, _)| *name == account) {
                let at_revision = asked.entry(answer.revision).or_default();
                at_revision.push((*at, answer));
            }
        }
        let mut model = Model::default();
        for (revision, entry) in &self.journals[account] {
            if let Some(before) = model.accounts.get(account)
                && !is_decided_on(before, &entry.change)
            {
                self.tell(format!(
                    "{account}: {revision} is another decision: {entry:?}"
                ));
            }
            let change = entry.change.clone();
            model.post(&Posting::new(account, entry.id.clone(), change));
            let now = &model.accounts[account];
            for (at, answer) in asked.get(revision).into_iter().flatten() {
                if let Some(funds) = &answer.funds
                    && *funds != funds_of(now, *at)
                {
                    let expected = funds_of(now, *at);
                    self.tell(format!(
                        "{account} at {at}: {answer:?}, and it has {expected:?}"
                    ));
                }
            }
        }
    }

    /// Requests and reads over several accounts are whole.
    fn check_whole(&mut self) {
        let mut of: BTreeMap<&RecordId, BTreeMap<&str, u64>> = BTreeMap::new();
        for (&(account, id), revision) in &self.places {
            of.entry(id).or_default().insert(account, *revision);
        }
        let mut written: Vec<BTreeMap<&str, u64>> = Vec::new();
        let mut known = BTreeSet::new();
        for event in self.events {
            let ids: Vec<&RecordId> = match &event.request {
                Request::Post(all) => all.iter().map(|each| &each.id).collect(),
                Request::Ask(id, _) | Request::Close { id, .. } => vec![id],
                Request::Read(..) => continue,
            };
            if ids
                .iter()
                .any(|id| id.as_str() == "open" || id.as_str() == "credit")
                || !known.insert(ids[0])
            {
                continue;
            }
            let places: BTreeMap<&str, u64> = (ids.iter())
                .filter_map(|id| of.get(*id))
                .flat_map(|places| places.iter().map(|(account, place)| (*account, *place)))
                .collect();
            let wanted = match &event.request {
                Request::Ask(_, hold) => hold.accounts.len(),
                Request::Close { hold, .. } => of.get(hold).map_or(0, BTreeMap::len),
                _ => ids.len(),
            };
            if !places.is_empty() && places.len() != wanted {
                self.tell(format!("a part is there, {places:?}: {event:?}"));
            }
            if places.len() > 1 {
                written.push(places);
            }
        }
        for event in self.events {
            let (Request::Read(accounts, _), Reply::Read(answers)) = (&event.request, &event.reply)
            else {
                continue;
            };
            let read: BTreeMap<&str, u64> = (accounts.iter().map(String::as_str))
                .zip(answers.iter().map(|answer| answer.revision))
                .collect();
            let is_part = |places: &&BTreeMap<&str, u64>| {
                let seen = places
                    .iter()
                    .filter_map(|(account, place)| Some(read.get(account)? >= place));
                seen.collect::<BTreeSet<bool>>().len() == 2
            };
            // What was read through a standby in a control is read one by one.
            let is_at_once = answers.iter().all(|answer| answer.funds.is_some());
            if is_at_once && let Some(places) = written.iter().find(is_part) {
                self.tell(format!("a part of {places:?} is read: {event:?}"));
            }
        }
    }
}

fn is_decided_on(before: &ModelAccount, change: &Change) -> bool {
    match change {
        Change::Hold(hold) => match hold.usage {
            HeldUsage::Amount(amount) => before.affords(hold, amount),
            HeldUsage::Metered { rate, .. } => before.affords(hold, rate),
        },
        Change::RefuseHold(refused) => {
            let (asked, funds) = (&refused.asked, refused.funds);
            let fits = |level| before.affords(asked, level);
            fits(funds.spendable)
                && !fits(funds.spendable + 1)
                && funds.held == before.held(asked.at)
                && funds.available == before.available(asked.at)
        }
        _ => true,
    }
}

fn funds_of(account: &ModelAccount, at: i64) -> Funds {
    let answer = account.replay().balance_at(at);
    Funds {
        balance: answer.balance,
        deficit: answer.deficit,
        held: account.held(at),
        available: account.available(at),
    }
}
