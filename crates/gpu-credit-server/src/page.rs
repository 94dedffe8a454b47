//! Pages: each begins after the last of the one before.

use serde::{Deserialize, Deserializer, de};
use utoipa::ToSchema;

/// How many a page has, at most: 1 to 1,000, and 100 if it is not said.
#[derive(Clone, Copy, Debug, ToSchema)]
#[schema(value_type = u16, minimum = 1, maximum = 1000, default = 100)]
pub(crate) struct Limit(usize);

impl Limit {
    pub(crate) fn get(self) -> usize {
        self.0
    }
}

impl Default for Limit {
    fn default() -> Self {
        Limit(100)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let limit = usize::deserialize(deserializer)?;
        match (1..=1_000).contains(&limit) {
            true => Ok(Limit(limit)),
            false => Err(de::Error::custom("limit: expected 1 to 1000")),
        }
    }
}

/// A text as it stands in an address.
pub(crate) fn encoded(text: &str) -> impl std::fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}
