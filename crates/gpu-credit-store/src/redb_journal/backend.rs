//! A storage whose pages are verified as they are read.
//!
//! redb keeps a checksum of every page, but verifies them all or none: all of them after an unclean end
//! or when told to, which takes as long as reading the file, and otherwise it trusts what it reads. In
//! between stands this: it knows the checksum of each page, from the [seal], from writing it, or from
//! reading it for the first time while redb verified all, and compares it at every further reading.

use std::io;
use std::ops::Bound;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use redb::{BackendError, StorageBackend};

use super::pages::Pages;
use super::seal::{self, PAGE_BYTES};

/// A storage of pages with known checksums.
#[derive(Debug)]
pub(super) struct SealedBackend<B> {
    storage: B,
    pages: OnceLock<Pages>,
    end: Arc<End>,
}

/// How a storage began and how it may end: told by and to whoever opened it.
#[derive(Debug)]
pub(super) struct End {
    was_sealed: bool,
    may_seal: AtomicBool,
}

impl<B: StorageBackend> SealedBackend<B> {
    pub(super) fn new(storage: B) -> io::Result<(Self, Arc<End>)> {
        let was_sealed = match seal::find(&storage) {
            Ok(found) => found.is_some(),
            // Somebody has just opened it, and removes the seal.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
            Err(error) => return Err(error),
        };
        let end = Arc::new(End {
            was_sealed,
            may_seal: AtomicBool::new(false),
        });
        let backend = SealedBackend {
            storage,
            pages: OnceLock::new(),
            end: Arc::clone(&end),
        };
        Ok((backend, end))
    }

    /// What is known of the pages. Loaded when it is first needed: by then redb has locked the file.
    fn pages(&self) -> io::Result<&Pages> {
        if let Some(pages) = self.pages.get() {
            return Ok(pages);
        }
        let total = self.storage.len()?;
        let pages = match seal::find(&self.storage)? {
            Some(checksums) => {
                let length = (checksums.len() * PAGE_BYTES) as u64;
                Pages::new(length, total, checksums)
            }
            // Another process has opened and closed it just now, and may be about to seal it.
            None if self.end.was_sealed => return Err(io::ErrorKind::ResourceBusy.into()),
            None if total < PAGE_BYTES as u64 => Pages::new(total, total, Vec::new()),
            None => Pages::new(total - total % PAGE_BYTES as u64, total, Vec::new()),
        };
        Ok(self.pages.get_or_init(|| pages))
    }

    /// Removes what comes after the pages: from here on they change.
    fn unseal(&self, pages: &Pages) -> io::Result<()> {
        if pages.has_more() {
            self.storage.set_len(pages.length())?;
            pages.set_no_more();
        }
        Ok(())
    }

    fn seal(&self) -> io::Result<()> {
        let Some(pages) = self.pages.get() else {
            return Ok(());
        };
        let length = pages.length();
        if pages.has_more() || length < PAGE_BYTES as u64 {
            return Ok(());
        }
        let mut header = [0; PAGE_BYTES];
        self.storage.read(0, &mut header)?;
        let mut checksums = pages.checksums();
        checksums[0] = seal::checksum(&header);
        self.storage.write(length, &seal::encode(&checksums))
    }
}

impl End {
    /// Whether every page was known before the storage was locked: redb need not verify them.
    pub(super) fn was_sealed(&self) -> bool {
        self.was_sealed
    }

    /// Whether all went well so far. If not, all is verified when the storage is opened again.
    pub(super) fn set_may_seal(&self, may_seal: bool) {
        self.may_seal.store(may_seal, Ordering::SeqCst);
    }
}

/// Only the header is read and written in parts, which redb verifies itself.
fn is_whole(offset: u64, length: usize) -> bool {
    offset.is_multiple_of(PAGE_BYTES as u64) && length.is_multiple_of(PAGE_BYTES)
}

impl<B: StorageBackend> StorageBackend for SealedBackend<B> {
    fn len(&self) -> io::Result<u64> {
        Ok(self.pages()?.length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let pages = self.pages()?;
        self.storage.read(offset, out)?;
        match is_whole(offset, out.len()) {
            true => pages.verify(offset, out).map_err(io::Error::other),
            false => Ok(()),
        }
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let pages = self.pages()?;
        self.unseal(pages)?;
        self.storage.set_len(length)?;
        pages.set_length(length);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.storage.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let pages = self.pages()?;
        self.unseal(pages)?;
        // If the writing fails, nobody knows what is there.
        pages.set(offset, data, |_| 0);
        self.storage.write(offset, data)?;
        if is_whole(offset, data.len()) {
            pages.set(offset, data, seal::checksum);
        }
        Ok(())
    }

    /// A seal that cannot be written is none: all is verified when the storage is opened again.
    fn close(&self) -> io::Result<()> {
        if self.end.may_seal.load(Ordering::SeqCst) {
            let _ = self.seal();
        }
        self.storage.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.storage.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.storage.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.storage.query_lock_range(start, end)
    }
}

#[cfg(test)]
#[allow(clippy::cast_possible_truncation, reason = "the numbers are small")]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Storage that outlives its backend.
    #[derive(Clone, Debug, Default)]
    struct Bytes(Arc<Mutex<Vec<u8>>>);

    impl StorageBackend for Bytes {
        fn len(&self) -> io::Result<u64> {
            Ok(self.0.lock().unwrap().len() as u64)
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            let (start, bytes) = (offset as usize, self.0.lock().unwrap());
            let read = bytes.get(start..start + out.len());
            out.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
            Ok(())
        }

        fn set_len(&self, length: u64) -> io::Result<()> {
            self.0.lock().unwrap().resize(length as usize, 0);
            Ok(())
        }

        fn sync_data(&self) -> io::Result<()> {
            Ok(())
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            let (start, mut bytes) = (offset as usize, self.0.lock().unwrap());
            let end = start + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(data);
            Ok(())
        }
    }

    fn page(byte: u8) -> [u8; PAGE_BYTES] {
        [byte; PAGE_BYTES]
    }

    /// Three pages, the header written in parts as redb does, and an end.
    fn ended(may_seal: bool) -> Bytes {
        let bytes = Bytes::default();
        let (backend, end) = SealedBackend::new(bytes.clone()).unwrap();
        backend.set_len(3 * PAGE_BYTES as u64).unwrap();
        backend.write(0, &[1; 320]).unwrap();
        backend
            .write(PAGE_BYTES as u64, &[page(2), page(3)].concat())
            .unwrap();
        end.set_may_seal(may_seal);
        backend.close().unwrap();
        bytes
    }

    #[test]
    fn only_what_ended_well_is_sealed_and_writing_unseals_it() {
        let (_, end) = SealedBackend::new(ended(false)).unwrap();
        assert!(!end.was_sealed());
        let bytes = ended(true);
        let (backend, end) = SealedBackend::new(bytes.clone()).unwrap();
        assert!(end.was_sealed());
        assert_eq!(backend.len().unwrap(), 3 * PAGE_BYTES as u64);
        assert_eq!(bytes.len().unwrap(), 4 * PAGE_BYTES as u64);
        // Reading alone leaves the seal.
        backend.read(PAGE_BYTES as u64, &mut page(0)).unwrap();
        backend.close().unwrap();
        let (backend, end) = SealedBackend::new(bytes.clone()).unwrap();
        assert!(end.was_sealed());
        backend.write(0, &[4; 320]).unwrap();
        assert_eq!(bytes.len().unwrap(), 3 * PAGE_BYTES as u64);
        let (_, end) = SealedBackend::new(bytes).unwrap();
        assert!(!end.was_sealed());
    }

    #[test]
    fn a_page_that_changes_is_found_whenever_it_is_read() {
        let bytes = ended(true);
        let (backend, _) = SealedBackend::new(bytes.clone()).unwrap();
        let mut both = [page(0), page(0)].concat();
        backend.read(PAGE_BYTES as u64, &mut both).unwrap();
        bytes.write(2 * PAGE_BYTES as u64 + 7, &[9]).unwrap();
        let error = backend.read(PAGE_BYTES as u64, &mut both).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the page at byte 8192 does not match its checksum"
        );
        backend.read(PAGE_BYTES as u64, &mut page(0)).unwrap();
        // What is written over it is known again.
        backend.write(2 * PAGE_BYTES as u64, &page(5)).unwrap();
        backend.read(PAGE_BYTES as u64, &mut both).unwrap();
    }

    /// After an unclean end redb verifies all; what it read then is known.
    #[test]
    fn a_page_is_known_once_it_was_read() {
        let bytes = ended(false);
        let (backend, _) = SealedBackend::new(bytes.clone()).unwrap();
        bytes.write(PAGE_BYTES as u64, &[9]).unwrap();
        backend.read(PAGE_BYTES as u64, &mut page(0)).unwrap();
        bytes.write(PAGE_BYTES as u64, &[8]).unwrap();
        assert!(backend.read(PAGE_BYTES as u64, &mut page(0)).is_err());
    }

    /// If another process closes the file between a look at it and its lock, its seal is not known.
    #[test]
    fn a_seal_that_is_gone_once_the_file_is_locked_is_not_believed() {
        let bytes = ended(true);
        let (backend, _) = SealedBackend::new(bytes.clone()).unwrap();
        bytes.write(0, &[6]).unwrap();
        let error = backend.len().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ResourceBusy);
    }

    /// What a torn seal leaves is no part of the pages.
    #[test]
    fn pages_are_whole() {
        let bytes = ended(false);
        bytes.write(3 * PAGE_BYTES as u64, &[1; 100]).unwrap();
        let (backend, end) = SealedBackend::new(bytes.clone()).unwrap();
        assert_eq!(backend.len().unwrap(), 3 * PAGE_BYTES as u64);
        backend.write(0, &[4; 320]).unwrap();
        assert_eq!(bytes.len().unwrap(), 3 * PAGE_BYTES as u64);
        end.set_may_seal(true);
        backend.close().unwrap();
        let (_, end) = SealedBackend::new(bytes).unwrap();
        assert!(end.was_sealed());
    }
}
