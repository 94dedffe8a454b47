//! The HTTP service of `gpu-credit`: accounts of expiring credit of a store, as resources under `/v1`.
//!
//! [`router`] makes the service of a [`State`], which holds a store of whichever kind. It reads requests, calls the
//! store and writes answers; it has no rules of its own. [`access`] decides who may ask for what.
//!
//! ```
//! use gpu_credit_server::{State, router};
//! use gpu_credit_store::Store;
//!
//! let state = State::new(Store::in_memory()?.into_any())?;
//! let service: axum::Router = router(state);
//! # let _ = service;
//! # Ok::<(), gpu_credit_store::Error>(())
//! ```

pub mod access;
mod entry;
mod events;
mod file_stamp;
mod form;
mod ids;
mod openapi;
mod page;
pub mod problem;
mod read;
mod reply;
mod resources;
mod router;
mod run;
pub mod service;
mod state;
mod stream;
mod ui;
mod watch;

pub use events::{BadEventRules, EventRules};
pub use openapi::openapi;
pub use problem::Problem;
pub use router::router;
#[doc(hidden)]
pub use router::router_with_constant;
pub use state::State;
