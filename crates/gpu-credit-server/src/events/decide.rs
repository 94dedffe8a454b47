//! Which usage a batch of events becomes.

use std::collections::HashMap;

use gpu_credit_store::{AnyStorage, Error, Head, Posting, RecordId, Store, TimeUnit};

use super::envelope::Event;
use super::rules::EventRules;

/// What a batch becomes.
#[derive(Debug, Default)]
pub(crate) struct Decided {
    /// What is posted, each with the place of its event.
    pub(crate) postings: Vec<(usize, Posting)>,
    /// How many events are there already, or twice in the batch.
    pub(crate) duplicates: u64,
    /// Which go to the account for what cannot be posted where it belongs, and why.
    pub(crate) unmatched: Vec<(usize, String)>,
}

/// Why a batch becomes nothing.
#[derive(Debug)]
pub(crate) enum Undecided {
    /// One event is wrong, or has no account to go to: its place, from 0.
    Event(usize, String),
    Store(Error),
}

impl From<Error> for Undecided {
    fn from(error: Error) -> Self {
        Undecided::Store(error)
    }
}

/// What events are decided by.
pub(crate) struct Deciding<'s> {
    pub(crate) store: &'s Store<AnyStorage>,
    pub(crate) rules: &'s EventRules,
    pub(crate) unit: TimeUnit,
    /// When events happened that do not say when.
    pub(crate) now: i64,
    /// Whether the caller may post to an account; one that it may not post to is not there.
    pub(crate) may: &'s dyn Fn(&str) -> bool,
}

impl Deciding<'_> {
    /// A look-up for each account and at most two for each event.
    pub(crate) fn decide(&self, events: &[Event<'_>]) -> Result<Decided, Undecided> {
        let mut heads: HashMap<&str, Option<Head>> = HashMap::new();
        let mut decided = Decided::default();
        let mut taken: HashMap<(String, RecordId), ()> = HashMap::new();
        for (place, event) in events.iter().enumerate() {
            let id = event.record_id();
            let at = event.instant(self.unit, self.now);
            let at = at.map_err(|problem| Undecided::Event(place, problem))?;
            let subject = event.subject();
            let mut is_there = false;
            for account in subject.into_iter().chain(self.rules.unmatched()) {
                if self.head(account, &mut heads)?.is_some() {
                    is_there |= taken.contains_key(&(account.to_owned(), id.clone()))
                        || self.store.entry(account, &id)?.is_some();
                }
            }
            if is_there {
                decided.duplicates += 1;
                continue;
            }
            let cost = self.rules.cost(event);
            let mut problem = cost.as_ref().err().map(ToString::to_string);
            let account = match subject {
                None => Err("it has no subject".to_owned()),
                Some(subject) => self.open_at(subject, at, &mut heads)?.map(|()| subject),
            };
            let account = match account {
                Ok(account) => account,
                Err(of_account) => {
                    problem.get_or_insert(of_account);
                    ""
                }
            };
            let account = match problem {
                None => account,
                Some(problem) => {
                    let unmatched = self.unmatched(place, &problem, at, &mut heads)?;
                    decided.unmatched.push((place, problem));
                    unmatched
                }
            };
            taken.insert((account.to_owned(), id.clone()), ());
            let posting = Posting::usage(account, id, cost.unwrap_or(0), at);
            decided.postings.push((place, posting));
        }
        Ok(decided)
    }

    /// The account for what cannot be posted where it belongs.
    fn unmatched<'a>(
        &'a self,
        place: usize,
        problem: &str,
        at: i64,
        heads: &mut HashMap<&'a str, Option<Head>>,
    ) -> Result<&'a str, Undecided> {
        let Some(unmatched) = self.rules.unmatched() else {
            return Err(Undecided::Event(place, problem.to_owned()));
        };
        if !(self.may)(unmatched) {
            // It is not named to those who may not use it.
            let detail = "the token may not use the account for what is unmatched";
            return Err(Undecided::Event(place, format!("{problem}; and {detail}")));
        }
        match self.open_at(unmatched, at, heads)? {
            Ok(()) => Ok(unmatched),
            Err(of_unmatched) => Err(Undecided::Event(
                place,
                format!("{problem}; and for what is unmatched {of_unmatched}"),
            )),
        }
    }

    /// Whether something can be posted to an account at an instant, or why not.
    fn open_at<'a>(
        &self,
        account: &'a str,
        at: i64,
        heads: &mut HashMap<&'a str, Option<Head>>,
    ) -> Result<Result<(), String>, Undecided> {
        Ok(match self.head(account, heads)? {
            None => Err(format!("there is no account {account:?}")),
            Some(head) => match head.totals.closed.filter(|until| at < *until) {
                Some(_) => Err(format!("the books of {account:?} are closed at its time")),
                None => Ok(()),
            },
        })
    }

    fn head<'h, 'a>(
        &self,
        account: &'a str,
        heads: &'h mut HashMap<&'a str, Option<Head>>,
    ) -> Result<Option<&'h Head>, Error> {
        if !heads.contains_key(account) {
            let head = match (self.may)(account) {
                false => None,
                true => match self.store.head(account) {
                    Err(Error::NoSuchAccount(_)) => None,
                    head => Some(head?),
                },
            };
            heads.insert(account, head);
        }
        Ok(heads.get(account).and_then(Option::as_ref))
    }
}
