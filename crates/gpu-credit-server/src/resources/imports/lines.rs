//! Lines of an import: none is longer than a limit, after decompression, and no more than that is blank at once.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use super::Encoding;
use crate::Problem;
use crate::problem::kinds;
use crate::stream::Incoming;

/// Bytes of a line, at most; and of blank lines, and other space, at once.
pub(super) const LINE_BYTES_MAX: usize = 1 << 20;
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 64 << 10;

/// What a body holds, decompressed.
pub(super) fn decompressed(
    incoming: Incoming,
    encoding: Encoding,
) -> io::Result<Box<dyn Read + Send>> {
    let incoming = BufReader::with_capacity(BUFFER_BYTES, incoming);
    Ok(match encoding {
        Encoding::Plain => Box::new(incoming),
        Encoding::Gzip => Box::new(MultiGzDecoder::new(incoming)),
        Encoding::Zstd => Box::new(Frames::new(incoming)?),
    })
}

/// The frames of a zstd stream, one after the other.
struct Frames<R: BufRead> {
    /// `None` only while one frame follows another, and at the end.
    frame: Option<StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Frames<R> {
    fn new(input: R) -> io::Result<Self> {
        let mut frames = Frames { frame: None };
        frames.begin(input)?;
        Ok(frames)
    }

    /// Begins the next frame, if there is one.
    fn begin(&mut self, mut input: R) -> io::Result<()> {
        if input.fill_buf()?.is_empty() {
            return Ok(());
        }
        let frame = StreamingDecoder::new(input).map_err(invalid)?;
        self.frame = Some(frame);
        Ok(())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while let Some(frame) = &mut self.frame {
            let count = frame.read(into)?;
            if count > 0 || into.is_empty() {
                return Ok(count);
            }
            if let Some(frame) = self.frame.take() {
                self.begin(frame.into_inner())?;
            }
        }
        Ok(0)
    }
}

fn invalid(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

/// What is read, as long as no line is longer than the limit, and no more is blank at once. A body of a few kilobytes may
/// become gigabytes of blank lines: none of them is an entry, and reading them would never end.
pub(super) struct Limited<R> {
    input: R,
    /// Bytes of the present line.
    line: usize,
    /// Bytes that are blank since the last one that is not.
    blank: usize,
}

impl<R: Read> Limited<R> {
    pub(super) fn new(input: R) -> Self {
        Limited {
            input,
            line: 0,
            blank: 0,
        }
    }
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(into)?;
        for byte in &into[..count] {
            self.line = match byte {
                b'\n' => 0,
                _ => self.line + 1,
            };
            self.blank = match byte.is_ascii_whitespace() {
                true => self.blank + 1,
                false => 0,
            };
            let too_long = match (self.line > LINE_BYTES_MAX, self.blank > LINE_BYTES_MAX) {
                (true, _) => TooLong::Line,
                (_, true) => TooLong::Blank,
                _ => continue,
            };
            return Err(io::Error::new(io::ErrorKind::InvalidData, too_long));
        }
        Ok(count)
    }
}

/// What is longer than the limit.
#[derive(Debug, thiserror::Error)]
enum TooLong {
    #[error("the line has more than {LINE_BYTES_MAX} bytes")]
    Line,
    #[error("more than {LINE_BYTES_MAX} bytes follow one another that are blank")]
    Blank,
}

/// Why a body cannot be read on.
pub(super) fn unreadable(error: &io::Error, line: u64) -> Problem {
    let kind = match error.get_ref() {
        Some(inner) if inner.is::<TooLong>() => &kinds::BODY_TOO_LARGE,
        _ => &kinds::BAD_LINE,
    };
    Problem::new(kind, format!("line {line}: {error}")).with("line", line)
}
