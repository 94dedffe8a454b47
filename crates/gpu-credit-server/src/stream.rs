//! Bodies that are read and written bit by bit, by threads that may wait.

use std::io::{self, Read, Write};

use axum::body::Body;
use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes that are taken in and thrown away once a thread reads no more. A client that is sending still learns why only if
/// what it sends is taken: its connection is reset otherwise.
const DISCARDED_BYTES: usize = 16 << 20;
/// Pieces that wait between a connection and a thread.
const WAITING: usize = 4;
/// Bytes of a piece that is written.
const PIECE_BYTES: usize = 64 << 10;

/// The body of a request, for a thread to read.
pub(crate) struct Incoming {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    present: Bytes,
}

impl Incoming {
    /// Begins to take in a body, as fast as it is read.
    pub(crate) fn new(mut body: Body) -> Self {
        let (sender, pieces) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                let piece = match frame {
                    Ok(frame) => match frame.into_data() {
                        Ok(data) => Ok(data),
                        Err(_) => continue, // trailers
                    },
                    Err(error) => Err(io::Error::other(error)),
                };
                let is_broken = piece.is_err();
                let is_taken = sender.send(piece).await.is_ok();
                if is_broken {
                    return;
                }
                if !is_taken {
                    return discard(body).await;
                }
            }
        });
        Incoming {
            pieces,
            present: Bytes::new(),
        }
    }
}

/// Takes in what comes of a body, and throws it away.
async fn discard(mut body: Body) {
    let mut discarded = 0;
    while let Some(Ok(frame)) = body.frame().await {
        discarded += frame.data_ref().map_or(0, Bytes::len);
        if discarded > DISCARDED_BYTES {
            return;
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.present.is_empty() {
            match self.pieces.blocking_recv() {
                Some(piece) => self.present = piece?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.present.len());
        self.present.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}

/// The body of a response, for a thread to write. It fails once nobody reads any more.
pub(crate) struct Outgoing {
    pieces: mpsc::Sender<io::Result<Bytes>>,
    present: Vec<u8>,
}

impl Outgoing {
    /// What is written, and the body that it becomes.
    pub(crate) fn new() -> (Self, Body) {
        let (pieces, receiver) = mpsc::channel(WAITING);
        let outgoing = Outgoing {
            pieces,
            present: Vec::new(),
        };
        (outgoing, Body::from_stream(ReceiverStream::new(receiver)))
    }

    /// Ends the body as one that is not whole.
    pub(crate) fn fail(self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) {
        // Nobody reads it, if it cannot be sent.
        let _ = self.pieces.blocking_send(Err(io::Error::other(error)));
    }
}

impl Write for Outgoing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.present.extend_from_slice(bytes);
        if self.present.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.present.is_empty() {
            return Ok(());
        }
        let piece = Bytes::from(std::mem::take(&mut self.present));
        let sent = self.pieces.blocking_send(Ok(piece));
        sent.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
