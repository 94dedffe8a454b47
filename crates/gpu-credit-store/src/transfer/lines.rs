//! The lines of a text, none of them longer than a limit.

use std::io::{self, BufRead, Read};

use crate::ImportError;

/// A line longer than this is refused: what is compressed well would fill the memory otherwise.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// The lines of a text with their numbers, one held at a time. Blank lines are passed over.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    line: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Lines {
            input,
            number: 0,
            line: Vec::new(),
        }
    }

    /// The next line with its number, counted from 1; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, &str)>, ImportError> {
        loop {
            self.number += 1;
            let line = self.number;
            self.line.clear();
            let mut rest = (&mut self.input).take(LINE_BYTES_MAX + 1);
            let read = rest.read_until(b'\n', &mut self.line);
            let read = read.map_err(|source| ImportError::Read { line, source })?;
            if read == 0 {
                return Ok(None);
            }
            if self.line.len() as u64 > LINE_BYTES_MAX {
                return Err(ImportError::Line {
                    line,
                    problem: format!("the line goes on, expected at most {LINE_BYTES_MAX} bytes"),
                });
            }
            if !self.line.trim_ascii().is_empty() {
                break;
            }
        }
        let line = self.number;
        let text = std::str::from_utf8(&self.line).map_err(|error| {
            let source = io::Error::new(io::ErrorKind::InvalidData, error);
            ImportError::Read { line, source }
        })?;
        Ok(Some((line, text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<String> {
        let mut lines = Lines::new(text);
        let mut read = Vec::new();
        loop {
            match lines.next() {
                Ok(Some((number, line))) => read.push(format!("{number} {}", line.trim_end())),
                Ok(None) => return read,
                Err(error) => {
                    read.push(error.to_string());
                    return read;
                }
            }
        }
    }

    #[test]
    fn blank_lines_count_and_are_passed_over() {
        assert_eq!(read(b"a\n\n \r\nb\r\nc"), ["1 a", "4 b", "5 c"]);
        assert!(read(b"").is_empty());
        assert!(read(b"a\n\xff\n")[1].starts_with("line 2: cannot be read: invalid utf-8"));
    }

    #[test]
    fn a_line_without_end_is_refused_before_it_is_held() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        let mut lines = Lines::new(endless);
        let error = lines.next().map(|_| ()).map_err(|error| error.to_string());
        let expected = "line 1: the line goes on, expected at most 1048576 bytes";
        assert_eq!(error, Err(expected.to_owned()));
        assert!(lines.line.capacity() < 4 << 20);
        let longest = "x".repeat((1 << 20) - 1) + "\n";
        assert_eq!(read(longest.as_bytes()).len(), 1);
        assert!(read(longest.as_bytes())[0].starts_with("1 x"));
    }
}
