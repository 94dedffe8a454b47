//! Imports of a few kilobytes that become gigabytes. Blank lines without end were read without end: nothing of them is an
//! entry, and no line of them is too long.

use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::hostile::resident;
use super::running::{Running, rest, short, status};

const MEMORY_MAX: u64 = 64 << 20;

/// Gzip that becomes 4 GiB of a byte: 64 members of 64 MiB.
fn gzip(byte: u8) -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    let piece = vec![byte; 1 << 20];
    for _ in 0..64 {
        member.write_all(&piece).unwrap();
    }
    member.finish().unwrap().repeat(64)
}

/// A frame of zstd that becomes 8 GiB of a byte: 65,536 blocks that say "128 KiB of it".
fn zstd(byte: u8) -> Vec<u8> {
    // The magic number, no flags, and a window of 128 KiB.
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for block in 1..=65_536_u32 {
        let is_last = u32::from(block == 65_536);
        let header = is_last | 1 << 1 | (128 << 10) << 3;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(byte);
    }
    frame
}

fn import(running: &Running, content_type: &str, encoding: &str, body: &[u8]) -> String {
    let (token, length) = (&running.token, body.len());
    let head = format!(
        "POST /v1/imports HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\
         Content-Type: {content_type}\r\nContent-Encoding: {encoding}\r\nConnection: close\r\n\r\n"
    );
    let mut stream = running.connect();
    stream.write_all(head.as_bytes()).unwrap();
    let mut writing = stream.try_clone().unwrap();
    thread::scope(|scope| {
        // It is not read to its end.
        scope.spawn(move || writing.write_all(body));
        rest(&mut stream)
    })
}

#[test]
fn what_is_little_compressed_and_much_besides_is_refused_in_bounded_memory() {
    let mut options = short();
    options.limits.body = Duration::from_secs(30);
    let running = Running::start(options);
    let bombs: Vec<(&str, &str, Vec<u8>)> = [b' ', b'\n', b'x']
        .into_iter()
        .flat_map(|byte| {
            let gzip = ("application/x-ndjson", "gzip", gzip(byte));
            let zstd = ("application/x-ndjson", "zstd", zstd(byte));
            let csv = ("text/csv", "zstd", self::zstd(byte));
            [gzip, zstd, csv]
        })
        .collect();
    assert!(bombs.iter().all(|(.., body)| body.len() < 5 << 20));
    let before = resident();
    thread::scope(|scope| {
        let running = &running;
        let refused: Vec<_> = (bombs.iter())
            .map(|(content_type, encoding, body)| {
                scope.spawn(move || import(running, content_type, encoding, body))
            })
            .collect();
        let began = Instant::now();
        let mut most = 0;
        while !refused.iter().all(thread::ScopedJoinHandle::is_finished) {
            running.assert_serves();
            most = most.max(resident().saturating_sub(before));
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "an import goes on"
            );
            thread::sleep(Duration::from_millis(10));
        }
        assert!(most < MEMORY_MAX, "{most} bytes");
        for (refused, (content_type, encoding, body)) in refused.into_iter().zip(&bombs) {
            let answer = refused.join().unwrap();
            let bomb = format!("{content_type} {encoding} of {:?}", body.last());
            let (code, kind) = match *content_type {
                "text/csv" => (422, "/problems/bad-line"),
                _ => (413, "/problems/body-too-large"),
            };
            assert_eq!(status(&answer), code, "{bomb}: {answer}");
            assert!(answer.contains(kind), "{bomb}: {answer}");
            assert!(answer.contains("1048576 bytes"), "{bomb}: {answer}");
        }
    });
    running.assert_serves();
    assert_eq!(running.store.head("acme").unwrap().revision.get(), 2);
}
