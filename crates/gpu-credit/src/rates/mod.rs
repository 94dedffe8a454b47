//! The rate index: metered usage over time.
//!
//! A job uses `rate` units at each tick of `[from, until)`: the rate of the account rises by that at
//! `from` and falls at `until`. Between two changes of rate what is used is a [`Line`] over time, and
//! the line at an instant is the sum of all changes up to it. So the index answers "how much was
//! metered through this tick" by one prefix sum, however many jobs were running then.
//!
//! ```text
//! top      [ heads | group x groups: line before, heads, where its chunks are ]
//! group    [ chunk x 64, each 6 cache lines                                   ]
//! chunk    [ line before | origin | line before each block x 4 | steps x 64   ]
//! step     [ tick, rise: 4 bytes                                              ]
//! jobs     [ from, until, rate by number                                      ]
//! ```
//!
//! As in the [usage index](crate::usage), times in a chunk are distances from an origin (frame of
//! reference), and no sum reaches beyond its node. Times and rates of a chunk have 2 bytes each if all
//! fit, else 4 or 8, and then stand apart from the others of their group. Whose each change is stands
//! apart too.
//!
//! What limits a question is waiting for memory, one cache line after the other, and guessing branches
//! wrong. The heads, 0.15 bytes a change, stay in cache and say where the chunk is; its lines are asked
//! for together, and no branch depends on what is in them.
//!
//! A chunk that is full evens out with one beside it that has room before it splits.
//!
//! With `j` jobs: a question is O(log j); posting, changing and taking back a job is O(log j + 64), and a
//! pass over the groups. Memory: 25 bytes a job and two changes, below 64 in all if 2 bytes are enough
//! for times and rates.

mod bytes;
mod change;
mod chunk;
mod directory;
mod heads;
mod jobs;
mod line;
mod steps;
mod tree;

#[cfg(test)]
mod tests;

pub(crate) use jobs::Job;
pub(crate) use line::Line;

use change::{Change, Key, Mark};
use jobs::Jobs;
use tree::{ChangeTree, ChangesFrom};

/// How many jobs one account can number: a change keeps one bit of 32 for its side.
pub(crate) const JOBS_MAX: u32 = (1 << 31) - 1;

/// The jobs of an account, and the sums of what they use.
#[derive(Clone, Debug)]
pub(crate) struct RateIndex {
    jobs: Jobs,
    changes: ChangeTree,
    /// What all jobs use.
    total: u64,
}

/// A stretch of time in which the rate does not change, and what is metered in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// When the rate changes next.
    pub(crate) next: Option<i64>,
    pub(crate) line: Line,
}

impl RateIndex {
    /// An index without jobs. A chunk holds up to `width` changes, 4 or more.
    pub(crate) fn new(width: usize) -> Self {
        RateIndex {
            jobs: Jobs::default(),
            changes: ChangeTree::new(width),
            total: 0,
        }
    }

    /// What all jobs use. O(1)
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// How many jobs stand. O(1)
    pub(crate) fn len(&self) -> usize {
        self.jobs.len()
    }

    /// How many jobs were ever posted. O(1)
    pub(crate) fn posted(&self) -> usize {
        self.jobs.posted()
    }

    /// A job by its number, if it stands. O(1)
    pub(crate) fn get(&self, number: u32) -> Option<Job> {
        self.jobs.get(number)
    }

    /// What is used through a tick. O(log j). Out of line, for most accounts have none.
    #[inline(never)]
    pub(crate) fn through(&self, time: i64) -> u64 {
        self.changes.through(time)
    }

    /// The line that holds at an instant, and until when. O(log j)
    pub(crate) fn piece(&self, time: i64) -> Piece {
        self.changes.piece(time)
    }

    /// Posts a job and numbers it. The caller has made sure that all usage stays within `i64::MAX`.
    /// O(log j), and a pass over a chunk, a group and the groups
    pub(crate) fn post(&mut self, job: Job) -> u32 {
        let number = self.jobs.post(job);
        self.enter(number, job);
        number
    }

    /// [`post`](Self::post) for each, or all changes built anew if they are many. The same limits hold.
    pub(crate) fn extend(&mut self, jobs: &[Job]) {
        if jobs.len() <= 16 || jobs.len() < self.len() / 8 {
            for job in jobs {
                self.post(*job);
            }
            return;
        }
        for job in jobs {
            self.jobs.post(*job);
            self.total += within(job.total());
        }
        self.build();
    }

    /// Gives a job that stands another window and rate; what it was. Cost as [`post`](Self::post)
    pub(crate) fn change(&mut self, number: u32, job: Job) -> Job {
        let old = self.jobs.row(number);
        self.leave(number, old);
        self.jobs.set(number, job);
        self.enter(number, job);
        old
    }

    /// Takes a job back that stands; what it was. Cost as [`post`](Self::post)
    pub(crate) fn retract(&mut self, number: u32) -> Job {
        let old = self.jobs.row(number);
        self.leave(number, old);
        self.jobs.retract(number);
        old
    }

    /// Takes back that the job posted last was posted; what it was. Cost as [`post`](Self::post)
    pub(crate) fn unpost(&mut self) -> Job {
        let last = self.posted().checked_sub(1).map(u32::try_from);
        let number = last.and_then(Result::ok).expect("a job has been posted");
        let job = self.jobs.row(number);
        self.leave(number, job);
        self.jobs.unpost();
        job
    }

    /// Takes back that a job was retracted; what it is. Cost as [`post`](Self::post)
    pub(crate) fn restore(&mut self, number: u32) -> Job {
        let job = self.jobs.row(number);
        self.jobs.restore(number);
        self.enter(number, job);
        job
    }

    fn enter(&mut self, number: u32, job: Job) {
        for change in changes(number, job).into_iter().flatten() {
            self.changes.insert(change, &self.jobs);
        }
        self.total += within(job.total());
    }

    fn leave(&mut self, number: u32, job: Job) {
        for change in changes(number, job).into_iter().flatten() {
            self.changes.remove(change);
        }
        self.total -= within(job.total());
    }

    /// Builds the changes of all jobs anew.
    fn build(&mut self) {
        let jobs = self.jobs.iter();
        let changes = jobs.map(|(number, job)| changes(number, job));
        let mut changes: Vec<Change> = changes.flatten().flatten().collect();
        changes.sort_unstable_by_key(|change| change.key);
        self.changes = self.changes.rebuilt(&changes, &self.jobs);
    }

    /// The jobs that begin at instants of a range, both ends included: by when they begin, and at
    /// one tick in posting order. O(log j), and O(1) a change of rate
    pub(crate) fn beginning(&self, first: i64, last: i64) -> Beginning<'_> {
        let changes = self.changes.iter_from(Key::before(first));
        let jobs = &self.jobs;
        Beginning {
            changes,
            jobs,
            last,
        }
    }

    /// The jobs that use something at a tick, in posting order. O(log j) for each, if jobs are
    /// about equally long
    pub(crate) fn running(&self, time: i64) -> Vec<(u32, Job)> {
        let mut running = Vec::new();
        self.changes.visit_running(time, |number| {
            let job = self.jobs.row(number);
            if job.until > time && job.rate > 0 {
                running.push((number, job));
            }
        });
        running.sort_unstable_by_key(|(number, _)| *number);
        running
    }

    /// Heap bytes. O(chunks)
    pub(crate) fn memory_used(&self) -> usize {
        self.jobs.memory_used() + self.changes.memory_used()
    }

    /// Checks order, heads and sums on every level. O(j log j)
    pub(crate) fn assert_invariants(&self) {
        let changes = self.jobs.iter().map(|(number, job)| changes(number, job));
        let mut expected: Vec<Change> = changes.flatten().flatten().collect();
        expected.sort_unstable_by_key(|change| change.key);
        self.changes.assert_invariants(&expected, &self.jobs);
        let total: u128 = self.jobs.iter().map(|(_, job)| job.total()).sum();
        assert_eq!(u128::from(self.total), total, "total of all jobs");
    }
}

/// Jobs by when they begin: made by [`RateIndex::beginning`].
#[derive(Clone, Debug)]
pub(crate) struct Beginning<'a> {
    changes: ChangesFrom<'a>,
    jobs: &'a Jobs,
    last: i64,
}

impl Iterator for Beginning<'_> {
    type Item = (u32, Job);

    fn next(&mut self) -> Option<(u32, Job)> {
        loop {
            let Key { time, mark } = self.changes.next()?.key;
            if time > self.last {
                return None;
            }
            if let Some(number) = mark.starts() {
                return Some((number, self.jobs.row(number)));
            }
        }
    }
}

/// The changes of rate that a job makes. One that uses nothing still has a beginning, by which it is
/// found.
fn changes(number: u32, job: Job) -> [Option<Change>; 2] {
    let rise = if job.total() == 0 { 0 } else { job.rate };
    let start = Change {
        key: Key {
            time: job.from,
            mark: Mark::start(number),
        },
        rise,
    };
    let end = Change {
        key: Key {
            time: job.until,
            mark: Mark::end(number),
        },
        rise: rise.wrapping_neg(),
    };
    [Some(start), (rise > 0).then_some(end)]
}

fn within(total: u128) -> u64 {
    u64::try_from(total).expect("the limits of an account keep usage below 2^63")
}
