//! The replay reference of `gpu-credit`: engines so simple that nobody doubts them.
//!
//! Every question replays the account from its first record, so an answer depends on nothing but
//! the records. That is slow, and it is the point: what the fast engine answers is right when it
//! equals what these answer. None shares a line with it, and the two replays share none of the
//! drawing with one another.
//!
//! * [`ListReplay`]: all events sorted, one after the other, over a sorted list of pools.
//! * [`HeapReplay`]: grants and usage merged, over a min-heap by expiry.
//! * [`KeyedCalculator`]: the classic exercise, which answers by the order of the calls.
//!
//! The first two answer through one trait, [`Replay`]; [`cases`] are worked examples as text, to be
//! run over any engine.
//!
//! ```
//! use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay};
//!
//! fn late_grant(mut account: impl Replay) {
//!     account.subtract(4, 30);
//!     account.add_credit(4, 20, 30);
//!     assert_eq!(account.get_balance(20), Some(4));
//!     assert_eq!(account.get_balance(30), Some(0));
//!     assert_eq!(account.get_balance(51), None);
//! }
//! late_grant(ListReplay::new(Overdraft::Carry));
//! late_grant(HeapReplay::new(Overdraft::Carry));
//! ```

mod answer;
mod heap;
mod keyed;
mod list;
mod posted;
mod replay;
mod statement;

pub mod cases;

pub use answer::{Answer, Overdraft, Status};
pub use heap::HeapReplay;
pub use keyed::KeyedCalculator;
pub use list::ListReplay;
pub use posted::{Grant, Posted, Usage};
pub use replay::Replay;
pub use statement::{Draw, GrantStatement, Statement};
