//! The integrity check: the storage's structures, and the engine against the reference.

use std::ops::ControlFlow;

use gpu_credit::{Answer, GpuCredit};
use gpu_credit_replay::{HeapReplay, Replay, Statement};
use gpu_credit_workload::random::Random;

use crate::folding::fold;
use crate::reference::Reference;
use crate::snapshot::problems;
use crate::{Account, AccountKey, Change, Error, Revision, Storage, Store};

/// What a check looked at, and what it found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "what is wrong is in the report, not an error"]
#[non_exhaustive]
pub struct CheckReport {
    /// Accounts that were loaded from the journal.
    pub accounts: u64,
    /// Entries whose checksums were verified and that were applied.
    pub entries: u64,
    /// Answers that were compared with the reference.
    pub answers: u64,
    /// What is wrong, a line each. Empty: nothing.
    pub problems: Vec<String>,
}

impl CheckReport {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, account: CheckReport) {
        self.entries += account.entries;
        self.answers += account.answers;
        self.problems.extend(account.problems);
    }
}

impl<S: Storage> Store<S> {
    /// Checks everything there is to check while the store is open: every entry's checksum, that ids
    /// and entries lead to each other, that snapshots are what the entries make, that each account follows from its entries and its head from
    /// both, that nothing was posted into closed books, that the journal ends where it says, that
    /// memory says what the journal says, and, at `instants` of each account, that the engine answers
    /// what the replay reference answers and that nothing is gained or lost (conservation). Pages are
    /// verified as they are read; [`Store::open_verified`] reads all of them anew.
    ///
    /// This finds accidents, and a program that went wrong. Who forges all of an account, or of the
    /// file, with heads and checksums that fit, is not found.
    ///
    /// A comparison costs a replay: O(n log n) for the n records of the account. One account at a time
    /// is held in memory, twice. `progress` is told the number of accounts so far.
    ///
    /// # Errors
    /// If the storage fails. What is wrong with the content is in the report.
    pub fn check(
        &self,
        instants: usize,
        mut progress: impl FnMut(u64),
    ) -> Result<CheckReport, Error> {
        let mut report = CheckReport {
            problems: self.reader().check()?,
            ..CheckReport::default()
        };
        for key in self.accounts()? {
            let checked = self.check_account(&key, instants);
            let is_gone = match self.head(&key.name) {
                Ok(head) => head.account != key,
                Err(error) => matches!(error, Error::NoSuchAccount(_)),
            };
            if is_gone {
                // Deleted since, and perhaps in the middle of it: what was found means nothing.
                continue;
            }
            match checked {
                Ok(account) => report.add(account),
                Err(
                    error @ (Error::NoSuchAccount(_)
                    | Error::NotApplicable { .. }
                    | Error::Journal(_)),
                ) => report.problems.push(error.to_string()),
                Err(error) => return Err(error),
            }
            report.accounts += 1;
            progress(report.accounts);
        }
        Ok(report)
    }

    fn check_account(&self, key: &AccountKey, instants: usize) -> Result<CheckReport, Error> {
        let mut report = CheckReport::default();
        let through = self.storage()?.visible();
        report.problems = problems(self.reader(), key, through)?;
        let loaded = fold(self.reader(), key, Revision::END, through)?;
        let mut reference = Reference::new(loaded.policy());
        let (mut closed, mut recorded_at) = (None, i64::MIN);
        self.reader()
            .entries(key, Revision::START, through, &mut |entry| {
                if takes_effect(&entry.change) < closed {
                    let (name, revision) = (&key.name, entry.revision);
                    report.problems.push(format!(
                        "account {name:?}: revision {revision} takes effect before the close of the books"
                    ));
                }
                if entry.recorded_at < recorded_at {
                    let (name, revision) = (&key.name, entry.revision);
                    report.problems.push(format!(
                        "account {name:?}: revision {revision} is recorded before the one before it"
                    ));
                }
                recorded_at = entry.recorded_at;
                if let Change::CloseBooks { until } = entry.change {
                    closed = closed.max(Some(until));
                }
                reference.apply(&entry);
                report.entries += 1;
                ControlFlow::Continue(())
            })?;
        let replay = reference.replay();
        let head = self.head(&key.name)?;
        if head.account == *key && head.revision == loaded.revision() {
            let told = (
                head.revision.get(),
                head.recorded_at,
                head.policy,
                head.totals,
            );
            if told
                != (
                    report.entries,
                    recorded_at,
                    loaded.policy(),
                    loaded.totals(),
                )
            {
                let name = &key.name;
                report.problems.push(format!(
                    "account {name:?}: its head and its entries disagree"
                ));
            }
        }
        let instants = sample(&loaded, instants, loaded.revision().get());
        // If something was posted meanwhile, memory is ahead.
        let mut in_memory = None;
        self.storage()?.ask_loaded(&key.name, &mut |account| {
            let is_same = account.key() == key && account.revision() == loaded.revision();
            in_memory = is_same.then(|| {
                let answer = |at: &i64| account.balance_at(*at).ok();
                instants.iter().map(answer).collect::<Vec<_>>()
            });
        });
        for (place, at) in instants.iter().enumerate() {
            let answer = loaded.balance_at(*at).ok();
            let mut wrong = |what: &str| {
                let name = &key.name;
                report
                    .problems
                    .push(format!("account {name:?} at {at}: {what}"));
            };
            if let Some(in_memory) = &in_memory
                && in_memory[place] != answer
            {
                wrong("memory and journal disagree");
            }
            if let Some(answer) = answer
                && let Some(what) = disagreement(loaded.ledger(), &replay, *at, answer)
            {
                wrong(what);
            }
            if let (Ok(held), Ok(available)) = (loaded.held(*at), loaded.available(*at))
                && loaded.holds().next().is_some()
                && (u128::from(held), available) != held_and_available(&reference, *at)
            {
                wrong("holds and reference disagree");
            }
            report.answers += 1;
        }
        Ok(report)
    }
}

/// What is held at an instant, and available, by the reference. O(n log n)
fn held_and_available(reference: &Reference, at: i64) -> (u128, u64) {
    let balance = reference.replay_with_holds(at).balance_at(at).balance;
    (reference.held(at), balance.unwrap_or(0))
}

/// The first instant that an entry adds something to; the last there is if it adds nothing.
fn takes_effect(change: &Change) -> Option<i64> {
    match change {
        Change::Grant { timestamp, .. }
        | Change::Usage { timestamp, .. }
        | Change::Settle { timestamp, .. } => Some(*timestamp),
        Change::MeteredUsage { from, .. } | Change::SettleMetered { from, .. } => Some(*from),
        Change::Hold(hold) => Some(hold.at),
        _ => Some(i64::MAX),
    }
}

/// Instants at which something can go wrong: near the ends of windows, at usage, and where a job begins,
/// runs and ends.
fn sample(account: &Account, count: usize, seed: u64) -> Vec<i64> {
    let mut random = Random::new(seed);
    let ledger = account.ledger();
    let mut instants: Vec<i64> = ledger
        .grants()
        .flat_map(|(_, grant)| [grant.start, grant.end, grant.end.saturating_add(1)])
        .chain(ledger.usage(..).map(|(usage, _)| usage.timestamp))
        .chain(ledger.metered(..).flat_map(|(_, job)| {
            let (last, middle) = (job.until.saturating_sub(1), job.from.midpoint(job.until));
            [job.from, middle, last, job.until]
        }))
        .chain(
            account
                .holds()
                .flat_map(|(_, _, hold)| [hold.at, hold.until]),
        )
        .collect();
    let open = account.closed_until().unwrap_or(i64::MIN);
    instants.retain(|at| *at >= open);
    for place in 0..count.min(instants.len()) {
        let rest = (instants.len() - place) as u64;
        let other = usize::try_from(random.below(rest)).unwrap_or(0);
        instants.swap(place, place + other);
    }
    instants.truncate(count);
    instants
}

/// What is wrong with an answer.
fn disagreement(
    engine: &GpuCredit,
    replay: &HeapReplay,
    at: i64,
    answer: Answer,
) -> Option<&'static str> {
    let expected = replay.balance_at(at);
    if (answer.balance, answer.status.as_str(), answer.deficit)
        != (expected.balance, expected.status.as_str(), expected.deficit)
    {
        return Some("engine and reference disagree");
    }
    let statement = replay.statement_at(at);
    if !is_conserved(&statement) {
        return Some("the reference gains or loses credit");
    }
    if statement.used != engine.used_at(at) {
        return Some("engine and reference have seen different usage");
    }
    let remaining: u64 = statement.grants.iter().map(|grant| grant.remaining).sum();
    let remainders = engine.remainders_at(at);
    if remainders
        .iter()
        .map(|remainder| remainder.amount)
        .sum::<u64>()
        != remaining
    {
        return Some("engine and reference have different remainders");
    }
    let expects_some = answer.balance.is_some_and(|balance| balance > 0);
    if expects_some && answer.balance != Some(remaining) {
        return Some("the balance is not what the grants have left");
    }
    None
}

/// `amount = drawn + lapsed + forfeited + revoked + remaining`, `used = drawn + deficit + dropped`, and
/// both sums of `drawn` agree.
fn is_conserved(statement: &Statement) -> bool {
    let grants = &statement.grants;
    let each = grants.iter().all(|grant| {
        let ways = [
            grant.drawn,
            grant.lapsed,
            grant.forfeited,
            grant.revoked,
            grant.remaining,
        ];
        ways.iter().sum::<u64>() == grant.amount
    });
    let drawn: u64 = grants.iter().map(|grant| grant.drawn).sum();
    each && drawn == statement.drawn
        && statement.used == statement.drawn + statement.deficit + statement.dropped
}
