//! What stands between the program and a service, and answers in its place.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A service that answers the paths of GET requests with what a function writes, one request a connection.
pub(super) fn pretend(
    answer: impl Fn(&str, &mut TcpStream) -> io::Result<()> + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let request = head(&mut client);
            let path = request.split(' ').nth(1).unwrap_or_default();
            let _ = answer(path, &mut client);
            let _ = client.shutdown(Shutdown::Both);
        }
    });
    address
}

/// An answer of JSON, after which the connection is closed.
pub(super) fn json(text: &str) -> String {
    answer("200 OK", text)
}

/// An answer, after which the connection is closed.
pub(super) fn answer(status: &str, text: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// A request up to its empty line.
fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// What becomes of requests that begin so.
#[derive(Clone)]
pub(super) enum Instead {
    /// They are answered with this, and never arrive.
    Answered(String),
    /// They arrive, and no answer comes; after the first, connections are refused.
    Gone,
}

/// Passes everything to a service, but for requests that begin so: its address.
pub(super) fn between(service: &str, request: &'static str, instead: Instead) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let service = service.strip_prefix("http://").unwrap().to_owned();
    let (ends, has_ended) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    thread::spawn(move || {
        while !ends.load(Ordering::SeqCst) {
            match listener.accept() {
                Ok((client, _)) => {
                    client.set_nonblocking(false).unwrap();
                    let (service, instead) = (service.clone(), instead.clone());
                    let (ends, has_ended) = (Arc::clone(&ends), Arc::clone(&has_ended));
                    thread::spawn(move || {
                        pass(client, &service, request, &instead, (&ends, &has_ended));
                    });
                }
                Err(_) => thread::sleep(Duration::from_millis(2)),
            }
        }
        drop(listener);
        has_ended.store(true, Ordering::SeqCst);
    });
    address
}

fn pass(
    mut client: TcpStream,
    service: &str,
    request: &str,
    instead: &Instead,
    (ends, has_ended): (&AtomicBool, &AtomicBool),
) {
    let mut server = TcpStream::connect(service).unwrap();
    let is_met = AtomicBool::new(false);
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = client.read(&mut bytes) {
                if bytes[..count].starts_with(request.as_bytes()) {
                    is_met.store(true, Ordering::SeqCst);
                    if let Instead::Answered(answer) = instead {
                        // The body, which may come by itself.
                        thread::sleep(Duration::from_millis(20));
                        let _ = client.write_all(answer.as_bytes());
                        break;
                    }
                }
                if server.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
        });
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut bytes) {
            if is_met.load(Ordering::SeqCst) {
                ends.store(true, Ordering::SeqCst);
                while !has_ended.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(2));
                }
                break;
            }
            if to_client.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
}
