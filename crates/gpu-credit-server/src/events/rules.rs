//! What an event costs: rules of a configuration file.

use std::fmt;

use serde::Deserialize;

use super::decimal::{Decimal, NoAmount};
use super::envelope::Event;

/// Rules by which events become usage.
///
/// ```
/// use gpu_credit_server::EventRules;
///
/// let rules = EventRules::from_toml(r#"
///     unmatched = "unmatched"
///
///     [[rules]]
///     type = "litellm_tokens"
///     multiply = ["cost"]
///     by = "1000000000"
///
///     [[rules]]
///     type = "kube-pod-exec-time"
///     multiply = ["gpu_request_count", "duration_seconds"]
/// "#)?;
/// assert_eq!(rules.unmatched(), Some("unmatched"));
/// # Ok::<(), gpu_credit_server::BadEventRules>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRules {
    /// The account of what cannot be posted where it belongs.
    #[serde(default)]
    unmatched: Option<String>,
    #[serde(default)]
    rules: Vec<Rule>,
}

/// Of which events a product of members of `data` is the amount.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(rename = "type")]
    kind: String,
    /// Those of every source if it is not said.
    source: Option<String>,
    /// Members of `data`; a dot leads into an object.
    multiply: Vec<Path>,
    /// A number as text or integer by which the product is multiplied; 1 if it is not said.
    #[serde(default)]
    by: By,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(from = "String")]
struct Path {
    text: String,
    members: Vec<String>,
}

impl From<String> for Path {
    fn from(text: String) -> Self {
        let members = text.split('.').map(str::to_owned).collect();
        Path { text, members }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Factor")]
struct By(Decimal);

impl Default for By {
    fn default() -> Self {
        By::try_from(Factor::Integer(1)).unwrap_or_else(|problem| unreachable!("{problem}"))
    }
}

/// No binary fraction: what is meant by one is not what is read.
#[derive(Deserialize)]
#[serde(untagged, expecting = "an integer, or a decimal number as text")]
enum Factor {
    Integer(u64),
    Text(String),
}

impl TryFrom<Factor> for By {
    type Error = String;

    fn try_from(factor: Factor) -> Result<Self, String> {
        let text = match factor {
            Factor::Integer(number) => number.to_string(),
            Factor::Text(text) => text,
        };
        let number = Decimal::read(&text).and_then(|number| number.units().map(|_| number));
        number
            .map(By)
            .map_err(|problem| format!("by: {text:?} {problem}"))
    }
}

/// Why a file holds no rules.
#[derive(Clone, Debug)]
pub struct BadEventRules(String);

impl fmt::Display for BadEventRules {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for BadEventRules {}

/// Why an event has no amount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoCost {
    NoRule,
    Missing(String),
    Wrong(String, NoAmount),
    TooLarge(NoAmount),
}

impl fmt::Display for NoCost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoCost::NoRule => formatter.write_str("no rule fits it"),
            NoCost::Missing(member) => write!(formatter, "data.{member} is missing or null"),
            NoCost::Wrong(member, problem) => write!(formatter, "data.{member} {problem}"),
            NoCost::TooLarge(problem) => write!(formatter, "the amount {problem}"),
        }
    }
}

impl EventRules {
    /// Reads the rules of a file.
    ///
    /// # Errors
    /// If it is no TOML, has what rules do not have, or a rule multiplies nothing.
    pub fn from_toml(text: &str) -> Result<Self, BadEventRules> {
        let rules: EventRules =
            toml::from_str(text).map_err(|error| BadEventRules(error.to_string()))?;
        if let Some(rule) = rules.rules.iter().find(|rule| rule.multiply.is_empty()) {
            let problem = format!("the rule of {:?} multiplies nothing", rule.kind);
            return Err(BadEventRules(problem));
        }
        Ok(rules)
    }

    /// The account that gets events that cannot be posted where they belong.
    pub fn unmatched(&self) -> Option<&str> {
        self.unmatched.as_deref()
    }

    /// The amount of an event, in the smallest unit, by the first rule that fits.
    pub(crate) fn cost(&self, event: &Event<'_>) -> Result<u64, NoCost> {
        let fits = |rule: &&Rule| rule.fits(event);
        let rule = self.rules.iter().find(fits).ok_or(NoCost::NoRule)?;
        let mut product = rule.by.0.clone();
        for path in &rule.multiply {
            let text = event.number(&path.members);
            let text = text.ok_or_else(|| NoCost::Missing(path.text.clone()))?;
            let number = Decimal::read(&text);
            let number = number.map_err(|problem| NoCost::Wrong(path.text.clone(), problem))?;
            product = product.times(&number);
        }
        product.units().map_err(NoCost::TooLarge)
    }
}

impl Rule {
    fn fits(&self, event: &Event<'_>) -> bool {
        let is_of = |source: &String| event.source() == source;
        self.kind == event.kind && self.source.as_ref().is_none_or(is_of)
    }
}

#[cfg(test)]
mod tests {
    use super::super::envelope::{ContentType, events};
    use super::*;

    const RULES: &str = r#"
        [[rules]]
        type = "litellm_tokens"
        source = "proxy"
        multiply = ["cost"]
        by = "1000000000"

        [[rules]]
        type = "litellm_tokens"
        multiply = ["total_tokens"]

        [[rules]]
        type = "pod"
        multiply = ["gpu.count", "duration_seconds"]
        by = 2
    "#;

    fn cost(kind: &str, source: &str, data: &str) -> Result<u64, NoCost> {
        let body = format!(
            r#"{{"specversion":"1.0","id":"a","source":"{source}","type":"{kind}","data":{data}}}"#
        );
        let event = events(body.as_bytes(), ContentType::Event, 1)
            .unwrap()
            .remove(0);
        EventRules::from_toml(RULES).unwrap().cost(&event)
    }

    #[test]
    fn the_first_rule_that_fits_says_the_amount() {
        let data = r#"{"cost":1.5e-05,"total_tokens":30}"#;
        assert_eq!(cost("litellm_tokens", "proxy", data), Ok(15_000));
        assert_eq!(cost("litellm_tokens", "other", data), Ok(30));
        let data = r#"{"gpu":{"count":"8"},"duration_seconds":0.25}"#;
        assert_eq!(cost("pod", "k8s", data), Ok(4));
    }

    #[test]
    fn what_has_no_amount_says_why() {
        assert_eq!(cost("other", "proxy", "{}"), Err(NoCost::NoRule));
        let missing = Err(NoCost::Missing("cost".to_owned()));
        for data in ["{}", r#"{"cost":null}"#, "null", "[]", "7"] {
            assert_eq!(cost("litellm_tokens", "proxy", data), missing, "{data}");
        }
        let wrong = |data: &str| {
            cost("litellm_tokens", "proxy", data)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(wrong(r#"{"cost":"free"}"#), "data.cost is no number");
        assert_eq!(wrong(r#"{"cost":true}"#), "data.cost is no number");
        assert_eq!(wrong(r#"{"cost":-1}"#), "the amount is negative");
        assert_eq!(wrong(r#"{"cost":1e30}"#), "the amount is too large");
    }

    #[test]
    fn a_file_that_says_something_else_is_refused() {
        for file in [
            "unmatched = 7",
            "unmached = \"x\"",
            "[[rules]]\ntype = \"t\"",
            "[[rules]]\ntype = \"t\"\nmultiply = []",
            "[[rules]]\ntype = \"t\"\nmultiply = [\"a\"]\nby = 0.1",
            "[[rules]]\ntype = \"t\"\nmultiply = [\"a\"]\nby = \"-1\"",
            "[[rules]]\ntype = \"t\"\nmultiply = [\"a\"]\nplus = 1",
        ] {
            assert!(EventRules::from_toml(file).is_err(), "{file}");
        }
        assert!(EventRules::from_toml("").is_ok());
    }
}
