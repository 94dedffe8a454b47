//! What a token may ask for at once, and in a time.

use std::num::NonZeroU32;

/// Limits on what is asked with one token. They are of this process: with several, each has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessLimits {
    /// Requests a second, and as many at once.
    pub requests: NonZeroU32,
    /// Refused holds a minute, on each account: a refusal is an entry for ever.
    pub refusals: NonZeroU32,
    /// Streams that are open at once.
    pub streams: usize,
}

impl Default for AccessLimits {
    fn default() -> Self {
        AccessLimits {
            requests: const { NonZeroU32::new(1_000).unwrap() },
            refusals: const { NonZeroU32::new(60).unwrap() },
            streams: 16,
        }
    }
}
