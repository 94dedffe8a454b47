//! How many holds are refused to a token on an account.
//!
//! Whether a hold is refused is known only after it was decided, and then it is an entry already. So a request first
//! looks whether one more refusal fits, and counts it afterwards. Those that are decided at the same time may so
//! be more than the limit; what they are beyond it is counted against the time that follows.
//!
//! Of each pair of a token and an account one instant is kept: that at which all that was counted has been forgotten
//! (generic cell rate algorithm).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

const MINUTE: Duration = Duration::from_secs(60);
/// From so many pairs on, those of which nothing is counted any more are looked for.
const FEW: usize = 1_024;

pub(super) struct Refusals {
    /// After which time one refusal is forgotten.
    each: Duration,
    counted: Mutex<Counted>,
}

#[derive(Default)]
struct Counted {
    forgotten_at: HashMap<(String, String), Instant>,
    /// How many are kept before they are looked through again.
    many: usize,
}

impl Refusals {
    pub(super) fn new(a_minute: NonZeroU32) -> Self {
        Refusals {
            each: MINUTE / a_minute.get(),
            counted: Mutex::default(),
        }
    }

    /// Whether one more fits on each account; otherwise after which time it does.
    pub(super) fn fit(&self, token: &str, accounts: &[&str], now: Instant) -> Result<(), Duration> {
        let counted = self.counted.lock();
        let waits = accounts.iter().filter_map(|account| {
            let pair = (token.to_owned(), (*account).to_owned());
            let forgotten_at = counted.forgotten_at.get(&pair)?;
            let filled = forgotten_at.saturating_duration_since(now) + self.each;
            filled.checked_sub(MINUTE).filter(|wait| !wait.is_zero())
        });
        waits.max().map_or(Ok(()), Err)
    }

    /// Counts one on each account.
    pub(super) fn count(&self, token: &str, accounts: &[&str], now: Instant) {
        let mut counted = self.counted.lock();
        for account in accounts {
            let pair = (token.to_owned(), (*account).to_owned());
            let forgotten_at = counted.forgotten_at.entry(pair).or_insert(now);
            *forgotten_at = now.max(*forgotten_at) + self.each;
        }
        if counted.forgotten_at.len() > counted.many.max(FEW) {
            counted
                .forgotten_at
                .retain(|_, forgotten_at| *forgotten_at > now);
            counted.many = counted.forgotten_at.len() * 2;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusals() -> Refusals {
        Refusals::new(const { NonZeroU32::new(60).unwrap() })
    }

    #[test]
    fn sixty_fit_into_a_minute() {
        let (refusals, start) = (refusals(), Instant::now());
        for number in 0..60 {
            assert_eq!(refusals.fit("t", &["a"], start), Ok(()), "{number}");
            refusals.count("t", &["a"], start);
        }
        assert_eq!(
            refusals.fit("t", &["a"], start),
            Err(Duration::from_secs(1))
        );
        // Others have their own.
        assert_eq!(refusals.fit("t", &["b"], start), Ok(()));
        assert_eq!(refusals.fit("u", &["a"], start), Ok(()));
        assert!(refusals.fit("t", &["b", "a"], start).is_err());
        // One is forgotten a second.
        let later = start + Duration::from_secs(1);
        assert_eq!(refusals.fit("t", &["a"], later), Ok(()));
        refusals.count("t", &["a"], later);
        assert!(refusals.fit("t", &["a"], later).is_err());
    }

    #[test]
    fn what_was_beyond_the_limit_counts_later() {
        let (refusals, start) = (refusals(), Instant::now());
        for _ in 0..100 {
            refusals.count("t", &["a"], start);
        }
        assert_eq!(
            refusals.fit("t", &["a"], start),
            Err(Duration::from_secs(41))
        );
        let later = start + Duration::from_secs(41);
        assert_eq!(refusals.fit("t", &["a"], later), Ok(()));
    }

    #[test]
    fn what_is_forgotten_takes_no_memory() {
        let (refusals, start) = (refusals(), Instant::now());
        for number in 0..10_000_u64 {
            let now = start + Duration::from_millis(number);
            refusals.count("t", &[&number.to_string()], now);
        }
        let kept = refusals.counted.lock().forgotten_at.len();
        assert!(kept <= 4_096, "{kept}");
    }
}
