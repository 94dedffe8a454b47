//! Holds: credit that is kept for usage to come, and what an account has besides.

use std::fmt;

use gpu_credit::MeteredUsage;
use serde::{Deserialize, Serialize};

use crate::metered::total;

/// Accounts that one hold can be on, at most.
pub const HOLD_ACCOUNTS_MAX: usize = 64;

/// Credit that is kept for usage to come. It is open at each instant of `[at, until)` unless it is settled
/// or released. Nothing sweeps it: whether it is open is computed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Hold {
    /// The accounts that it is on, by name, without repetition.
    pub accounts: Vec<String>,
    /// The usage that it stands for.
    pub usage: HeldUsage,
    /// What was asked for, if as much of it as fits was: an amount or a rate.
    #[serde(default)]
    pub up_to: Option<u64>,
    /// Its start: the instant at which it stands as usage.
    pub at: i64,
    /// The first instant at which it is no longer open.
    pub until: i64,
}

/// The usage that a hold stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldUsage {
    /// So much at the start of the hold.
    Amount(u64),
    /// Metered usage from the start of the hold on.
    Metered {
        /// What each tick uses.
        rate: u64,
        /// The first tick that is no longer used.
        end: i64,
    },
}

/// A hold that was asked for and not given, as the account stood then.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RefusedHold {
    /// What was asked for.
    pub asked: Hold,
    /// What this account had.
    pub funds: Funds,
}

/// What an account has at an instant, holds and all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Funds {
    /// The balance, which knows no holds: see [`Account::get_balance`](crate::Account::get_balance).
    pub balance: Option<u64>,
    /// See [`Account::held`](crate::Account::held).
    pub held: u64,
    /// See [`Account::available`](crate::Account::available).
    pub available: u64,
    /// The largest amount, or rate, that would be admitted: see
    /// [`Account::spendable`](crate::Account::spendable).
    pub spendable: u64,
}

impl Hold {
    /// Whether it ends after an instant. Those that do stand as usage if the account is asked about that
    /// instant, later ones too.
    pub(crate) fn ends_after(&self, instant: i64) -> bool {
        self.until > instant
    }

    /// Whether an instant is one at which it is open.
    pub fn is_open_at(&self, instant: i64) -> bool {
        (self.at..self.until).contains(&instant)
    }

    /// All that it keeps: of metered usage the sum of its ticks.
    pub(crate) fn total(&self) -> u128 {
        match self.usage {
            HeldUsage::Amount(amount) => amount.into(),
            HeldUsage::Metered { rate, end } => total(self.metered(rate, end)),
        }
    }

    /// The metered usage that a hold of a rate stands for.
    pub(crate) fn metered(&self, rate: u64, end: i64) -> MeteredUsage {
        MeteredUsage {
            rate,
            from: self.at,
            until: end,
        }
    }

    /// The amount or the rate.
    pub(crate) fn level(&self) -> u64 {
        match self.usage {
            HeldUsage::Amount(level) | HeldUsage::Metered { rate: level, .. } => level,
        }
    }

    /// The same with another amount or rate.
    pub(crate) fn with_level(&self, level: u64) -> Self {
        let usage = match self.usage {
            HeldUsage::Amount(_) => HeldUsage::Amount(level),
            HeldUsage::Metered { end, .. } => HeldUsage::Metered { rate: level, end },
        };
        Hold {
            usage,
            ..self.clone()
        }
    }

    /// What was asked for: as the hold is, or the amount or rate up to which it was.
    pub(crate) fn asked(&self) -> Self {
        match self.up_to {
            Some(asked) => self.with_level(asked),
            None => self.clone(),
        }
    }

    /// What it is, on one line, with instants shown as the caller shows them.
    pub(crate) fn tell(
        &self,
        formatter: &mut fmt::Formatter<'_>,
        show: impl Fn(&i64) -> String,
    ) -> fmt::Result {
        let from = show(&self.at);
        match self.usage {
            HeldUsage::Amount(amount) => write!(formatter, "{amount} from {from}")?,
            HeldUsage::Metered { rate, end } => {
                write!(formatter, "{rate} a tick from {from} until {}", show(&end))?;
            }
        }
        write!(formatter, ", open until {}", show(&self.until))?;
        if self.accounts.len() > 1 {
            write!(formatter, ", on {}", self.accounts.join(", "))?;
        }
        Ok(())
    }
}
