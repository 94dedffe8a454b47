//! What is known of the pages of a storage: their checksums, and how many there are.

use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::seal::{self, PAGE_BYTES};

/// Pages, each with its checksum.
#[derive(Debug)]
pub(super) struct Pages {
    /// By number; 0 is not known.
    checksums: RwLock<Vec<AtomicU32>>,
    length: AtomicU64,
    has_more: AtomicBool,
}

/// A page that is not as it was written.
#[derive(Debug)]
pub(super) struct DamagedPage {
    offset: u64,
}

impl Pages {
    /// Pages of so many bytes, of `total` there are.
    pub(super) fn new(length: u64, total: u64, checksums: Vec<u32>) -> Self {
        let checksums = checksums.into_iter().map(AtomicU32::new);
        let mut checksums: Vec<AtomicU32> = checksums.collect();
        checksums.resize_with(pages_of(length), AtomicU32::default);
        Pages {
            checksums: RwLock::new(checksums),
            length: AtomicU64::new(length),
            has_more: AtomicBool::new(total > length),
        }
    }

    /// Compares pages that were read with what is known of them, or learns it.
    pub(super) fn verify(&self, offset: u64, pages: &[u8]) -> Result<(), DamagedPage> {
        let checksums = read(&self.checksums);
        for (number, page) in numbered(offset, pages) {
            let Some(known) = checksums.get(number) else {
                continue;
            };
            let found = seal::checksum(page);
            let known = known.compare_exchange(0, found, Ordering::Relaxed, Ordering::Relaxed);
            if known.is_err_and(|known| known != found) {
                let offset = (number * PAGE_BYTES) as u64;
                return Err(DamagedPage { offset });
            }
        }
        Ok(())
    }

    /// Sets what is known of pages that are written.
    pub(super) fn set(&self, offset: u64, pages: &[u8], checksum: impl Fn(&[u8]) -> u32) {
        let checksums = read(&self.checksums);
        for (number, page) in numbered(offset, pages) {
            if let Some(known) = checksums.get(number) {
                known.store(checksum(page), Ordering::Relaxed);
            }
        }
    }

    pub(super) fn set_length(&self, length: u64) {
        let mut checksums = self
            .checksums
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        checksums.resize_with(pages_of(length), AtomicU32::default);
        self.length.store(length, Ordering::Relaxed);
    }

    /// Bytes of the pages.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Relaxed)
    }

    /// Whether something comes after the pages: the seal, or what is left of one.
    pub(super) fn has_more(&self) -> bool {
        self.has_more.load(Ordering::Relaxed)
    }

    /// What came after the pages is gone.
    pub(super) fn set_no_more(&self) {
        self.has_more.store(false, Ordering::Relaxed);
    }

    /// The checksums of all pages; 0 of one that is not known.
    pub(super) fn checksums(&self) -> Vec<u32> {
        let known = read(&self.checksums);
        let known = known
            .iter()
            .map(|checksum| checksum.load(Ordering::Relaxed));
        let mut checksums: Vec<u32> = known.collect();
        checksums.resize(pages_of(self.length()), 0);
        checksums
    }
}

fn pages_of(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX) / PAGE_BYTES
}

fn numbered(offset: u64, pages: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    (pages_of(offset)..).zip(pages.chunks(PAGE_BYTES))
}

fn read(checksums: &RwLock<Vec<AtomicU32>>) -> RwLockReadGuard<'_, Vec<AtomicU32>> {
    checksums.read().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Display for DamagedPage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the page at byte {} does not match its checksum",
            self.offset
        )
    }
}

impl Error for DamagedPage {}
