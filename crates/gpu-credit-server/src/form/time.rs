//! Instants: integers in the store's unit, or times as RFC 3339 has them.

use std::fmt;

use gpu_credit_store::TimeUnit;
use jiff::Timestamp;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use utoipa::openapi::schema::{AnyOf, Schema, SchemaType, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::Form;

/// An instant. It is read as an integer in the store's unit, as a string of its digits, or as a time with offset;
/// and written as the request asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Time(pub(crate) i64);

impl From<i64> for Time {
    fn from(instant: i64) -> Self {
        Time(instant)
    }
}

impl Time {
    /// Now, in a unit.
    pub(crate) fn now(unit: TimeUnit) -> Self {
        let nanoseconds = Timestamp::now().as_nanosecond();
        let steps = nanoseconds.div_euclid(unit.nanoseconds().into());
        Time(i64::try_from(steps).unwrap_or(i64::MAX))
    }
}

/// As RFC 3339 has it; `None` if its years have other than four digits.
fn shown(instant: i64, unit: TimeUnit) -> Option<Timestamp> {
    let nanoseconds = i128::from(instant) * i128::from(unit.nanoseconds());
    let time = Timestamp::from_nanosecond(nanoseconds).ok()?;
    // 0000-01-01 to 9999-12-31.
    (-62_167_219_200..253_402_300_800)
        .contains(&time.as_second())
        .then_some(time)
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let form = Form::current();
        let unit = form.unit.filter(|_| form.rfc3339);
        if let Some(time) = unit.and_then(|unit| shown(self.0, unit)) {
            return serializer.collect_str(&time);
        }
        match form.strings {
            true => serializer.collect_str(&self.0),
            false => serializer.serialize_i64(self.0),
        }
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reading).map(Time)
    }
}

struct Reading;

impl Visitor<'_> for Reading {
    type Value = i64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(
            "an instant: an integer of 64 bits in the store's unit of time, or a time with offset such as \
             2026-02-01T09:00:00Z",
        )
    }

    fn visit_i64<E: de::Error>(self, instant: i64) -> Result<i64, E> {
        Ok(instant)
    }

    fn visit_u64<E: de::Error>(self, instant: u64) -> Result<i64, E> {
        let wrong = |_| E::invalid_value(de::Unexpected::Unsigned(instant), &self);
        i64::try_from(instant).map_err(wrong)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<i64, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let wrong = |_| E::invalid_value(de::Unexpected::Str(text), &self);
            return text.parse().map_err(wrong);
        }
        let time: Timestamp = text
            .parse()
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))?;
        let Some(unit) = Form::current().unit else {
            return Err(E::custom(
                "the store has no unit of time: give the instant as an integer",
            ));
        };
        let (steps, rest) = (
            time.as_nanosecond().div_euclid(unit.nanoseconds().into()),
            time.as_nanosecond().rem_euclid(unit.nanoseconds().into()),
        );
        let steps = i64::try_from(steps).ok().filter(|_| rest == 0);
        steps.ok_or_else(|| {
            E::custom(format_args!(
                "{text} is no whole number of the store's unit of time, {unit}"
            ))
        })
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let integer = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(i64::MIN))
            .maximum(Some(i64::MAX));
        let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
        let mut either = AnyOf::new();
        either.items = vec![integer.into(), text.into()];
        either.description = Some(
            "An instant: an integer in the store's unit of time, a string of its digits, or an RFC 3339 time with \
             offset. Replies have integers, or times with `?times=rfc3339`."
                .to_owned(),
        );
        RefOr::T(Schema::AnyOf(either))
    }
}

impl ToSchema for Time {}
