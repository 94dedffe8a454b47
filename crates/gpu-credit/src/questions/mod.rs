//! Questions beyond one balance: many instants, ranges of time, what drew from which grant, and what if.
//!
//! All take `&self` and are answered for the records as they are now, settled or not.

mod balances;
mod demand;
mod demands;
mod draws;
mod lapsing;
mod low;
mod metered_statement;
mod payments;
mod period_statement;
mod remainders;
mod series;
mod spendable;
mod statement;
mod steps;
mod usage_statement;
mod what_if;

pub use draws::{Draw, Draws};
pub use lapsing::Lapse;
pub use period_statement::{GrantPeriod, PeriodStatement};
pub use remainders::Remainder;
pub use series::Series;
pub use statement::{GrantStatement, Statement};
pub use steps::{Step, Steps};
pub use usage_statement::UsageStatement;
