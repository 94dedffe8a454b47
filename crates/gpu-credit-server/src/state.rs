//! What all requests share.

use std::sync::Arc;

use gpu_credit_store::{AnyStorage, Error, Store, TimeUnit};

use crate::Problem;
use crate::access::Access;
use crate::events::{EventCounts, EventRules};
use crate::form::Time;
use crate::problem::kinds;
use crate::resources::picture::KnownMarks;
use crate::watch::Watch;

/// What all requests share: the store, and who may ask it. A clone is the same state.
#[derive(Clone)]
pub struct State {
    shared: Arc<Shared>,
    event_rules: Arc<EventRules>,
}

struct Shared {
    store: Store<AnyStorage>,
    unit: Option<TimeUnit>,
    access: Access,
    watch: Watch,
    event_counts: EventCounts,
    marks: KnownMarks,
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
            watch: Watch::default(),
            event_counts: EventCounts::default(),
            marks: KnownMarks::default(),
        };
        Ok(State {
            shared: Arc::new(shared),
            event_rules: Arc::default(),
        })
    }

    /// The same with rules by which events become usage; without them no event has an amount.
    #[must_use]
    pub fn with_event_rules(mut self, rules: EventRules) -> Self {
        self.event_rules = Arc::new(rules);
        self
    }

    /// By which rules events become usage.
    pub(crate) fn event_rules(&self) -> &EventRules {
        &self.event_rules
    }

    /// What became of events so far.
    pub(crate) fn event_counts(&self) -> &EventCounts {
        &self.shared.event_counts
    }

    /// The instants at which late and corrected records took effect, of accounts that were looked at.
    pub(crate) fn marks(&self) -> &KnownMarks {
        &self.shared.marks
    }

    /// The store.
    pub fn store(&self) -> &Store<AnyStorage> {
        &self.shared.store
    }

    /// The unit of the store's timestamps; `None` if nobody has said it.
    pub fn time_unit(&self) -> Option<TimeUnit> {
        self.shared.unit
    }

    /// The instant that a request says, or now if it says none.
    pub(crate) fn instant_or_now(
        &self,
        said: Option<Time>,
        parameter: &'static str,
    ) -> Result<Time, Problem> {
        match (said, self.time_unit()) {
            (Some(instant), _) => Ok(instant),
            (None, Some(unit)) => Ok(Time::now(unit)),
            (None, None) => {
                let detail = format!(
                    "the store has no unit of time, and knows no now: expected `{parameter}`"
                );
                Err(Problem::new(&kinds::NO_TIME_UNIT, detail).with("parameter", parameter))
            }
        }
    }

    /// What decides who may ask.
    pub fn access(&self) -> &Access {
        &self.shared.access
    }

    /// What tells who follows an account that it has changed.
    pub(crate) fn watch(&self) -> &Watch {
        &self.shared.watch
    }

    /// Something may have been posted.
    pub(crate) fn has_posted(&self) {
        self.shared.watch.look();
    }
}
