//! Rows S1 to S4: late writes of every kind, each settled and followed by a question at the end.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gpu_credit::Overdraft;
use gpu_credit_benches::check::Checksum;
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::{BareReplay, SortedUsage, State};
use gpu_credit_benches::workload::{History, LateWrites, Mix, Write, questions};

use super::names::{BARE_REPLAY, ENGINE};
use crate::measure::{nanoseconds, timed};
use crate::outcome::{Case, Party};
use crate::runner::Runner;

/// Late writes of one round, unless they take longer than a round may.
const WRITES_A_ROUND: usize = 4_800;
const WRITES_A_CLOCK: usize = 16;
const ROUND_LONGEST: Duration = Duration::from_millis(800);

/// Replays of one round: each takes milliseconds, and how many depends on where the write falls.
const REPLAYS_A_ROUND: usize = 8;

pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    let mix = |live, load_percent, has_long| Mix {
        grants: 0,
        live,
        load_percent,
        has_long,
    };
    if runner.wants_any(&["S1", "S2"]) {
        for live in [10, 50] {
            for load_percent in [50, 90, 120, 200] {
                grow(runner, "S1", mix(live, load_percent, false), Some(0.001))?;
            }
        }
    }
    if runner.wants("S3") {
        for (live, target) in [(50, 0.01), (500, 0.1)] {
            for load_percent in [98, 100, 102] {
                at_full_size(runner, "S3", mix(live, load_percent, false), Some(target))?;
            }
        }
    }
    if runner.wants("S4") {
        for (live, load_percent) in [(10, 90), (10, 102), (50, 98)] {
            at_full_size(runner, "S4", mix(live, load_percent, true), None)?;
        }
    }
    Ok(())
}

/// The number of grants at which the targets hold.
pub(crate) fn full_size(runner: &Runner) -> usize {
    runner.size(1_000_000, 10_000)
}

/// At three sizes that take turns, to see how it grows; the target holds for the last.
fn grow(runner: &mut Runner, row: &str, mix: Mix, target: Option<f64>) -> Result<()> {
    let full = full_size(runner);
    let sizes = [full / 100, full / 10, full];
    let workloads = sizes.map(|grants| Workload::new(runner.seed(), Mix { grants, ..mix }));
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        runner.doing(format!("{row} {}", series(&mix, overdraft)));
        let mut ledgers = Vec::new();
        for workload in &workloads {
            ledgers.push(Ledger::new(runner, workload, overdraft)?);
        }
        for _ in 0..runner.rounds() {
            for ledger in &mut ledgers {
                ledger.round()?;
            }
        }
        let mut growth = Vec::new();
        for (ledger, grants) in ledgers.into_iter().zip(sizes) {
            let is_full = grants == full && overdraft == Overdraft::Carry;
            let parties = ledger.finish()?;
            growth.push(parties[0].clone());
            runner.add(case(
                row,
                &mix,
                overdraft,
                grants,
                target.filter(|_| is_full),
                parties,
            ));
        }
        let (small, large) = (growth[0].clone(), growth[2].clone());
        let parties = vec![renamed(large, sizes[2]), renamed(small, sizes[0])];
        let target = Some(3.0).filter(|_| overdraft == Overdraft::Carry);
        runner.add(case("S2", &mix, overdraft, full, target, parties));
    }
    Ok(())
}

fn renamed(party: Party, grants: usize) -> Party {
    Party {
        name: format!(
            "{ENGINE}, {} grants",
            crate::outcome::thousands(grants as u64)
        ),
        ..party
    }
}

fn at_full_size(runner: &mut Runner, row: &str, mix: Mix, target: Option<f64>) -> Result<()> {
    let grants = full_size(runner);
    let workload = Workload::new(runner.seed(), Mix { grants, ..mix });
    for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
        runner.doing(format!("{row} {}", series(&mix, overdraft)));
        let mut ledger = Ledger::new(runner, &workload, overdraft)?;
        for _ in 0..runner.rounds() {
            ledger.round()?;
        }
        let parties = ledger.finish()?;
        let target = target.filter(|_| overdraft == Overdraft::Carry);
        runner.add(case(row, &mix, overdraft, grants, target, parties));
    }
    Ok(())
}

fn case(
    row: &str,
    mix: &Mix,
    overdraft: Overdraft,
    grants: usize,
    target: Option<f64>,
    parties: Vec<Party>,
) -> Case {
    Case {
        row: row.to_owned(),
        series: series(mix, overdraft),
        size: grants as u64,
        size_of: "grants".to_owned(),
        unit: "ns a late write".to_owned(),
        target,
        parties,
    }
}

pub(crate) fn series(mix: &Mix, overdraft: Overdraft) -> String {
    let Mix {
        live, load_percent, ..
    } = mix;
    let (whole, part) = (load_percent / 100, load_percent % 100);
    let long = if mix.has_long {
        ", long ones among them"
    } else {
        ""
    };
    format!("{overdraft:?}, {live} live{long}, load {whole}.{part:02}")
}

/// A history, ready for both policies.
pub(crate) struct Workload {
    pub(crate) mix: Mix,
    pub(crate) history: History,
    pub(crate) usage: SortedUsage,
    seed: u64,
}

impl Workload {
    pub(crate) fn new(seed: u64, mix: Mix) -> Self {
        let history = mix.history(seed);
        Self {
            mix,
            usage: SortedUsage::new(&history.usage),
            history,
            seed,
        }
    }

    fn late_writes(&self, seed: u64) -> LateWrites {
        let mix = self.mix;
        LateWrites::new(
            seed,
            &self.history,
            move |random| mix.small_usage(random),
            move |random| mix.grant(random),
        )
    }
}

/// The engine and the bare replay of one history, written to in turns.
pub(crate) struct Ledger<'a> {
    history: &'a History,
    usage: &'a SortedUsage,
    writer: Writer,
    late: LateWrites,
    bare: BareReplay,
    /// Of the bare replay, which forgets each write after it.
    bare_late: LateWrites,
    replays_a_round: usize,
    questions: Vec<i64>,
    parties: [Party; 2],
}

impl<'a> Ledger<'a> {
    fn new(runner: &Runner, workload: &'a Workload, overdraft: Overdraft) -> Result<Self> {
        Self::with(
            runner,
            &workload.history,
            &workload.usage,
            overdraft,
            [0, 1].map(|stream| workload.late_writes(workload.seed + stream)),
            REPLAYS_A_ROUND,
        )
    }

    pub(crate) fn with(
        runner: &Runner,
        history: &'a History,
        usage: &'a SortedUsage,
        overdraft: Overdraft,
        [late, bare_late]: [LateWrites; 2],
        replays_a_round: usize,
    ) -> Result<Self> {
        let party = |name: &str| Party {
            name: name.to_owned(),
            samples: Vec::new(),
        };
        let mut questions = questions(runner.seed(), history, runner.size(20_000, 2_000));
        questions.sort_unstable();
        Ok(Self {
            history,
            usage,
            writer: Writer::new(engine::load(history, overdraft)?),
            late,
            bare: BareReplay::new(overdraft, &history.grants, usage),
            bare_late,
            replays_a_round,
            questions,
            parties: [party(ENGINE), party(BARE_REPLAY)],
        })
    }

    /// Both parties, one after the other.
    pub(crate) fn round(&mut self) -> Result<()> {
        let end = self.history.seconds - 1;
        let (mut time, mut done) = (Duration::ZERO, 0);
        let mut answers = Checksum::default();
        while done < WRITES_A_ROUND && time < ROUND_LONGEST {
            let some: Vec<Write> = (0..WRITES_A_CLOCK).map(|_| self.late.make()).collect();
            let start = Instant::now();
            for write in &some {
                self.writer.apply(write)?;
                self.writer.account.settle();
                answers.add(self.writer.account.get_balance(end));
            }
            time += start.elapsed();
            done += some.len();
        }
        std::hint::black_box(answers);
        self.parties[0].samples.push(nanoseconds(time, done));

        let time = (0..self.replays_a_round).map(|_| self.replay()).sum();
        self.parties[1]
            .samples
            .push(nanoseconds(time, self.replays_a_round));
        Ok(())
    }

    /// One write replayed to the end, and taken back.
    fn replay(&mut self) -> Duration {
        let number = self.bare_late.posted_count();
        let write = self.bare_late.make();
        let time = replay_write(&mut self.bare, &write, number, self.usage);
        self.bare_late.unmake(&write);
        time
    }

    /// The figures, once all answers are those of a replay of all that stands.
    pub(crate) fn finish(self) -> Result<Vec<Party>> {
        let standing = self.late.standing(self.history);
        let usage = SortedUsage::new(&standing.usage);
        let overdraft = self.writer.account.overdraft();
        let bare = BareReplay::new(overdraft, &standing.grants, &usage);
        let expected = bare.balances(&usage, &self.questions);
        let answers = self.writer.account.get_balances(&self.questions);
        let wrong = answers
            .iter()
            .zip(&expected)
            .position(|(answer, expected)| answer != expected);
        if let Some(place) = wrong {
            let (time, answer) = (self.questions[place], answers[place]);
            anyhow::bail!(
                "at {time}: {answer:?}, and a replay has {:?}",
                expected[place]
            );
        }
        ensure!(
            answers.len() == self.questions.len(),
            "an answer for each question"
        );
        Ok(self.parties.into())
    }
}

/// Applies a write, brings the state up to it, times the replay from there to the end, and takes
/// the write back.
pub(crate) fn replay_write(
    bare: &mut BareReplay,
    write: &Write,
    number: usize,
    usage: &SortedUsage,
) -> Duration {
    let place = bare.apply(write, number, usage);
    let mut state = State::default();
    bare.replay(0..place, &mut state);
    let ((), time) = timed(|| bare.replay(place..bare.len(), &mut state));
    std::hint::black_box(bare.balance(&state));
    let number = match write {
        Write::RemoveGrant { number, .. } => *number,
        _ => number,
    };
    bare.apply(&write.inverse(number), number, usage);
    time
}
