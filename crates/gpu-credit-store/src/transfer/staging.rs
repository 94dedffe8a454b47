//! The rows of an import, outside of memory while they are checked.

use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use tempfile::SpooledTempFile;

use super::identity::RowKey;
use crate::{Change, ImportError, RecordId};

/// Bytes of rows that are kept in memory before a file is made of them.
const SPOOLED_BYTES_MAX: usize = 4 << 20;
const BUFFER_BYTES: usize = 1 << 16;

/// The place of an account among those of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct AccountIndex(pub(super) u32);

/// A record of the file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StagedRow {
    pub(super) line: u64,
    pub(super) account: AccountIndex,
    pub(super) id: Option<RecordId>,
    pub(super) key: u64,
    /// Which one it is of the rows of its key in the file, from 1 on.
    pub(super) occurrence: u32,
    pub(super) change: Change,
}

impl StagedRow {
    pub(super) fn key(&self) -> RowKey {
        RowKey(self.key)
    }
}

/// Rows in the order of the file.
pub(super) struct Staging {
    file: BufWriter<SpooledTempFile>,
    bytes: Vec<u8>,
    rows: u64,
}

impl Staging {
    /// None yet. Many are kept in a file of this folder, which is gone with this.
    pub(super) fn new(folder: &Path) -> Self {
        let file = tempfile::spooled_tempfile_in(SPOOLED_BYTES_MAX, folder);
        Staging {
            file: BufWriter::with_capacity(BUFFER_BYTES, file),
            bytes: Vec::new(),
            rows: 0,
        }
    }

    pub(super) fn rows(&self) -> u64 {
        self.rows
    }

    pub(super) fn push(&mut self, row: &StagedRow) -> Result<(), ImportError> {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        bytes = postcard::to_extend(row, bytes).map_err(|error| failed(io::Error::other(error)))?;
        let length = (bytes.len() as u64).to_le_bytes();
        self.file.write_all(&length).map_err(failed)?;
        self.file.write_all(&bytes).map_err(failed)?;
        self.bytes = bytes;
        self.rows += 1;
        Ok(())
    }

    /// All rows, from the first on.
    pub(super) fn read(&mut self) -> Result<StagedRows<'_>, ImportError> {
        self.read_from(0, 0)
    }

    /// The rows after the first `rows`, which end at `offset`.
    pub(super) fn read_from(
        &mut self,
        rows: u64,
        offset: u64,
    ) -> Result<StagedRows<'_>, ImportError> {
        self.file.flush().map_err(failed)?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(offset)).map_err(failed)?;
        Ok(StagedRows {
            file: BufReader::with_capacity(BUFFER_BYTES, file),
            bytes: Vec::new(),
            left: self.rows - rows,
            offset,
        })
    }
}

/// Rows that are read again.
pub(super) struct StagedRows<'s> {
    file: BufReader<&'s mut SpooledTempFile>,
    bytes: Vec<u8>,
    left: u64,
    offset: u64,
}

impl StagedRows<'_> {
    /// Where the next row begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next row; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<StagedRow>, ImportError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(None);
        };
        self.left = left;
        let mut length = [0; 8];
        self.file.read_exact(&mut length).map_err(failed)?;
        self.offset += 8 + u64::from_le_bytes(length);
        let length = usize::try_from(u64::from_le_bytes(length));
        let length = length.map_err(|error| failed(io::Error::other(error)))?;
        self.bytes.resize(length, 0);
        self.file.read_exact(&mut self.bytes).map_err(failed)?;
        let row = postcard::from_bytes(&self.bytes);
        row.map(Some)
            .map_err(|error| failed(io::Error::other(error)))
    }
}

fn failed(error: io::Error) -> ImportError {
    ImportError::Temporary(error)
}
