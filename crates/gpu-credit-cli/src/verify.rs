//! `gpu-credit verify`: every engine on the same file, in step.

use std::fmt::Write as _;
use std::io::{self, Write};

use gpu_credit::{Error, Overdraft};
use gpu_credit_workload::{Action, Event, EventWriter};
use hashbrown::HashMap;

use crate::arguments::VerifyArguments;
use crate::input::Input;
use crate::party::{self, KEYED, Parties, Said};
use crate::shrink::shrink;

/// Whether all engines agree.
pub(crate) fn run(arguments: &VerifyArguments) -> anyhow::Result<bool> {
    let mut input = Input::open(&arguments.events.file, true)?;
    let overdraft: Overdraft = arguments.events.policy.into();
    let verdict = verify(&mut input, &|| party::all(overdraft))?;
    input.hide_progress();
    match &verdict {
        Verdict::Agreed(agreed) => writeln!(io::stdout(), "{}", agreed.summary())?,
        Verdict::Disagreed(found) => {
            let name = input.name();
            writeln!(io::stderr(), "gpu-credit: {name}: {}", found.report())?;
            found.write_reproduction(io::stdout().lock())?;
        }
    }
    Ok(matches!(verdict, Verdict::Agreed(_)))
}

enum Verdict {
    Agreed(Agreed),
    Disagreed(Disagreement),
}

/// What was compared, without a difference.
struct Agreed {
    questions: u64,
    /// Those of the questions that the keyed calculator answered too.
    keyed: u64,
    accounts: u64,
}

/// The first difference, as short as it could be made.
struct Disagreement {
    /// The line of the question in the file.
    line: u64,
    account: String,
    /// Rows of the account that bring the difference about; the last is the question.
    steps: Vec<Step>,
    said: Vec<(&'static str, Said)>,
}

/// Feeds every event to the parties of its account, each `open`ed for it, and compares what they
/// say.
fn verify(input: &mut Input, open: &dyn Fn() -> Parties) -> anyhow::Result<Verdict> {
    let mut book: HashMap<String, History> = HashMap::new();
    let (mut questions, mut keyed) = (0, 0);
    while let Some(Event {
        account, action, ..
    }) = input.read()?
    {
        let History { parties, steps } = book.entry_ref(account).or_insert_with(|| History {
            parties: open(),
            steps: Vec::new(),
        });
        steps.push(Step::from(action));
        let Action::Balance { timestamp } = action else {
            post(parties, action).map_err(|error| input.refused(error))?;
            continue;
        };
        let said = ask(parties, timestamp);
        questions += 1;
        let is_heard = |(name, said): &(_, _)| *name == KEYED && *said != Said::Nothing;
        keyed += u64::from(said.iter().any(is_heard));
        if !agree(&said) {
            let account = account.to_owned();
            let (steps, said) = shortest(steps, said, open);
            let line = input.line();
            return Ok(Verdict::Disagreed(Disagreement {
                line,
                account,
                steps,
                said,
            }));
        }
    }
    let accounts = book.len() as u64;
    Ok(Verdict::Agreed(Agreed {
        questions,
        keyed,
        accounts,
    }))
}

/// One account: those who keep it, and what they were told.
struct History {
    parties: Parties,
    steps: Vec<Step>,
}

/// An action that owns its text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Grant {
        credit_id: String,
        amount: u64,
        timestamp: i64,
        expiration: u64,
    },
    Usage {
        amount: u64,
        timestamp: i64,
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
            } => Step::Grant {
                credit_id: credit_id.to_owned(),
                amount,
                timestamp,
                expiration,
            },
            Action::Usage { amount, timestamp } => Step::Usage { amount, timestamp },
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
            } => Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
            },
            Step::Usage { amount, timestamp } => Action::Usage { amount, timestamp },
            Step::Question { timestamp } => Action::Balance { timestamp },
        }
    }
}

fn post(parties: &mut Parties, record: Action<'_>) -> Result<(), Error> {
    parties
        .iter_mut()
        .try_for_each(|(_, party)| party.post(record))
}

fn ask(parties: &mut Parties, timestamp: i64) -> Vec<(&'static str, Said)> {
    parties
        .iter_mut()
        .map(|(name, party)| (*name, party.ask(timestamp)))
        .collect()
}

fn agree(said: &[(&'static str, Said)]) -> bool {
    said.iter()
        .all(|(_, one)| said.iter().all(|(_, other)| one.agrees_with(*other)))
}

/// Records posted while looking for a shorter reproduction, at most: some seconds' work.
const WORK_MAX: usize = 50_000_000;

/// Leaves out what the disagreement at the last step does not need.
fn shortest(
    steps: &[Step],
    said: Vec<(&'static str, Said)>,
    open: &dyn Fn() -> Parties,
) -> (Vec<Step>, Vec<(&'static str, Said)>) {
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
fn disagreement(
    mut parties: Parties,
    steps: &[Step],
    question: &Step,
) -> Option<Vec<(&'static str, Said)>> {
    for step in steps {
        match step.action() {
            Action::Balance { timestamp } => drop(ask(&mut parties, timestamp)),
            record => post(&mut parties, record).ok()?,
        }
    }
    let said = ask(&mut parties, question.action().timestamp());
    (!agree(&said)).then_some(said)
}

impl Agreed {
    fn summary(&self) -> String {
        let Self {
            questions,
            keyed,
            accounts,
        } = self;
        let plural = |count: u64| if count == 1 { "" } else { "s" };
        let mut summary = format!(
            "indexed, list and heap agree on {questions} question{} to {accounts} account{}",
            plural(*questions),
            plural(*accounts),
        );
        if *keyed > 0 {
            let _ = write!(summary, ", keyed on {keyed} of them");
        }
        summary
    }
}

impl Disagreement {
    fn report(&self) -> String {
        let mut report = format!(
            "line {}: the engines disagree, as they do on the {} rows on standard output:",
            self.line,
            self.steps.len(),
        );
        for (name, said) in &self.said {
            let _ = write!(report, "\n  {name}: {said}");
        }
        report
    }

    fn write_reproduction(&self, output: impl Write) -> io::Result<()> {
        let account = self.account.as_str();
        let mut rows = EventWriter::new(output)?;
        for step in &self.steps {
            rows.write(&Event {
                account,
                id: None,
                action: step.action(),
            })?;
        }
        rows.finish()?.flush()
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit_workload::events::HEADER;

    use super::*;
    use crate::engine::{Answer, Engine, List};
    use crate::party::Party;

    /// Answers wrongly at the last instant of a window.
    struct EndExcluded(List);

    impl Engine for EndExcluded {
        fn open(overdraft: Overdraft) -> Self {
            Self(List::open(overdraft))
        }

        fn add_credit(
            &mut self,
            credit_id: &str,
            amount: u64,
            timestamp: i64,
            expiration: u64,
        ) -> Result<(), Error> {
            let expiration = expiration.saturating_sub(1);
            self.0.add_credit(credit_id, amount, timestamp, expiration)
        }

        fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
            self.0.subtract(amount, timestamp)
        }

        fn balance_at(&mut self, timestamp: i64) -> Answer {
            self.0.balance_at(timestamp)
        }
    }

    /// Remembers what it answered once, as if nothing could be posted after a question.
    struct Stubborn {
        engine: List,
        answered: Option<Answer>,
    }

    impl Engine for Stubborn {
        fn open(overdraft: Overdraft) -> Self {
            Self {
                engine: List::open(overdraft),
                answered: None,
            }
        }

        fn add_credit(
            &mut self,
            credit_id: &str,
            amount: u64,
            timestamp: i64,
            expiration: u64,
        ) -> Result<(), Error> {
            self.engine
                .add_credit(credit_id, amount, timestamp, expiration)
        }

        fn subtract(&mut self, amount: u64, timestamp: i64) -> Result<(), Error> {
            self.engine.subtract(amount, timestamp)
        }

        fn balance_at(&mut self, timestamp: i64) -> Answer {
            *self
                .answered
                .get_or_insert_with(|| self.engine.balance_at(timestamp))
        }
    }

    fn opened<E: Engine + 'static>() -> Box<dyn Party> {
        Box::new(E::open(Overdraft::Carry))
    }

    const ROWS: &str = "\
grant,other,x,5,0,40
grant,acme,a,10,0,50
usage,acme,,3,5,
grant,acme,b,7,10,30
balance,other,,,20,
balance,acme,,,20,
usage,acme,,2,25,
balance,acme,,,40,
usage,acme,,1,45,
";

    #[test]
    fn a_wrong_engine_is_found_with_the_shortest_reproduction() {
        let mut input = Input::of_text(&format!("{HEADER}\n{ROWS}")).unwrap();
        let open = || {
            vec![
                ("list", opened::<List>()),
                ("wrong", opened::<EndExcluded>()),
            ]
        };
        let Verdict::Disagreed(found) = verify(&mut input, &open).unwrap() else {
            panic!("it agreed");
        };
        let mut reproduction = Vec::new();
        found.write_reproduction(&mut reproduction).unwrap();
        let expected = format!("{HEADER}\ngrant,acme,b,7,10,30\nbalance,acme,,,40,\n");
        assert_eq!(String::from_utf8(reproduction).unwrap(), expected);
        assert_eq!(
            found.report(),
            "line 9: the engines disagree, as they do on the 2 rows on standard output:\n  \
             list: balance 7, available, deficit 0\n  \
             wrong: no balance, inactive, deficit 0"
        );
    }

    #[test]
    fn a_reproduction_keeps_the_questions_it_needs() {
        let mut input = Input::of_text(&format!("{HEADER}\n{ROWS}")).unwrap();
        let open = || vec![("list", opened::<List>()), ("wrong", opened::<Stubborn>())];
        let Verdict::Disagreed(found) = verify(&mut input, &open).unwrap() else {
            panic!("it agreed");
        };
        assert_eq!(found.line, 9);
        let asked = Step::Question { timestamp: 20 };
        assert_eq!(found.steps.len(), 3, "{:?}", found.steps);
        assert!(found.steps.contains(&asked), "{:?}", found.steps);
    }

    #[test]
    fn all_engines_agree() {
        for overdraft in [Overdraft::Carry, Overdraft::Forfeit] {
            let mut input = Input::of_text(&format!("{HEADER}\n{ROWS}")).unwrap();
            match verify(&mut input, &|| party::all(overdraft)).unwrap() {
                Verdict::Agreed(agreed) => {
                    assert_eq!((agreed.questions, agreed.accounts), (3, 2));
                    let keyed = if overdraft == Overdraft::Forfeit {
                        3
                    } else {
                        0
                    };
                    assert_eq!(agreed.keyed, keyed);
                }
                Verdict::Disagreed(found) => panic!("{}", found.report()),
            }
        }
    }
}
