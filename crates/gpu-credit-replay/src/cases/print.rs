//! From cases to text, so that a failed test prints a case that can be kept.

use std::fmt::{Display, Formatter, Result};

use super::{Case, Step};
use crate::{Answer, Overdraft};

impl Display for Case {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let policy = match self.overdraft {
            Overdraft::Carry => "carry",
            Overdraft::Forfeit => "forfeit",
        };
        writeln!(formatter, "case {}, {policy}", self.name)?;
        let mut steps = self.steps.iter();
        steps.try_for_each(|step| writeln!(formatter, "{step}"))
    }
}

impl Display for Step {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        match self {
            Step::Grant {
                amount,
                timestamp,
                expiration,
            } => write!(formatter, "grant {amount} at {timestamp} for {expiration}"),
            Step::Usage { amount, timestamp } => {
                write!(formatter, "usage {amount} at {timestamp}")
            }
            Step::RetractGrant { grant } => write!(formatter, "retract grant {grant}"),
            Step::RetractUsage { amount, timestamp } => {
                write!(formatter, "retract usage {amount} at {timestamp}")
            }
            Step::Balance { timestamp, answer } => {
                write!(formatter, "balance at {timestamp} is ")?;
                print_answer(answer, formatter)
            }
            Step::Remainders {
                timestamp,
                remainders,
            } => {
                write!(formatter, "remainders at {timestamp} are")?;
                print_remainders(remainders, formatter)
            }
            Step::Classic {
                timestamp,
                balance: Some(balance),
            } => write!(formatter, "classic at {timestamp} is {balance}"),
            Step::Classic {
                timestamp,
                balance: None,
            } => write!(formatter, "classic at {timestamp} is none"),
        }
    }
}

fn print_answer(answer: &Answer, formatter: &mut Formatter<'_>) -> Result {
    match answer.balance {
        Some(balance) => write!(formatter, "{balance}")?,
        None => formatter.write_str(answer.status.as_str())?,
    }
    match answer.deficit {
        0 => Ok(()),
        deficit => write!(formatter, ", deficit {deficit}"),
    }
}

fn print_remainders(remainders: &[(usize, u64)], formatter: &mut Formatter<'_>) -> Result {
    if remainders.is_empty() {
        return formatter.write_str(" none");
    }
    let mut remainders = remainders.iter();
    remainders.try_for_each(|(grant, amount)| write!(formatter, " {grant}:{amount}"))
}
