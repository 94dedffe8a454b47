//! The Python package: the ledger of `gpu-credit` in Python's idiom.
//!
//! [`account`] is the classic class and all that the Rust account has, its [`contents`],
//! [`questions`], [`spendable`] credit, [`plan`]s, [`corrections`] and [`metered`] usage in files of their own; [`keyed`] is the classic
//! keyed exercise. Both stand on [`ledger`], which posts when somebody asks. [`book`] has many accounts by name, each of which is
//! an [`account`] too, in another [`place`], which lends it [`held`], and answers questions [`across`] them; it is a [`mapping`]. [`store`] keeps them
//! in a durable file or on PostgreSQL, whichever is [`opened`]: [`posting`] adds to it, [`imports`] brings files of others, [`ingest`] tables, and [`history`] shows
//! its entries. [`fold`] is what a distributed engine runs on each part of a large table.
//!
//! What comes in: [`integer`] takes Python's integers, [`instant`] datetimes, [`array`] what NumPy has, [`records`]
//! tuples, [`table`] columns in Arrow's format, of which [`events`] are made. What goes out: [`tables`] and
//! [`periods`] say which rows answer a question, [`columns`] keeps them, [`answers`] hands them to Python; [`words`] makes the package's
//! named tuples; [`pickle`] makes bytes of accounts, and of many of them a [`bundle`]. [`shown`] is how objects look, and [`equal`]
//! when they are.
//!
//! [`shared`] lets threads share an object, [`fork`] has a fork wait for them, and [`pool`] has
//! threads for each process. **No Python code runs while an object is held**: what is done to it is a closure that can
//! hold no object of Python's.

mod account;
mod across;
mod across_spendable;
mod answers;
mod array;
mod batch;
mod book;
mod bundle;
mod columns;
mod contents;
mod corrections;
mod equal;
mod error;
mod events;
mod fold;
mod fork;
mod held;
mod history;
mod holds;
mod imports;
mod ingest;
mod instant;
mod integer;
mod keyed;
mod ledger;
mod mapping;
mod metered;
mod opened;
mod periods;
mod pickle;
mod place;
mod plan;
mod policy;
mod pool;
mod posting;
mod progress;
mod questions;
mod records;
mod shared;
mod shown;
mod spendable;
mod store;
mod table;
mod tables;
mod words;

/// The native half of the package `gpu_credit`, which re-exports all of it.
#[pyo3::pymodule]
mod _native {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::account::Account;
    #[pymodule_export]
    use super::answers::Columns;
    #[pymodule_export]
    use super::book::Book;
    #[pymodule_export]
    use super::fold::fold;
    #[pymodule_export]
    use super::keyed::KeyedAccounts;
    #[pymodule_export]
    use super::store::DurableStore;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        super::array::fetch_numpy(module.py())?;
        super::fork::register(module)
    }
}
