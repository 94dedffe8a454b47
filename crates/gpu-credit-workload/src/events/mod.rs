//! The events file: records and questions of many accounts, in arrival order.
//!
//! It is CSV with exactly the header [`HEADER`], plain or gzip:
//!
//! | `kind` | `account` | `credit_id` | `amount` | `timestamp` | `expiration` |
//! |---|---|---|---|---|---|
//! | `grant` | name | metadata, may be empty | 0 to `i64::MAX` | `i64` | `timestamp + expiration` is at most `i64::MAX` |
//! | `usage` | name | empty | 0 to `i64::MAX` | `i64` | empty |
//! | `balance` | name | empty | empty | `i64` | empty |
//!
//! A `balance` row is a question, asked at that point of the file about any instant. Integers are
//! decimal digits with at most a minus before them. Lines end in LF or CRLF, blank lines are
//! skipped, and a UTF-8 byte order mark may come first. Accounts are never empty.
//!
//! [`EventReader`] checks all of this and nothing else: limits that depend on earlier rows are the
//! ledger's.

mod error;
mod event;
mod read_ahead;
mod reader;
mod row;
mod rows;
mod text;
mod writer;

pub use error::EventError;
pub use event::{Action, Event};
pub use reader::EventReader;
pub use writer::EventWriter;

/// The names of the columns, in order.
pub const COLUMNS: [&str; 6] = [
    "kind",
    "account",
    "credit_id",
    "amount",
    "timestamp",
    "expiration",
];

/// The first line of every events file.
pub const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration";
