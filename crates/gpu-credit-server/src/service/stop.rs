//! How a service comes to its end.

use tokio::sync::watch;

/// How far the service is on its way to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    Serving,
    /// It says that it is not ready, and still accepts connections, so that whoever distributes requests learns of it.
    Draining,
    /// It accepts no more, ends streams, and finishes what was begun.
    Stopping,
}

/// Tells the phase to those who act on it.
#[derive(Clone)]
pub(super) struct Phases(watch::Sender<Phase>);

impl Phases {
    pub(super) fn new() -> Self {
        Phases(watch::Sender::new(Phase::Serving))
    }

    pub(super) fn now(&self) -> Phase {
        *self.0.borrow()
    }

    pub(super) fn begin(&self, phase: Phase) {
        self.0.send_if_modified(|now| {
            let is_later = phase > *now;
            *now = phase.max(*now);
            is_later
        });
    }

    /// Returns once the phase has begun.
    pub(super) async fn reached(&self, phase: Phase) {
        let mut phases = self.0.subscribe();
        // It cannot fail: this is a sender.
        let _ = phases.wait_for(|now| *now >= phase).await;
    }
}

/// Returns when the process is asked to end: by SIGTERM, or by Ctrl-C. A process that cannot be told so runs on.
pub async fn asked_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let signals = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        );
        let (Ok(mut terminate), Ok(mut interrupt)) = signals else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}
