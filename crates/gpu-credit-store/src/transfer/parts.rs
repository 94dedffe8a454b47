//! Prepared rows on their way: what is too much to be held waits in a file.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use crate::ImportError;

/// Parts in order. The last one is held.
pub(super) struct Parts {
    folder: PathBuf,
    /// The others, one after another: made if there are any, and gone with this.
    file: Option<File>,
    /// How many bytes each of them has, and its rows.
    lengths: VecDeque<(usize, u64)>,
    last: Option<RowsPart>,
}

/// Rows as the journal has prepared them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowsPart {
    pub(super) prepared: Vec<u8>,
    /// Rows of the import up to its end.
    pub(super) rows: u64,
}

/// Parts that are taken.
pub(super) struct TakenParts(Parts);

impl Parts {
    /// None yet. Many are kept in a file of this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Parts {
            folder: folder.to_owned(),
            file: None,
            lengths: VecDeque::new(),
            last: None,
        }
    }

    pub(super) fn push(&mut self, part: RowsPart) -> Result<(), ImportError> {
        match self.last.replace(part) {
            None => Ok(()),
            Some(before) => self.write(&before).map_err(ImportError::Temporary),
        }
    }

    fn write(&mut self, part: &RowsPart) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            file => file.insert(tempfile::tempfile_in(&self.folder)?),
        };
        file.write_all(&part.prepared)?;
        self.lengths.push_back((part.prepared.len(), part.rows));
        Ok(())
    }

    /// To take them, from the first on.
    pub(super) fn into_taken(mut self) -> Result<TakenParts, ImportError> {
        if let Some(file) = &mut self.file {
            file.rewind().map_err(ImportError::Temporary)?;
        }
        Ok(TakenParts(self))
    }
}

impl TakenParts {
    /// The next part; `None` after the last one.
    pub(super) fn next(&mut self) -> Result<Option<RowsPart>, ImportError> {
        let Parts {
            file,
            lengths,
            last,
            ..
        } = &mut self.0;
        let (Some(file), Some((length, rows))) = (file, lengths.pop_front()) else {
            return Ok(last.take());
        };
        let mut prepared = vec![0; length];
        let read = file.read_exact(&mut prepared);
        read.map_err(ImportError::Temporary)?;
        Ok(Some(RowsPart { prepared, rows }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_taken_in_order_however_many_there_are() {
        for count in 0..5_u8 {
            let mut parts = Parts::new(&std::env::temp_dir());
            let part = |number: u8| RowsPart {
                prepared: vec![number; 10 * usize::from(number)],
                rows: number.into(),
            };
            for number in 0..count {
                parts.push(part(number)).unwrap();
            }
            let mut taken = parts.into_taken().unwrap();
            for number in 0..count {
                assert_eq!(taken.next().unwrap(), Some(part(number)));
            }
            assert_eq!(taken.next().unwrap(), None);
        }
    }
}
