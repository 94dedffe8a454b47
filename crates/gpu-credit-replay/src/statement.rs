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
    /// Usage that was dropped. Always 0 under `Carry` without a line.
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
    /// What an overdraft took. Always 0 but under `Forfeit`.
    pub forfeited: u64,
    /// What was left when it was revoked.
    pub revoked: u64,
    /// What is undrawn and live.
    pub remaining: u64,
}

/// What is owed, and what was dropped so far, at an instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdrawn {
    /// Usage not yet paid by any grant.
    pub deficit: u64,
    /// Usage that was dropped so far.
    pub dropped: u64,
}

/// A part of a usage record that one grant paid.
///
/// The units of a record have an order: by tick, and those of one tick as they are paid. A draw is
/// a run of them, as long as possible, which one grant paid as they fell, or on its arrival. So
/// only at its first and at its last tick can a draw be less than the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The place of the usage among all usage that stands, in posting order.
    pub usage: usize,
    /// The posting number of the grant.
    pub grant: usize,
    /// What it paid; never 0.
    pub amount: u64,
    /// The first tick of which it paid; of usage at an instant, that instant.
    pub first: i64,
    /// The last tick of which it paid.
    pub last: i64,
    /// When it began to pay: at `first`, or, of a deficit, all at once as the grant started.
    pub drawn_at: i64,
}
