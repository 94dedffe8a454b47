//! `gpu-credit replay`: answers each question at that point of the file.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::ensure;
use clap::{Args, ValueEnum};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_workload::Action;
use hashbrown::HashMap;

use crate::answers::{Answers, Format};
use crate::engine::{Engine, Heap, List, UNSEEN};
use crate::escape::EscapeArguments;
use crate::input::{EventsArguments, Input};
use crate::output_file::is_standard_output;

pub(crate) const HELP: &str = "\
The events file is CSV, plain or gzip, with the header
  kind,account,credit_id,amount,timestamp,expiration
where kind is grant, usage or balance (a query) and unused fields are empty.
The columns id, until and priority may follow, in any order. id is the record
id, which matters to import alone. Usage with until is a job: amount at each
tick from timestamp on and before until. The grant of the lowest priority is
drawn first, and an empty one is 0. Each query is answered from the rows before
it, by a row
  account,timestamp,balance,status,deficit
with an empty balance for none, and one of the statuses inactive, overdrawn,
spent and available.

Example:
  gpu-credit replay events.csv.gz --policy forfeit > answers.csv";

#[derive(Args)]
pub(crate) struct ReplayArguments {
    #[command(flatten)]
    events: EventsArguments,
    /// What computes the answers
    #[arg(long, value_enum, default_value_t = EngineName::Indexed)]
    engine: EngineName,
    /// What the answers are written as
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    #[command(flatten)]
    escape: EscapeArguments,
}

#[derive(Clone, Copy, ValueEnum)]
enum EngineName {
    /// The engine of the store
    Indexed,
    /// A full replay with a sorted list
    List,
    /// A full replay with a heap
    Heap,
}

pub(crate) fn run(arguments: &ReplayArguments) -> anyhow::Result<()> {
    let file = &arguments.events.file;
    refuse_endless(file)?;
    // A bar would get in between answers on the same terminal.
    let progress = !io::stdout().is_terminal();
    let mut input = Input::open(file, progress)?;
    let mut answers = Answers::new(arguments.format, &arguments.escape)?;
    let overdraft = arguments.events.policy;
    let replayed = match arguments.engine {
        EngineName::Indexed => replay::<GpuCredit>(&mut input, overdraft, &mut answers),
        EngineName::List => replay::<List>(&mut input, overdraft, &mut answers),
        EngineName::Heap => replay::<Heap>(&mut input, overdraft, &mut answers),
    };
    // Answers before a bad line are good.
    answers.flush()?;
    replayed
}

/// Answers that are appended to the file are never all read.
fn refuse_endless(file: &Path) -> anyhow::Result<()> {
    let read = match file == Path::new("-") {
        true => Path::new("/dev/stdin"),
        false => file,
    };
    ensure!(
        !(read.is_file() && is_standard_output(read)),
        "{}: it is also standard output: let the answers go elsewhere",
        file.display()
    );
    Ok(())
}

fn replay<E: Engine>(
    input: &mut Input,
    overdraft: Overdraft,
    answers: &mut Answers,
) -> anyhow::Result<()> {
    let mut book: HashMap<String, E> = HashMap::new();
    while let Some(event) = input.read()? {
        let name = event.account;
        let posted = match event.action {
            Action::Balance { timestamp } => {
                let account = book.get_mut(name);
                let answer = account.map_or(UNSEEN, |account| account.balance_at(timestamp));
                answers.write(name, timestamp, &answer)?;
                Ok(())
            }
            record => {
                let open = || E::open(overdraft);
                let account = book.entry_ref(name).or_insert_with(open);
                account.post(record)
            }
        };
        posted.map_err(|error| input.refused(error))?;
    }
    Ok(())
}
