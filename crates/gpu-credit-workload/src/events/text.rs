//! The text of an events file: decompressed if it is gzip, without a byte order mark.

use std::io::{self, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

/// What every gzip member begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const BUFFER_BYTES: usize = 64 * 1024;

/// Reads the text of an events file from its bytes.
pub(super) struct Text<R: Read>(Reread<Decoded<R>>);

/// Input whose first bytes were looked at and are put before the rest again.
type Reread<R> = Chain<Cursor<Vec<u8>>, R>;

enum Decoded<R: Read> {
    Plain(Reread<Steady<R>>),
    // Boxed because its state is large.
    Gzip(Box<MultiGzDecoder<BufReader<Reread<Steady<R>>>>>),
}

/// Input that is read again if that was interrupted, and not again after its end: a terminal
/// would have to be told twice.
struct Steady<R> {
    input: R,
    ended: bool,
}

impl<R: Read> Text<R> {
    pub(super) fn new(input: R) -> io::Result<Self> {
        let mut input = Steady {
            input,
            ended: false,
        };
        let first = take(&mut input, GZIP_MAGIC.len())?;
        let gzip = first == GZIP_MAGIC;
        let input = Cursor::new(first).chain(input);
        let mut decoded = if gzip {
            let input = BufReader::with_capacity(BUFFER_BYTES, input);
            Decoded::Gzip(Box::new(MultiGzDecoder::new(input)))
        } else {
            Decoded::Plain(input)
        };
        let mut first = take(&mut decoded, BYTE_ORDER_MARK.len())?;
        if first == BYTE_ORDER_MARK {
            first.clear();
        }
        Ok(Self(Cursor::new(first).chain(decoded)))
    }
}

impl<R: Read> Read for Text<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoded::Plain(input) => input.read(buffer),
            Decoded::Gzip(members) => members.read(buffer).map_err(explain),
        }
    }
}

/// Says of an error that it is about gzip, if it is.
fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(
            ErrorKind::UnexpectedEof,
            "the gzip data ends early, expected the rest of it",
        ),
        kind @ (ErrorKind::InvalidInput | ErrorKind::InvalidData) => io::Error::new(
            kind,
            format!("the gzip data is damaged ({error}), expected whole gzip members"),
        ),
        _ => error,
    }
}

impl<R: Read> Read for Steady<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        loop {
            match self.input.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) if !buffer.is_empty() => {
                    self.ended = true;
                    return Ok(0);
                }
                other => return other,
            }
        }
    }
}

/// The first bytes of `input`: fewer than `count` only where it ends.
fn take(input: &mut impl Read, count: usize) -> io::Result<Vec<u8>> {
    let mut first = Vec::with_capacity(count);
    input.take(count as u64).read_to_end(&mut first)?;
    Ok(first)
}
