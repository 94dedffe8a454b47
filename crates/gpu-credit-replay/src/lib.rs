//! The replay reference of `gpu-credit`: slow, simple implementations of the model, for differential tests.
//!
//! Every query replays the account from its first record, so an answer depends on the records alone.
//! The tests of the engine compare its answers with these. The engine shares no code with the replays, and
//! each replay draws from grants in code of its own.
//!
//! * [`TickReplay`]: the rules of the model, tick by tick, for records that lie close together.
//! * [`ListReplay`]: all events sorted, one after the other, over a sorted list of pools. Metered
//!   usage is taken from one event to the next as one sum, however many ticks lie between.
//! * [`HeapReplay`]: the same with heaps, in O(n log n).
//! * [`KeyedCalculator`]: the classic exercise, which answers by the order of the calls.
//!
//! The first three answer through one trait, [`Replay`], and what may be spent through
//! [`Spendable`]; [`cases`] are worked examples as text, to be run over any engine.
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
mod spendable;
mod statement;
mod tick;

pub mod cases;

pub use answer::{Answer, Overdraft, Status};
pub use heap::HeapReplay;
pub use keyed::KeyedCalculator;
pub use list::ListReplay;
pub use posted::{Grant, Posted, Usage};
pub use replay::Replay;
pub use spendable::Spendable;
pub use statement::{Draw, GrantStatement, Overdrawn, Statement};
pub use tick::TickReplay;
