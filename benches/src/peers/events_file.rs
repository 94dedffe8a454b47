//! Decompresses and parses an events file.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde::Deserialize;

/// One line of an events file with its numbers parsed.
#[derive(Deserialize)]
struct Line {
    kind: String,
    account: String,
    credit_id: String,
    amount: Option<u64>,
    timestamp: i64,
    expiration: Option<u64>,
}

/// Splits a gzip file into fields with `csv`, every line into the same record. Returns the number of
/// lines, and of bytes in their fields.
///
/// # Errors
/// If the file cannot be read.
pub fn split(path: &Path) -> anyhow::Result<(u64, u64)> {
    let mut reader = open(path)?;
    let mut record = csv::ByteRecord::new();
    let (mut lines, mut bytes) = (0, 0);
    while reader.read_byte_record(&mut record)? {
        lines += 1;
        bytes += record.as_slice().len() as u64;
    }
    Ok((lines, bytes))
}

/// Parses a gzip file into typed lines with `csv` and `serde`. Returns the number of lines, and the
/// sum of what was parsed.
///
/// # Errors
/// If the file cannot be read or is no events file.
pub fn parse(path: &Path) -> anyhow::Result<(u64, u64)> {
    let (mut lines, mut sum) = (0, 0_u64);
    for line in open(path)?.deserialize() {
        let line: Line = line?;
        lines += 1;
        sum = sum
            .wrapping_add(line.amount.unwrap_or(0))
            .wrapping_add_signed(line.timestamp)
            .wrapping_add(line.expiration.unwrap_or(0))
            .wrapping_add((line.kind.len() + line.account.len() + line.credit_id.len()) as u64);
    }
    Ok((lines, sum))
}

fn open(path: &Path) -> anyhow::Result<csv::Reader<impl std::io::Read>> {
    let file = BufReader::with_capacity(1 << 16, File::open(path)?);
    Ok(csv::Reader::from_reader(MultiGzDecoder::new(file)))
}
