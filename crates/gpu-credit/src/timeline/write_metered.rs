//! Writing metered usage: one job changes the usage of many epochs, and is one stretch to repair.

use super::known::Unsettled;
use super::write::Arrival;
use super::{GrantTimeline, wrapping};
use crate::all_usage::AllUsage;
use crate::rates::Job;

/// A job that has been posted, taken back or corrected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct JobChange {
    pub(crate) old: Option<Job>,
    pub(crate) new: Option<Job>,
}

impl JobChange {
    /// What it adds to the usage through a tick.
    fn through(self, time: i64) -> i128 {
        let through = |job: Option<Job>| job.map_or(0, |job| job.through(time).cast_signed());
        through(self.new) - through(self.old)
    }

    /// The first tick whose usage may change, and the first after all that may.
    fn ticks(self) -> Option<(i64, i64)> {
        match (self.old, self.new) {
            (Some(old), Some(new)) if (old.from, old.rate) == (new.from, new.rate) => {
                let (sooner, later) = (old.until.min(new.until), old.until.max(new.until));
                Some((sooner.max(new.from), later))
            }
            (old, new) => {
                let jobs = || {
                    [old, new]
                        .into_iter()
                        .flatten()
                        .filter(|job| job.total() > 0)
                };
                let from = jobs().map(|job| job.from).min()?;
                let until = jobs().map(|job| job.until).max()?;
                Some((from, until))
            }
        }
        .filter(|(from, until)| from < until)
    }
}

impl GrantTimeline {
    /// Takes note of a job that has been posted to the index: for the frontier it counts by its
    /// beginning. O(B) for each boundary up to the frontier that it spans, and a bounded repair.
    pub(crate) fn metered_posted(&mut self, usage: &AllUsage, job: Job) {
        self.expect_usage(job.from);
        let is_in_order = self.known.pass_usage(job.from);
        let keeps_usage = self.known.keeps_usage(job.from);
        self.change_metered(JobChange {
            old: None,
            new: Some(job),
        });
        if is_in_order {
            self.known.restart_count();
        }
        self.keep_up(
            usage,
            if is_in_order && !keeps_usage {
                Arrival::InOrder
            } else {
                Arrival::Late
            },
        );
    }

    /// Takes note of many jobs that have been posted to the index: of all of them before anything is
    /// repaired, for a repair reads the index. If they span more epochs than there are, levels are
    /// forgotten instead. O(B) for each boundary up to the frontier that one of them spans, but no more
    /// than O(B m), and a bounded repair.
    pub(crate) fn metered_posted_many(&mut self, usage: &AllUsage, jobs: &[Job]) {
        let beginnings = || jobs.iter().map(|job| job.from);
        let (Some(earliest), Some(latest)) = (beginnings().min(), beginnings().max()) else {
            return;
        };
        self.expect_usage(earliest);
        let mut epochs = 0;
        for job in jobs {
            epochs += self.change_metered(JobChange {
                old: None,
                new: Some(*job),
            });
            if epochs > self.tree.len() {
                return self.usage_loaded(usage, earliest, latest);
            }
        }
        let is_in_order = self.known.pass_usage(latest) && !self.known.keeps_usage(latest);
        self.keep_up(
            usage,
            if is_in_order {
                Arrival::InOrder
            } else {
                Arrival::Late
            },
        );
    }

    /// Takes note of a job that has been taken back, or changed, in the index. Cost as
    /// [`metered_posted`](Self::metered_posted).
    pub(crate) fn metered_changed(&mut self, usage: &AllUsage, change: JobChange) {
        self.change_metered(change);
        self.keep_up(usage, Arrival::Late);
    }

    /// Changes the usage of the epochs before the frontier in which a job runs; how many it has gone
    /// through.
    pub(super) fn change_metered(&mut self, change: JobChange) -> usize {
        let Some((from, until)) = change.ticks() else {
            return 0;
        };
        if !self.known.keeps_usage(from) {
            return 0;
        }
        let mut epochs = 0;
        let frontier = self.known.frontier();
        let mut at = self.tree.find_time(from);
        let mut done = 0;
        let mut stretch: Option<Unsettled> = None;
        while self.tree.get(at).key() < frontier && self.tree.get(at).time < until {
            let next = self.tree.next(at).expect("the frontier is later");
            let key = self.tree.get(next).key();
            let through = key.time.checked_sub(1);
            let through = through.map_or(0, |last| change.through(last));
            if through != done {
                self.tree.add_usage(at, wrapping(through - done));
                done = through;
                let stretch = stretch.get_or_insert(Unsettled {
                    first: key,
                    last: key,
                    shift: 0,
                });
                stretch.last = key;
                stretch.shift = -done;
            }
            at = next;
            epochs += 1;
        }
        if let Some(stretch) = stretch {
            self.unsettle_stretch(stretch);
        }
        epochs
    }
}
