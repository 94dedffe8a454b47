//! The bytes of an events file: decompressed where they are gzip, without a byte order mark.

use std::io::{self, BufRead, BufReader, Chain, Cursor, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;

use super::error::Problem;

/// What every gzip member begins with.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];
const BUFFER_BYTES: usize = 64 * 1024;

/// The text of an events file, in pieces.
pub(super) struct Source<R: Read> {
    text: BufReader<Reread<Decoded<R>>>,
    problem: fn(io::Error) -> Problem,
}

/// Input whose first bytes were looked at and are put before the rest again.
type Reread<R> = Chain<Cursor<Vec<u8>>, R>;

enum Decoded<R: Read> {
    Plain(Reread<Steady<R>>),
    // Boxed because its state is large.
    Gzip(Box<MultiGzDecoder<BufReader<Reread<Steady<R>>>>>),
}

/// Input that is read again where that was interrupted, and not again after its end: a terminal
/// would have to be told twice.
struct Steady<R> {
    input: R,
    ended: bool,
}

impl<R: Read> Source<R> {
    pub(super) fn new(input: R) -> Result<Self, Problem> {
        let mut input = Steady {
            input,
            ended: false,
        };
        let first = take(&mut input, GZIP_MAGIC.len()).map_err(Problem::Read)?;
        let gzip = first == GZIP_MAGIC;
        let input = Cursor::new(first).chain(input);
        let (mut decoded, problem): (_, fn(io::Error) -> Problem) = if gzip {
            let input = BufReader::with_capacity(BUFFER_BYTES, input);
            let members = Box::new(MultiGzDecoder::new(input));
            (Decoded::Gzip(members), Problem::Gzip)
        } else {
            (Decoded::Plain(input), Problem::Read)
        };
        let mut first = take(&mut decoded, BYTE_ORDER_MARK.len()).map_err(problem)?;
        if first == BYTE_ORDER_MARK {
            first.clear();
        }
        let text = BufReader::with_capacity(BUFFER_BYTES, Cursor::new(first).chain(decoded));
        Ok(Self { text, problem })
    }

    /// The next bytes; empty at the end.
    pub(super) fn fill(&mut self) -> Result<&[u8], Problem> {
        self.text.fill_buf().map_err(self.problem)
    }

    /// Marks bytes of the last [`fill`](Self::fill) as read.
    pub(super) fn consume(&mut self, count: usize) {
        self.text.consume(count);
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Decoded::Plain(input) => input.read(buffer),
            Decoded::Gzip(members) => members.read(buffer),
        }
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
