//! `gpu-credit replay`: answers each question at that point of the file.

use std::io::{self, IsTerminal, Write};

use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_workload::Action;

use crate::answers::Answers;
use crate::arguments::{EngineName, ReplayArguments};
use crate::book::Book;
use crate::engine::{Engine, Heap, List, UNSEEN};
use crate::input::Input;

pub(crate) fn run(arguments: &ReplayArguments) -> anyhow::Result<()> {
    let stdout = io::stdout().lock();
    // A bar would get in between answers on the same terminal.
    let progress = !stdout.is_terminal();
    let mut input = Input::open(&arguments.events.file, progress)?;
    let mut answers = Answers::new(arguments.format, stdout)?;
    let overdraft = arguments.events.policy.into();
    let replayed = match arguments.engine {
        EngineName::Indexed => replay::<GpuCredit>(&mut input, overdraft, &mut answers),
        EngineName::List => replay::<List>(&mut input, overdraft, &mut answers),
        EngineName::Heap => replay::<Heap>(&mut input, overdraft, &mut answers),
    };
    // Answers before a bad line are good.
    answers.flush()?;
    replayed
}

fn replay<E: Engine>(
    input: &mut Input,
    overdraft: Overdraft,
    answers: &mut Answers<impl Write>,
) -> anyhow::Result<()> {
    let mut book = Book::new();
    while let Some(event) = input.read()? {
        let open = || E::open(overdraft);
        let posted = match event.action {
            Action::Grant {
                credit_id,
                amount,
                timestamp,
                expiration,
            } => book
                .get_or_open(event.account, open)
                .add_credit(credit_id, amount, timestamp, expiration),
            Action::Usage { amount, timestamp } => book
                .get_or_open(event.account, open)
                .subtract(amount, timestamp),
            Action::Balance { timestamp } => {
                let account = book.get_mut(event.account);
                let answer = account.map_or(UNSEEN, |account| account.balance_at(timestamp));
                answers.write(event.account, timestamp, &answer)?;
                Ok(())
            }
        };
        posted.map_err(|error| input.refused(error))?;
    }
    Ok(())
}
