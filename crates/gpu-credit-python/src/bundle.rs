//! Many accounts by name as bytes, and back.
//!
//! ```text
//! "GPUCREDITS"   version   checksum of all that follows (XXH3, 64 bits)
//! each account   length of its name, length of its bytes, name, bytes
//! ```

use std::str;

use gpu_credit::GpuCredit;
use rayon::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 10] = b"GPUCREDITS";
const VERSION: u8 = 1;
const HEAD: usize = MAGIC.len() + 1 + size_of::<u64>();

/// Writes accounts, each with the bytes that the engine makes of it.
pub(crate) fn to_bytes<'a>(accounts: impl Iterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::from(MAGIC);
    bytes.push(VERSION);
    bytes.extend([0; size_of::<u64>()]);
    for (name, account) in accounts {
        for len in [name.len(), account.len()] {
            bytes.extend((len as u64).to_le_bytes());
        }
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(&account);
    }
    let checksum = xxh3_64(&bytes[HEAD..]);
    bytes[HEAD - size_of::<u64>()..HEAD].copy_from_slice(&checksum.to_le_bytes());
    bytes
}

/// Reads them back, or says what is wrong.
pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Vec<(&str, GpuCredit)>, String> {
    let accounts = split(bytes)?;
    let read = accounts.into_par_iter().map(|(name, bytes)| {
        let account = GpuCredit::from_bytes(bytes);
        Ok((
            name,
            account.map_err(|error| format!("account {name:?}: {error}"))?,
        ))
    });
    read.collect()
}

fn split(bytes: &[u8]) -> Result<Vec<(&str, &[u8])>, &'static str> {
    let rest = (bytes.strip_prefix(MAGIC)).ok_or("these are not the bytes of accounts")?;
    let (version, rest) = rest.split_first().ok_or(ENDS_EARLY)?;
    if *version != VERSION {
        return Err("the bytes are of a later version");
    }
    let (checksum, mut rest) = rest.split_first_chunk().ok_or(ENDS_EARLY)?;
    if u64::from_le_bytes(*checksum) != xxh3_64(rest) {
        return Err("the bytes are damaged: their checksum differs");
    }
    let mut accounts = Vec::new();
    while !rest.is_empty() {
        let lengths = [take_length(&mut rest)?, take_length(&mut rest)?];
        let [name, account] = lengths.map(|length| take(&mut rest, length));
        let name = str::from_utf8(name?).map_err(|_| "a name is no text")?;
        accounts.push((name, account?));
    }
    Ok(accounts)
}

const ENDS_EARLY: &str = "the bytes end too early";

fn take_length(bytes: &mut &[u8]) -> Result<usize, &'static str> {
    let (length, rest) = bytes.split_first_chunk().ok_or(ENDS_EARLY)?;
    *bytes = rest;
    usize::try_from(u64::from_le_bytes(*length)).map_err(|_| ENDS_EARLY)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(ENDS_EARLY)?;
    *bytes = rest;
    Ok(taken)
}
