//! What chosen accounts have, as of when the metrics are read.

use std::fmt;
use std::time::Duration;

use gpu_credit_store::{AnyStorage, Error, Store, TimeUnit};
use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

use super::super::MetricsOptions;
use crate::State;
use crate::access::Accounts;

/// Accounts that are shown, at most: each is four lines of every reading.
const ACCOUNTS_MAX: usize = 10_000;

pub(super) struct Balances {
    state: State,
    unit: TimeUnit,
    accounts: Vec<Accounts>,
    soon: Duration,
}

/// What an account has.
struct Balance {
    account: String,
    balance: u64,
    available: u64,
    deficit: u64,
    lapsing_soon: u64,
}

type Shown = (&'static str, &'static str, fn(&Balance) -> u64);

const SHOWN: [Shown; 4] = [
    ("balance", "The balance now, 0 if there is none", |of| {
        of.balance
    }),
    (
        "available",
        "What is available now: the balance with holds that are open",
        |of| of.available,
    ),
    ("deficit", "The deficit now", |of| of.deficit),
    (
        "lapsing_soon",
        "What lapses soon if it is not used before",
        |of| of.lapsing_soon,
    ),
];

impl Balances {
    /// `None` if no account is to be shown.
    pub(super) fn new(state: State, options: &MetricsOptions) -> Option<Self> {
        let unit = state.time_unit().filter(|_| !options.accounts.is_empty())?;
        Some(Balances {
            state,
            unit,
            accounts: options.accounts.clone(),
            soon: options.soon,
        })
    }

    /// The accounts that are shown, and how many are not.
    fn names(&self) -> Result<(Vec<String>, usize), Error> {
        let mut names = Vec::new();
        let is_by_prefix = |accounts: &Accounts| !matches!(accounts, Accounts::One(_));
        if self.accounts.iter().any(is_by_prefix) {
            let all = self.state.store().accounts()?.into_iter();
            let chosen = all.filter(|account| {
                let mut chosen = self.accounts.iter();
                chosen.any(|accounts| accounts.contains(&account.name))
            });
            names.extend(chosen.map(|account| account.name.to_string()));
        }
        // Those that are named count as left out if they are not open.
        let named = self.accounts.iter().filter(|one| !is_by_prefix(one));
        names.extend(named.map(|one| one.common_prefix().to_owned()));
        names.sort_unstable();
        names.dedup();
        let left_out = names.len().saturating_sub(ACCOUNTS_MAX);
        names.truncate(ACCOUNTS_MAX);
        Ok((names, left_out))
    }

    /// The tick that has begun.
    fn now(&self) -> i64 {
        let ticks = Timestamp::now()
            .as_nanosecond()
            .div_euclid(self.unit.nanoseconds().into());
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }

    fn soon(&self) -> i64 {
        let ticks = self.soon.as_nanos() / u128::from(self.unit.nanoseconds().unsigned_abs());
        i64::try_from(ticks).unwrap_or(i64::MAX)
    }
}

fn balance(store: &Store<AnyStorage>, name: &str, now: i64, soon: i64) -> Result<Balance, Error> {
    let asked = store.with_account(name, |account| {
        let answer = account.balance_at(now)?;
        let lapsing = account.ledger().lapsing(now..=now.saturating_add(soon));
        Ok::<_, gpu_credit_store::BeforeClose>(Balance {
            account: name.to_owned(),
            balance: answer.balance.unwrap_or(0),
            available: account.available(now)?,
            deficit: answer.deficit,
            lapsing_soon: lapsing.iter().map(|lapse| lapse.amount).sum(),
        })
    });
    Ok(asked??)
}

impl Collector for Balances {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (names, mut left_out) = self.names().map_err(|error| failed(&error))?;
        let (now, soon) = (self.now(), self.soon());
        let mut balances = Vec::with_capacity(names.len());
        for name in &names {
            match balance(self.state.store(), name, now, soon) {
                Ok(balance) => balances.push(balance),
                // Not opened yet, deleted meanwhile, or closed beyond now.
                Err(Error::NoSuchAccount(_) | Error::Closed(_)) => left_out += 1,
                Err(error) => return Err(failed(&error)),
            }
        }
        for (name, help, value) in SHOWN {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for of in &balances {
                let labels = [("account", of.account.as_str())];
                let value = ConstGauge::new(value(of));
                value.encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Chosen accounts that are not shown: they are not open, or too many";
        let left_out = ConstGauge::new(i64::try_from(left_out).unwrap_or(i64::MAX));
        let name = "accounts_left_out";
        let encoder = encoder.encode_descriptor(name, help, None, left_out.metric_type())?;
        left_out.encode(encoder)
    }
}

fn failed(error: &Error) -> fmt::Error {
    tracing::warn!(%error, "balances cannot be measured");
    fmt::Error
}

impl fmt::Debug for Balances {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Balances")
    }
}
