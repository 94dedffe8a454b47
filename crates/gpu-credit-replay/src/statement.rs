//! Where everything went: the conservation law, grant by grant and for the account.

/// Where all grants and all usage at or before an instant went.
///
/// `used = drawn + deficit + dropped`, and `drawn` is the sum of what the grants say was drawn from
/// them. Each part is counted where it happens, so the law is a check and not a definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// The grants that have started, in posting order; those never live are not among them.
    pub grants: Vec<GrantStatement>,
    /// All usage.
    pub used: u64,
    /// Usage that grants have paid.
    pub drawn: u64,
    /// Usage not yet paid by any grant. Always 0 under `Forfeit`.
    pub deficit: u64,
    /// Usage that was dropped. Always 0 under `Carry`.
    pub dropped: u64,
}

/// Where one grant went: `amount = drawn + lapsed + forfeited + revoked + remaining`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GrantStatement {
    /// Its posting number.
    pub grant: usize,
    /// As posted.
    pub amount: u64,
    /// What paid usage.
    pub drawn: u64,
    /// What died at the end of the window.
    pub lapsed: u64,
    /// What an overdraft took. Always 0 under `Carry`.
    pub forfeited: u64,
    /// What was left when it was revoked.
    pub revoked: u64,
    /// What is undrawn and live.
    pub remaining: u64,
}

/// The part of one usage that one grant paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The place of the usage among all usage that stands, in posting order.
    pub usage: usize,
    /// The posting number of the grant.
    pub grant: usize,
    /// What it paid; never 0.
    pub amount: u64,
    /// When it paid: as the usage came, or, of a deficit, as the grant started.
    pub paid_at: i64,
}
