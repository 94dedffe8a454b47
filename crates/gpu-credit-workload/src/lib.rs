//! Seeded workloads for tests, fuzzing, benches and the `gpu-credit` program, and the file they
//! are kept in.
//!
//! * [`events`]: the events file. An [`EventReader`] turns bytes, plain or gzip, into [`Event`]s;
//!   an [`EventWriter`] does the reverse.
//! * [`shapes`]: a [`Workload`] of a named [`Shape`], as long as you like, always the same for the
//!   same seed.
//! * [`small`]: short sequences of operations on one account, with many ties or with numbers from
//!   the whole range, for comparing an engine with a reference.
//! * [`random`]: where all of them get their numbers.
//!
//! Nothing here knows the rules of the ledger.

pub mod events;
pub mod random;
pub mod shapes;
pub mod small;

pub use events::{Action, Event, EventError, EventReader, EventWriter, OptionalColumns};
pub use shapes::{Shape, Workload};
