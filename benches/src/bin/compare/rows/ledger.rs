//! The engine and the bare replay of one history, written to in turns: what rows S have in common.

use std::time::{Duration, Instant};

use anyhow::Result;
use gpu_credit::Overdraft;
use gpu_credit_benches::check::{Checksum, same_answers};
use gpu_credit_benches::engine::{self, Writer};
use gpu_credit_benches::peers::{BareReplay, SortedUsage, State, replayed};
use gpu_credit_benches::workload::{History, LateWrites, Mix, Write, questions};

use crate::measure::{nanoseconds, timed};
use crate::names::{BARE_REPLAY, ENGINE};
use crate::outcome::Party;
use crate::runner::Runner;

/// Late writes of one round, unless they take longer than a round may.
const WRITES_A_ROUND: usize = 4_800;
const WRITES_A_CLOCK: usize = 16;
const ROUND_LONGEST: Duration = Duration::from_millis(800);

/// Replays of one round: each takes milliseconds, and how many depends on where the write falls.
const REPLAYS_A_ROUND: usize = 8;

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
    pub(crate) fn new(
        runner: &Runner,
        workload: &'a Workload,
        overdraft: Overdraft,
    ) -> Result<Self> {
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
        let questions = questions(runner.seed(), history, runner.size(20_000, 2_000));
        Ok(Self {
            history,
            usage,
            writer: Writer::new(engine::load(history, overdraft)?),
            late,
            bare: BareReplay::new(overdraft, &history.grants, usage),
            bare_late,
            replays_a_round,
            questions,
            parties: [ENGINE, BARE_REPLAY].map(|name| Party::new(name, Vec::new())),
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
        let overdraft = self.writer.account.overdraft();
        let expected = replayed(&standing, overdraft, &self.questions);
        let answers = self.writer.account.get_balances(&self.questions);
        same_answers(&self.questions, &answers, &expected)?;
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
