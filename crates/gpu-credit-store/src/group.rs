//! Group commit: whoever finds nobody committing commits for all who wait.
//!
//! There is no thread of its own. The first to arrive leads: it takes what waits, its own request
//! included, and commits it in one go. Those who arrive meanwhile wait; when the leader is done, the
//! first of them leads the next group. A large request is a group of its own, so that nobody who came
//! before it waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Requests that wait to be committed, and their answers.
pub(crate) struct GroupCommit<Q, A> {
    queue: Mutex<Queue<Q, A>>,
    groups: AtomicU64,
}

struct Queue<Q, A> {
    /// Somebody leads, or has been told to.
    led: bool,
    waiting: VecDeque<Waiting<Q, A>>,
}

struct Waiting<Q, A> {
    request: Q,
    is_large: bool,
    seat: Arc<Seat<A>>,
}

/// Where one request waits.
struct Seat<A> {
    turn: Mutex<Turn<A>>,
    called: Condvar,
}

enum Turn<A> {
    Wait,
    Lead,
    Answered(A),
    /// The leader came to an end without answering.
    Abandoned,
}

/// The leader came to an end without answering.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Abandoned;

impl<Q, A> Default for GroupCommit<Q, A> {
    fn default() -> Self {
        Self::new()
    }
}

impl<Q, A> GroupCommit<Q, A> {
    pub(crate) fn new() -> Self {
        let queue = Queue {
            led: false,
            waiting: VecDeque::new(),
        };
        GroupCommit {
            queue: Mutex::new(queue),
            groups: AtomicU64::new(0),
        }
    }

    /// How many groups were committed, or are being committed.
    pub(crate) fn groups(&self) -> u64 {
        self.groups.load(Ordering::Relaxed)
    }

    /// Hands a request in and waits for its answer. `commit` answers each request of a group, in
    /// order; it is called by one thread at a time.
    pub(crate) fn submit(
        &self,
        request: Q,
        is_large: bool,
        commit: impl FnOnce(Vec<Q>) -> Vec<A>,
    ) -> Result<A, Abandoned> {
        let seat = Arc::new(Seat::new());
        let leads = {
            let mut queue = lock(&self.queue);
            queue.waiting.push_back(Waiting {
                request,
                is_large,
                seat: Arc::clone(&seat),
            });
            !std::mem::replace(&mut queue.led, true)
        };
        if leads {
            return self.lead(&seat, commit);
        }
        match seat.wait() {
            Turn::Answered(answer) => Ok(answer),
            Turn::Lead => self.lead(&seat, commit),
            Turn::Wait | Turn::Abandoned => Err(Abandoned),
        }
    }

    fn lead(&self, own: &Seat<A>, commit: impl FnOnce(Vec<Q>) -> Vec<A>) -> Result<A, Abandoned> {
        let group = lock(&self.queue).take_group();
        self.groups.fetch_add(1, Ordering::Relaxed);
        let group = group
            .into_iter()
            .map(|waiting| (waiting.request, waiting.seat));
        let (requests, seats): (Vec<Q>, Vec<Arc<Seat<A>>>) = group.unzip();
        let mut leadership = Leadership {
            queue: &self.queue,
            seats,
            answers: Vec::new(),
        };
        leadership.answers = commit(requests);
        drop(leadership);
        match own.take() {
            Turn::Answered(answer) => Ok(answer),
            Turn::Wait | Turn::Lead | Turn::Abandoned => Err(Abandoned),
        }
    }
}

impl<Q, A> Queue<Q, A> {
    /// The first who waits, with those behind him if nobody is large.
    fn take_group(&mut self) -> Vec<Waiting<Q, A>> {
        let large = self.waiting.iter().position(|waiting| waiting.is_large);
        let count = large.map_or(self.waiting.len(), |large| large.max(1));
        self.waiting.drain(..count).collect()
    }
}

/// Held while a group is committed. However that ends, dropping it tells everybody of this group and
/// calls the next leader.
struct Leadership<'a, Q, A> {
    queue: &'a Mutex<Queue<Q, A>>,
    seats: Vec<Arc<Seat<A>>>,
    answers: Vec<A>,
}

impl<Q, A> Drop for Leadership<'_, Q, A> {
    fn drop(&mut self) {
        let mut answers = std::mem::take(&mut self.answers).into_iter();
        for seat in &self.seats {
            seat.call(answers.next().map_or(Turn::Abandoned, Turn::Answered));
        }
        // Last, so that those who have their answers may be back with their next requests when the
        // next leader takes what waits: two groups of one half each would take turns otherwise.
        let mut queue = lock(self.queue);
        match queue.waiting.front() {
            Some(first) => first.seat.call(Turn::Lead),
            None => queue.led = false,
        }
    }
}

impl<A> Seat<A> {
    fn new() -> Self {
        Seat {
            turn: Mutex::new(Turn::Wait),
            called: Condvar::new(),
        }
    }

    fn call(&self, turn: Turn<A>) {
        *lock(&self.turn) = turn;
        self.called.notify_one();
    }

    fn take(&self) -> Turn<A> {
        std::mem::replace(&mut *lock(&self.turn), Turn::Wait)
    }

    /// Waits to be called. Spurious wake-ups leave the turn as it is.
    fn wait(&self) -> Turn<A> {
        let mut turn = lock(&self.turn);
        loop {
            match std::mem::replace(&mut *turn, Turn::Wait) {
                Turn::Wait => {}
                called => return called,
            }
            let woken = self.called.wait(turn);
            turn = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Nothing here is left half-done by a panic, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn every_request_gets_its_own_answer_and_one_group_is_committed_at_a_time() {
        let commit = GroupCommit::new();
        let (committing, groups) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            for writer in 0..8_u64 {
                let (commit, committing, groups) = (&commit, &committing, &groups);
                scope.spawn(move || {
                    for number in 0..500 {
                        let request = writer * 1_000 + number;
                        let answer = commit.submit(request, false, |group| {
                            assert_eq!(committing.fetch_add(1, Ordering::SeqCst), 0);
                            groups.fetch_add(1, Ordering::SeqCst);
                            thread::yield_now();
                            committing.fetch_sub(1, Ordering::SeqCst);
                            group.into_iter().map(|request| request + 1).collect()
                        });
                        assert_eq!(answer, Ok(request + 1));
                    }
                });
            }
        });
        let groups = groups.into_inner();
        assert!(
            (1..8 * 500).contains(&groups),
            "{groups} groups shared nothing"
        );
    }

    #[test]
    fn a_leader_that_panics_abandons_its_group_and_nobody_else() {
        let commit = GroupCommit::<u8, u8>::new();
        let panics = AssertUnwindSafe(|| commit.submit(1, false, |_| panic!("on purpose")));
        assert!(catch_unwind(panics).is_err());
        assert_eq!(commit.submit(2, false, |group| group), Ok(2));
    }
}
