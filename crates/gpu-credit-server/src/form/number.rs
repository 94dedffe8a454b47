//! Integers that are not negative: amounts, rates, revisions, lengths of time.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{AnyOf, Schema, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::Form;

/// An integer from 0 to 2^64 - 1. It is read as a JSON integer or as a string of its digits, and written as the
/// request asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Count(pub(crate) u64);

impl From<u64> for Count {
    fn from(number: u64) -> Self {
        Count(number)
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Form::current().strings {
            true => serializer.collect_str(&self.0),
            false => serializer.serialize_u64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Count)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = u64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an integer from 0 to 18446744073709551615")
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
        Ok(number)
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<u64, E> {
        u64::try_from(number).map_err(|_| E::invalid_value(de::Unexpected::Signed(number), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<u64, E> {
        let is_decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|_| is_decimal);
        number.ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

impl PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        let integer = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(0_u64))
            .maximum(Some(u64::MAX));
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .pattern(Some("^[0-9]{1,20}$"));
        let mut either = AnyOf::new();
        either.items = vec![integer.into(), text.into()];
        either.description = Some(
            "An integer from 0 to 2^64 - 1, or a string of its digits. Replies have integers, or strings with `?numbers=string`."
                .to_owned(),
        );
        RefOr::T(Schema::AnyOf(either))
    }
}

impl ToSchema for Count {}
