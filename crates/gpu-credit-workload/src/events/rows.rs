//! Splits the text into rows of fields, and knows on which line each begins.

use std::io::{BufRead, BufReader, Read};

use csv_core::ReadRecordResult;

use super::columns::{COLUMNS_MAX, Columns};
use super::error::Problem;
use super::{COLUMNS, OPTIONAL_COLUMNS};

/// A row longer than this is refused: most likely a quote was left open, and the rest of the file
/// would be read as one value.
const ROW_BYTES_MAX: usize = 1024 * 1024;

const BUFFER_BYTES: usize = 64 * 1024;

/// The rows of a text, one held at a time.
///
/// Nearly every row is a line without quotes that stands in the buffer whole, and is split there.
/// The others are put together by the splitter of the `csv` crates, which knows all of CSV.
pub(super) struct Rows<'r> {
    text: BufReader<Box<dyn Read + 'r>>,
    splitter: csv_core::Reader,
    /// Bytes of the row and its line end, if it stands in the buffer.
    in_place: usize,
    /// The fields of the row, unquoted and one after the other, if it was put together.
    bytes: Vec<u8>,
    fields: Fields,
    columns: Columns,
    /// Lines that the splitter did not get to see.
    lines: u64,
    line: u64,
}

/// Where the fields of a row end.
#[derive(Default)]
struct Fields {
    /// One more than there can be columns, to show the first that is too many.
    ends: [usize; COLUMNS_MAX + 1],
    count: usize,
    /// Bytes between the end of a field and the beginning of the next.
    gap: usize,
}

/// The fields of a row: those that every row has, and the optional ones, empty if the file does not
/// have the column.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) fields: [&'a [u8]; COLUMNS.len()],
    pub(super) optional: [&'a [u8]; OPTIONAL_COLUMNS.len()],
}

impl<'r> Rows<'r> {
    pub(super) fn new(text: impl Read + 'r) -> Self {
        // It drops a byte order mark before whatever it sees first, and that may be any row.
        let mut splitter = csv_core::Reader::new();
        splitter.read_record(b"\n", &mut [0], &mut [0]);
        splitter.set_line(1);
        Self {
            text: BufReader::with_capacity(BUFFER_BYTES, Box::new(text)),
            splitter,
            in_place: 0,
            bytes: vec![0; 1024],
            fields: Fields::default(),
            columns: Columns::default(),
            lines: 0,
            line: 1,
        }
    }

    /// The line on which the row begins, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// From now on rows have these columns.
    pub(super) fn set_columns(&mut self, columns: Columns) {
        self.columns = columns;
    }

    /// Moves on to the next row. False if there is none.
    #[inline]
    pub(super) fn advance(&mut self) -> Result<bool, Problem> {
        self.text.consume(self.in_place);
        self.in_place = 0;
        self.skip_line_ends()?;
        if let Some(length) = self.fields.split_line(self.text.buffer()) {
            self.in_place = length;
            self.lines += 1;
            return Ok(true);
        }
        self.put_together()
    }

    /// The fields of the row, one for each column.
    #[inline]
    pub(super) fn fields(&self) -> Result<Row<'_>, Problem> {
        let (count, columns) = (self.fields.count, self.columns);
        if count < columns.len() {
            return Err(Problem::Missing {
                column: columns.name(count),
                found: count,
                columns,
            });
        }
        if count > columns.len() {
            return Err(Problem::extra(self.field(columns.len()), columns));
        }
        let row = self.row();
        let mut start = 0;
        let fields = std::array::from_fn(|column| {
            let end = self.fields.ends[column];
            let field = &row[start..end];
            start = end + self.fields.gap;
            field
        });
        let optional = std::array::from_fn(|optional| match columns.place(optional) {
            Some(place) => self.field(place),
            None => b"",
        });
        Ok(Row { fields, optional })
    }

    /// The fields there are, up to one too many.
    pub(super) fn present(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.fields.count).map(|column| self.field(column))
    }

    #[inline]
    fn field(&self, column: usize) -> &[u8] {
        let Fields { ends, gap, .. } = &self.fields;
        let start = match column {
            0 => 0,
            column => ends[column - 1] + gap,
        };
        &self.row()[start..ends[column]]
    }

    /// The fields and what is between them.
    #[inline]
    fn row(&self) -> &[u8] {
        match self.in_place {
            0 => &self.bytes,
            _ => self.text.buffer(),
        }
    }

    /// Passes over line ends up to the row, so that its line is known exactly: the splitter leaves
    /// the second half of a CRLF, and blank lines, to the next row.
    #[inline]
    fn skip_line_ends(&mut self) -> Result<(), Problem> {
        while let Some(byte @ (b'\r' | b'\n')) = self.text.fill_buf()?.first() {
            self.lines += u64::from(*byte == b'\n');
            self.text.consume(1);
        }
        self.line = self.splitter.line() + self.lines;
        Ok(())
    }

    fn put_together(&mut self) -> Result<bool, Problem> {
        let (mut length, mut count) = (0, 0);
        loop {
            let input = self.text.fill_buf()?;
            let (result, read, written, ended) = self.splitter.read_record(
                input,
                &mut self.bytes[length..],
                &mut self.fields.ends[count..],
            );
            self.text.consume(read);
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
                    self.fields.count = count;
                    self.fields.gap = 0;
                    return Ok(true);
                }
                ReadRecordResult::End => return Ok(false),
            }
        }
    }
}

impl Fields {
    /// Finds the fields of the line at the beginning of the buffer, and returns its length with
    /// its end. `None`: it has quotes, a lone CR or too many fields, or goes on after the buffer.
    #[inline]
    fn split_line(&mut self, buffer: &[u8]) -> Option<usize> {
        self.count = 0;
        self.gap = 1;
        for (index, eight) in buffer.as_chunks::<8>().0.iter().enumerate() {
            let mut low = low_bytes(u64::from_le_bytes(*eight));
            while low != 0 {
                let place = 8 * index + low.trailing_zeros() as usize / 8;
                low &= low - 1;
                match buffer[place] {
                    b',' => self.push(place)?,
                    b'\n' => {
                        self.push(place)?;
                        return Some(place + 1);
                    }
                    b'\r' if buffer.get(place + 1) == Some(&b'\n') => {
                        self.push(place)?;
                        return Some(place + 2);
                    }
                    b'"' | b'\r' => return None,
                    _ => {}
                }
            }
        }
        None
    }

    #[inline]
    fn push(&mut self, end: usize) -> Option<()> {
        *self.ends.get_mut(self.count)? = end;
        self.count += 1;
        Some(())
    }
}

/// The high bit of every byte up to a comma, and by chance of others after such a byte.
#[inline]
fn low_bytes(eight: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const PAST_COMMA: u64 = (b',' + 1) as u64;
    eight.wrapping_sub(ONES * PAST_COMMA) & !eight & (ONES << 7)
}
