//! Rows J1 to J4: an account of jobs, against the same account with usage at instants.

use anyhow::{Result, ensure};
use gpu_credit::{GpuCredit, MeteredUsage, Overdraft};
use gpu_credit_benches::check::{Checksum, same_answers};
use gpu_credit_benches::engine;
use gpu_credit_benches::peers::{BareReplay, SortedUsage, replayed};
use gpu_credit_benches::workload::{Entry, History, Job, Jobs, Write, YEARS_SECONDS, questions};
use gpu_credit_workload::random::Random;

use crate::measure::{nanoseconds, timed};
use crate::memory::live_bytes;
use crate::outcome::{Case, Party};
use crate::runner::Runner;

const OF_JOBS: &str = "gpu-credit, jobs";
const OF_INSTANTS: &str = "gpu-credit, usage at instants";

const WRITES_A_ROUND: usize = 500;

/// The instant that is asked about after each late write.
const LAST: i64 = YEARS_SECONDS - 1;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    if !runner.wants_any(&["J1", "J2", "J3", "J4"]) {
        return Ok(());
    }
    let count = runner.size(1_000_000, 20_000);
    runner.doing("J: an account of jobs");
    let mut accounts = Accounts::new(runner, count)?;
    let case = |row: &str, series: &str, unit: &str, parties| {
        Case::new(row, series, (count as u64, "jobs"), unit, parties)
    };
    let bytes = accounts.jobs.bytes as f64 / count as f64;
    let parties = vec![
        Party::new(format!("{OF_JOBS}, by the allocator"), vec![bytes]),
        Party::new("at most", vec![64.0]),
    ];
    let memory = case("J4", "memory after jobs", "bytes a job", parties);

    runner.doing("J1: asking");
    let parties = accounts.ask(runner.rounds())?;
    runner.add(case("J1", "single queries", "ns a query", parties).at_most(2.0));
    runner.doing("J2: late jobs");
    let parties = accounts.write_inside(runner)?;
    let series = "late writes inside an epoch";
    runner.add(case("J2", series, "ns a write", parties).at_most(3.0));
    runner.doing("J3: late jobs across boundaries");
    let parties = accounts.write_across(runner)?;
    let series = "late jobs across boundaries";
    runner.add(case("J3", series, "ns a boundary", parties).at_most(1.0));
    accounts.verify()?;
    runner.add(memory.at_most(1.0));
    Ok(())
}

/// The same jobs, as they are and with all usage at once, and what a replay answers.
struct Accounts {
    jobs: Account,
    instants: Account,
    /// When epochs open, in order.
    boundaries: Vec<i64>,
    questions: Vec<i64>,
}

/// An account that has been posted to, and its replay.
struct Account {
    written: GpuCredit,
    /// What its usage takes on the heap.
    bytes: usize,
    usage: SortedUsage,
    bare: BareReplay,
    answers: Vec<Option<u64>>,
}

/// A late write, and what it uses in each epoch.
struct Late {
    job: Job,
    by_epoch: Vec<Entry>,
}

impl Accounts {
    fn new(runner: &Runner, count: usize) -> Result<Self> {
        let jobs = Jobs::new(runner.seed(), count, count.min(100_000) / 100);
        let at_once = jobs.at_once();
        let mut questions = questions(runner.seed(), &at_once, runner.size(1_000_000, 50_000));
        questions.push(LAST);
        let sampled = jobs.sampled(&questions);
        let starts = jobs.grants.iter().map(|grant| grant.start);
        let ends = jobs.grants.iter().map(|grant| grant.end() + 1);
        let mut boundaries: Vec<i64> = starts.chain(ends).collect();
        boundaries.sort_unstable();
        let accounts = Accounts {
            jobs: Account::new(&sampled, &questions, |account| {
                let mut jobs = jobs.jobs.iter();
                jobs.try_for_each(|job| {
                    account.post_metered(metered(*job))?;
                    Ok(())
                })
            })?,
            instants: Account::new(&at_once, &questions, |account| {
                let mut usage = at_once.usage.iter();
                usage.try_for_each(|usage| {
                    engine::post_usage(account, *usage)?;
                    Ok(())
                })
            })?,
            boundaries,
            questions,
        };
        accounts.verify()?;
        Ok(accounts)
    }

    /// Compares the answers one by one.
    fn verify(&self) -> Result<()> {
        for account in [&self.jobs, &self.instants] {
            let times = self.questions.iter();
            let single: Vec<_> = times
                .map(|time| account.written.get_balance(*time))
                .collect();
            same_answers(&self.questions, &single, &account.answers)?;
        }
        Ok(())
    }

    /// Row J1: one question after the other.
    fn ask(&self, rounds: u32) -> Result<Vec<Party>> {
        let mut parties = [OF_JOBS, OF_INSTANTS].map(|name| Party::new(name, Vec::new()));
        for _ in 0..rounds {
            for (party, account) in parties.iter_mut().zip([&self.jobs, &self.instants]) {
                party.samples.push(account.ask(&self.questions)?);
            }
        }
        Ok(parties.into())
    }

    /// Row J2: late jobs that span no boundary, and as much usage at the instants at which they begin.
    fn write_inside(&mut self, runner: &Runner) -> Result<Vec<Party>> {
        let mut random = Random::new(runner.seed());
        let mut parties = [OF_JOBS, OF_INSTANTS].map(|name| Party::new(name, Vec::new()));
        for _ in 0..runner.rounds() {
            let late: Vec<Late> = (0..WRITES_A_ROUND)
                .map(|_| self.late(&mut random, 0))
                .collect();
            parties[0].samples.push(self.jobs.write(&late, post_job)?);
            let time = self.instants.write(&late, post_at_once)?;
            parties[1].samples.push(time);
        }
        Ok(parties.into())
    }

    /// Row J3: late jobs across half of all boundaries, and across a tenth of these, for each of them.
    fn write_across(&mut self, runner: &Runner) -> Result<Vec<Party>> {
        let mut random = Random::new(runner.seed());
        let most = self.boundaries.len() / 2;
        let mut parties = [most, most / 10].map(|spanned| {
            let name = format!("{OF_JOBS}, {spanned} boundaries");
            (spanned, Party::new(name, Vec::new()))
        });
        for _ in 0..runner.rounds() {
            for (spanned, party) in &mut parties {
                let late: Vec<Late> = (0..WRITES_A_ROUND / 10)
                    .map(|_| self.late(&mut random, *spanned))
                    .collect();
                let time = self.jobs.write(&late, post_job)?;
                party.samples.push(time / *spanned as f64);
            }
        }
        Ok(parties.map(|(_, party)| party).into())
    }

    /// A late job at random that spans so many boundaries and ends before the last epoch that is
    /// asked about.
    fn late(&self, random: &mut Random, spanned: usize) -> Late {
        let known = self.boundaries.partition_point(|time| *time <= LAST);
        loop {
            let choices = (known - 1 - spanned) as u64;
            let first = usize::try_from(random.below(choices)).unwrap_or(0);
            let epochs = &self.boundaries[first..=first + spanned + 1];
            let (opens, closes) = (epochs[0], epochs[1]);
            let (last_opens, last_closes) = (epochs[spanned], epochs[spanned + 1]);
            if opens == closes || last_opens == last_closes {
                continue;
            }
            let from = random.between(opens, closes - 1);
            let job = Job {
                rate: 1 + random.below(64),
                from,
                until: random.between(from.max(last_opens) + 1, last_closes),
            };
            let by_epoch = epochs.windows(2).map(|epoch| {
                let from = from.max(epoch[0]);
                let until = job.until.min(epoch[1]);
                Job { from, until, ..job }.at_once()
            });
            return Late {
                job,
                by_epoch: by_epoch.collect(),
            };
        }
    }
}

impl Account {
    /// The account of a history, `post` posting its usage, and what a replay of the history answers.
    fn new(
        history: &History,
        questions: &[i64],
        post: impl FnOnce(&mut GpuCredit) -> Result<()>,
    ) -> Result<Self> {
        let mut written = engine::open(Overdraft::Carry);
        written.extend(history.grants.iter().map(engine::grant_record))?;
        let before = live_bytes();
        post(&mut written)?;
        written.settle();
        let bytes = live_bytes() - before;
        let usage = SortedUsage::new(&history.usage);
        Ok(Account {
            bytes,
            written,
            bare: BareReplay::new(Overdraft::Carry, &history.grants, &usage),
            usage,
            answers: replayed(history, Overdraft::Carry, questions),
        })
    }

    /// Nanoseconds a question.
    fn ask(&self, questions: &[i64]) -> Result<f64> {
        let balances = questions.iter().map(|time| self.written.get_balance(*time));
        let (checksum, time) = timed(|| balances.collect::<Checksum>());
        let expected = self.answers.iter().copied().collect();
        ensure!(
            checksum == expected,
            "answers differ from those of a replay"
        );
        Ok(nanoseconds(time, questions.len()))
    }

    /// Posts each late write, asks, and takes it back and asks again: nanoseconds a write.
    fn write(
        &mut self,
        late: &[Late],
        write: impl Fn(&mut GpuCredit, &Late) -> Result<[Option<u64>; 2]>,
    ) -> Result<f64> {
        let written = &mut self.written;
        let (answers, time) = timed(|| late.iter().map(|late| write(written, late)).collect());
        let answers: Result<Vec<_>> = answers;
        for (late, answers) in late.iter().zip(answers?) {
            let with = self.replay_with(late);
            let without = self.bare.balances(&self.usage, &[LAST])[0];
            ensure!(
                answers == [with, without],
                "after {:?}: {answers:?}, and a replay has {with:?}, {without:?}",
                late.job
            );
        }
        Ok(nanoseconds(time, 2 * late.len()))
    }

    /// What a replay answers at the last instant after a late write.
    fn replay_with(&mut self, late: &Late) -> Option<u64> {
        for usage in &late.by_epoch {
            self.bare.apply(&Write::AddUsage(*usage), 0, &self.usage);
        }
        let balance = self.bare.balances(&self.usage, &[LAST])[0];
        for usage in &late.by_epoch {
            self.bare.apply(&Write::RemoveUsage(*usage), 0, &self.usage);
        }
        balance
    }
}

fn post_job(account: &mut GpuCredit, late: &Late) -> Result<[Option<u64>; 2]> {
    let id = account.post_metered(metered(late.job))?;
    let with = ask_settled(account);
    account.retract_metered(id)?;
    Ok([with, ask_settled(account)])
}

fn post_at_once(account: &mut GpuCredit, late: &Late) -> Result<[Option<u64>; 2]> {
    let usage = engine::post_usage(account, late.job.at_once())?;
    let with = ask_settled(account);
    engine::retract_named(account, usage)?;
    Ok([with, ask_settled(account)])
}

fn ask_settled(account: &mut GpuCredit) -> Option<u64> {
    account.settle();
    account.get_balance(LAST)
}

fn metered(Job { rate, from, until }: Job) -> MeteredUsage {
    MeteredUsage { rate, from, until }
}
