//! What clients asked of instances, what they were told, and when.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use gpu_credit_store::{Change, Hold, RecordId};
use serde::{Deserialize, Serialize};

/// Something that is asked of an instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Request {
    /// All of them or none.
    Post(Vec<Written>),
    /// Asks for a hold.
    Ask(RecordId, Hold),
    /// Settles the hold with an amount, or releases it.
    Close {
        account: String,
        id: RecordId,
        hold: RecordId,
        amount: Option<u64>,
    },
    /// What accounts have at an instant, all at one point of the journal.
    Read(Vec<String>, i64),
}

/// An entry that is to be, or is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Written {
    pub(super) account: String,
    pub(super) id: RecordId,
    pub(super) change: Change,
}

/// What an instance tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Reply {
    /// The revisions of the entries, in their order.
    Posted(Vec<u64>),
    /// A hold is given, or refused: what each account has under the id.
    Decided(Vec<(String, Change)>),
    /// A hold is closed: the revision of each of its accounts.
    Closed(Vec<(String, u64)>),
    Read(Vec<Answer>),
    /// The id stands for something else.
    Different {
        account: String,
        revision: u64,
        posted: Change,
    },
    /// There is no such account.
    Missing,
    /// It was not done.
    Refused(String),
    /// Nobody knows whether it was done.
    Unknown(String),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) revision: u64,
    /// `None` if the revision alone was read.
    pub(super) funds: Option<Funds>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Funds {
    pub(super) balance: Option<u64>,
    pub(super) deficit: u64,
    pub(super) held: u64,
    pub(super) available: u64,
}

/// A request to an instance, from when it was sent until it was answered.
#[derive(Clone, Debug)]
pub(super) struct Event {
    #[allow(dead_code, reason = "it is shown where something is wrong")]
    pub(super) instance: usize,
    pub(super) request: Request,
    pub(super) reply: Reply,
    pub(super) sent: Duration,
    pub(super) answered: Duration,
}

pub(super) struct History {
    begun: Instant,
    events: Mutex<Vec<Event>>,
}

impl History {
    pub(super) fn new() -> Self {
        History {
            begun: Instant::now(),
            events: Mutex::default(),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    pub(super) fn add(&self, event: Event) {
        let events = self.events.lock();
        events.unwrap_or_else(PoisonError::into_inner).push(event);
    }

    pub(super) fn events(&self) -> Vec<Event> {
        let events = self.events.lock();
        events.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Request {
    /// The entries that it may write: accounts and ids.
    pub(super) fn writes(&self) -> Vec<(&str, &RecordId)> {
        match self {
            Request::Post(all) => all
                .iter()
                .map(|each| (each.account.as_str(), &each.id))
                .collect(),
            Request::Ask(id, hold) => hold
                .accounts
                .iter()
                .map(|account| (account.as_str(), id))
                .collect(),
            // On which others the hold is, the journal says.
            Request::Close { account, id, .. } => vec![(account, id)],
            Request::Read(..) => Vec::new(),
        }
    }

    /// Whether an entry is what it asked for.
    pub(super) fn asks_for(&self, entry: &Written) -> bool {
        match self {
            Request::Post(all) => all.contains(entry),
            Request::Ask(id, hold) => {
                let is_it = match &entry.change {
                    Change::Hold(given) => *hold == **given,
                    Change::RefuseHold(refused) => *hold == refused.asked,
                    _ => false,
                };
                is_it && *id == entry.id && hold.accounts.contains(&entry.account)
            }
            Request::Close {
                id, hold, amount, ..
            } => {
                let is_it = match (&entry.change, amount) {
                    (
                        Change::Settle {
                            hold: of,
                            amount: used,
                            ..
                        },
                        Some(amount),
                    ) => of == hold && used == amount,
                    (Change::Release { hold: of }, None) => of == hold,
                    _ => false,
                };
                is_it && *id == entry.id
            }
            Request::Read(..) => false,
        }
    }
}

impl Reply {
    pub(super) fn is_unknown(&self) -> bool {
        matches!(self, Reply::Unknown(_))
    }

    /// Whether it says that something is there.
    pub(super) fn is_acknowledged(&self) -> bool {
        matches!(
            self,
            Reply::Posted(_) | Reply::Decided(_) | Reply::Closed(_)
        )
    }
}
