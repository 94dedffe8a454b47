//! A token: what a request shows, and what is known of it here.

use std::fmt;
use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{Scope, Verb};

/// What all tokens begin with, so that scanners of repositories and logs find them.
pub(crate) const START: &str = "gct_";
/// Random bytes of an id, and of a secret.
const ID_BYTES: usize = 4;
const SECRET_BYTES: usize = 20;
/// Bytes of the text of a token.
const TEXT_BYTES: usize = START.len() + 2 * ID_BYTES + 1 + 2 * SECRET_BYTES;

/// What is known of a token: not its text, which is shown once, when it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Eight hexadecimal digits, which begin its text. They name it in lists and in logs, and are no secret.
    pub id: String,
    /// SHA-256 of its text, as 64 hexadecimal digits. The text has 160 random bits: nobody finds it by trying.
    #[serde(with = "hexadecimal")]
    pub sha256: [u8; 32],
    /// What it may do. With several scopes it may do what any of them says.
    pub scopes: Vec<Scope>,
    /// From then on it is no longer accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Timestamp>,
    /// Whose it is, and what for.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// The text of a token, which is to be shown once. It is in no debug output.
pub struct TokenText(String);

/// Why something may not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// The account is in no scope: for this caller there is no such account.
    Hidden,
    /// The account is in a scope, and none of those it is in has the verb.
    Forbidden,
}

impl Token {
    /// Makes a token: what is kept of it, and its text.
    ///
    /// # Errors
    /// If the system has no randomness.
    pub fn make(
        scopes: Vec<Scope>,
        end: Option<Timestamp>,
        note: String,
    ) -> Result<(Token, TokenText), getrandom::Error> {
        let mut random = [0; ID_BYTES + SECRET_BYTES];
        getrandom::fill(&mut random)?;
        let (id, secret) = random.split_at(ID_BYTES);
        let id = hexadecimal::of(id);
        let text = format!("{START}{id}_{}", hexadecimal::of(secret));
        let token = Token {
            sha256: Sha256::digest(&text).into(),
            id,
            scopes,
            end,
            note,
        };
        Ok((token, TokenText(text)))
    }

    /// Whether this is its text. It takes equally long whatever is different.
    pub(crate) fn has_text(&self, text: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(text).into();
        self.sha256.ct_eq(&digest).into()
    }

    pub(crate) fn has_ended(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= now)
    }

    /// Whether the verb may be done to the account of this name, as it is after decoding.
    ///
    /// # Errors
    /// Which of both it is does not depend on whether there is such an account.
    pub fn may(&self, verb: Verb, account: &str) -> Result<(), Denied> {
        let containing = || {
            let scopes = self.scopes.iter();
            scopes.filter(|scope| scope.accounts.contains(account))
        };
        match containing().any(|scope| scope.allows(verb)) {
            true => Ok(()),
            false if containing().next().is_some() => Err(Denied::Forbidden),
            false => Err(Denied::Hidden),
        }
    }

    /// Whether the verb may be done to all accounts.
    pub fn may_to_all(&self, verb: Verb) -> bool {
        let mut scopes = self.scopes.iter();
        scopes.any(|scope| scope.allows(verb) && scope.accounts == super::Accounts::All)
    }
}

/// The id of the token that may have this text, if it has the form of one. O(1)
pub(crate) fn id_in(text: &str) -> Option<&str> {
    if text.len() != TEXT_BYTES || !text.is_ascii() {
        return None;
    }
    let (id, secret) = text.strip_prefix(START)?.split_once('_')?;
    let is_hexadecimal = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let has_form = id.len() == 2 * ID_BYTES && is_hexadecimal(id) && is_hexadecimal(secret);
    has_form.then_some(id)
}

/// Whether a text has a token in it, or what looks like one.
pub(crate) fn is_within(text: &str) -> bool {
    let mut starts = text.match_indices(START);
    starts.any(|(start, _)| {
        let candidate = text.get(start..start + TEXT_BYTES);
        candidate.is_some_and(|candidate| id_in(candidate).is_some())
    })
}

impl TokenText {
    /// The text. Whoever has it may do what the token may.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenText(..)")
    }
}

/// The time of this machine.
pub(crate) fn now() -> Timestamp {
    // A clock before 1970 or beyond the year 9999 is wrong: then tokens with an end are over.
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::MAX)
}

/// Bytes as hexadecimal digits.
mod hexadecimal {
    use std::fmt::Write;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn of(bytes: &[u8]) -> String {
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&of(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("expected 64 hexadecimal digits"))
    }

    fn parse(text: &str) -> Option<[u8; 32]> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return None;
        }
        let digit = |digit: u8| char::from(digit).to_digit(16);
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(scopes: &[&str]) -> Token {
        let scopes = scopes.iter().map(|scope| scope.parse().unwrap());
        Token::make(scopes.collect(), None, String::new())
            .unwrap()
            .0
    }

    #[test]
    fn a_token_knows_its_text_and_no_other() {
        let (token, text) = Token::make(vec![Scope::everything()], None, "ops".into()).unwrap();
        let text = text.reveal();
        assert_eq!(id_in(text), Some(token.id.as_str()));
        assert!(token.has_text(text));
        for place in 0..text.len() {
            let mut other = text.as_bytes().to_owned();
            other[place] ^= 1;
            assert!(!token.has_text(&String::from_utf8(other).unwrap()));
        }
        let (other, _) = Token::make(Vec::new(), None, String::new()).unwrap();
        assert_ne!(other.id, token.id);
        assert!(!other.has_text(text));
    }

    #[test]
    fn what_has_no_form_of_a_token_has_no_id() {
        let text = format!("gct_01234567_{}", "a".repeat(40));
        assert_eq!(id_in(&text), Some("01234567"));
        for wrong in [
            "",
            "gct_",
            &text[1..],
            &format!("{text}0"),
            &text.replace('_', "-"),
            "é",
        ] {
            assert_eq!(id_in(wrong), None, "{wrong}");
        }
        assert_eq!(id_in(&format!("gct_0123456_{}", "a".repeat(41))), None);
    }

    #[test]
    fn outside_of_its_scopes_nothing_is_there() {
        let token = token(&["read,use=team/", "grant=team/vision", "read=acme"]);
        assert_eq!(token.may(Verb::Read, "team/a"), Ok(()));
        assert_eq!(token.may(Verb::Grant, "team/vision"), Ok(()));
        assert_eq!(token.may(Verb::Grant, "team/a"), Err(Denied::Forbidden));
        assert_eq!(token.may(Verb::Use, "acme"), Err(Denied::Forbidden));
        assert_eq!(token.may(Verb::Read, "acme/x"), Err(Denied::Hidden));
        assert_eq!(token.may(Verb::Admin, "other"), Err(Denied::Hidden));
        assert!(!token.may_to_all(Verb::Read));
    }

    #[test]
    fn a_token_is_over_at_its_end() {
        let mut token = token(&["read=*"]);
        let end: Timestamp = "2026-03-01T00:00:00Z".parse().unwrap();
        assert!(!token.has_ended(Timestamp::MAX));
        token.end = Some(end);
        assert!(token.has_ended(end));
        assert!(!token.has_ended("2026-02-28T23:59:59Z".parse().unwrap()));
    }

    #[test]
    fn the_text_is_in_no_debug_output() {
        let (token, text) = Token::make(Vec::new(), None, String::new()).unwrap();
        let secret = text.reveal().rsplit('_').next().unwrap();
        assert!(!format!("{token:?} {text:?}").contains(secret));
    }
}
