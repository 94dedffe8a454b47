//! What it costs to ask whether something may be spent, against recording usage.
//!
//! ```console
//! $ cargo bench -p gpu-credit-store --bench holds
//! $ cargo bench -p gpu-credit-store --bench holds -- --quick    # seconds, to see that it works
//! ```
//!
//! The store is in memory, so that no figure is that of a disk. In accounts of a thousand, of a hundred thousand and of a million
//! usage records, without other holds and with a thousand that are open, each round records usage, asks for a hold and
//! settles it, in turns. The first two holds are measured by themselves: the second makes the account with holds, which costs
//! as much as loading it. What each round leaves behind is verified: what is held, and what is used.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]

use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_store::{Authorise, Posting, Settle, Store};

/// The ticks that the usage of an account spans.
const SPAN: i64 = 1_000_000;
/// What a hold and a record of usage take.
const AMOUNT: u64 = 3;
const GRANTS: i64 = 100;

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let (sizes, rounds): (&[u64], _) = match is_quick {
        true => (&[1_000, 10_000], 100),
        false => (&[1_000, 100_000, 1_000_000], 2_000),
    };
    for &records in sizes {
        for open in [0, 1_000] {
            measure(records, open, rounds);
        }
    }
}

fn measure(records: u64, open: u64, rounds: u64) {
    let store = account_of(records);
    let firsts = ["first", "second"].map(|id| {
        let began = Instant::now();
        assert!(authorise(&store, id));
        began.elapsed()
    });
    for id in ["first", "second"] {
        store.release("a", format!("{id}/end"), id).unwrap();
    }
    for hold in 0..open {
        assert!(authorise(&store, &format!("open-{hold}")));
    }
    let mut times = [const { Vec::new() }; 3];
    for round in 0..rounds {
        let (id, at) = (format!("hold-{round}"), SPAN);
        let mut time = |step: usize, act: &dyn Fn() -> bool| {
            let began = Instant::now();
            let is_new = act();
            times[step].push(began.elapsed());
            assert!(is_new);
        };
        time(0, &|| {
            let usage = Posting::usage("a", format!("usage-{round}"), AMOUNT, at);
            store.post(usage).unwrap().is_new()
        });
        time(1, &|| authorise(&store, &id));
        time(2, &|| {
            let settle = Settle::new("a", format!("{id}/end"), &*id, AMOUNT);
            store.settle(settle).unwrap().is_new
        });
    }
    let (held, used) = store
        .with_account("a", |account| {
            (account.held(SPAN).unwrap(), account.ledger().used())
        })
        .unwrap();
    assert_eq!(held, open * AMOUNT);
    assert_eq!(used, (records + 2 * rounds) * AMOUNT);
    let [usage, hold, settle] = times.map(Spread::of);
    println!(
        "{records} records, {open} open holds: usage {usage}, a hold {hold} ({:.2} of it), a settlement {settle} ({:.2}); the first two holds {firsts:.1?}",
        hold.median.as_secs_f64() / usage.median.as_secs_f64(),
        settle.median.as_secs_f64() / usage.median.as_secs_f64(),
    );
}

/// A store with an account of so many usage records, and credit for all that comes.
fn account_of(records: u64) -> Store {
    let store = Store::in_memory().unwrap();
    store.open_account("a", Overdraft::Carry).unwrap();
    let grants = (0..GRANTS).map(|grant| {
        let start = SPAN / GRANTS * grant;
        Posting::grant(
            "a",
            format!("grant-{grant}"),
            "credit",
            u64::MAX >> 12,
            start,
            None,
        )
    });
    store.post_all(grants.collect()).unwrap();
    let ids: Vec<u64> = (0..records).collect();
    for ids in ids.chunks(100_000) {
        let usage = ids.iter().map(|id| {
            let at = i64::try_from(*id).unwrap() * SPAN / i64::try_from(records).unwrap();
            Posting::usage("a", id.to_string(), AMOUNT, at)
        });
        store.post_all(usage.collect()).unwrap();
    }
    store.get_balance("a", SPAN).unwrap();
    store
}

fn authorise(store: &Store, id: &str) -> bool {
    let asked = Authorise::new(id, ["a"], AMOUNT, SPAN..SPAN + 600);
    store.authorise(asked).unwrap().hold().is_some()
}

/// Times as their median, 99 of 100, and the longest.
struct Spread {
    median: Duration,
    p99: Duration,
    longest: Duration,
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Spread {
            median: times[times.len() / 2],
            p99: times[times.len() * 99 / 100],
            longest: times[times.len() - 1],
        }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "{:.1?} (p99 {:.1?}, max {:.1?})",
            self.median, self.p99, self.longest
        )
    }
}
