//! The seal: the checksum of every page, written behind the last page at a clean end.
//!
//! ```text
//!   page 0: redb's header   page 1   ...   page n - 1   n checksums, zeros   magic, length, checksum
//!   ─────────────────────── length bytes ────────────   ─────────── the seal, whole pages ──────────
//! ```
//!
//! A seal holds if it is whole and page 0 is the page that it was written for. redb changes page 0, and
//! syncs that, before it writes over any page that the seal vouches for; so a seal that is lost, torn or
//! out of date is known for what it is, and need not be synced.

use std::io;

use redb::StorageBackend;

/// Bytes of the pages that redb reads and writes; it has larger ones of several of these.
pub(super) const PAGE_BYTES: usize = 4_096;

const MAGIC: &[u8; 8] = b"gc-seal\x01";
const CHECKSUM_BYTES: usize = 4;
const FOOTER_BYTES: usize = MAGIC.len() + size_of::<u64>() + CHECKSUM_BYTES;

/// The checksum of a page; none is 0, which stands for one that is not known.
pub(super) fn checksum(page: &[u8]) -> u32 {
    crc32fast::hash(page).max(1)
}

/// The seal of the pages that have these checksums.
pub(super) fn encode(checksums: &[u32]) -> Vec<u8> {
    let mut seal: Vec<u8> = checksums
        .iter()
        .copied()
        .flat_map(u32::to_le_bytes)
        .collect();
    seal.resize(seal_bytes(checksums.len()) - FOOTER_BYTES, 0);
    seal.extend_from_slice(MAGIC);
    seal.extend_from_slice(&((checksums.len() * PAGE_BYTES) as u64).to_le_bytes());
    seal.extend_from_slice(&crc32fast::hash(&seal).to_le_bytes());
    seal
}

/// The checksums of a storage whose seal holds.
pub(super) fn find(storage: &impl StorageBackend) -> io::Result<Option<Vec<u32>>> {
    let total = storage.len()?;
    let mut footer = [0; FOOTER_BYTES];
    let Some(place) = total.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(None);
    };
    storage.read(place, &mut footer)?;
    let (magic, rest) = footer.split_at(MAGIC.len());
    let length = u64::from_le_bytes(*rest.first_chunk().unwrap_or(&[0; 8]));
    let pages = usize::try_from(length).unwrap_or(0) / PAGE_BYTES;
    let is_possible = magic == MAGIC
        && pages > 0
        && length.is_multiple_of(PAGE_BYTES as u64)
        && total.checked_sub(length) == Some(seal_bytes(pages) as u64);
    if !is_possible {
        return Ok(None);
    }
    let (mut seal, mut header) = (vec![0; seal_bytes(pages)], [0; PAGE_BYTES]);
    storage.read(length, &mut seal)?;
    storage.read(0, &mut header)?;
    let checksums = decode(&seal, pages);
    Ok(checksums.filter(|checksums| checksums[0] == checksum(&header)))
}

fn decode(seal: &[u8], pages: usize) -> Option<Vec<u32>> {
    let (content, stored) = seal.split_last_chunk::<CHECKSUM_BYTES>()?;
    if crc32fast::hash(content) != u32::from_le_bytes(*stored) {
        return None;
    }
    let (checksums, _) = content.as_chunks::<CHECKSUM_BYTES>();
    let checksums = checksums.iter().take(pages);
    Some(checksums.map(|bytes| u32::from_le_bytes(*bytes)).collect())
}

/// Whole pages, so that any redb reads a sealed file: to it these are free pages.
fn seal_bytes(pages: usize) -> usize {
    (pages * CHECKSUM_BYTES + FOOTER_BYTES).next_multiple_of(PAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use redb::backends::InMemoryBackend;

    use super::*;

    const PAGES: usize = 3;

    fn bytes() -> Vec<u8> {
        let pages: Vec<u8> = (0..PAGES * PAGE_BYTES)
            .map(|place| place.to_le_bytes()[0] ^ place.to_le_bytes()[1])
            .collect();
        let checksums: Vec<u32> = pages.chunks(PAGE_BYTES).map(checksum).collect();
        [pages, encode(&checksums)].concat()
    }

    fn found(bytes: &[u8]) -> Option<Vec<u32>> {
        let storage = InMemoryBackend::new();
        storage.set_len(bytes.len() as u64).unwrap();
        storage.write(0, bytes).unwrap();
        find(&storage).unwrap()
    }

    #[test]
    fn a_seal_is_found_if_it_is_whole_and_its_header_page_is_there() {
        let whole = bytes();
        assert_eq!(whole.len() % PAGE_BYTES, 0);
        let checksums = found(&whole).unwrap();
        assert_eq!(checksums.len(), PAGES);
        for length in 0..whole.len() {
            assert_eq!(found(&whole[..length]), None);
        }
        for place in (0..PAGE_BYTES).chain(PAGES * PAGE_BYTES..whole.len()) {
            let mut other = whole.clone();
            other[place] ^= 1 << (place % 8);
            assert_eq!(found(&other), None, "byte {place}");
        }
        // Other pages are verified when they are read.
        let mut other = whole;
        other[PAGE_BYTES] ^= 1;
        assert_eq!(found(&other), Some(checksums));
    }
}
