//! Events as they arrive: one, or an array of them.

use std::borrow::Cow;
use std::collections::HashMap;

use gpu_credit_store::{RecordId, TimeUnit};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::value::RawValue;

/// An event, as much of it as matters here; what else it has is not looked at.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Event<'b> {
    #[serde(borrow)]
    specversion: Cow<'b, str>,
    #[serde(borrow)]
    id: Cow<'b, str>,
    #[serde(borrow)]
    source: Cow<'b, str>,
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Cow<'b, str>,
    #[serde(borrow, default)]
    subject: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    time: Option<Cow<'b, str>>,
    #[serde(borrow, default)]
    data: Option<&'b RawValue>,
}

/// What is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadBody {
    /// It is no JSON, or neither an event nor an array of events.
    NotEvents(String),
    /// One event is wrong: its place, from 0.
    Event(usize, String),
}

/// The events of a body, in their order: one, or an array of at most `count_max`.
///
/// # Errors
/// If it has another form, or is of another type than the header says.
pub(crate) fn events<'b>(
    body: &'b [u8],
    content_type: ContentType,
    count_max: usize,
) -> Result<Vec<Event<'b>>, BadBody> {
    let not_events = |problem: String| BadBody::NotEvents(problem);
    let body = str::from_utf8(body).map_err(|error| not_events(error.to_string()))?;
    let is_array = body.trim_start().starts_with('[');
    let raw: Vec<&RawValue> = match (is_array, content_type) {
        (true, ContentType::Event) => {
            return Err(not_events(
                "an array is application/cloudevents-batch+json".to_owned(),
            ));
        }
        (false, ContentType::Batch) => {
            return Err(not_events("a batch is an array of events".to_owned()));
        }
        (true, _) => serde_json::from_str(body).map_err(|error| not_events(error.to_string()))?,
        (false, _) => {
            vec![serde_json::from_str(body).map_err(|error| not_events(error.to_string()))?]
        }
    };
    if raw.len() > count_max {
        return Err(BadBody::Event(
            count_max,
            format!("a batch has at most {count_max} events"),
        ));
    }
    raw.into_iter().enumerate().map(read).collect()
}

fn read<'b>((place, raw): (usize, &'b RawValue)) -> Result<Event<'b>, BadBody> {
    let bad = |problem: String| BadBody::Event(place, problem);
    let event: Event<'b> =
        serde_json::from_str(raw.get()).map_err(|error| bad(error.to_string()))?;
    if event.specversion != "1.0" {
        return Err(bad(format!(
            "specversion: found {:?}, expected \"1.0\"",
            event.specversion
        )));
    }
    for (member, value) in [
        ("id", &event.id),
        ("source", &event.source),
        ("type", &event.kind),
    ] {
        if value.is_empty() {
            return Err(bad(format!("{member}: it is empty")));
        }
    }
    Ok(event)
}

/// What a header says of the form of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// `application/cloudevents+json`.
    Event,
    /// `application/cloudevents-batch+json`.
    Batch,
    /// `application/json`: either.
    Either,
}

impl ContentType {
    /// That of a header; `None` if it is none of them.
    pub(crate) fn of(header: &str) -> Option<Self> {
        let essence = header.split(';').next().unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "application/cloudevents+json" => Some(ContentType::Event),
            "application/cloudevents-batch+json" => Some(ContentType::Batch),
            "application/json" => Some(ContentType::Either),
            _ => None,
        }
    }
}

impl Event<'_> {
    /// The account that it is about; `None` if it has none.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.subject
            .as_deref()
            .filter(|subject| !subject.is_empty())
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The id of its record: source and id as a JSON array, which no other pair of them is written as.
    pub(crate) fn record_id(&self) -> RecordId {
        let text = serde_json::to_string(&[&self.source, &self.id]);
        RecordId::from(text.unwrap_or_default())
    }

    /// When it happened, cut to a unit of time; `now` if it does not say. Without an offset it is UTC.
    ///
    /// # Errors
    /// If its time is none, or does not fit.
    pub(crate) fn instant(&self, unit: TimeUnit, now: i64) -> Result<i64, String> {
        let Some(text) = &self.time else {
            return Ok(now);
        };
        let time: Option<Timestamp> = text.parse().ok().or_else(|| {
            let local: DateTime = text.parse().ok()?;
            Some(local.to_zoned(TimeZone::UTC).ok()?.timestamp())
        });
        let time =
            time.ok_or_else(|| format!("time: found {text:?}, expected a time of RFC 3339"))?;
        let steps = time.as_nanosecond().div_euclid(unit.nanoseconds().into());
        i64::try_from(steps)
            .map_err(|_| format!("time: {text:?} is outside of what {unit} can count"))
    }

    /// The text of a number in its data, at a path of members; of a string, what is in it. `None` if there is none, or it is null.
    pub(crate) fn number(&self, path: &[String]) -> Option<String> {
        let mut value = self.data?;
        for member in path {
            let members: HashMap<Cow<'_, str>, &RawValue> =
                serde_json::from_str(value.get()).ok()?;
            value = members.get(member.as_str())?;
        }
        match value.get() {
            "null" => None,
            text if text.starts_with('"') => serde_json::from_str(text).ok(),
            text => Some(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"specversion":"1.0","id":"a","source":"s","type":"t","subject":"acme",
        "time":"2026-03-01T10:00:00.5Z","data":{"cost":0.00015000000000000001,"deep":{"x":"2"},"none":null}}"#;

    fn one(body: &str) -> Event<'_> {
        events(body.as_bytes(), ContentType::Either, 10)
            .unwrap()
            .remove(0)
    }

    fn problem(body: &str, content_type: ContentType) -> BadBody {
        events(body.as_bytes(), content_type, 2).unwrap_err()
    }

    #[test]
    fn an_event_is_read_with_its_numbers_as_text() {
        let event = one(ONE);
        let number = |path: &[&str]| {
            let path: Vec<String> = path.iter().map(|member| (*member).to_owned()).collect();
            event.number(&path)
        };
        assert_eq!(number(&["cost"]).as_deref(), Some("0.00015000000000000001"));
        assert_eq!(number(&["deep", "x"]).as_deref(), Some("2"));
        assert_eq!(number(&["none"]), None);
        assert_eq!(number(&["other"]), None);
        assert_eq!(number(&["cost", "x"]), None);
        assert_eq!(event.record_id().as_str(), r#"["s","a"]"#);
    }

    /// Joined by a character they would be the same.
    #[test]
    fn ids_of_different_events_differ() {
        let event = |source: &str, id: &str| {
            let body = format!(r#"{{"specversion":"1.0","id":{id},"source":{source},"type":"t"}}"#);
            one(&body).record_id().as_str().to_owned()
        };
        assert_ne!(
            event(r#""a","b""#.split(',').next().unwrap(), r#""c""#),
            event(r#""b""#, r#""c""#)
        );
        assert_ne!(
            event(r#""a\",\"b""#, r#""c""#),
            event(r#""a""#, r#""b\",\"c""#)
        );
    }

    #[test]
    fn a_time_without_offset_is_utc_and_is_cut() {
        let at = |time: &str, unit| {
            let body = ONE.replace("2026-03-01T10:00:00.5Z", time);
            one(&body).instant(unit, 7)
        };
        let second = 1_772_359_200;
        assert_eq!(
            at("2026-03-01T10:00:00.999Z", TimeUnit::Seconds),
            Ok(second)
        );
        assert_eq!(
            at("2026-03-01T11:00:00+01:00", TimeUnit::Seconds),
            Ok(second)
        );
        assert_eq!(
            at("2026-03-01T10:00:00.9999", TimeUnit::Milliseconds),
            Ok(second * 1_000 + 999)
        );
        assert_eq!(
            at("2026-03-01 10:00:00.123456+00:00", TimeUnit::Seconds),
            Ok(second)
        );
        assert_eq!(at("1969-12-31T23:59:59.5Z", TimeUnit::Seconds), Ok(-1));
        assert!(at("yesterday", TimeUnit::Seconds).is_err());
        assert!(at("9000-01-01T00:00:00Z", TimeUnit::Nanoseconds).is_err());
        let without = ONE.replace(r#""time":"2026-03-01T10:00:00.5Z","#, "");
        assert_eq!(one(&without).instant(TimeUnit::Seconds, 7), Ok(7));
    }

    #[test]
    fn a_body_is_an_event_or_an_array() {
        let array = format!("[{ONE},{ONE}]");
        assert_eq!(
            events(array.as_bytes(), ContentType::Batch, 2)
                .unwrap()
                .len(),
            2
        );
        assert_eq!(
            events(array.as_bytes(), ContentType::Either, 2)
                .unwrap()
                .len(),
            2
        );
        assert_eq!(events(b"[]", ContentType::Either, 2).unwrap().len(), 0);
        assert_eq!(
            events(ONE.as_bytes(), ContentType::Event, 2).unwrap().len(),
            1
        );
        assert!(matches!(
            problem(&array, ContentType::Event),
            BadBody::NotEvents(_)
        ));
        assert!(matches!(
            problem(ONE, ContentType::Batch),
            BadBody::NotEvents(_)
        ));
        for bad in ["", "{", "null", "[1", "7"] {
            assert!(
                events(bad.as_bytes(), ContentType::Either, 2).is_err(),
                "{bad:?}"
            );
        }
        let three = format!("[{ONE},{ONE},{ONE}]");
        assert!(matches!(
            problem(&three, ContentType::Batch),
            BadBody::Event(2, _)
        ));
    }

    #[test]
    fn the_wrong_event_of_a_batch_is_named() {
        for (word, wrong) in [
            (r#""id":"a""#, r#""id":"""#),
            (r#""id":"a","#, ""),
            (r#""1.0""#, r#""0.3""#),
            (r#""source":"s""#, r#""source":7"#),
        ] {
            let body = format!("[{ONE},{}]", ONE.replace(word, wrong));
            assert!(
                matches!(problem(&body, ContentType::Batch), BadBody::Event(1, _)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn content_types_are_known() {
        assert_eq!(
            ContentType::of("application/cloudevents+json"),
            Some(ContentType::Event)
        );
        let batch = ContentType::of("Application/CloudEvents-Batch+JSON; charset=utf-8");
        assert_eq!(batch, Some(ContentType::Batch));
        assert_eq!(
            ContentType::of("application/json"),
            Some(ContentType::Either)
        );
        assert_eq!(ContentType::of("text/plain"), None);
    }
}
