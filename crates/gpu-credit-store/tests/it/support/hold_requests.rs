//! Random requests for holds, and what settles and releases them.

use gpu_credit::MeteredUsage;
use gpu_credit_store::{
    Authorise, Authorised, Change, Decision, Error, HeldUsage, Hold, HoldClosed, RecordId,
    Revision, Settle, Storage, Store,
};
use gpu_credit_workload::random::Random;

/// Something that is asked of a store about a hold. Asked again it is the same.
#[derive(Clone, Debug)]
pub(crate) struct HoldRequest {
    pub(crate) id: RecordId,
    /// Those that the hold is on.
    pub(crate) accounts: Vec<String>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Ask(Hold),
    Settle(Settle),
    /// The hold of this id, named by this account.
    Release(String, RecordId),
}

/// What came of one.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Decided(Authorised),
    Closed(HoldClosed),
}

impl HoldRequest {
    /// That a hold of which this was asked is given, or is not.
    pub(crate) fn ask(id: RecordId, asked: &Hold) -> Self {
        HoldRequest {
            id,
            accounts: asked.accounts.clone(),
            kind: Kind::Ask(asked.clone()),
        }
    }

    pub(crate) fn perform<S: Storage>(&self, store: &Store<S>) -> Result<Told, Error> {
        let id = self.id.clone();
        Ok(match &self.kind {
            Kind::Ask(asked) => Told::Decided(store.authorise(authorise(id, asked))?),
            Kind::Settle(settle) => Told::Closed(store.settle(settle.clone())?),
            Kind::Release(account, of) => Told::Closed(store.release(account, id, of.clone())?),
        })
    }
}

fn authorise(id: RecordId, asked: &Hold) -> Authorise {
    let accounts = asked.accounts.iter();
    let authorise = match asked.usage {
        HeldUsage::Amount(amount) => Authorise::new(id, accounts, amount, asked.at..asked.until),
        HeldUsage::Metered { rate, end } => {
            let (from, until) = (asked.at, end);
            Authorise::metered(
                id,
                accounts,
                MeteredUsage { rate, from, until },
                asked.until,
            )
        }
    };
    match asked.up_to {
        Some(_) => authorise.up_to(),
        None => authorise,
    }
}

impl Told {
    /// As text that does not say whether it came of it now or before.
    pub(crate) fn text(&self) -> String {
        match self {
            Told::Decided(Authorised { decision, .. }) => match decision {
                Decision::Held(hold) => format!("{hold:?}"),
                Decision::Refused(_) => "refused".to_owned(),
            },
            Told::Closed(closed) => {
                let accounts = closed.accounts.iter();
                let revisions = accounts.map(|(name, outcome)| (name, outcome.revision()));
                format!("closed: {:?}", revisions.collect::<Vec<_>>())
            }
        }
    }

    /// What is said to be there: of accounts by name, the revision or the change.
    pub(crate) fn entries(&self) -> Vec<(String, Option<Revision>, Option<Change>)> {
        match self {
            Told::Decided(Authorised { decision, .. }) => match decision {
                Decision::Held(hold) => {
                    let change = Change::Hold(Box::new(hold.clone()));
                    let of = |name: &String| (name.clone(), None, Some(change.clone()));
                    hold.accounts.iter().map(of).collect()
                }
                Decision::Refused(accounts) => {
                    let accounts = accounts.iter().cloned();
                    let refusals = accounts
                        .map(|(name, hold)| (name, None, Some(Change::RefuseHold(Box::new(hold)))));
                    refusals.collect()
                }
            },
            Told::Closed(closed) => {
                let accounts = closed.accounts.iter();
                let each = accounts.map(|(name, outcome)| (name.clone(), outcome.revision(), None));
                each.collect()
            }
        }
    }
}

/// Requests about a few accounts, always the same for one seed.
pub(crate) struct HoldRequests {
    random: Random,
    accounts: u64,
    prefix: String,
    next_id: u64,
    /// What was asked for, to have something to settle.
    asked: Vec<(RecordId, Hold)>,
    before: Vec<HoldRequest>,
}

impl HoldRequests {
    pub(crate) fn new(seed: u64, accounts: u64) -> Self {
        HoldRequests {
            random: Random::new(seed ^ 0x401d),
            accounts,
            prefix: format!("{seed} hold "),
            next_id: 0,
            asked: Vec::new(),
            before: Vec::new(),
        }
    }

    /// One in ten was asked before.
    pub(crate) fn next(&mut self) -> HoldRequest {
        if !self.before.is_empty() && self.random.chance(1, 10) {
            let place = self.random.below(self.before.len() as u64) as usize;
            return self.before[place].clone();
        }
        let request = match self.asked.is_empty() || self.random.chance(2, 3) {
            true => self.ask(),
            false => self.close(),
        };
        self.before.push(request.clone());
        request
    }

    fn id(&mut self) -> RecordId {
        self.next_id += 1;
        format!("{}{}", self.prefix, self.next_id).into()
    }

    fn ask(&mut self) -> HoldRequest {
        let names = (1..=self.accounts).map(|length| "a".repeat(length as usize));
        let mut accounts: Vec<String> = names.collect();
        accounts.retain(|_| self.random.chance(1, 2));
        if accounts.is_empty() {
            accounts.push("a".repeat(1 + self.random.below(self.accounts) as usize));
        }
        let at = self.random.between(0, 100);
        let level = match self.random.chance(1, 2) {
            true => self.random.below(8),
            false => self.random.below(40),
        };
        let until = at + self.random.between(1, 40);
        let usage = match self.random.chance(1, 3) {
            true => HeldUsage::Metered {
                rate: level / 4,
                end: self.random.between(at + 1, until),
            },
            false => HeldUsage::Amount(level),
        };
        let up_to = self.random.chance(1, 3).then_some(match usage {
            HeldUsage::Amount(level) | HeldUsage::Metered { rate: level, .. } => level,
        });
        let asked = Hold {
            accounts,
            usage,
            up_to,
            at,
            until,
        };
        let id = self.id();
        self.asked.push((id.clone(), asked.clone()));
        HoldRequest::ask(id, &asked)
    }

    /// Settles or releases a hold that was asked for lately, given or not.
    fn close(&mut self) -> HoldRequest {
        let back = 1 + self.random.below(self.asked.len().min(6) as u64) as usize;
        let (of, hold) = self.asked[self.asked.len() - back].clone();
        let id = self.id();
        let account = hold.accounts[self.random.below(hold.accounts.len() as u64) as usize].clone();
        let (amount, instant) = (self.random.below(30), self.random.between(0, 120));
        let kind = match self.random.below(4) {
            0 => Kind::Release(account, of),
            1 => Kind::Settle(Settle::new(account, id.clone(), of, amount)),
            2 => Kind::Settle(Settle::new(account, id.clone(), of, amount).at(instant)),
            _ => {
                let settle = Settle::metered(account, id.clone(), of);
                let until = hold.at + amount as i64;
                Kind::Settle(settle.rate(amount / 6).until(until))
            }
        };
        HoldRequest {
            id,
            accounts: hold.accounts,
            kind,
        }
    }
}
