//! The examples of the model's page, and of the page on the classic classes, are cases, and they hold.

use std::path::Path;

use gpu_credit_replay::cases::{self, Case, Step};
use gpu_credit_replay::{
    GrantStatement, HeapReplay, KeyedCalculator, ListReplay, Overdraft, Replay, TickReplay,
};

use crate::cases::is_short;
use crate::ledger::run;

#[test]
fn every_example_of_the_pages_holds() {
    let cases = examples(&(page("model") + &page("classic")));
    assert!(cases.len() >= 12, "only {} examples", cases.len());
    for case in &cases {
        run::<ListReplay>(case);
        run::<HeapReplay>(case);
        if is_short(case) {
            run::<TickReplay>(case);
        }
    }
}

#[test]
fn the_classic_answers_as_its_page_says() {
    let mut asked = 0;
    for case in examples(&page("classic")) {
        let mut classic = KeyedCalculator::new();
        for step in &case.steps {
            crate::classic::call(step, &mut classic);
            if let Step::Classic { timestamp, balance } = *step {
                let said = classic.get_balance("id", timestamp);
                assert_eq!(said, balance, "{step} in\n{case}");
                asked += 1;
            }
        }
    }
    assert!(asked > 0, "the page never asks the classic");
}

#[test]
fn the_overdraft_is_accounted_for_as_the_page_says() {
    let examples = examples(&page("model"));
    let overdrafts: Vec<_> = examples
        .iter()
        .filter(|case| case.name == "an overdraft")
        .collect();
    assert_eq!(overdrafts.len(), 2, "one under each policy");
    for case in overdrafts {
        let statement = run::<ListReplay>(case).statement_at(20);
        let [first, second] = statement.grants[..] else {
            panic!("two grants, not {statement:?}");
        };
        let parts = |grant: GrantStatement| (grant.drawn, grant.forfeited, grant.remaining);
        let usage = (statement.drawn, statement.deficit, statement.dropped);
        match case.overdraft {
            Overdraft::Carry => {
                assert_eq!(parts(first), (10, 0, 0));
                assert_eq!(parts(second), (8, 0, 0));
                assert_eq!(usage, (18, 0, 0));
            }
            Overdraft::Forfeit => {
                assert_eq!(parts(first), (0, 10, 0));
                assert_eq!(parts(second), (6, 0, 2));
                assert_eq!(usage, (6, 0, 12));
            }
            Overdraft::CarryUpTo(_) => panic!("one under each policy without a line"),
        }
    }
}

fn page(name: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
    let page = docs.join(name).with_extension("md");
    std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// The fenced blocks of the page, or of a part of it, that are marked as a ledger.
fn examples(page: &str) -> Vec<Case> {
    let blocks = page.split("```ledger\n").skip(1);
    let blocks: String = blocks
        .filter_map(|block| block.split("```").next())
        .collect();
    cases::parse(&blocks).expect("every marked block is made of cases")
}
