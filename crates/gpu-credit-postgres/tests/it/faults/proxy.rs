//! A proxy in front of a server: the way to it can be cut or frozen, and statements can be changed on it.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What becomes of what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Open = 0,
    /// Nothing arrives, and nobody is told.
    Frozen = 1,
    /// All connections end, and no new one is made.
    Cut = 2,
}

/// A text in what is sent to the server, and one of the same length in its place.
pub(super) type Change = (&'static str, &'static str);

pub(super) struct Proxy {
    pub(super) port: u16,
    state: Arc<State>,
}

struct State {
    link: AtomicU8,
    target: u16,
    changes: &'static [Change],
    /// Both ends of each connection that there is.
    connections: Mutex<BTreeMap<u64, [Arc<TcpStream>; 2]>>,
}

impl Proxy {
    /// To a port of this machine.
    pub(super) fn to(target: u16, changes: &'static [Change]) -> Self {
        for (text, other) in changes {
            assert_eq!(text.len(), other.len(), "messages keep their lengths");
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State {
            link: AtomicU8::new(Link::Open as u8),
            target,
            changes,
            connections: Mutex::default(),
        });
        let accepting = Arc::clone(&state);
        thread::spawn(move || {
            for (number, accepted) in (0..).zip(listener.incoming().flatten()) {
                accepting.connect(number, accepted);
            }
        });
        Proxy { port, state }
    }

    pub(super) fn set(&self, link: Link) {
        self.state.link.store(link as u8, Ordering::SeqCst);
        if link == Link::Cut {
            let connections = self.state.connections.lock().unwrap();
            connections.values().for_each(end);
        }
    }
}

impl State {
    fn is(&self, link: Link) -> bool {
        self.link.load(Ordering::SeqCst) == link as u8
    }

    fn connect(self: &Arc<Self>, number: u64, client: TcpStream) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", self.target)) else {
            return;
        };
        let mut connections = self.connections.lock().unwrap();
        if self.is(Link::Cut) {
            return;
        }
        let ends = [client, server].map(|end| {
            let _ = end.set_nodelay(true);
            Arc::new(end)
        });
        let [client, server] = ends.clone();
        connections.insert(number, ends);
        let back = (Arc::clone(&server), Arc::clone(&client), &[][..]);
        for (from, to, changes) in [(client, server, self.changes), back] {
            let state = Arc::clone(self);
            thread::spawn(move || {
                state.copy(&from, &to, changes);
                let ended = state.connections.lock().unwrap().remove(&number);
                ended.iter().for_each(end);
            });
        }
    }

    /// Copies one way until either end closes.
    fn copy(&self, mut from: &TcpStream, mut to: &TcpStream, changes: &[Change]) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            while self.is(Link::Frozen) {
                thread::sleep(Duration::from_millis(5));
            }
            let sent = &mut buffer[..length];
            for (text, other) in changes {
                replace(sent, text.as_bytes(), other.as_bytes());
            }
            if to.write_all(sent).is_err() {
                break;
            }
        }
    }
}

fn end(ends: &[Arc<TcpStream>; 2]) {
    for end in ends {
        let _ = end.shutdown(Shutdown::Both);
    }
}

fn replace(sent: &mut [u8], text: &[u8], other: &[u8]) {
    for place in 0..sent.len().saturating_sub(text.len()) {
        if sent[place..].starts_with(text) {
            sent[place..place + text.len()].copy_from_slice(other);
        }
    }
}
