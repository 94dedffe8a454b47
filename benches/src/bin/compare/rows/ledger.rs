//! The engine and the bare replay of one history, written to in turns: what rows S have in common.

use std::time::Duration;

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
const ROUND_LONGEST: Duration = Duration::from_millis(800);

/// Replays of one round. Each takes milliseconds; how many depends on the time of the write.
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
    /// The writes of the bare replay, each of which is undone after it.
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
        let mut times = Vec::with_capacity(WRITES_A_ROUND);
        let mut spent = Duration::ZERO;
        let mut answers = Checksum::default();
        while times.len() < WRITES_A_ROUND && spent < ROUND_LONGEST {
            let write = self.late.make();
            let (answer, time) = timed(|| settled(&mut self.writer, &write, end));
            answers.add(answer?);
            spent += time;
            times.push(time);
        }
        std::hint::black_box(answers);
        self.parties[0].add_round(&times);

        let time = (0..self.replays_a_round).map(|_| self.replay()).sum();
        self.parties[1]
            .samples
            .push(nanoseconds(time, self.replays_a_round));
        Ok(())
    }

    /// Replays one write to the end, and undoes it.
    fn replay(&mut self) -> Duration {
        let number = self.bare_late.posted_count();
        let write = self.bare_late.make();
        let time = replay_write(&mut self.bare, &write, number, self.usage);
        self.bare_late.unmake(&write);
        time
    }

    /// The figures, if all answers equal those of a replay.
    pub(crate) fn finish(self) -> Result<Vec<Party>> {
        let standing = self.late.standing(self.history);
        let overdraft = self.writer.account.overdraft();
        let expected = replayed(&standing, overdraft, &self.questions);
        let answers = self.writer.account.get_balances(&self.questions);
        same_answers(&self.questions, &answers, &expected)?;
        Ok(self.parties.into())
    }
}

/// Applies a write, settles, and asks at an instant.
pub(crate) fn settled(writer: &mut Writer, write: &Write, instant: i64) -> Result<Option<u64>> {
    writer.apply(write)?;
    writer.account.settle();
    Ok(writer.account.get_balance(instant))
}

/// Applies a write, replays up to it, times the replay from there to the end, and undoes the write.
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
