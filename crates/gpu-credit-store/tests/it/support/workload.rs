//! Random postings of every kind, a few of which a store refuses.

use gpu_credit::Overdraft;
use gpu_credit_store::{Change, Posting, RecordId};
use gpu_credit_workload::random::Random;

/// Postings to a few accounts, always the same for one seed.
pub(crate) struct Workload {
    random: Random,
    accounts: u64,
    next_id: u64,
    /// Ids begin with it, so that several workloads can post to one store.
    prefix: String,
    /// Grants, then usage: accounts and ids, to have something to correct.
    grants: Vec<(String, RecordId)>,
    usage: Vec<(String, RecordId)>,
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
        let policy = match account.len() % 2 {
            0 => Overdraft::Forfeit,
            _ => Overdraft::Carry,
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
        match self.random.below(20) {
            0..5 => {
                self.grants.push((account.clone(), id.clone()));
                let credit_id = format!("credit {amount}");
                Posting::grant(account, id, credit_id, 3 * amount, timestamp, expiration)
            }
            5..13 => {
                self.usage.push((account.clone(), id.clone()));
                Posting::usage(account, id, amount, timestamp)
            }
            13 if !self.is_open_ended && self.random.chance(1, 3) => {
                Posting::close_books(account, id, timestamp / 2)
            }
            kind => {
                let is_grant = kind >= 17 || self.random.chance(1, 3);
                let Some((account, of)) = self.record(is_grant) else {
                    return Posting::usage(account, id, amount, timestamp);
                };
                let change = match kind {
                    13..15 => Change::RetractRecord { of },
                    15..17 => Change::ChangeUsage { of, amount },
                    17 => Change::Revoke {
                        of,
                        from: timestamp,
                    },
                    _ => Change::ChangeExpiration { of, expiration },
                };
                Posting::new(account, id, change)
            }
        }
    }

    fn record(&mut self, is_grant: bool) -> Option<(String, RecordId)> {
        let records = if is_grant { &self.grants } else { &self.usage };
        let back = 1 + self.random.below(20) as usize;
        records.get(records.len().checked_sub(back)?).cloned()
    }

    fn account(&mut self) -> String {
        "a".repeat(1 + self.random.below(self.accounts) as usize)
    }

    fn new_id(&mut self) -> RecordId {
        self.next_id += 1;
        format!("{}{}", self.prefix, self.next_id).into()
    }
}
