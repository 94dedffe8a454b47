//! Holds: what is asked for is decided here, on the accounts as the draft has them.

use super::{Answered, Draft, refused};
use crate::facts::{Facts, Record};
use crate::folding::{apply_all, opened};
use crate::standing::check_open;
use crate::{
    Account, Change, Entry, Error, Funds, HeldUsage, Hold, Outcome, Posting, Refusal, RefusedHold,
    rules,
};

/// What a request has to do with holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OfHolds {
    /// Nothing: no posting gives a hold, refuses one or closes one.
    #[default]
    Nothing,
    /// Its postings ask for one hold, each on one of its accounts.
    Asks(Defaults),
    /// Its postings settle or release one hold, each on one of its accounts.
    Closes(Defaults),
    /// Its postings were decided before, elsewhere.
    Recorded,
}

/// What of a request is there by default: a retry is not compared in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Defaults {
    /// The start of a hold, or when a settlement took effect.
    pub(crate) at: bool,
    /// The end of a hold, and of the metered usage that it stands for.
    pub(crate) ends: bool,
}

impl Defaults {
    /// Whether what is asked for was asked for before.
    fn are_of(self, asked: &Hold, before: &Hold) -> bool {
        let mut asked = asked.clone();
        if self.at {
            asked.at = before.at;
        }
        if self.ends {
            asked.until = before.until;
            if let (HeldUsage::Metered { end, .. }, HeldUsage::Metered { end: stored, .. }) =
                (&mut asked.usage, before.usage)
            {
                *end = stored;
            }
        }
        asked == *before
    }
}

impl Draft<'_> {
    /// Whether all is known that a request needs to be decided. If not, its facts are to be gathered again.
    pub(crate) fn can_decide(
        &mut self,
        postings: &[Posting],
        of_holds: OfHolds,
        facts: &Facts,
    ) -> bool {
        let OfHolds::Asks(_) = of_holds else {
            return true;
        };
        postings.iter().all(|posting| {
            let Some(account) = self.find_account(&posting.account, facts) else {
                return true;
            };
            let drafted = &self.accounts[account];
            let key = &drafted.head.account;
            drafted.is_new
                || drafted.folded.is_some()
                || self.standby.contains_key(key)
                || facts.of(key).is_some_and(|known| {
                    known.has_folded() || known.funds_at(drafted.head.revision).is_some()
                })
                || self.find(account, &posting.id, facts).is_some()
                || !is_open(&posting.change, drafted.head.totals.closed)
        })
    }

    /// Decides on a hold, for all its accounts or none.
    pub(super) fn authorise(
        &mut self,
        postings: &[Posting],
        defaults: Defaults,
        facts: &mut Facts,
    ) -> Answered {
        self.request += 1;
        let asked = match postings.first().map(|posting| &posting.change) {
            Some(Change::Hold(asked)) => (**asked).clone(),
            _ => unreachable!("a request for a hold has a posting of it for each account"),
        };
        let mut accounts = Vec::with_capacity(postings.len());
        let mut known = Vec::with_capacity(postings.len());
        for (index, posting) in postings.iter().enumerate() {
            let found = self.asked_before(posting, &asked, defaults, facts);
            let (account, found) = found.map_err(|error| (index, error))?;
            accounts.push(account);
            known.push(found);
        }
        // If only some accounts have it, the others are new ones of their names: they get the answer of the first.
        if let Some(first) = known.iter().flatten().next().copied() {
            let outcomes = known.into_iter().map(|found| found.unwrap_or(first));
            return Ok(outcomes.collect());
        }
        let mut funds = Vec::with_capacity(postings.len());
        for (index, (account, posting)) in accounts.iter().zip(postings).enumerate() {
            let has = self.funds(*account, posting, &asked, facts);
            funds.push(has.map_err(|error| (index, error))?);
        }
        let spendable = funds.iter().map(|funds| funds.spendable).min();
        let level = admitted(&asked, spendable.unwrap_or(0));
        let mut outcomes = Vec::with_capacity(postings.len());
        for (index, ((account, posting), funds)) in
            accounts.iter().zip(postings).zip(funds).enumerate()
        {
            let change = match level {
                Some(level) => Change::Hold(Box::new(asked.with_level(level))),
                None => Change::RefuseHold(Box::new(RefusedHold {
                    asked: asked.clone(),
                    funds,
                })),
            };
            let posting = Posting::new(&*posting.account, posting.id.clone(), change);
            let outcome = self.write_decided(*account, &posting);
            outcomes.push(outcome.map_err(|error| (index, error))?);
        }
        Ok(outcomes)
    }

    /// The account of a posting, and what came of it if the same was asked for before.
    fn asked_before(
        &mut self,
        posting: &Posting,
        asked: &Hold,
        defaults: Defaults,
        facts: &Facts,
    ) -> Result<(usize, Option<Outcome>), Error> {
        rules::check_texts(posting)
            .and_then(|()| rules::check_hold(asked))
            .map_err(|refusal| refused(posting, refusal))?;
        let account = self.account(&posting.account, facts)?;
        let Some((revision, change)) = self.find(account, &posting.id, facts) else {
            return Ok((account, None));
        };
        let is_same = match &change {
            Change::Hold(hold) => defaults.are_of(asked, &hold.asked()),
            Change::RefuseHold(refused) => defaults.are_of(asked, &refused.asked),
            _ => false,
        };
        match is_same {
            true => Ok((account, Some(Outcome::AlreadyPosted(revision)))),
            false => Err(different(posting, (revision, change))),
        }
    }

    /// What an account has for a hold, as the draft has it.
    fn funds(
        &mut self,
        account: usize,
        posting: &Posting,
        asked: &Hold,
        facts: &mut Facts,
    ) -> Result<Funds, Error> {
        let head = &self.accounts[account].head;
        let closed = head.totals.closed;
        check_open(asked.at, closed).map_err(|refusal| refused(posting, refusal))?;
        let is_there =
            self.accounts[account].folded.is_some() || self.standby.contains_key(&head.account);
        if !is_there
            && let Some(known) = facts.of(&head.account)
            && let Some(funds) = known.funds_at(head.revision)
        {
            return Ok(funds);
        }
        let folded = self.folded(account, facts)?;
        let mut folded = folded.expect("what a hold needs to be decided is gathered before");
        folded.prepare_holds();
        let funds = folded.funds(asked)?;
        let drafted = &mut self.accounts[account];
        drafted.folded = Some(folded);
        drafted.decides = true;
        Ok(funds)
    }

    fn write_decided(&mut self, account: usize, posting: &Posting) -> Result<Outcome, Error> {
        let place = self.place_after(account, posting)?;
        let totals = self.accounts[account].head.totals;
        let outcome = self.write(account, place, totals, posting);
        let entry = self.entries.last().expect("it was written just now");
        if let Some(folded) = &mut self.accounts[account].folded {
            apply_all(folded, [(entry, None)])?;
        }
        Ok(outcome)
    }

    /// Takes the account as its entries make it up to now, those of the draft too; `None` if nothing is known
    /// to begin with.
    pub(super) fn folded(
        &mut self,
        account: usize,
        facts: &mut Facts,
    ) -> Result<Option<Account>, Error> {
        let known = self.accounts[account].folded.take();
        let head = &self.accounts[account].head;
        let key = head.account.clone();
        let known = known
            .or_else(|| self.standby.remove(&key))
            .or_else(|| facts.take_folded(&key));
        if known
            .as_ref()
            .is_some_and(|known| known.revision() == head.revision)
        {
            return Ok(known);
        }
        let mut later: Vec<(&Entry, Option<Record>)> = self.recent.entries(&key).collect();
        let owned = self.entries.iter().zip(&self.owners);
        let own = owned.filter(|(_, owner)| **owner == account);
        later.extend(own.map(|(entry, _)| (entry, self.corrects.get(&entry.sequence).cloned())));
        let first = later.first().map(|(entry, _)| *entry);
        let Some(mut folded) = known.or_else(|| opened(&key, first?)) else {
            return Ok(None);
        };
        apply_all(&mut folded, later)?;
        Ok(Some(folded))
    }

    /// A settlement with the instant at which it takes effect, if that is there by default: that of the one
    /// that has the id already, or the start of the hold, or the first open instant if that is later.
    pub(super) fn completed(
        &self,
        account: usize,
        posting: &Posting,
        facts: &Facts,
    ) -> Option<Posting> {
        let Change::Settle { hold, amount, .. } = &posting.change else {
            return None;
        };
        let timestamp = match self.find(account, &posting.id, facts) {
            Some((_, Change::Settle { timestamp, .. })) => timestamp,
            _ => match self.find(account, hold, facts)? {
                (_, Change::Hold(hold)) => {
                    let closed = self.accounts[account].head.totals.closed;
                    hold.at.max(closed.unwrap_or(i64::MIN))
                }
                _ => return None,
            },
        };
        let change = Change::Settle {
            hold: hold.clone(),
            amount: *amount,
            timestamp,
        };
        Some(Posting::new(&*posting.account, posting.id.clone(), change))
    }
}

/// The amount or rate that is admitted; `None` if the hold is refused.
fn admitted(asked: &Hold, spendable: u64) -> Option<u64> {
    let level = asked.level();
    match asked.up_to {
        Some(_) => Some(level.min(spendable)).filter(|level| *level > 0),
        None => Some(level).filter(|level| *level <= spendable),
    }
}

/// Whether a hold that is asked for begins after the close of the books.
fn is_open(change: &Change, closed: Option<i64>) -> bool {
    match change {
        Change::Hold(asked) => check_open(asked.at, closed).is_ok(),
        _ => true,
    }
}

/// The id of a posting stands for something else already.
pub(super) fn different(posting: &Posting, (revision, posted): Record) -> Error {
    Error::DifferentContent {
        account: posting.account.clone(),
        id: posting.id.clone(),
        revision,
        posted: Box::new(posted),
        refused: Box::new(posting.change.clone()),
    }
}

/// Why a hold cannot be settled or released of which there is this entry, if any.
pub(super) fn no_hold(posting: &Posting, found: Option<&Change>) -> Option<Refusal> {
    let of = posting.change.corrects()?.clone();
    match (posting.change.is_of_hold(), found) {
        (false, _) => None,
        (true, None) => Some(Refusal::NoSuchHold(of)),
        (true, Some(Change::RefuseHold(_))) => Some(Refusal::HoldRefused(of)),
        (true, Some(Change::Hold(_))) => None,
        (true, Some(_)) => Some(Refusal::NotAHold(of)),
    }
}
