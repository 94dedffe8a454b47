//! Panics, which are defects: they are answered as a problem, and logged.

use std::any::Any;
use std::panic;

use axum::response::{IntoResponse, Response};

use crate::Problem;
use crate::problem::kinds;

/// What is answered to a request whose handler has panicked.
pub(super) fn answered(_: Box<dyn Any + Send>) -> Response {
    Problem::new(&kinds::INTERNAL, "the request came to an unexpected end").into_response()
}

/// Panics are logged from now on: where, and what is fixed of what they say. What is made up as it panics may have content
/// of a request in it.
pub fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let place = panicked
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panicked
            .payload()
            .downcast_ref::<&'static str>()
            .unwrap_or(&"");
        tracing::error!(place, message, "the service panicked");
    }));
}
