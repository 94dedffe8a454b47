//! What an account is told when it is opened: its overdraft policy and the sizes of its structures.

/// What happens to usage beyond what the live grants can pay. One account, one policy.
///
/// ```
/// use gpu_credit::{GpuCredit, Options, Overdraft};
///
/// let mut account = GpuCredit::with_options(Options {
///     overdraft: Overdraft::Forfeit,
///     ..Options::default()
/// });
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
pub enum Overdraft {
    /// It becomes a deficit, which the grants that start later pay on arrival. A balance of
    /// exactly zero reads `Some(0)`.
    #[default]
    Carry,
    /// It forfeits every live remainder and is itself dropped whole: no debt, and the next grant
    /// starts clean. A balance of exactly zero reads `None`.
    Forfeit,
}

/// How an account is set up. The sizes change cost, never an answer; the defaults suit every
/// ledger from ten records to hundreds of millions, and tests make them tiny so that small inputs
/// build deep structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// What happens to usage beyond what is available.
    pub overdraft: Overdraft,
    /// Entries of one chunk of the usage index, at most: 4 to 256, rounded up to a multiple of 4.
    pub usage_chunk: usize,
    /// Boundaries of one chunk of the grant timeline, at most: 4 to 256.
    pub boundary_chunk: usize,
    /// Boundaries from one checkpoint to the next, at least: 1 or more. Where more than four times
    /// as many grants have something left, the distance is a quarter of their number.
    pub checkpoint_spacing: usize,
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
