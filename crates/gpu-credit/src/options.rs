//! The overdraft policy of an account, and the sizes of its structures.

/// What happens to usage beyond what the live grants can pay. One account, one policy.
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
/// # Ok::<(), gpu_credit::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "lowercase"))]
#[non_exhaustive]
pub enum Overdraft {
    /// It becomes a deficit, which the grants that start later pay on arrival. A balance of
    /// exactly zero reads `Some(0)`.
    #[default]
    Carry,
    /// It forfeits every live remainder and is itself dropped whole: no debt, and the next grant
    /// starts clean. A balance of exactly zero reads `None`.
    Forfeit,
}

impl Overdraft {
    /// The word in lower case: `carry` or `forfeit`. O(1)
    ///
    /// ```
    /// use gpu_credit::Overdraft;
    ///
    /// assert_eq!(Overdraft::Carry.as_str(), "carry");
    /// assert_eq!(Overdraft::Forfeit.to_string(), "forfeit");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Overdraft::Carry => "carry",
            Overdraft::Forfeit => "forfeit",
        }
    }
}

impl std::fmt::Display for Overdraft {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.as_str())
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
    /// What happens to usage beyond what is available: [`Overdraft::Carry`] by default. O(1)
    ///
    /// ```
    /// use gpu_credit::{GpuCredit, Options, Overdraft};
    ///
    /// let account = GpuCredit::with_options(Options::default().overdraft(Overdraft::Forfeit));
    /// assert_eq!(account.overdraft(), Overdraft::Forfeit);
    /// ```
    pub fn overdraft(self, overdraft: Overdraft) -> Self {
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
