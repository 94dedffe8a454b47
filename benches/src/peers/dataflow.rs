//! A differential-dataflow program that maintains the balances of many accounts under late data.
//!
//! Its input is one collection of records and standing questions, by account. Its output is one
//! collection of answers. In between stands a single `reduce`: for an account that a write
//! touches, it replays the account's records, which arrive sorted, over a heap of live grants.
//! The other accounts are left alone, and only answers that differ leave the program. That is the
//! program one would write first, and the framework keeps it right whatever the order of writes.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use differential_dataflow::input::Input;
use serde::{Deserialize, Serialize};

use crate::workload::{Entry, Grant, History, Write};

/// A record or a question. The derived order is that in which they count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
struct Row {
    time: i64,
    kind: Kind,
    /// Posting number of a grant.
    number: usize,
    amount: u64,
    /// The last instant of a grant's window.
    end: i64,
}

/// At one instant grants come before usage before questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
enum Kind {
    Grant,
    Usage,
    Question,
}

impl Row {
    fn grant(number: usize, grant: &Grant) -> Self {
        Self {
            time: grant.start,
            kind: Kind::Grant,
            number,
            amount: grant.amount,
            end: grant.end(),
        }
    }

    fn usage((time, amount): Entry) -> Self {
        Self {
            kind: Kind::Usage,
            amount,
            ..Self::question(time)
        }
    }

    fn question(time: i64) -> Self {
        Self {
            time,
            kind: Kind::Question,
            number: 0,
            amount: 0,
            end: 0,
        }
    }
}

/// Answers by account and instant.
pub type Answers = BTreeMap<(usize, i64), Option<u64>>;

/// Loads the accounts and their standing questions, untimed; then posts the writes one by one,
/// each followed until all answers are up to date. What that took, and the answers.
pub fn maintain(
    accounts: &[History],
    questions: &[Vec<i64>],
    writes: &[(usize, Write)],
) -> (Duration, Answers) {
    let (accounts, questions, writes) = (accounts.to_vec(), questions.to_vec(), writes.to_vec());
    timely::execute_directly(move |worker| {
        let answers = Rc::new(RefCell::new(Answers::new()));
        let kept = Rc::clone(&answers);
        let (mut input, probe) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, rows) = scope.new_collection::<(usize, Row), isize>();
            let answered = rows.reduce(|_account, rows, answers| replay(rows, answers));
            let kept = answered.inspect(move |((account, (time, balance)), _, change)| {
                keep(&mut kept.borrow_mut(), (*account, *time), *balance, *change);
            });
            (input, kept.probe().0)
        });
        let mut numbers = Vec::new();
        for (account, history) in accounts.iter().enumerate() {
            for row in rows_of(history, &questions[account]) {
                input.insert((account, row));
            }
            numbers.push(history.grants.len());
        }
        input.advance_to(1);
        input.flush();
        worker.step_while(|| probe.less_than(input.time()));

        let start = Instant::now();
        for (version, (account, write)) in (2..).zip(writes) {
            let (row, change) = row_of(&write, &mut numbers[account]);
            input.update((account, row), change);
            input.advance_to(version);
            input.flush();
            worker.step_while(|| probe.less_than(input.time()));
        }
        let time = start.elapsed();
        let answers = answers.borrow().clone();
        (time, answers)
    })
}

/// The records of an account, and its standing questions.
fn rows_of(history: &History, questions: &[i64]) -> impl Iterator<Item = Row> {
    let grants = history.grants.iter().enumerate();
    let grants = grants.map(|(number, grant)| Row::grant(number, grant));
    let usage = history.usage.iter().map(|entry| Row::usage(*entry));
    let questions = questions.iter().map(|time| Row::question(*time));
    grants.chain(usage).chain(questions)
}

/// Keeps an answer that has come, or drops one that has gone and was not replaced yet.
fn keep(answers: &mut Answers, place: (usize, i64), balance: Option<u64>, change: isize) {
    if change > 0 {
        answers.insert(place, balance);
    } else if answers.get(&place) == Some(&balance) {
        answers.remove(&place);
    }
}

/// The row that a write adds or takes away.
fn row_of(write: &Write, next_number: &mut usize) -> (Row, isize) {
    match *write {
        Write::AddUsage(entry) => (Row::usage(entry), 1),
        Write::RemoveUsage(entry) => (Row::usage(entry), -1),
        Write::AddGrant(grant) => {
            *next_number += 1;
            (Row::grant(*next_number - 1, &grant), 1)
        }
        Write::RemoveGrant { number, grant } => (Row::grant(number, &grant), -1),
    }
}

/// Replays the rows of one account in their order and answers its questions.
fn replay(rows: &[(&Row, isize)], answers: &mut Vec<((i64, Option<u64>), isize)>) {
    let mut live: BinaryHeap<Reverse<(i64, usize, u64)>> = BinaryHeap::new();
    let (mut available, mut deficit) = (0, 0);
    for (row, count) in rows {
        while let Some(Reverse((end, _, left))) = live.peek()
            && *end < row.time
        {
            available -= left;
            live.pop();
        }
        match row.kind {
            Kind::Grant => {
                let paid = row.amount.min(deficit);
                deficit -= paid;
                available += row.amount - paid;
                // A grant with nothing left is live all the same.
                live.push(Reverse((row.end, row.number, row.amount - paid)));
            }
            Kind::Usage => {
                let amount = row.amount * count.unsigned_abs() as u64;
                let drawn = amount.min(available);
                available -= drawn;
                deficit += amount - drawn;
                draw(&mut live, drawn);
            }
            Kind::Question => {
                let balance = (deficit == 0 && !live.is_empty()).then_some(available);
                answers.push(((row.time, balance), 1));
            }
        }
    }
}

/// Draws what is available, soonest end first.
fn draw(live: &mut BinaryHeap<Reverse<(i64, usize, u64)>>, mut due: u64) {
    let mut drawn = Vec::new();
    while due > 0
        && let Some(Reverse((end, number, left))) = live.pop()
    {
        let paid = due.min(left);
        due -= paid;
        drawn.push(Reverse((end, number, left - paid)));
    }
    live.extend(drawn);
}
