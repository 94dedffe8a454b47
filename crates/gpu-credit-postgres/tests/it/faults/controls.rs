//! A checker that finds nothing has proved nothing: what is left out of the protocol is found.

use super::cluster::Following;
use super::{Fault, Run, STALLED, Setup};

/// The most rounds in which it has to show.
const ROUNDS: u64 = 6;

fn assert_found(what: &str, setup: &Setup, fault: Fault) {
    let mut run = Run::new(1, setup);
    for round in 1..=ROUNDS {
        let problems = run.round(fault);
        if let Some(problem) = problems.iter().find(|problem| *problem != STALLED) {
            let shown: String = problem.chars().take(300).collect();
            eprintln!("{what}: found in round {round}: {shown}");
            return;
        }
    }
    panic!("{what}: not found");
}

/// The write by which a new connection begins, and by which strict reads are confirmed, writes nothing. So a
/// store shows what a primary shows after a crash, which its standby never got.
#[test]
fn a_missing_barrier_is_found() {
    let setup = Setup {
        changes: &[(
            "INSERT INTO barrier AS b VALUES ($1, 1) ON CONFLICT (place) DO UPDATE SET beat = b.beat + 1",
            "SELECT $1::int8                                                                            ",
        )],
        ..Setup::WHOLE
    };
    assert_found("no barrier", &setup, Fault::PromoteAfterCrash);
}

/// An append is written whatever the heads are, and two entries may have one revision.
#[test]
fn a_missing_check_of_heads_is_found() {
    let setup = Setup {
        changes: &[("'{}'::int8[]) = $2::int8[]", "'{}'::int8[])>= $2::int8[]")],
        sql: Some("ALTER TABLE entry DROP CONSTRAINT entry_pkey"),
        ..Setup::WHOLE
    };
    assert_found("no head check", &setup, Fault::Nothing);
}

#[test]
fn an_asynchronous_standby_is_found() {
    let setup = Setup {
        following: Following::Asynchronous,
        ..Setup::WHOLE
    };
    assert_found("asynchronous standby", &setup, Fault::Promote);
}

#[test]
fn reads_from_the_standby_are_found() {
    let setup = Setup {
        following: Following::ShowsLate,
        reads_from_standby: true,
        ..Setup::WHOLE
    };
    assert_found("reads from the standby", &setup, Fault::Nothing);
}

/// The old primary answers from the past.
#[test]
fn reads_that_are_not_strict_are_found_after_a_promotion() {
    let setup = Setup {
        is_strict: false,
        ..Setup::WHOLE
    };
    assert_found("no strict reads", &setup, Fault::Promote);
}
