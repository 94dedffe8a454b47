//! From text to cases.

use std::str::FromStr;

use super::{Case, Step};
use crate::{Answer, Draw, Overdraft, Status, Usage};

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
        "either" => vec![Overdraft::Carry, Overdraft::Forfeit],
        policy => vec![policy.parse().ok()?],
    };
    let case = |overdraft| Case {
        name: name.trim().to_owned(),
        overdraft,
        steps: Vec::new(),
    };
    Some(policies.into_iter().map(case).collect())
}

fn parse_step(words: &[&str]) -> Option<Step> {
    parse_record(words).or_else(|| parse_question(words))
}

/// A line that changes what stands.
fn parse_record(words: &[&str]) -> Option<Step> {
    Some(match *words {
        ["grant", amount, "at", timestamp, "for", expiration] => Step::Grant {
            amount: number(amount)?,
            timestamp: number(timestamp)?,
            expiration: number(expiration)?,
            priority: 0,
        },
        [ref grant @ .., "priority", priority] if grant.first() == Some(&"grant") => {
            let mut step = parse_record(grant)?;
            if let Step::Grant { priority: said, .. } = &mut step {
                *said = number(priority)?;
            }
            step
        }
        ["usage", ref usage @ ..] => Step::Usage(parse_usage(usage)?),
        ["retract", "grant", grant] => Step::RetractGrant {
            grant: number(grant)?,
        },
        ["retract", "usage", ref usage @ ..] => Step::RetractUsage(parse_usage(usage)?),
        ["change", "usage", ref usage @ ..] => {
            let to = usage.iter().position(|word| *word == "to")?;
            Step::ChangeUsage {
                usage: parse_usage(&usage[..to])?,
                new: parse_usage(&usage[to + 1..])?,
            }
        }
        ["revoke", "grant", grant, "from", from] => Step::RevokeGrant {
            grant: number(grant)?,
            from: number(from)?,
        },
        ["change", "grant", grant, "for", expiration] => Step::ChangeExpiration {
            grant: number(grant)?,
            expiration: number(expiration)?,
        },
        ["change", "grant", grant, "priority", priority] => Step::ChangePriority {
            grant: number(grant)?,
            priority: number(priority)?,
        },
        _ => return None,
    })
}

fn parse_usage(words: &[&str]) -> Option<Usage> {
    Some(match *words {
        [amount, "at", timestamp] => Usage::at(number(amount)?, number(timestamp)?),
        [rate, "per", "tick", "from", from, "until", until] => {
            Usage::metered(number(rate)?, number(from)?..number(until)?)
        }
        _ => return None,
    })
}

fn parse_question(words: &[&str]) -> Option<Step> {
    Some(match *words {
        ["balance", "at", timestamp, "is", ref answer @ ..] => Step::Balance {
            timestamp: number(timestamp)?,
            answer: parse_answer(answer)?,
        },
        ["remainders", "at", timestamp, "are", ref remainders @ ..] => Step::Remainders {
            timestamp: number(timestamp)?,
            remainders: parse_remainders(remainders)?,
        },
        ["used", "at", timestamp, "is", amount] => Step::Used {
            timestamp: number(timestamp)?,
            amount: number(amount)?,
        },
        ["dropped", "at", timestamp, "is", amount] => Step::Dropped {
            timestamp: number(timestamp)?,
            amount: number(amount)?,
        },
        ["draws", "of", usage, "are", ref draws @ ..] => {
            let usage = number(usage)?;
            let draws = parse_draws(usage, draws)?;
            Step::Draws { usage, draws }
        }
        ["first", "uncovered", "from", from, "to", to, "is", tick] => Step::FirstUncovered {
            from: number(from)?,
            to: number(to)?,
            tick: number_unless("never", tick)?,
        },
        ["spendable", "at", timestamp, "is", amount] => Step::Spendable {
            timestamp: number(timestamp)?,
            amount: number(amount)?,
        },
        [
            "spendable",
            "rate",
            "from",
            from,
            "until",
            until,
            "is",
            rate,
        ] => Step::SpendableRate {
            from: number(from)?,
            until: number(until)?,
            rate: number(rate)?,
        },
        ["rate", rate, "from", from, "runs", "dry", ref tick @ ..] => Step::RunsDry {
            rate: number(rate)?,
            from: number(from)?,
            tick: match *tick {
                ["at", tick] => Some(number(tick)?),
                ["never"] => None,
                _ => return None,
            },
        },
        ["classic", "at", timestamp, "is", balance] => Step::Classic {
            timestamp: number(timestamp)?,
            balance: number_unless("none", balance)?,
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

/// Draws as in `4 of 1 over 10..12 drawn at 20`, one after the other.
fn parse_draws(usage: usize, words: &[&str]) -> Option<Vec<Draw>> {
    let mut draws = Vec::new();
    let mut words = words;
    if words == ["none"] {
        return Some(draws);
    }
    while let [amount, "of", grant, "over", ticks, ref rest @ ..] = *words {
        let (first, last) = ticks.split_once("..")?;
        let first = number(first)?;
        let (drawn_at, rest) = match *rest {
            ["drawn", "at", drawn_at, ref rest @ ..] => (number(drawn_at)?, rest),
            _ => (first, rest),
        };
        draws.push(Draw {
            usage,
            grant: number(grant)?,
            amount: number(amount)?,
            first,
            last: number(last)?,
            drawn_at,
        });
        words = rest;
    }
    (words.is_empty() && !draws.is_empty()).then_some(draws)
}

/// A number, or this word for none.
fn number_unless<T: FromStr>(none: &str, word: &str) -> Option<Option<T>> {
    if word == none {
        return Some(None);
    }
    number(word).map(Some)
}

fn number<T: FromStr>(word: &str) -> Option<T> {
    word.parse().ok()
}
