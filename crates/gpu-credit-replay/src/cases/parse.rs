//! From text to cases.

use std::str::FromStr;

use super::{Case, Step};
use crate::{Answer, Overdraft, Status};

/// A line that does not read as part of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// From 1 on.
    pub line: usize,
    /// The line as it stands.
    pub text: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, text } = self;
        write!(formatter, "line {line} is not a line of a case: {text}")
    }
}

impl std::error::Error for ParseError {}

/// Reads cases from text; the module's page has the format.
///
/// # Errors
///
/// The first line that is neither blank, nor the first line of a case, nor a step of one.
pub fn parse(text: &str) -> Result<Vec<Case>, ParseError> {
    let mut done = Vec::new();
    let mut open = Vec::new(); // The case being read, once for each of its policies.
    for (index, text) in text.lines().enumerate() {
        let words = words(text);
        if words.is_empty() {
            continue;
        }
        if let Some(cases) = parse_header(text) {
            done.append(&mut open);
            open = cases;
            continue;
        }
        match parse_step(&words) {
            Some(step) if !open.is_empty() => {
                open.iter_mut()
                    .for_each(|case: &mut Case| case.steps.push(step.clone()));
            }
            _ => {
                return Err(ParseError {
                    line: index + 1,
                    text: text.to_owned(),
                });
            }
        }
    }
    done.append(&mut open);
    Ok(done)
}

fn without_remark(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

/// The words of a line without its remark; a comma ends a word.
fn words(line: &str) -> Vec<&str> {
    let words = without_remark(line).split([' ', '\t', ',']);
    words.filter(|word| !word.is_empty()).collect()
}

/// `case NAME, POLICY`.
fn parse_header(line: &str) -> Option<Vec<Case>> {
    let (name, policy) = without_remark(line)
        .strip_prefix("case ")?
        .rsplit_once(',')?;
    let policies = match policy.trim() {
        "carry" => vec![Overdraft::Carry],
        "forfeit" => vec![Overdraft::Forfeit],
        "either" => vec![Overdraft::Carry, Overdraft::Forfeit],
        _ => return None,
    };
    let case = |overdraft| Case {
        name: name.trim().to_owned(),
        overdraft,
        steps: Vec::new(),
    };
    Some(policies.into_iter().map(case).collect())
}

fn parse_step(words: &[&str]) -> Option<Step> {
    Some(match *words {
        ["grant", amount, "at", timestamp, "for", expiration] => Step::Grant {
            amount: number(amount)?,
            timestamp: number(timestamp)?,
            expiration: number(expiration)?,
        },
        ["usage", amount, "at", timestamp] => Step::Usage {
            amount: number(amount)?,
            timestamp: number(timestamp)?,
        },
        ["retract", "grant", grant] => Step::RetractGrant {
            grant: number(grant)?,
        },
        ["retract", "usage", amount, "at", timestamp] => Step::RetractUsage {
            amount: number(amount)?,
            timestamp: number(timestamp)?,
        },
        ["balance", "at", timestamp, "is", ref answer @ ..] => Step::Balance {
            timestamp: number(timestamp)?,
            answer: parse_answer(answer)?,
        },
        ["remainders", "at", timestamp, "are", ref remainders @ ..] => Step::Remainders {
            timestamp: number(timestamp)?,
            remainders: parse_remainders(remainders)?,
        },
        ["classic", "at", timestamp, "is", balance] => Step::Classic {
            timestamp: number(timestamp)?,
            balance: match balance {
                "none" => None,
                balance => Some(number(balance)?),
            },
        },
        _ => return None,
    })
}

fn parse_answer(words: &[&str]) -> Option<Answer> {
    let (balance, deficit) = match *words {
        [balance] => (balance, 0),
        [balance, "deficit", deficit] => (balance, number(deficit)?),
        _ => return None,
    };
    let (balance, status) = match balance {
        "inactive" => (None, Status::Inactive),
        "overdrawn" => (None, Status::Overdrawn),
        "spent" => (None, Status::Spent),
        balance => (Some(number(balance)?), Status::Available),
    };
    Some(Answer {
        balance,
        status,
        deficit,
    })
}

fn parse_remainders(words: &[&str]) -> Option<Vec<(usize, u64)>> {
    match words {
        [] => None,
        ["none"] => Some(Vec::new()),
        remainders => {
            let parts = remainders.iter().map(|remainder| {
                let (grant, amount) = remainder.split_once(':')?;
                Some((number(grant)?, number(amount)?))
            });
            parts.collect()
        }
    }
}

fn number<T: FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}
