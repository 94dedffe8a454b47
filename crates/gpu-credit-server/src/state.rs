//! What all requests share.

use std::sync::Arc;

use gpu_credit_store::{AnyStorage, Error, Store, TimeUnit};

use crate::access::Access;

/// What all requests share: the store, and who may ask it. A clone is the same state.
#[derive(Clone)]
pub struct State {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store<AnyStorage>,
    unit: Option<TimeUnit>,
    access: Access,
}

impl State {
    /// The state of a service over a store. The unit of time that the store has now is the one in which the
    /// service reads and writes RFC 3339 times; without one it takes integers only.
    ///
    /// There are no tokens, so that it refuses everything but what takes none: see [`with_access`](Self::with_access). It
    /// blocks while it reads that unit.
    ///
    /// # Errors
    /// If the storage fails.
    pub fn new(store: Store<AnyStorage>) -> Result<Self, Error> {
        Self::with_access(store, Access::default())
    }

    /// The same with what decides who may ask.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_access(store: Store<AnyStorage>, access: Access) -> Result<Self, Error> {
        let unit = store.time_unit()?;
        let shared = Shared {
            store,
            unit,
            access,
        };
        Ok(State {
            shared: Arc::new(shared),
        })
    }

    /// The store.
    pub fn store(&self) -> &Store<AnyStorage> {
        &self.shared.store
    }

    /// The unit of the store's timestamps; `None` if nobody has said it.
    pub fn time_unit(&self) -> Option<TimeUnit> {
        self.shared.unit
    }

    /// What decides who may ask.
    pub fn access(&self) -> &Access {
        &self.shared.access
    }
}
