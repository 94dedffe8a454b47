//! Bodies that arrive slowly.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

/// Bytes that arrive at least in each second that is waited for them, once the grace is over.
const BYTES_A_SECOND: u64 = 16 << 10;

/// A body for which is waited no longer than for a grace, and a second for each 16 KiB of it. What counts is the time
/// in which the service wants more and nothing is there: a service that is slow itself cuts nobody off.
pub(super) struct TimedBody {
    body: Body,
    grace: Duration,
    arrived: u64,
    waited: Duration,
    waits_since: Option<Instant>,
    wake: Pin<Box<Sleep>>,
    was_slow: Arc<AtomicBool>,
}

/// The body did not arrive in time.
#[derive(Debug)]
struct TooSlow;

impl TimedBody {
    /// The body, and a mark that is set if it is cut off.
    pub(super) fn around(body: Body, grace: Duration) -> (Body, Arc<AtomicBool>) {
        let was_slow = Arc::new(AtomicBool::new(false));
        let timed = TimedBody {
            body,
            grace,
            arrived: 0,
            waited: Duration::ZERO,
            waits_since: None,
            wake: Box::pin(sleep(grace)),
            was_slow: Arc::clone(&was_slow),
        };
        (Body::new(timed.boxed_unsync()), was_slow)
    }

    /// How long may still be waited.
    fn remaining(&self) -> Duration {
        let earned = Duration::from_secs(self.arrived / BYTES_A_SECOND);
        (self.grace + earned).saturating_sub(self.waited)
    }
}

impl HttpBody for TimedBody {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            if let Some(since) = self.waits_since.take() {
                self.waited += since.elapsed();
            }
            if let Some(Ok(frame)) = &frame {
                let bytes = frame.data_ref().map_or(0, Buf::remaining);
                self.arrived += bytes as u64;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if self.waits_since.is_none() {
            let now = Instant::now();
            let until = now + self.remaining();
            self.waits_since = Some(now);
            self.wake.as_mut().reset(until);
        }
        ready!(self.wake.as_mut().poll(context));
        self.was_slow.store(true, Ordering::Relaxed);
        Poll::Ready(Some(Err(Box::new(TooSlow))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Display for TooSlow {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("the body did not arrive in time")
    }
}

impl std::error::Error for TooSlow {}
