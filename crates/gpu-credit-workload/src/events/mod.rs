//! The events file: records and questions of many accounts, in arrival order.
//!
//! It is CSV with the header [`HEADER`], plain or gzip. After these six columns the header may name
//! [`OPTIONAL_COLUMNS`], each once and in any order:
//!
//! | `kind` | `account` | `credit_id` | `amount` | `timestamp` | `expiration` |
//! |---|---|---|---|---|---|
//! | `grant` | name | metadata, may be empty | 0 to `i64::MAX` | `i64` | `timestamp + expiration` is at most `i64::MAX` |
//! | `usage` | name | empty | 0 to `i64::MAX` | `i64` | empty |
//! | `balance` | name | empty | empty | `i64` | empty |
//!
//! | `kind` | `id` | `until` | `priority` |
//! |---|---|---|---|
//! | `grant` | names the record, may be empty | empty | -32,768 to 32,767; empty is 0 |
//! | `usage` | names the record, may be empty | `i64`, may be empty | empty |
//! | `balance` | empty | empty | empty |
//!
//! A `usage` row with `until` is metered: `amount` units at *each* tick of `[timestamp, until)`. If
//! `until` is not later than `timestamp`, it is nothing.
//!
//! An `id` names a record within its account, for whoever posts the file and has to know the record
//! again. It has at most [`ID_BYTES_MAX`] bytes. A store that imports the file posts a row with an id
//! once, wherever it stands, and refuses it if it says something else than what was posted under the id.
//! A file without ids that begins with all rows of one imported before continues it; otherwise none of
//! its rows may equal, in all columns, a row that was imported without id.
//!
//! A `balance` row is a question, asked at that point of the file about any instant. Integers are
//! decimal digits with at most a minus before them. Lines end in LF or CRLF, blank lines are
//! skipped, and a UTF-8 byte order mark may come first. Accounts are never empty.
//!
//! [`EventReader`] checks all of this and nothing else: limits that depend on earlier rows are the
//! ledger's.

mod columns;
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
pub use writer::{EventWriter, OptionalColumns};

/// The names of the columns that every file has, in order.
pub const COLUMNS: [&str; 6] = [
    "kind",
    "account",
    "credit_id",
    "amount",
    "timestamp",
    "expiration",
];

/// The names of the columns that a file may have after the others, in any order.
pub const OPTIONAL_COLUMNS: [&str; 3] = [ID, UNTIL, PRIORITY];

const ID: &str = "id";
const UNTIL: &str = "until";
const PRIORITY: &str = "priority";

/// Bytes of an id, at most.
pub const ID_BYTES_MAX: usize = 1_024;

/// The first line of an events file without optional columns.
pub const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration";
