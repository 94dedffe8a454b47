//! The overdraft policy as text, and as data.

use std::fmt;
use std::str::FromStr;

use crate::limits::AMOUNTS_MAX;
use crate::options::Overdraft;

/// `carry`, `carry:C` or `forfeit`.
impl fmt::Display for Overdraft {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Overdraft::Carry => formatter.pad("carry"),
            Overdraft::CarryUpTo(line) => formatter.pad(&format!("{CARRY_UP_TO}{line}")),
            Overdraft::Forfeit => formatter.pad("forfeit"),
        }
    }
}

const CARRY_UP_TO: &str = "carry:";

/// Why text is no overdraft policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverdraftError {
    /// It is none of them. A credit line is a decimal number without sign or leading zeros.
    #[error("{0:?} is no overdraft policy: carry, carry:C with a credit line C, or forfeit")]
    NoSuchPolicy(String),
    /// No deficit can be so large.
    #[error("the credit line {0} is more than 9223372036854775807")]
    LineTooLong(String),
}

impl FromStr for Overdraft {
    type Err = OverdraftError;

    fn from_str(text: &str) -> Result<Self, OverdraftError> {
        let line = match text {
            "carry" => return Ok(Overdraft::Carry),
            "forfeit" => return Ok(Overdraft::Forfeit),
            _ => text.strip_prefix(CARRY_UP_TO),
        };
        let is_decimal = |line: &&str| {
            let starts_well = *line == "0" || !line.starts_with('0');
            starts_well && !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit())
        };
        let Some(line) = line.filter(is_decimal) else {
            return Err(OverdraftError::NoSuchPolicy(text.to_owned()));
        };
        let number = line.parse().ok().filter(|line| *line <= AMOUNTS_MAX);
        let number = number.ok_or_else(|| OverdraftError::LineTooLong(line.to_owned()))?;
        Ok(Overdraft::CarryUpTo(number))
    }
}

/// In formats for people the text; in others the number of the policy in this enumeration, to which
/// policies are only ever appended.
#[cfg(feature = "serde")]
mod data {
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::{Serialize, Serializer};

    use super::{AMOUNTS_MAX, Overdraft};

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename = "Overdraft")]
    enum Numbered {
        Carry,
        Forfeit,
        CarryUpTo(u64),
    }

    impl Serialize for Overdraft {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            if serializer.is_human_readable() {
                return serializer.collect_str(self);
            }
            let numbered = match *self {
                Overdraft::Carry => Numbered::Carry,
                Overdraft::Forfeit => Numbered::Forfeit,
                Overdraft::CarryUpTo(line) => Numbered::CarryUpTo(line),
            };
            numbered.serialize(serializer)
        }
    }

    impl<'de> Deserialize<'de> for Overdraft {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            if deserializer.is_human_readable() {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                return text.parse().map_err(D::Error::custom);
            }
            match Numbered::deserialize(deserializer)? {
                Numbered::Carry => Ok(Overdraft::Carry),
                Numbered::Forfeit => Ok(Overdraft::Forfeit),
                Numbered::CarryUpTo(line) if line <= AMOUNTS_MAX => Ok(Overdraft::CarryUpTo(line)),
                Numbered::CarryUpTo(line) => {
                    let error = super::OverdraftError::LineTooLong(line.to_string());
                    Err(D::Error::custom(error))
                }
            }
        }
    }
}
