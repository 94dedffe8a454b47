//! Rows S1 to S3: late writes of every kind, each settled and followed by a question at the end.

use std::time::Duration;

use anyhow::Result;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::workload::{History, LateWrites, Mix, Write, questions};

use crate::Settings;
use crate::turns::{Accounts, Prepare, Work, measured};
use crate::version::{Policy, Version};

/// Late writes of a round: as many as take some ten milliseconds.
const WRITES: usize = 1_000;

/// Live grants, load in percent, and policy of each case, by row. Row S2 is its ratio to a
/// hundredth of the size, which is measured here as it is.
const CASES: [(&str, u64, u64, Policy); 7] = [
    ("S1", 10, 50, Policy::Carry),
    ("S1", 50, 90, Policy::Carry),
    ("S1", 50, 200, Policy::Carry),
    ("S1", 50, 90, Policy::Forfeit),
    ("S2", 50, 90, Policy::Carry),
    ("S3", 50, 100, Policy::Carry),
    ("S3", 500, 100, Policy::Carry),
];

pub(super) fn run(settings: &Settings) -> Result<()> {
    for (row, live, load_percent, policy) in CASES {
        if !settings.wants(row) {
            continue;
        }
        let full = settings.size(1_000_000, 10_000);
        let grants = if row == "S2" { full / 100 } else { full };
        let mix = Mix {
            grants,
            live,
            load_percent,
            has_long: false,
        };
        let name = format!("{policy:?}, {live} live, load {load_percent} %, {grants} grants");
        measure(settings, row, &name, mix, policy)?;
    }
    Ok(())
}

fn measure(settings: &Settings, row: &str, name: &str, mix: Mix, policy: Policy) -> Result<()> {
    let history = mix.history(settings.seed);
    let mut accounts = Accounts::new(settings, &Loaded(&history, policy))?;
    let mut late = LateWrites::new(
        settings.seed,
        &history,
        move |random| mix.small_usage(random),
        move |random| mix.grant(random),
    );
    let rounds = settings.rounds() as usize;
    let writes: Vec<Write> = (0..rounds * WRITES).map(|_| late.make()).collect();
    let work = Late {
        writes: &writes,
        end: history.seconds - 1,
    };
    accounts.take_turns(settings, row, name, &work)?;
    accounts.verify(&questions(settings.seed, &history, 20_000))
}

/// All records of a history, settled.
struct Loaded<'a>(&'a History, Policy);

impl Prepare for Loaded<'_> {
    fn prepare<V: Version>(&self) -> Result<V> {
        let mut account = V::open(self.1);
        account.extend(self.0)?;
        account.settle();
        Ok(account)
    }
}

/// The same late writes to every account, some in each round.
struct Late<'a> {
    writes: &'a [Write],
    end: i64,
}

impl Work for Late<'_> {
    fn turn<V: Version>(&self, account: &mut V, round: usize) -> Result<(Duration, Checksum)> {
        let some = &self.writes[round * WRITES..][..WRITES];
        let (sum, time) = measured(|| -> Result<Checksum> {
            let mut sum = Checksum::default();
            for write in some {
                account.apply(write)?;
                account.settle();
                sum.add(account.get_balance(self.end));
            }
            Ok(sum)
        });
        Ok((time, sum?))
    }
}
