//! From cases to text, so that a failed test prints a case that can be kept.

use std::fmt::{Display, Formatter, Result};

use super::{Case, Step};
use crate::{Answer, Draw, Usage};

impl Display for Case {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        writeln!(formatter, "case {}, {}", self.name, self.overdraft)?;
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
                priority,
            } => {
                write!(formatter, "grant {amount} at {timestamp} for {expiration}")?;
                match priority {
                    0 => Ok(()),
                    priority => write!(formatter, " priority {priority}"),
                }
            }
            Step::Usage(usage) => {
                formatter.write_str("usage ")?;
                print_usage(*usage, formatter)
            }
            Step::RetractGrant { grant } => write!(formatter, "retract grant {grant}"),
            Step::RetractUsage(usage) => {
                formatter.write_str("retract usage ")?;
                print_usage(*usage, formatter)
            }
            Step::ChangeUsage { usage, new } => {
                formatter.write_str("change usage ")?;
                print_usage(*usage, formatter)?;
                formatter.write_str(" to ")?;
                print_usage(*new, formatter)
            }
            Step::RevokeGrant { grant, from } => {
                write!(formatter, "revoke grant {grant} from {from}")
            }
            Step::ChangeExpiration { grant, expiration } => {
                write!(formatter, "change grant {grant} for {expiration}")
            }
            Step::ChangePriority { grant, priority } => {
                write!(formatter, "change grant {grant} priority {priority}")
            }
            question => print_question(question, formatter),
        }
    }
}

fn print_usage(usage: Usage, formatter: &mut Formatter<'_>) -> Result {
    let Usage {
        amount, timestamp, ..
    } = usage;
    match usage.until {
        None => write!(formatter, "{amount} at {timestamp}"),
        Some(until) => write!(
            formatter,
            "{amount} per tick from {timestamp} until {until}"
        ),
    }
}

fn print_question(question: &Step, formatter: &mut Formatter<'_>) -> Result {
    match question {
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
        Step::Used { timestamp, amount } => {
            write!(formatter, "used at {timestamp} is {amount}")
        }
        Step::Dropped { timestamp, amount } => {
            write!(formatter, "dropped at {timestamp} is {amount}")
        }
        Step::Draws { usage, draws } => {
            write!(formatter, "draws of {usage} are")?;
            print_draws(draws, formatter)
        }
        Step::FirstUncovered { from, to, tick } => {
            let tick = number_or("never", *tick);
            write!(formatter, "first uncovered from {from} to {to} is {tick}")
        }
        Step::Spendable { timestamp, amount } => {
            write!(formatter, "spendable at {timestamp} is {amount}")
        }
        Step::SpendableRate { from, until, rate } => {
            write!(
                formatter,
                "spendable rate from {from} until {until} is {rate}"
            )
        }
        Step::RunsDry { rate, from, tick } => {
            write!(formatter, "rate {rate} from {from} runs dry ")?;
            match tick {
                Some(tick) => write!(formatter, "at {tick}"),
                None => formatter.write_str("never"),
            }
        }
        Step::Classic { timestamp, balance } => {
            let balance = number_or("none", *balance);
            write!(formatter, "classic at {timestamp} is {balance}")
        }
        record => unreachable!("{record:?} is printed as a record"),
    }
}

fn print_draws(draws: &[Draw], formatter: &mut Formatter<'_>) -> Result {
    if draws.is_empty() {
        return formatter.write_str(" none");
    }
    for (place, draw) in draws.iter().enumerate() {
        let Draw {
            amount,
            grant,
            first,
            last,
            ..
        } = draw;
        let comma = if place > 0 { "," } else { "" };
        write!(
            formatter,
            "{comma} {amount} of {grant} over {first}..{last}"
        )?;
        if draw.drawn_at != *first {
            write!(formatter, " drawn at {}", draw.drawn_at)?;
        }
    }
    Ok(())
}

fn number_or<T: Display>(none: &str, number: Option<T>) -> String {
    number.map_or_else(|| none.to_owned(), |number| number.to_string())
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
