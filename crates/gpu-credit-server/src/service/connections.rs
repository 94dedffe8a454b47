//! Accepting connections, and what each may take.
//!
//! Connections speak HTTP/1.1 alone: one request at a time on each, whatever a client sends ahead.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::ServiceLimits;
use super::stalled::Stalling;
use super::stop::{Phase, Phases};

/// Bytes that are read ahead. What is longer and has no end is refused without a word; a header that is whole before that is
/// counted by [`address`](super::address), whose limit is half of it.
const BUFFER_BYTES: usize = 2 * super::address::HEADER_BYTES_MAX;
const HEADERS_MAX: usize = 100;
/// How long TLS may take to begin.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long nothing is accepted after that failed, such as for want of file descriptors.
const AFTER_FAILURE: Duration = Duration::from_millis(50);

/// What a listener serves, and how.
pub(super) struct Connections {
    pub(super) listener: TcpListener,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) service: Router,
    pub(super) limits: ServiceLimits,
    pub(super) phases: Phases,
    pub(super) open: Arc<AtomicUsize>,
}

impl Connections {
    /// Accepts connections until the service stops, and then waits for what was begun, for as long as it may take.
    pub(super) async fn serve(self) {
        let graceful = GracefulShutdown::new();
        let room = Arc::new(Semaphore::new(self.limits.connections));
        loop {
            let accepted = tokio::select! {
                accepted = self.accept(&room) => accepted,
                () = self.phases.reached(Phase::Stopping) => break,
            };
            let (stream, permit) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "no connection can be accepted");
                    sleep(AFTER_FAILURE).await;
                    continue;
                }
            };
            let watcher = graceful.watcher();
            let (tls, service, limits) = (self.tls.clone(), self.service.clone(), self.limits);
            let open = Counted::new(&self.open);
            tokio::spawn(async move {
                let _held = (permit, open);
                let _ = stream.set_nodelay(true);
                match tls {
                    None => speak(stream, service, limits, watcher).await,
                    Some(tls) => {
                        if let Ok(Ok(stream)) = timeout(HANDSHAKE, tls.accept(stream)).await {
                            speak(stream, service, limits, watcher).await;
                        }
                    }
                }
            });
        }
        drop(self.listener);
        if timeout(self.limits.finish, graceful.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests have not ended in time");
        }
    }

    async fn accept(
        &self,
        room: &Arc<Semaphore>,
    ) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
        let permit = Arc::clone(room).acquire_owned().await;
        let permit = permit.map_err(io::Error::other)?;
        let (stream, _) = self.listener.accept().await?;
        Ok((stream, permit))
    }
}

async fn speak(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    service: Router,
    limits: ServiceLimits,
    watcher: hyper_util::server::graceful::Watcher,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.header)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(HEADERS_MAX);
    let stream = TokioIo::new(Stalling::new(stream, limits.stall));
    let connection = http.serve_connection(stream, TowerToHyperService::new(service));
    // What fails here is the client's, or the network's.
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection failed");
    }
}

/// Counts while it is there.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
