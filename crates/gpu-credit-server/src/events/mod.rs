//! Events of others become usage: `POST /api/v1/events` takes CloudEvents as OpenMeter's endpoint does.
//!
//! [`envelope`] reads them, [`rules`] says what each costs, in exact [`decimal`]s, and [`decide`] what is posted where.

mod counts;
mod decide;
mod decimal;
mod envelope;
mod rules;

use axum::extract::State as Shared;
use axum::http::{HeaderMap, StatusCode, header};
use bytes::Bytes;
use gpu_credit_store::{Error, Posting};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(crate) use counts::EventCounts;
use decide::{Decided, Deciding, Undecided};
use envelope::{BadBody, ContentType, Event};
pub use rules::{BadEventRules, EventRules};

use crate::access::{Caller, Verb};
use crate::form::Time;
use crate::problem::kinds;
use crate::run::blocking;
use crate::{Problem, State};

/// Events of a request, at most.
const EVENTS_MAX: usize = 10_000;
/// How often a batch is decided anew because others post the same events meanwhile.
const ATTEMPTS: usize = 8;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(take))
}

/// Takes CloudEvents, one or an array of them, and posts usage by the rules of the service: all of them or none. An event whose source and id are
/// there already is a duplicate, whatever else is in it, and does nothing.
#[utoipa::path(
    post,
    path = "/events",
    tag = "events",
    request_body(content(
        (serde_json::Value = "application/cloudevents+json"),
        (Vec<serde_json::Value> = "application/cloudevents-batch+json"),
        (serde_json::Value = "application/json"),
    )),
    responses(
        (status = 204, description = "All are posted, or were before."),
    ),
)]
async fn take(
    Shared(state): Shared<State>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Result<StatusCode, Problem> {
    let content_type = headers.get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| ContentType::of(value.to_str().ok()?));
    let content_type = content_type.ok_or_else(|| {
        Problem::new(
            &kinds::UNSUPPORTED_MEDIA_TYPE,
            "events are application/cloudevents+json, application/cloudevents-batch+json or application/json",
        )
    })?;
    blocking(move || post(&state, &caller, content_type, &body)).await?
}

fn post(
    state: &State,
    caller: &Caller,
    content_type: ContentType,
    body: &[u8],
) -> Result<StatusCode, Problem> {
    let counts = state.event_counts();
    let events = envelope::events(body, content_type, EVENTS_MAX).map_err(|bad| {
        counts.add_refused(1);
        match bad {
            BadBody::NotEvents(problem) => Problem::new(&kinds::BAD_JSON, problem),
            BadBody::Event(place, problem) => bad_event(place, problem),
        }
    })?;
    let posted = post_events(state, caller, &events);
    match &posted {
        Ok(decided) => {
            let unmatched = decided.unmatched.len() as u64;
            let posted = decided.postings.len() as u64 - unmatched;
            counts.add(posted, unmatched, decided.duplicates);
            for (place, problem) in &decided.unmatched {
                let event = &events[*place];
                tracing::warn!(
                    id = event.record_id().as_str(),
                    r#type = &*event.kind,
                    subject = event.subject().unwrap_or_default(),
                    "an event is unmatched: {problem}"
                );
            }
        }
        Err(_) => counts.add_refused(events.len() as u64),
    }
    posted.map(|_| StatusCode::NO_CONTENT)
}

fn post_events(state: &State, caller: &Caller, events: &[Event<'_>]) -> Result<Decided, Problem> {
    let unit = state.time_unit().ok_or_else(|| {
        Problem::new(
            &kinds::NO_TIME_UNIT,
            "events have times, and the store has no unit of time",
        )
    })?;
    let deciding = Deciding {
        store: state.store(),
        rules: state.event_rules(),
        unit,
        now: Time::now(unit).0,
        may: &|account| caller.may(Verb::Use, account).is_ok(),
    };
    for (place, event) in events.iter().enumerate() {
        if let Some(subject) = event.subject() {
            let may = caller.may(Verb::Use, subject);
            may.map_err(|problem| problem.with("index", place))?;
        }
    }
    let mut attempt = 1;
    loop {
        let decided = deciding
            .decide(events)
            .map_err(|undecided| match undecided {
                Undecided::Event(place, problem) => bad_event(place, problem),
                Undecided::Store(error) => Problem::of_posting(error),
            })?;
        let postings: Vec<Posting> = (decided.postings.iter())
            .map(|(_, posting)| posting.clone())
            .collect();
        match state.store().post_all(postings) {
            Ok(_) => return Ok(decided),
            // Somebody else posted one of them since: it is a duplicate now.
            Err(Error::DifferentContent { .. } | Error::NoSuchAccount(_)) if attempt < ATTEMPTS => {
                attempt += 1;
            }
            Err(error) => return Err(of_event(error, &decided)),
        }
    }
}

/// What is wrong with an event, by its place.
fn bad_event(place: usize, problem: impl std::fmt::Display) -> Problem {
    Problem::new(&kinds::INVALID_BODY, format!("event {place}: {problem}"))
        .with("index", place)
        .with("pointer", format!("/{place}"))
}

/// What is wrong with what the store refuses, and with the place of its event.
fn of_event(error: Error, decided: &Decided) -> Problem {
    let place = match &error {
        Error::Refused { account, id, .. } => {
            let is_of = |posting: &Posting| *posting.account == **account && posting.id == *id;
            let mut refused = decided
                .postings
                .iter()
                .filter(|(_, posting)| is_of(posting));
            refused.next().map(|(place, _)| *place)
        }
        _ => None,
    };
    let problem = Problem::of_posting(error);
    match place {
        Some(place) => problem
            .with("index", place)
            .with("pointer", format!("/{place}")),
        None => problem,
    }
}
