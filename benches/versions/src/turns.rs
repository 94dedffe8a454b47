//! Old, old again and new take turns, so that whatever disturbs the machine disturbs them all.

use std::hint::black_box;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gpu_credit_benches::check::{Checksum, same_answers};

use crate::Settings;
use crate::version::{Before, Now, Version, Which};

/// The ratio of new to old, at most; unless old differs more from itself.
const AT_MOST: f64 = 1.05;

/// Makes an account of any version.
pub(crate) trait Prepare {
    fn prepare<V: Version>(&self) -> Result<V>;
}

/// Work that takes a turn with an account of any version.
pub(crate) trait Work {
    /// Does the work of a round, counted from 0: what it took, and what came out.
    fn turn<V: Version>(&self, account: &mut V, round: usize) -> Result<(Duration, Checksum)>;
}

/// The accounts that take turns: old, old again, new; or the only one that is asked for.
pub(crate) struct Accounts(Vec<Account>);

enum Account {
    Before(Before),
    Now(Now),
}

impl Accounts {
    pub(crate) fn new(settings: &Settings, work: &impl Prepare) -> Result<Self> {
        let all = [Which::Before, Which::Before, Which::Now];
        let wanted: &[Which] = match &settings.only {
            None => &all,
            Some(only) => std::slice::from_ref(only),
        };
        let prepare = |which: &Which| {
            Ok(match which {
                Which::Before => Account::Before(work.prepare()?),
                Which::Now => Account::Now(work.prepare()?),
            })
        };
        let accounts: Result<_> = wanted.iter().map(prepare).collect();
        Ok(Self(accounts?))
    }

    /// Lets all accounts do the work of every round, and prints how they compare.
    ///
    /// # Errors
    /// If the work fails, or not all come to the same.
    pub(crate) fn take_turns(
        &mut self,
        settings: &Settings,
        row: &str,
        name: &str,
        work: &impl Work,
    ) -> Result<()> {
        let count = self.0.len();
        let mut times = vec![Vec::new(); count];
        for round in 0..settings.rounds() as usize {
            let mut agreed = None;
            for place in 0..count {
                let place = (place + round) % count;
                let (time, checksum) = self.0[place].turn(work, round)?;
                times[place].push(time.as_secs_f64());
                let same = *agreed.get_or_insert(checksum) == checksum;
                ensure!(same, "{row} {name}: the versions disagree in round {round}");
            }
        }
        print(row, name, &times);
        Ok(())
    }

    /// Compares the answers of all accounts.
    ///
    /// # Errors
    /// At the first that differs.
    pub(crate) fn verify(&self, questions: &[i64]) -> Result<()> {
        let answers = self.0.iter().map(|account| account.answers(questions));
        let answers: Vec<_> = answers.collect();
        for others in &answers[1..] {
            same_answers(questions, others, &answers[0])?;
        }
        Ok(())
    }
}

impl Account {
    fn turn(&mut self, work: &impl Work, round: usize) -> Result<(Duration, Checksum)> {
        match self {
            Account::Before(account) => work.turn(account, round),
            Account::Now(account) => work.turn(account, round),
        }
    }

    fn answers(&self, questions: &[i64]) -> Vec<Option<u64>> {
        match self {
            Account::Before(account) => account.get_balances(questions),
            Account::Now(account) => account.get_balances(questions),
        }
    }
}

/// What a piece of work gives, and how long it takes. Instructions are counted within it.
#[inline(never)]
pub(crate) fn measured<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = black_box(work());
    (result, start.elapsed())
}

fn print(row: &str, name: &str, times: &[Vec<f64>]) {
    let [before, again, now] = times else {
        println!("{row:3} {name:<52} {:.6} s", times[0][0]);
        return;
    };
    let (new, old) = (Ratios::of(now, before), Ratios::of(again, before));
    let verdict = match new.median <= AT_MOST || new.median <= old.max {
        true => "",
        false => "  SLOWER",
    };
    println!("{row:3} {name:<52} {new}   {old}{verdict}");
}

/// Ratios of one account to another, round by round.
struct Ratios {
    median: f64,
    min: f64,
    max: f64,
}

impl Ratios {
    fn of(these: &[f64], those: &[f64]) -> Self {
        let mut ratios: Vec<f64> = these.iter().zip(those).map(|(a, b)| a / b).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        Self {
            median: f64::midpoint(ratios[(ratios.len() - 1) / 2], ratios[ratios.len() / 2]),
            min: ratios[0],
            max: ratios[ratios.len() - 1],
        }
    }
}

impl std::fmt::Display for Ratios {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { median, min, max } = self;
        write!(formatter, "{median:.3} ({min:.3} to {max:.3})")
    }
}
