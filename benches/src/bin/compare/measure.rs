//! Parties that take turns, so that whatever disturbs the machine disturbs them all.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use gpu_credit_benches::check::Checksum;

use crate::outcome::Party;

/// What one turn took, and what came out.
pub(crate) struct Turn {
    pub(crate) time: Duration,
    /// Over how much the time is to be divided.
    pub(crate) operations: usize,
    pub(crate) checksum: Checksum,
}

/// A party to a comparison.
pub(crate) struct Entrant<'a> {
    name: String,
    turn: Box<dyn FnMut() -> Result<Turn> + 'a>,
}

impl<'a> Entrant<'a> {
    pub(crate) fn new(name: impl Into<String>, turn: impl FnMut() -> Result<Turn> + 'a) -> Self {
        Self {
            name: name.into(),
            turn: Box::new(turn),
        }
    }
}

/// Runs the entrants in alternating order for some rounds: nanoseconds an operation for each.
///
/// # Errors
/// If a turn fails, or the checksums of a round differ.
pub(crate) fn take_turns(rounds: u32, mut entrants: Vec<Entrant<'_>>) -> Result<Vec<Party>> {
    let mut parties: Vec<Party> = entrants
        .iter()
        .map(|entrant| Party::new(&entrant.name, Vec::new()))
        .collect();
    let mut agreed = None;
    for round in 0..rounds {
        let mut order: Vec<usize> = (0..entrants.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for place in order {
            let turn = (entrants[place].turn)()?;
            let agreed = *agreed.get_or_insert(turn.checksum);
            let name = &parties[place].name;
            ensure!(turn.checksum == agreed, "{name} disagrees with its peers");
            parties[place]
                .samples
                .push(nanoseconds(turn.time, turn.operations));
        }
    }
    Ok(parties)
}

/// Nanoseconds an operation.
pub(crate) fn nanoseconds(time: Duration, operations: usize) -> f64 {
    time.as_secs_f64() * 1e9 / operations.max(1) as f64
}

/// What a piece of work gives, and how long it takes.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = std::hint::black_box(work());
    (result, start.elapsed())
}
