//! The overdraft policy of an account, and the sizes of its structures.

use crate::limits::AMOUNTS_MAX;

/// What happens to usage beyond what the live grants have left. One account, one policy.
///
/// As text it is `carry`, `carry:C` with the credit line `C`, or `forfeit`.
///
/// ```
/// use gpu_credit::{GpuCredit, Overdraft};
///
/// let mut account = GpuCredit::with_overdraft(Overdraft::Forfeit);
/// account.add_credit("a", 10, 0, 100)?;
/// account.subtract(25, 1)?; // forfeits the 10 and is itself dropped
/// account.add_credit("b", 7, 2, 100)?;
/// assert_eq!(account.get_balance(1), None);
/// assert_eq!(account.get_balance(2), Some(7));
///
/// let mut account = GpuCredit::with_overdraft("carry:4".parse()?);
/// account.add_credit("a", 10, 0, 100)?;
/// account.subtract(25, 1)?; // 10 are drawn, 4 are the deficit, 11 are dropped
/// assert_eq!(account.balance_at(1).deficit, 4);
/// account.add_credit("b", 7, 2, 100)?;
/// assert_eq!(account.get_balance(2), Some(3));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Overdraft {
    /// It becomes a deficit, which the grants that start later cover first. A balance of
    /// exactly zero reads `Some(0)`.
    #[default]
    Carry,
    /// The same, but the deficit grows to this credit line at most, in the smallest unit. The rest is
    /// dropped: billed elsewhere, and never covered by later grants. So one usage record may be drawn
    /// in part, be a deficit in part, and be dropped in part. With a line of 0 there is never a deficit,
    /// and a balance of exactly zero reads `Some(0)` after usage was dropped, too.
    ///
    /// The line is `i64::MAX` at most, for all usage of an account adds up to no more: an account that is
    /// opened with a longer line has that one, and text and the store refuse a longer one.
    CarryUpTo(u64),
    /// It forfeits every live remainder and is itself dropped whole: there is no deficit, and the next grant
    /// starts clean. A balance of exactly zero reads `None`.
    Forfeit,
}

impl Overdraft {
    /// The most that the deficit may be.
    #[inline]
    pub(crate) fn line(self) -> u64 {
        match self {
            Overdraft::Carry => u64::MAX,
            Overdraft::CarryUpTo(line) => line,
            Overdraft::Forfeit => 0,
        }
    }
}

/// How an account is set up, built by its methods.
///
/// The sizes change cost, never an answer. The defaults suit every account from ten records to
/// hundreds of millions; tests make them tiny so that small inputs build deep structures.
///
/// ```
/// use gpu_credit::{GpuCredit, Options, Overdraft};
///
/// let options = Options::default().overdraft(Overdraft::Forfeit).checkpoint_spacing(64);
/// let account = GpuCredit::with_options(options);
/// assert_eq!(account.overdraft(), Overdraft::Forfeit);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Options {
    pub(crate) overdraft: Overdraft,
    pub(crate) usage_chunk: usize,
    pub(crate) boundary_chunk: usize,
    pub(crate) checkpoint_spacing: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            overdraft: Overdraft::Carry,
            usage_chunk: 256,
            boundary_chunk: 128,
            checkpoint_spacing: 32,
        }
    }
}

impl Options {
    /// What happens to usage beyond what is available: [`Overdraft::Carry`] by default. A credit line
    /// beyond `i64::MAX`, which no account reaches, becomes `i64::MAX`. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options, Overdraft};
    ///
    /// let account = GpuCredit::with_options(Options::default().overdraft(Overdraft::Forfeit));
    /// assert_eq!(account.overdraft(), Overdraft::Forfeit);
    /// ```
    pub fn overdraft(self, overdraft: Overdraft) -> Self {
        let overdraft = match overdraft {
            Overdraft::CarryUpTo(line) => Overdraft::CarryUpTo(line.min(AMOUNTS_MAX)),
            Overdraft::Carry | Overdraft::Forfeit => overdraft,
        };
        Options { overdraft, ..self }
    }

    /// Entries of one chunk of the usage index, at most: 4 to 256, rounded up to a multiple of 4.
    /// 256 by default. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options};
    ///
    /// let mut account = GpuCredit::with_options(Options::default().usage_chunk(4));
    /// account.subtract(1, 0)?;
    /// assert_eq!(account.used_at(0), 1); // chunks change cost, never an answer
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn usage_chunk(self, usage_chunk: usize) -> Self {
        Options {
            usage_chunk,
            ..self
        }
    }

    /// Boundaries of one chunk of the grant timeline, at most: 4 to 256. 128 by default. A write
    /// replays as many as two chunks hold, at most. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options};
    ///
    /// let mut account = GpuCredit::with_options(Options::default().boundary_chunk(4));
    /// account.add_credit("march", 100, 0, 30)?;
    /// assert_eq!(account.get_balance(30), Some(100)); // chunks change cost, never an answer
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn boundary_chunk(self, boundary_chunk: usize) -> Self {
        Options {
            boundary_chunk,
            ..self
        }
    }

    /// Boundaries from one checkpoint to the next, at least: 1 or more, 32 by default. If more than
    /// four times as many grants have a remainder, the distance is a quarter of their number. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options};
    ///
    /// let mut account = GpuCredit::with_options(Options::default().checkpoint_spacing(1_000));
    /// account.add_credit("march", 100, 0, 30)?;
    /// account.settle();
    /// assert_eq!(account.get_balance(30), Some(100)); // checkpoints change cost, never an answer
    /// # Ok::<(), gpu_credit::Error>(())
    /// ```
    pub fn checkpoint_spacing(self, checkpoint_spacing: usize) -> Self {
        Options {
            checkpoint_spacing,
            ..self
        }
    }
}
