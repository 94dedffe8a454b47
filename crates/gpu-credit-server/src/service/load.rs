//! How much is done at once: what is beyond it is refused at once, so that what was begun is done in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ServiceLimits;
use super::slow::TimedBody;
use crate::Problem;
use crate::problem::kinds;

/// What the bodies are counted in.
const UNIT: u64 = 1 << 10;
/// A body that says that it is no longer is not counted.
const SMALL: u64 = 64 << 10;
/// No body is held that is longer: streamed ones hold less.
const LARGEST: u64 = 16 << 20;
const STREAM: &str = "text/event-stream";

/// What may be done at once.
pub(super) struct Load {
    limits: ServiceLimits,
    requests: Arc<Semaphore>,
    /// In KiB.
    bodies: Arc<Semaphore>,
}

impl Load {
    pub(super) fn new(limits: ServiceLimits) -> Arc<Self> {
        let bodies = limits.body_bytes / (1 << 10);
        Arc::new(Load {
            limits,
            requests: Arc::new(Semaphore::new(limits.requests)),
            bodies: Arc::new(Semaphore::new(bodies.min(Semaphore::MAX_PERMITS))),
        })
    }

    fn begin(
        &self,
        body: &SizeHint,
    ) -> Option<(OwnedSemaphorePermit, Option<OwnedSemaphorePermit>)> {
        let request = Arc::clone(&self.requests).try_acquire_owned().ok()?;
        let length = body.upper().unwrap_or(LARGEST).min(LARGEST);
        if length <= SMALL {
            return Some((request, None));
        }
        let units = u32::try_from(length.div_ceil(UNIT)).ok()?;
        let body = Arc::clone(&self.bodies)
            .try_acquire_many_owned(units)
            .ok()?;
        Some((request, Some(body)))
    }
}

/// A middleware that refuses what is too much, and does not wait for ever for a body.
pub(super) async fn bounded(
    State(load): State<Arc<Load>>,
    request: Request,
    next: Next,
) -> Response {
    let Some((permit, _body)) = load.begin(&request.body().size_hint()) else {
        let detail = "as much is being done as may be at once";
        return Problem::new(&kinds::OVERLOADED, detail)
            .retry_after(1)
            .into_response();
    };
    if request.body().is_end_stream() {
        return holding(next.run(request).await, permit);
    }
    let (parts, body) = request.into_parts();
    let (body, was_slow) = TimedBody::around(body, load.limits.body);
    let response = next.run(Request::from_parts(parts, body)).await;
    if was_slow.load(Ordering::Relaxed) && !response.status().is_success() {
        return too_slow();
    }
    holding(response, permit)
}

fn too_slow() -> Response {
    let problem = Problem::new(&kinds::TIMED_OUT, "the body did not arrive in time");
    let mut response = problem.into_response();
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(header::CONNECTION, close);
    response
}

/// An answer that is written while it is made counts until it is written. Streams of events have a limit of
/// their own.
fn holding(response: Response, permit: OwnedSemaphorePermit) -> Response {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    let is_stream =
        content_type.is_some_and(|value| value.as_bytes().starts_with(STREAM.as_bytes()));
    if is_stream || response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        Body::new(HoldingBody {
            body,
            _permit: permit,
        })
    })
}

struct HoldingBody {
    body: Body,
    _permit: OwnedSemaphorePermit,
}

impl HttpBody for HoldingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
