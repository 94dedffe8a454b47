//! Writing numbers that [`Reader`](super::reader::Reader) reads back.

/// Writes 1 to 10 bytes, 7 bits each and the lowest first: small numbers take few.
pub(crate) fn write_varint(out: &mut Vec<u8>, number: u64) {
    let mut rest = number;
    while rest > 0x7f {
        out.push(rest.to_le_bytes()[0] | 0x80);
        rest >>= 7;
    }
    out.push(rest.to_le_bytes()[0]);
}

/// Writes 8 bytes.
pub(crate) fn write_i64(out: &mut Vec<u8>, number: i64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// A number of either sign, of 1 to 10 bytes: the nearer to 0, the fewer.
pub(crate) fn write_signed(out: &mut Vec<u8>, number: i64) {
    write_varint(out, ((number << 1) ^ (number >> 63)).cast_unsigned());
}
