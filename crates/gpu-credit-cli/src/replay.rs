//! `gpu-credit replay`: answers each question at that point of the file.

use std::io::{self, IsTerminal};
use std::path::Path;

use anyhow::ensure;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_workload::Action;
use hashbrown::HashMap;

use crate::answers::Answers;
use crate::arguments::{EngineName, ReplayArguments};
use crate::engine::{Engine, Heap, List, UNSEEN};
use crate::input::Input;
use crate::output_file::is_standard_output;

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
