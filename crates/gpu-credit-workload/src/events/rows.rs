//! Splits the text into rows of fields, and knows on which line each begins.

use std::io::Read;

use csv_core::ReadRecordResult;

use super::COLUMNS;
use super::error::Problem;
use super::source::Source;

/// A row longer than this is refused: most likely a quote was left open, and the rest of the file
/// would be read as one value.
const ROW_BYTES_MAX: usize = 1024 * 1024;

/// The rows of a text, one held at a time.
pub(super) struct Rows<R: Read> {
    source: Source<R>,
    splitter: csv_core::Reader,
    /// The fields of the row, unquoted, one after the other.
    bytes: Vec<u8>,
    /// Where each field ends. One more than there are columns shows the first that is too many.
    ends: [usize; COLUMNS.len() + 1],
    count: usize,
    /// Line ends before rows, which the splitter does not get to see.
    skipped: u64,
    line: u64,
}

impl<R: Read> Rows<R> {
    pub(super) fn new(source: Source<R>) -> Self {
        Self {
            source,
            splitter: csv_core::Reader::new(),
            bytes: vec![0; 1024],
            ends: [0; _],
            count: 0,
            skipped: 0,
            line: 1,
        }
    }

    /// The line on which the row begins, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Moves on to the next row. False where there is none.
    pub(super) fn advance(&mut self) -> Result<bool, Problem> {
        self.skip_line_ends()?;
        let (mut length, mut count) = (0, 0);
        loop {
            let input = self.source.fill()?;
            let (result, read, written, ended) = self.splitter.read_record(
                input,
                &mut self.bytes[length..],
                &mut self.ends[count..],
            );
            self.source.consume(read);
            length += written;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull if length < ROW_BYTES_MAX => {
                    self.bytes.resize(2 * self.bytes.len(), 0);
                }
                ReadRecordResult::OutputFull => {
                    return Err(Problem::TooLong {
                        limit: ROW_BYTES_MAX,
                    });
                }
                ReadRecordResult::OutputEndsFull | ReadRecordResult::Record => {
                    self.count = count;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }

    /// The fields of the row, one for each column.
    pub(super) fn fields(&self) -> Result<[&[u8]; COLUMNS.len()], Problem> {
        if self.count < COLUMNS.len() {
            return Err(Problem::Missing {
                column: self.count,
                found: self.count,
            });
        }
        if self.count > COLUMNS.len() {
            return Err(Problem::extra(self.field(COLUMNS.len())));
        }
        Ok(std::array::from_fn(|column| self.field(column)))
    }

    /// The fields there are, up to one too many.
    pub(super) fn present(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.count).map(|column| self.field(column))
    }

    fn field(&self, column: usize) -> &[u8] {
        let start = match column {
            0 => 0,
            column => self.ends[column - 1],
        };
        &self.bytes[start..self.ends[column]]
    }

    /// Passes over line ends up to the row, so that its line is known exactly: the splitter leaves
    /// the second half of a CRLF, and blank lines, to the next row.
    fn skip_line_ends(&mut self) -> Result<(), Problem> {
        loop {
            let input = self.source.fill()?;
            let length = input.len();
            let blank = input
                .iter()
                .take_while(|byte| matches!(byte, b'\r' | b'\n'));
            let (mut passed, mut lines) = (0, 0);
            for byte in blank {
                passed += 1;
                lines += u64::from(*byte == b'\n');
            }
            self.source.consume(passed);
            self.skipped += lines;
            self.line = self.splitter.line() + self.skipped;
            if passed < length || length == 0 {
                return Ok(());
            }
        }
    }
}
