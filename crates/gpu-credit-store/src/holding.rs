//! Asking for holds, and settling and releasing them.

use gpu_credit::MeteredUsage;

use crate::draft::{Defaults, OfHolds, Request};
use crate::{
    Change, Entry, Error, HeldUsage, Hold, Outcome, Posting, RecordId, Refusal, RefusedHold,
    Storage, Store,
};

/// What is asked of [`Store::authorise`]: may this be spent, and will it be kept?
///
/// ```
/// use gpu_credit_store::Authorise;
///
/// let now = 1_700_000_000;
/// let request = Authorise::new("req-1", ["team", "alice"], 20, now..now + 60);
/// let as_much_as_fits = Authorise::new("req-2", ["team"], 4_000, now..now + 60).up_to();
/// # let _ = (request, as_much_as_fits);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is asked for until it is given to a store"]
pub struct Authorise {
    id: RecordId,
    asked: Hold,
    defaults: Defaults,
}

/// What came of it. The same id gets the same for ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorised {
    /// Whether it was decided only now.
    pub is_new: bool,
    /// Whether the hold is given.
    pub decision: Decision,
}

/// Whether a hold is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is, on all its accounts.
    Held(Hold),
    /// It is not, on any of them: by account, what was asked for and what the account had then.
    Refused(Vec<(String, RefusedHold)>),
}

impl Authorised {
    /// The hold, if it is given.
    pub fn hold(&self) -> Option<&Hold> {
        match &self.decision {
            Decision::Held(hold) => Some(hold),
            Decision::Refused(_) => None,
        }
    }
}

impl Authorise {
    /// A hold of an amount on these accounts, on all of them or none, that is open at each instant of `open`.
    pub fn new<A: Into<String>>(
        id: impl Into<RecordId>,
        accounts: impl IntoIterator<Item = A>,
        amount: u64,
        open: std::ops::Range<i64>,
    ) -> Self {
        let mut accounts: Vec<String> = accounts.into_iter().map(Into::into).collect();
        accounts.sort_unstable();
        accounts.dedup();
        Authorise {
            id: id.into(),
            asked: Hold {
                accounts,
                usage: HeldUsage::Amount(amount),
                up_to: None,
                at: open.start,
                until: open.end,
            },
            defaults: Defaults::default(),
        }
    }

    /// The same for a job: it counts as metered usage from its first tick on, and is open until `until`, which
    /// is the end of the job or later.
    pub fn metered<A: Into<String>>(
        id: impl Into<RecordId>,
        accounts: impl IntoIterator<Item = A>,
        job: MeteredUsage,
        until: i64,
    ) -> Self {
        let mut authorise = Authorise::new(id, accounts, 0, job.from..until);
        authorise.asked.usage = HeldUsage::Metered {
            rate: job.rate,
            end: job.until,
        };
        authorise
    }

    /// As much of the amount, or of the rate, as fits; nothing is a refusal.
    pub fn up_to(mut self) -> Self {
        self.asked.up_to = Some(self.asked.level());
        self
    }

    /// The caller gave no start: a retry is not compared in it.
    pub fn default_start(mut self) -> Self {
        self.defaults.at = true;
        self
    }

    /// The caller gave no end, nor that of a job: a retry is not compared in them.
    pub fn default_end(mut self) -> Self {
        self.defaults.ends = true;
        self
    }
}

/// How a hold is settled: what is posted in its place, on each of its accounts.
///
/// ```
/// use gpu_credit_store::Settle;
///
/// let at_the_start = Settle::new("team", "req-1/end", "req-1", 17);
/// let later = Settle::new("team", "req-2/end", "req-2", 17).at(1_700_000_030);
/// let as_it_ran = Settle::metered("team", "job-1/end", "job-1").until(1_700_003_600);
/// # let _ = (at_the_start, later, as_it_ran);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "nothing is settled until it is given to a store"]
pub struct Settle {
    account: String,
    id: RecordId,
    hold: RecordId,
    usage: SettledUsage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SettledUsage {
    Once {
        amount: u64,
        at: Option<i64>,
    },
    Metered {
        rate: Option<u64>,
        from: Option<i64>,
        until: Option<i64>,
    },
}

impl Settle {
    /// With an amount at the start of the hold: credit that was live when the hold was given covers it. `account` is one
    /// of those that the hold is on.
    pub fn new(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        hold: impl Into<RecordId>,
        amount: u64,
    ) -> Self {
        Settle {
            account: account.into(),
            id: id.into(),
            hold: hold.into(),
            usage: SettledUsage::Once { amount, at: None },
        }
    }

    /// With metered usage: of the hold's rate, from its start to the end of the job, unless others are given.
    pub fn metered(
        account: impl Into<String>,
        id: impl Into<RecordId>,
        hold: impl Into<RecordId>,
    ) -> Self {
        let usage = SettledUsage::Metered {
            rate: None,
            from: None,
            until: None,
        };
        Settle {
            usage,
            ..Settle::new(account, id, hold, 0)
        }
    }

    /// At another instant than the start of the hold: of metered usage, from another tick on.
    pub fn at(mut self, instant: i64) -> Self {
        match &mut self.usage {
            SettledUsage::Once { at, .. } | SettledUsage::Metered { from: at, .. } => {
                *at = Some(instant);
            }
        }
        self
    }

    /// At another rate than that of the hold. An amount stays as it is.
    pub fn rate(mut self, said: u64) -> Self {
        if let SettledUsage::Metered { rate, .. } = &mut self.usage {
            *rate = Some(said);
        }
        self
    }

    /// Until another tick than the end of the job. An amount stays as it is.
    pub fn until(mut self, tick: i64) -> Self {
        if let SettledUsage::Metered { until, .. } = &mut self.usage {
            *until = Some(tick);
        }
        self
    }
}

impl SettledUsage {
    /// What is posted in the place of a hold; `None` if neither the caller nor the hold says what.
    fn change(self, of: RecordId, hold: &Hold) -> Option<Change> {
        Some(match self {
            SettledUsage::Once { amount, at } => Change::Settle {
                hold: of,
                amount,
                timestamp: at.unwrap_or(hold.at),
            },
            SettledUsage::Metered { rate, from, until } => {
                let held = match hold.usage {
                    HeldUsage::Metered { rate, end } => Some((rate, end)),
                    HeldUsage::Amount(_) => None,
                };
                Change::SettleMetered {
                    hold: of,
                    rate: rate.or(held.map(|(rate, _)| rate))?,
                    from: from.unwrap_or(hold.at),
                    until: until.or(held.map(|(_, end)| end))?,
                }
            }
        })
    }
}

/// What came of settling or releasing a hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldClosed {
    /// Whether it was done only now.
    pub is_new: bool,
    /// The accounts of the hold, each with what came of it there.
    pub accounts: Vec<(String, Outcome)>,
}

impl<S: Storage> Store<S> {
    /// May this be spent? If so, it is kept: the hold is given, on all accounts that are named, or it is
    /// refused on all.
    ///
    /// It is given if and only if the amount is at most [`spendable`](crate::Account::spendable) at its start on
    /// each account, with every hold that is neither settled nor released and ends after that instant,
    /// later ones too, as usage at its start. The outcome is an entry of each account under the id, and the
    /// same id gets the same outcome for ever: to try again takes another id.
    ///
    /// A hold needs no sweep: from its end on it keeps nothing, and it can still be settled. Cost as
    /// [`post`](Self::post) and [`spendable`](crate::Account::spendable).
    ///
    /// # Errors
    /// As [`post`](Self::post): if an account is not there, its books are closed at the start, the hold is never
    /// open, or something else has the id. That it is refused is no error.
    ///
    /// ```
    /// # use gpu_credit::Overdraft;
    /// # use gpu_credit_store::{Authorise, Decision, Posting, Settle, Store};
    /// # let store = Store::in_memory()?;
    /// store.open_account("team", Overdraft::Carry)?;
    /// store.post(Posting::grant("team", "march", "", 100, 0, 30))?;
    ///
    /// let asked = store.authorise(Authorise::new("req-1", ["team"], 70, 5..15))?;
    /// assert!(asked.hold().is_some());
    /// let asked = store.authorise(Authorise::new("req-2", ["team"], 70, 6..16))?;
    /// let Decision::Refused(accounts) = asked.decision else { panic!() };
    /// let funds = accounts[0].1.funds;
    /// assert_eq!((funds.balance, funds.held), (Some(100), 70));
    /// assert_eq!((funds.available, funds.spendable), (30, 30));
    ///
    /// store.settle(Settle::new("team", "req-1/end", "req-1", 50))?;
    /// assert_eq!(store.get_balance("team", 5)?, Some(50));
    /// # Ok::<(), gpu_credit_store::Error>(())
    /// ```
    pub fn authorise(&self, authorise: Authorise) -> Result<Authorised, Error> {
        let Authorise {
            id,
            asked,
            defaults,
        } = authorise;
        if asked.accounts.is_empty() {
            return Err(Error::Refused {
                account: String::new(),
                id,
                refusal: Refusal::HoldAccounts(0),
            });
        }
        let posting = |account: &String| {
            let change = Change::Hold(Box::new(asked.clone()));
            Posting::new(account, id.clone(), change)
        };
        let request = Request {
            postings: asked.accounts.iter().map(posting).collect(),
            of_holds: OfHolds::Asks(defaults),
            ..Request::default()
        };
        let outcomes = self.submit(request).map_err(|(_, error)| error)?;
        let mut refused = Vec::new();
        for account in &asked.accounts {
            let entry = match self.entry(account, &id) {
                // Deleted since.
                Err(Error::NoSuchAccount(_)) => None,
                entry => entry?,
            };
            match entry.map(|entry| entry.change) {
                Some(Change::Hold(hold)) => {
                    return Ok(Authorised {
                        is_new: outcomes.iter().any(|outcome| outcome.is_new()),
                        decision: Decision::Held(*hold),
                    });
                }
                Some(Change::RefuseHold(hold)) => refused.push((account.clone(), *hold)),
                // Deleted since, and another one by now.
                _ => {}
            }
        }
        match refused.is_empty() {
            true => Err(Error::NoSuchAccount(asked.accounts[0].clone())),
            false => Ok(Authorised {
                is_new: outcomes.iter().any(|outcome| outcome.is_new()),
                decision: Decision::Refused(refused),
            }),
        }
    }

    /// Settles a hold: what was used is posted in full in its place, on all its accounts, and what it kept
    /// besides is free. More than was held is recorded too, and so is what comes after the end of the hold, or
    /// after it was released: usage is never refused.
    ///
    /// Without an instant it takes effect at the start of the hold, or, if that is before the close of the
    /// books, at the first instant that is open. [`Change::ChangeUsage`] corrects it, under its id.
    ///
    /// # Errors
    /// As [`post`](Self::post); if there is no such hold, or it is settled already.
    pub fn settle(&self, settle: Settle) -> Result<HoldClosed, Error> {
        let Settle {
            account,
            id,
            hold,
            usage,
        } = settle;
        let held = self.hold(&account, &id, &hold)?;
        let change = usage.change(hold.clone(), &held);
        let change = change.ok_or_else(|| Error::Refused {
            account,
            id: id.clone(),
            refusal: Refusal::NotMetered(hold),
        })?;
        let at = matches!(usage, SettledUsage::Once { at: None, .. });
        let defaults = Defaults { at, ends: false };
        self.close_hold(&id, &held, &change, defaults)
    }

    /// Releases a hold: nothing is posted in its place, on all its accounts.
    ///
    /// # Errors
    /// As [`post`](Self::post); if there is no such hold, or it is settled or released already.
    pub fn release(
        &self,
        account: &str,
        id: impl Into<RecordId>,
        hold: impl Into<RecordId>,
    ) -> Result<HoldClosed, Error> {
        let (id, hold) = (id.into(), hold.into());
        let held = self.hold(account, &id, &hold)?;
        let change = Change::Release { hold };
        self.close_hold(&id, &held, &change, Defaults::default())
    }

    /// The hold of an id; `id` is that of the posting that closes it.
    fn hold(&self, account: &str, id: &RecordId, hold: &RecordId) -> Result<Hold, Error> {
        let refusal = match self.entry(account, hold)?.map(|entry: Entry| entry.change) {
            Some(Change::Hold(held)) => return Ok(*held),
            Some(Change::RefuseHold(_)) => Refusal::HoldRefused(hold.clone()),
            Some(_) => Refusal::NotAHold(hold.clone()),
            None => Refusal::NoSuchHold(hold.clone()),
        };
        Err(Error::Refused {
            account: account.to_owned(),
            id: id.clone(),
            refusal,
        })
    }

    fn close_hold(
        &self,
        id: &RecordId,
        hold: &Hold,
        change: &Change,
        defaults: Defaults,
    ) -> Result<HoldClosed, Error> {
        let accounts = hold.accounts.iter();
        let posting = |account: &String| Posting::new(account, id.clone(), change.clone());
        let request = Request {
            postings: accounts.map(posting).collect(),
            of_holds: OfHolds::Closes(defaults),
            ..Request::default()
        };
        let outcomes = self.submit(request).map_err(|(_, error)| error)?;
        Ok(HoldClosed {
            is_new: outcomes.iter().any(|outcome| outcome.is_new()),
            accounts: hold.accounts.iter().cloned().zip(outcomes).collect(),
        })
    }
}
