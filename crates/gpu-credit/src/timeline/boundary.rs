//! Boundaries: where windows start and end, in one total and immutable order.

use crate::limits::GRANTS_MAX;

/// What stands at a boundary: the start of a grant, or the instant after its end.
///
/// One word, ordered as events are at one instant: every end before every start, and each in
/// posting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Handle(u32);

/// A [`Handle`] taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The grant with this number starts.
    Start(u32),
    /// The grant with this number has ended an instant ago.
    End(u32),
}

impl Handle {
    const START: u32 = GRANTS_MAX;

    pub(crate) fn start(grant: u32) -> Self {
        debug_assert!(grant < GRANTS_MAX);
        Handle(grant | Self::START)
    }

    pub(crate) fn end(grant: u32) -> Self {
        debug_assert!(grant < GRANTS_MAX);
        Handle(grant)
    }

    #[inline]
    pub(crate) fn event(self) -> Event {
        if self.0 & Self::START == 0 {
            Event::End(self.0)
        } else {
            Event::Start(self.0 & !Self::START)
        }
    }

    /// What the boundary adds to the number of live grants.
    #[inline]
    pub(crate) fn live_change(self) -> i32 {
        match self.event() {
            Event::Start(_) => 1,
            Event::End(_) => -1,
        }
    }
}

/// The place of a boundary in the order of events. It never changes, so it may be kept while
/// boundaries come and go around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub(crate) time: i64,
    pub(crate) handle: Handle,
}

impl Key {
    /// Before everything: the boundary at which the epoch before the first grant opens. No window
    /// can end before the first instant, so no grant has this key.
    pub(crate) const FIRST: Key = Key {
        time: i64::MIN,
        handle: Handle(0),
    };

    /// Where a window that starts at `start` opens.
    pub(crate) fn start(start: i64, grant: u32) -> Self {
        Key {
            time: start,
            handle: Handle::start(grant),
        }
    }

    /// When a window whose last instant is `end` closes: the instant after. `None` if there is
    /// no such instant: the window never ends.
    pub(crate) fn end(end: i64, grant: u32) -> Option<Self> {
        Some(Key {
            time: end.checked_add(1)?,
            handle: Handle::end(grant),
        })
    }
}
