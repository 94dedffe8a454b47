//! How numbers and times are read and written in one request: as its address asks.

mod number;
mod time;

use axum::extract::{Request, State as Shared};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gpu_credit_store::TimeUnit;
use serde::Serialize;
use tokio::task::futures::TaskLocalFuture;
use tokio::task_local;

use crate::problem::kinds;
use crate::{Problem, State};

pub(crate) use number::Count;
pub(crate) use time::Time;

/// The parameters that every resource has.
pub(crate) const PARAMETERS: [&str; 2] = ["numbers", "times"];

/// How numbers and times are read and written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Form {
    /// Integers are written as strings, for readers whose numbers have 53 bits.
    pub(crate) strings: bool,
    /// Instants are written as RFC 3339 has it.
    pub(crate) rfc3339: bool,
    /// What a step of the store's time is.
    pub(crate) unit: Option<TimeUnit>,
}

task_local! {
    static CURRENT: Form;
}

impl Form {
    /// That of the request that this task serves.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(|form| *form).unwrap_or_default()
    }

    /// Does something in this form, on another thread than that of the request.
    pub(crate) fn within<R>(self, act: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, act)
    }

    /// Waits for something in this form.
    pub(crate) fn around<F: Future>(self, future: F) -> TaskLocalFuture<Form, F> {
        CURRENT.scope(self, future)
    }

    /// JSON, in the form of the request.
    pub(crate) fn write(body: &impl Serialize) -> Bytes {
        // Maps have strings as keys, and nothing that is written here fails.
        serde_json::to_vec(body).unwrap_or_default().into()
    }
}

/// A middleware that reads the form from the address.
pub(crate) async fn in_form(
    Shared(state): Shared<State>,
    request: Request,
    next: Next,
) -> Response {
    match of_query(request.uri().query(), state.time_unit()) {
        Ok(form) => form.around(next.run(request)).await,
        Err(problem) => problem.into_response(),
    }
}

fn of_query(query: Option<&str>, unit: Option<TimeUnit>) -> Result<Form, Problem> {
    let mut form = Form {
        unit,
        ..Form::default()
    };
    for (name, value) in query
        .unwrap_or_default()
        .split('&')
        .filter_map(|pair| pair.split_once('='))
    {
        match (name, value) {
            ("numbers", "integer") | ("times", "integer") => {}
            ("numbers", "string") => form.strings = true,
            ("times", "rfc3339") => match unit {
                Some(_) => form.rfc3339 = true,
                None => {
                    let detail =
                        "times cannot be shown as RFC 3339 has it: the store has no unit of time";
                    return Err(Problem::new(&kinds::NO_TIME_UNIT, detail));
                }
            },
            ("numbers", _) => return Err(no_such_form(name, "integer or string")),
            ("times", _) => return Err(no_such_form(name, "integer or rfc3339")),
            _ => {}
        }
    }
    Ok(form)
}

fn no_such_form(name: &str, expected: &str) -> Problem {
    let detail = format!("{name}: expected {expected}");
    Problem::new(&kinds::INVALID_PARAMETER, detail).with("parameter", name)
}
