//! `gpu-credit verify`: every engine on the same file, in step.

use std::fmt::Write as _;
use std::io;

use clap::Args;
use gpu_credit_workload::{Action, Event};
use hashbrown::HashMap;

use crate::disagreement::{Answers, Disagreement, Step, agree, ask, post};
use crate::escape::{Escapes, onto};
use crate::input::{EventsArguments, Input};
use crate::own_questions;
use crate::party::{self, KEYED, Parties, Said};
use crate::store::counted;
use crate::{complain, heard, say};

pub(crate) const HELP: &str = "\
The engines are indexed, list and heap (see gpu-credit replay --help). Under
--policy forfeit a fourth one answers for accounts without jobs and priorities
whose records come in time order: the calculator of the classic coding
exercise. Accounts that the file has no query of are queried at the end, around
their records and the ends of windows. If two engines differ, the shortest
events file that makes them differ is written to standard output and the exit
code is 1. So it is if there was nothing to compare.

Example:
  gpu-credit verify events.csv.gz --policy carry";

#[derive(Args)]
pub(crate) struct VerifyArguments {
    #[command(flatten)]
    events: EventsArguments,
}

/// Whether all engines agree, and there was something to agree on.
pub(crate) fn run(arguments: &VerifyArguments) -> anyhow::Result<bool> {
    let mut input = Input::open(&arguments.events.file, true)?;
    let overdraft = arguments.events.policy;
    let verdict = verify(&mut input, &|| party::all(overdraft))?;
    input.hide_progress();
    match &verdict {
        Verdict::Agreed(agreed) => heard(say(format_args!("{}", agreed.summary())))?,
        Verdict::Disagreed(found) => {
            complain(format_args!(
                "gpu-credit: {}: {}",
                input.name(),
                found.report()
            ));
            let output = onto(io::stdout().lock(), Escapes::Text);
            heard(found.write_reproduction(output).map_err(Into::into))?;
        }
    }
    Ok(matches!(verdict, Verdict::Agreed(agreed) if agreed.questions > 0))
}

enum Verdict {
    Agreed(Agreed),
    Disagreed(Disagreement),
}

/// What was compared, without a difference.
#[derive(Default)]
struct Agreed {
    questions: u64,
    /// Those of the questions that the keyed calculator answered too.
    keyed: u64,
    accounts: u64,
    /// Those of the questions that are not the file's.
    own: u64,
    /// Those of the accounts of which the file asks nothing.
    unasked: u64,
}

/// Feeds every event to the parties of its account, each `open`ed for it, and compares what they
/// say. Accounts of which the file asks nothing are asked at the end.
fn verify(input: &mut Input, open: &dyn Fn() -> Parties) -> anyhow::Result<Verdict> {
    let mut book: HashMap<String, History> = HashMap::new();
    let mut agreed = Agreed::default();
    while let Some(Event {
        account, action, ..
    }) = input.read()?
    {
        let history = book.entry_ref(account).or_insert_with(|| History {
            parties: open(),
            steps: Vec::new(),
            is_asked: false,
        });
        let Action::Balance { timestamp } = action else {
            history.steps.push(Step::from(action));
            post(&mut history.parties, action).map_err(|error| input.refused(error))?;
            continue;
        };
        history.is_asked = true;
        if let Some(said) = history.ask(timestamp, &mut agreed) {
            let mut found = Disagreement::at_the_last_of(&history.steps, account, said, open);
            found.line = Some(input.line());
            return Ok(Verdict::Disagreed(found));
        }
    }
    agreed.accounts = book.len() as u64;
    let mut unasked: Vec<_> = book.iter_mut().filter(|(_, it)| !it.is_asked).collect();
    unasked.sort_unstable_by_key(|(account, _)| *account);
    let records = unasked.iter().map(|(_, history)| history.steps.len()).sum();
    let from_file = agreed.questions;
    for (account, history) in &mut unasked {
        for timestamp in own_questions::instants(&history.steps, records) {
            if let Some(said) = history.ask(timestamp, &mut agreed) {
                return Ok(Verdict::Disagreed(Disagreement::at_the_last_of(
                    &history.steps,
                    account,
                    said,
                    open,
                )));
            }
        }
    }
    agreed.unasked = unasked.len() as u64;
    agreed.own = agreed.questions - from_file;
    Ok(Verdict::Agreed(agreed))
}

/// One account: those who keep it, and what they were told.
struct History {
    parties: Parties,
    steps: Vec<Step>,
    /// Whether the file has a question about it.
    is_asked: bool,
}

impl History {
    /// Asks all parties; what they say if they disagree.
    fn ask(&mut self, timestamp: i64, agreed: &mut Agreed) -> Option<Answers> {
        self.steps.push(Step::Question { timestamp });
        let said = ask(&mut self.parties, timestamp);
        let is_heard = |(name, said): &(_, _)| *name == KEYED && *said != Said::Nothing;
        agreed.questions += 1;
        agreed.keyed += u64::from(said.iter().any(is_heard));
        (!agree(&said)).then_some(said)
    }
}

impl Agreed {
    fn summary(&self) -> String {
        if self.questions == 0 {
            return "nothing was compared: the file has no records and no queries".to_owned();
        }
        let queries = counted(self.questions, "query", "queries");
        let accounts = counted(self.accounts, "account", "accounts");
        let mut summary = format!("indexed, list and heap agree on {queries} of {accounts}");
        if self.keyed > 0 {
            let _ = write!(summary, ", keyed on {} of them", self.keyed);
        }
        if self.own > 0 {
            let unasked = counted(self.unasked, "account", "accounts");
            let _ = write!(
                summary,
                "; {} of the queries are not in the file, which has none of {unasked}",
                self.own,
            );
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use gpu_credit::Error;
    use gpu_credit_workload::events::HEADER;

    use super::*;
    use crate::engine::{Answer, Engine, List};
    use crate::party::Party;
    use gpu_credit::Overdraft;

    /// Answers wrongly at the last instant of a window.
    struct EndExcluded(List);

    impl Engine for EndExcluded {
        fn open(overdraft: Overdraft) -> Self {
            Self(List::open(overdraft))
        }

        fn post(&mut self, mut record: Action<'_>) -> Result<(), Error> {
            if let Action::Grant { expiration, .. } = &mut record {
                *expiration = expiration.saturating_sub(1);
            }
            Engine::post(&mut self.0, record)
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

        fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
            Engine::post(&mut self.engine, record)
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

    /// What is found in these rows if one of two engines is wrong, and the rows that reproduce it.
    fn found<Wrong: Engine + 'static>(rows: &str) -> (Disagreement, String) {
        let mut input = Input::of_text(&format!("{HEADER}\n{rows}")).unwrap();
        let open = || vec![("list", opened::<List>()), ("wrong", opened::<Wrong>())];
        let Verdict::Disagreed(found) = verify(&mut input, &open).unwrap() else {
            panic!("it agreed");
        };
        let mut reproduction = Vec::new();
        found.write_reproduction(&mut reproduction).unwrap();
        let reproduction = String::from_utf8(reproduction).unwrap();
        let reproduction = reproduction.strip_prefix(&format!("{HEADER}\n"));
        (found, reproduction.unwrap().to_owned())
    }

    #[test]
    fn a_wrong_engine_is_found_with_the_shortest_reproduction() {
        let (found, reproduction) = found::<EndExcluded>(ROWS);
        assert_eq!(reproduction, "grant,acme,b,7,10,30\nbalance,acme,,,40,\n");
        assert_eq!(
            found.report(),
            "line 9: the engines disagree, as they do on the 2 rows on standard output:\n  \
             list: balance 7, available, deficit 0\n  \
             wrong: no balance, inactive, deficit 0"
        );
    }

    #[test]
    fn a_file_without_questions_is_asked_about() {
        let records = ROWS.split_inclusive('\n');
        let records: String = records.filter(|row| !row.starts_with("balance,")).collect();
        let (found, reproduction) = found::<EndExcluded>(&records);
        assert_eq!(reproduction, "grant,acme,b,7,10,30\nbalance,acme,,,40,\n");
        assert!(found.report().starts_with("the engines disagree"));
    }

    #[test]
    fn a_reproduction_keeps_the_questions_it_needs() {
        let (found, _) = found::<Stubborn>(ROWS);
        assert_eq!(found.line, Some(9));
        let asked = Step::Question { timestamp: 20 };
        assert_eq!(found.steps.len(), 3, "{:?}", found.steps);
        assert!(found.steps.contains(&asked), "{:?}", found.steps);
    }

    /// Takes a job for usage at its first tick.
    struct Charged(List);

    impl Engine for Charged {
        fn open(overdraft: Overdraft) -> Self {
            Self(List::open(overdraft))
        }

        fn post(&mut self, record: Action<'_>) -> Result<(), Error> {
            let record = match record {
                Action::Metered { rate, from, until } => Action::Usage {
                    amount: rate * from.abs_diff(until),
                    timestamp: from,
                },
                other => other,
            };
            Engine::post(&mut self.0, record)
        }

        fn balance_at(&mut self, timestamp: i64) -> Answer {
            self.0.balance_at(timestamp)
        }
    }

    #[test]
    fn a_reproduction_has_jobs_and_priorities() {
        let file = format!(
            "{HEADER},priority,until\ngrant,a,g,90,0,50,-1,\nusage,a,,1,1,,,\nusage,a,,8,5,,,12\n"
        );
        let mut input = Input::of_text(&file).unwrap();
        let open = || vec![("list", opened::<List>()), ("wrong", opened::<Charged>())];
        let Verdict::Disagreed(found) = verify(&mut input, &open).unwrap() else {
            panic!("it agreed");
        };
        let mut reproduction = Vec::new();
        found.write_reproduction(&mut reproduction).unwrap();
        let expected = format!("{HEADER},until\nusage,a,,8,5,,12\nbalance,a,,,5,,\n");
        assert_eq!(String::from_utf8(reproduction).unwrap(), expected);
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
