//! Random postings of every kind, a few of which a store refuses.

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Change, Posting, RecordId};
use gpu_credit_workload::random::Random;

/// Postings to a few accounts, always the same for one seed.
pub(crate) struct Workload {
    random: Random,
    accounts: u64,
    next_id: u64,
    /// Ids begin with it, so that several workloads can post to one store.
    prefix: String,
    /// Accounts and ids, to have something to correct.
    grants: Vec<(String, RecordId)>,
    usage: Vec<(String, RecordId)>,
    metered: Vec<(String, RecordId)>,
    is_open_ended: bool,
}

impl Workload {
    pub(crate) fn new(seed: u64, accounts: u64) -> Self {
        Workload {
            random: Random::new(seed),
            accounts,
            next_id: 0,
            prefix: format!("{seed}-"),
            grants: Vec::new(),
            usage: Vec::new(),
            metered: Vec::new(),
            is_open_ended: false,
        }
    }

    /// The same without closing books or deleting accounts.
    pub(crate) fn open_ended(seed: u64, accounts: u64) -> Self {
        Workload {
            is_open_ended: true,
            ..Self::new(seed, accounts)
        }
    }

    /// What opens an account: each has its policy, and is opened again and again.
    pub(crate) fn opening(account: &str) -> Posting {
        let policy = match account.len() % 3 {
            0 => Overdraft::CarryUpTo(9),
            1 => Overdraft::Carry,
            _ => Overdraft::Forfeit,
        };
        Posting::open_account(account, "open", policy)
    }

    pub(crate) fn batch(&mut self) -> Vec<Posting> {
        if !self.is_open_ended && self.random.chance(1, 80) {
            return vec![Posting::delete_account(self.account(), self.new_id())];
        }
        let length = match self.random.chance(2, 3) {
            true => 1,
            false => 2 + self.random.below(4),
        };
        let mut batch = Vec::new();
        for _ in 0..length {
            let posting = self.posting();
            batch.push(Self::opening(&posting.account));
            batch.push(posting);
        }
        batch
    }

    fn posting(&mut self) -> Posting {
        let (account, id) = (self.account(), self.new_id());
        let (amount, timestamp) = (self.random.below(12), self.random.between(0, 100));
        let length = self.random.below(40);
        let expiration = (!self.random.chance(1, 8)).then_some(length);
        match self.random.below(25) {
            0..5 => {
                self.grants.push((account.clone(), id.clone()));
                let credit_id = format!("credit {amount}");
                let grant =
                    Posting::grant(account, id, credit_id, 3 * amount, timestamp, expiration);
                grant.priority(self.priority())
            }
            5..11 => {
                self.usage.push((account.clone(), id.clone()));
                Posting::usage(account, id, amount, timestamp)
            }
            11..14 => {
                self.metered.push((account.clone(), id.clone()));
                Posting::metered_usage(account, id, self.job(timestamp))
            }
            14 if !self.is_open_ended && self.random.chance(1, 3) => {
                Posting::close_books(account, id, timestamp / 2)
            }
            kind => {
                let records = match kind {
                    // A record of the wrong kind, now and then.
                    _ if self.random.chance(1, 20) => &self.usage,
                    14..18 => [&self.grants, &self.usage, &self.metered][kind as usize % 3],
                    18 => &self.usage,
                    19..21 => &self.metered,
                    _ => &self.grants,
                };
                let back = 1 + self.random.below(20) as usize;
                let place = records.len().checked_sub(back);
                let Some((account, of)) = place.map(|place| records[place].clone()) else {
                    return Posting::usage(account, id, amount, timestamp);
                };
                let change = match kind {
                    14..18 => Change::RetractRecord { of },
                    18 => Change::ChangeUsage { of, amount },
                    19..21 => self.change_of_job(of, timestamp),
                    21 => Change::Revoke {
                        of,
                        from: timestamp,
                    },
                    22 => Change::ChangePriority {
                        of,
                        priority: self.priority(),
                    },
                    _ => Change::ChangeExpiration { of, expiration },
                };
                Posting::new(account, id, change)
            }
        }
    }

    /// Most grants have none of their own.
    fn priority(&mut self) -> i16 {
        match self.random.chance(1, 3) {
            true => self.random.between(-2, 2) as i16,
            false => 0,
        }
    }

    /// A job from a tick on: most use something, some are nothing.
    fn job(&mut self, from: i64) -> MeteredUsage {
        MeteredUsage {
            rate: self.random.below(4),
            from,
            until: from + self.random.between(-3, 30),
        }
    }

    /// Changes one thing or several, also to what it is, or nothing at all.
    fn change_of_job(&mut self, of: RecordId, from: i64) -> Change {
        let MeteredUsage { rate, from, until } = self.job(from);
        let mut is_said = || self.random.chance(2, 5);
        Change::ChangeMeteredUsage {
            of,
            rate: is_said().then_some(rate),
            from: is_said().then_some(from),
            until: is_said().then_some(until),
        }
    }

    fn account(&mut self) -> String {
        "a".repeat(1 + self.random.below(self.accounts) as usize)
    }

    fn new_id(&mut self) -> RecordId {
        self.next_id += 1;
        format!("{}{}", self.prefix, self.next_id).into()
    }
}
