//! The rows of an import, outside of memory while they are checked.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::marker::PhantomData;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::SpooledTempFile;

use crate::ImportError;

/// Bytes of rows that are kept in memory before a file is made of them.
const SPOOLED_BYTES_MAX: usize = 4 << 20;
/// Bytes that are written at once, and read at once of rows that follow each other.
const BUFFER_BYTES: usize = 1 << 16;
/// Bytes that are read at once of rows here and there.
const SMALL_BUFFER_BYTES: usize = 1 << 12;

/// Rows in the order of the file.
pub(super) struct Staging<R> {
    file: BufWriter<SpooledTempFile>,
    bytes: Vec<u8>,
    rows: u64,
    end: u64,
    kind: PhantomData<R>,
}

impl<R: Serialize + DeserializeOwned> Staging<R> {
    /// None yet. Many are kept in a file of this folder, which is gone with this.
    pub(super) fn new(folder: &Path) -> Self {
        let file = tempfile::spooled_tempfile_in(SPOOLED_BYTES_MAX, folder);
        Staging {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes: Vec::new(),
            rows: 0,
            end: 0,
            kind: PhantomData,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    /// Adds a row, and tells where it begins.
    pub(super) fn push(&mut self, row: &R) -> Result<u64, ImportError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes = postcard::to_extend(row, bytes).map_err(|error| failed(io::Error::other(error)))?;
        let length = bytes.len() as u64;
        self.file.write_all(&length.to_le_bytes()).map_err(failed)?;
        self.file.write_all(&bytes).map_err(failed)?;
        self.bytes = bytes;
        self.rows += 1;
        let start = self.end;
        self.end += LENGTH_BYTES + length;
        Ok(start)
    }

    /// All rows, from the first on.
    pub(super) fn read(&mut self) -> Result<StagedRows<'_, R>, ImportError> {
        self.read_from(0)
    }

    /// The rows from the one on that begins at `offset`.
    pub(super) fn read_from(&mut self, offset: u64) -> Result<StagedRows<'_, R>, ImportError> {
        self.read_with(offset, BUFFER_BYTES)
    }

    /// The rows, each where it [begins](StagedRows::at).
    pub(super) fn pick(&mut self) -> Result<StagedRows<'_, R>, ImportError> {
        self.read_with(0, SMALL_BUFFER_BYTES)
    }

    fn read_with(&mut self, offset: u64, buffer: usize) -> Result<StagedRows<'_, R>, ImportError> {
        self.file.flush().map_err(failed)?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(StagedRows {
            file: BufReader::with_capacity(buffer, file),
            bytes: Vec::new(),
            offset,
            end: self.end,
            kind: PhantomData,
        })
    }
}

/// Bytes before each row that say how many it has.
const LENGTH_BYTES: u64 = size_of::<u64>() as u64;

/// Rows that are read again.
pub(super) struct StagedRows<'s, R> {
    file: BufReader<&'s mut SpooledTempFile>,
    bytes: Vec<u8>,
    offset: u64,
    end: u64,
    kind: PhantomData<R>,
}

impl<R: DeserializeOwned> StagedRows<'_, R> {
    /// Where the next row begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<R>, ImportError> {
        match self.offset < self.end {
            true => self.row().map(Some).map_err(failed),
            false => Ok(None),
        }
    }

    /// The row that begins at `offset`. Rows that follow each other are read together.
    pub(super) fn at(&mut self, offset: u64) -> Result<R, ImportError> {
        let distance = offset.cast_signed() - self.offset.cast_signed();
        self.file.seek_relative(distance).map_err(failed)?;
        self.offset = offset;
        self.row().map_err(failed)
    }

    fn row(&mut self) -> io::Result<R> {
        let mut length = [0; size_of::<u64>()];
        self.file.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length);
        let bytes = usize::try_from(length).map_err(io::Error::other)?;
        self.bytes.resize(bytes, 0);
        self.file.read_exact(&mut self.bytes)?;
        self.offset += LENGTH_BYTES + length;
        postcard::from_bytes(&self.bytes).map_err(io::Error::other)
    }
}

fn failed(error: io::Error) -> ImportError {
    ImportError::Temporary(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_in_order_and_here_and_there() {
        // Few stay in memory; many go to a file.
        for count in [10, 1_000] {
            let mut staging: Staging<(u32, String)> = Staging::new(&std::env::temp_dir());
            let row = |number| (number, "x".repeat(number as usize * 7_919 % 10_000));
            let places: Vec<u64> = (0..count)
                .map(|number| staging.push(&row(number)).unwrap())
                .collect();
            let mut rows = staging.read_from(places[3]).unwrap();
            for number in 3..count {
                assert_eq!(rows.offset(), places[number as usize]);
                assert_eq!(rows.next().unwrap(), Some(row(number)));
            }
            assert_eq!(rows.next().unwrap(), None);
            let mut picked = staging.pick().unwrap();
            for number in [5, 6, 7, 2, 9, 9, 0, count - 1] {
                assert_eq!(picked.at(places[number as usize]).unwrap(), row(number));
            }
        }
    }
}
