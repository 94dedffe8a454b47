//! What stands for an id where entries are looked up: always the same for one id, and rarely for two.
//!
//! An entry holds its id, and a long one would be twice in the file. The fingerprint takes eight bytes:
//! which of the entries of one fingerprint is meant, the entries say. Ids that count up at their ends
//! have neighbouring fingerprints, a thousand and more in a row, so that a batch of them touches few
//! pages.

use sha2::{Digest, Sha256};

/// The last bytes of an id, which are the last of its fingerprint; the others are hashed.
const TAIL_BYTES: usize = 3;

pub(super) fn fingerprint(id: &str) -> u64 {
    let id = id.as_bytes();
    let (start, tail) = id.split_at(id.len().saturating_sub(TAIL_BYTES));
    let mut bytes = [0; size_of::<u64>()];
    let (hash, end) = bytes.split_at_mut(size_of::<u64>() - TAIL_BYTES);
    // Nobody finds many ids of one fingerprint, to make a store slow.
    hash.copy_from_slice(&Sha256::digest(start)[..hash.len()]);
    end[TAIL_BYTES - tail.len()..].copy_from_slice(tail);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fingerprints of format 2: if this fails, files of others can no longer be read.
    #[test]
    fn fingerprints_are_what_they_were() {
        let expected = [
            ("", 0xe3b0_c442_9800_0000),
            ("u", 0xe3b0_c442_9800_0075),
            ("job-1", 0xc278_ec5a_6962_2d31),
            ("job-1234", 0x026a_b639_c232_3334),
        ];
        for (id, expected) in expected {
            assert_eq!(fingerprint(id), expected, "{id:?}");
        }
    }

    #[test]
    fn ids_that_count_up_are_neighbours() {
        let ids = (1_000..2_000).map(|number| fingerprint(&format!("job-{number}")));
        let ids: Vec<u64> = ids.collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids[999] - ids[0] < 1 << 24);
    }

    /// All that a short id has is in its fingerprint, but for zeros in front.
    #[test]
    fn two_ids_can_have_one_fingerprint() {
        assert_eq!(fingerprint("a"), fingerprint("\0a"));
    }
}
