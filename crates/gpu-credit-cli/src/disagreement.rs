//! A difference between engines, and the shortest events file that makes them differ.

use std::fmt::Write as _;
use std::io::{self, Write};

use gpu_credit::Error;
use gpu_credit_workload::{Action, Event, EventWriter, OptionalColumns};

use crate::party::{Parties, Said};
use crate::shrink::shrink;

/// The first difference, as short as it could be made.
pub(crate) struct Disagreement {
    /// The line of the question in the file; `None` if it is not the file's.
    pub(crate) line: Option<u64>,
    account: String,
    /// Rows of the account that bring the difference about; the last is the question.
    pub(crate) steps: Vec<Step>,
    said: Answers,
}

impl Disagreement {
    /// One at the last step, as short as it can be made.
    pub(crate) fn at_the_last_of(
        steps: &[Step],
        account: &str,
        said: Answers,
        open: &dyn Fn() -> Parties,
    ) -> Self {
        let (steps, said) = shortest(steps, said, open);
        Disagreement {
            line: None,
            account: account.to_owned(),
            steps,
            said,
        }
    }

    pub(crate) fn report(&self) -> String {
        let line = self.line.map(|line| format!("line {line}: "));
        let mut report = format!(
            "{}the engines disagree, as they do on the {} rows on standard output:",
            line.unwrap_or_default(),
            self.steps.len(),
        );
        for (name, said) in &self.said {
            let _ = write!(report, "\n  {name}: {said}");
        }
        report
    }

    pub(crate) fn write_reproduction(&self, output: impl Write) -> io::Result<()> {
        let columns = OptionalColumns::default();
        let columns = self
            .events()
            .fold(columns, |columns, event| columns.and_of(&event));
        let mut rows = EventWriter::with_columns(output, columns)?;
        for event in self.events() {
            rows.write(&event)?;
        }
        rows.finish()?.flush()
    }

    fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.steps.iter().map(|step| Event {
            account: &self.account,
            id: None,
            action: step.action(),
        })
    }
}

/// Records posted while looking for a shorter reproduction, at most: some seconds' work.
const WORK_MAX: usize = 50_000_000;

/// Leaves out what the disagreement at the last step does not need.
fn shortest(steps: &[Step], said: Answers, open: &dyn Fn() -> Parties) -> (Vec<Step>, Answers) {
    let Some((question, before)) = steps.split_last() else {
        return (Vec::new(), said);
    };
    let disagree = |steps: &[Step]| disagreement(open(), steps, question).is_some();
    // Mostly the earlier questions have no part in it.
    let is_record = |step: &&Step| !matches!(step, Step::Question { .. });
    let records: Vec<Step> = before.iter().filter(is_record).cloned().collect();
    let start = if disagree(&records) {
        records
    } else {
        before.to_vec()
    };
    let mut steps = shrink(start, WORK_MAX, disagree);
    // As said in the file, should it not come about again.
    let said = disagreement(open(), &steps, question).unwrap_or(said);
    steps.push(question.clone());
    (steps, said)
}

/// What new parties say to the question after these steps, if they disagree.
fn disagreement(mut parties: Parties, steps: &[Step], question: &Step) -> Option<Answers> {
    for step in steps {
        match step.action() {
            Action::Balance { timestamp } => drop(ask(&mut parties, timestamp)),
            record => post(&mut parties, record).ok()?,
        }
    }
    let said = ask(&mut parties, question.action().timestamp());
    (!agree(&said)).then_some(said)
}

/// What each party says to a question.
pub(crate) type Answers = Vec<(&'static str, Said)>;

/// An action that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Grant {
        credit_id: String,
        amount: u64,
        timestamp: i64,
        expiration: u64,
        priority: i16,
    },
    Usage {
        amount: u64,
        timestamp: i64,
    },
    Metered {
        rate: u64,
        from: i64,
        until: i64,
    },
    Question {
        timestamp: i64,
    },
}

impl From<Action<'_>> for Step {
    fn from(action: Action<'_>) -> Self {
        match action {
            Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => Step::Grant {
                credit_id: credit_id.to_owned(),
                amount,
                timestamp,
                expiration,
                priority,
            },
            Action::Usage { amount, timestamp } => Step::Usage { amount, timestamp },
            Action::Metered { rate, from, until } => Step::Metered { rate, from, until },
            Action::Balance { timestamp } => Step::Question { timestamp },
        }
    }
}

impl Step {
    fn action(&self) -> Action<'_> {
        match *self {
            Step::Grant {
                ref credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            } => Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            },
            Step::Usage { amount, timestamp } => Action::Usage { amount, timestamp },
            Step::Metered { rate, from, until } => Action::Metered { rate, from, until },
            Step::Question { timestamp } => Action::Balance { timestamp },
        }
    }
}

pub(crate) fn post(parties: &mut Parties, record: Action<'_>) -> Result<(), Error> {
    parties
        .iter_mut()
        .try_for_each(|(_, party)| party.post(record))
}

pub(crate) fn ask(parties: &mut Parties, timestamp: i64) -> Answers {
    parties
        .iter_mut()
        .map(|(name, party)| (*name, party.ask(timestamp)))
        .collect()
}

pub(crate) fn agree(said: &[(&'static str, Said)]) -> bool {
    said.iter()
        .all(|(_, one)| said.iter().all(|(_, other)| one.agrees_with(*other)))
}
