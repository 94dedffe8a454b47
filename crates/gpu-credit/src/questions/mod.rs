//! Questions beyond the balance: who paid what, what becomes of it, and when it runs low.
//!
//! All take `&self` and are answered for the records as they are now, settled or not.

mod balances;
mod draws;
mod lapsing;
mod range;
mod series;
mod statement;
mod steps;
mod usage_statement;
mod what_if;

pub use draws::{Draw, Draws};
pub use lapsing::Lapse;
pub use statement::{GrantStatement, Statement};
pub use steps::Steps;
pub use usage_statement::UsageStatement;
