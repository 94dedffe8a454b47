//! Bytes that any machine can read back, and that may be damaged or made by hand.
//!
//! What is read is checked before it is used: no length leads beyond the end, and none makes the
//! reader allocate more than a constant times the bytes that are there.

mod account;
pub(crate) mod numbers;
pub(crate) mod reader;
pub(crate) mod writer;

#[cfg(test)]
mod tests;

/// Why bytes are no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BytesError {
    /// They do not begin as the bytes of an account do.
    #[error("these are not the bytes of an account")]
    NoAccount,
    /// They were written by a later version.
    #[error("the bytes are of version {0}, which is not known here")]
    Version(u8),
    /// They are not those that were written: the checksum differs.
    #[error("the bytes are damaged: their checksum differs")]
    Checksum,
    /// The checksum is right, but nothing that was ever written looks like that.
    #[error("the bytes are not those of an account: {0}")]
    Malformed(&'static str),
}

/// What is wrong with bytes that nothing of ours has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damage(pub(crate) &'static str);

impl From<Damage> for BytesError {
    fn from(Damage(what): Damage) -> Self {
        BytesError::Malformed(what)
    }
}
