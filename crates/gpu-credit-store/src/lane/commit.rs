//! Within the lane: a group is checked or drafted, appended, and published.

use std::iter;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use hashbrown::{HashMap, HashSet};

use super::{Drafted, Job, LARGE_FROM, Lane, Reply, Turn, now};
use crate::draft::{Answered, Draft, Finished};
use crate::facts::Facts;
use crate::recent::Recent;
use crate::{
    Account, AccountKey, Entry, Error, Head, Journal, JournalError, Moved, Part, Posting, RecordId,
    Sequence,
};

/// Entries that a commit makes forgotten, beside twice as many as it wrote.
const FORGOTTEN: usize = 256;

/// What is to be written.
struct Writing {
    finished: Finished,
    /// If it was drafted outside of the lane, what was prepared of it, and how far that is moved.
    prepared: Option<(Vec<u8>, Moved)>,
}

impl<J: Journal> Lane<J> {
    /// Commits a group. One thread at a time comes here.
    pub(super) fn commit(&self, turns: Vec<Turn>) -> Vec<Reply> {
        let jobs = turns.into_iter().filter_map(|turn| match turn {
            Turn::Commit(job) => Some(job),
            Turn::Alone => None,
        });
        let mut jobs: Vec<Box<Job>> = jobs.collect();
        if self.is_behind.swap(true, Ordering::SeqCst)
            && let Err(error) = self.catch_up()
        {
            let failed = |job| Reply::Committed {
                job,
                answered: Some(Err((0, Error::Journal(error.clone())))),
            };
            return jobs.into_iter().map(failed).collect();
        }
        let mut recent = self.recent.lock();
        let last = self.kept.directory.visible();
        let (writing, mut answers) = draft(&mut jobs, &recent, last, self.standby.take());
        match self.write(writing, &mut recent) {
            Ok(()) => self.is_behind.store(false, Ordering::SeqCst),
            Err((unwritten, error)) => fail(&jobs, &mut answers, &unwritten, &error),
        }
        let replies = jobs.into_iter().zip(answers);
        replies
            .map(|(job, answered)| Reply::Committed { job, answered })
            .collect()
    }

    /// Makes a draft durable, and visible. If that fails, it gives back the entries.
    fn write(
        &self,
        writing: Writing,
        recent: &mut Recent,
    ) -> Result<(), (Vec<Entry>, JournalError)> {
        let Writing { finished, prepared } = writing;
        let Finished {
            written,
            touched,
            standby,
            ..
        } = finished;
        if written.entries.is_empty() {
            self.standby.put_back(standby, &written);
            return Ok(());
        }
        let open = touched.iter().filter(|account| !account.is_deleted);
        let heads: Vec<Head> = open.map(|account| account.head.clone()).collect();
        let appended = match prepared {
            None => self.kept.journal.append(&written.entries, &heads),
            Some((prepared, moved)) => {
                let part = Part {
                    prepared: prepared.into(),
                    moved,
                    heads: heads.into(),
                    ..Part::default()
                };
                self.kept.journal.append_parts(&mut iter::once(Ok(part)))
            }
        };
        if let Err(error) = appended {
            self.standby.forget();
            return Err((written.entries, error));
        }
        self.standby.put_back(standby, &written);
        let written = Arc::new(written);
        recent.take_in(Arc::clone(&written), touched);
        let removed = self.kept.directory.publish(&written);
        let needed = self.pins.first(|| self.kept.directory.visible());
        let forgotten = recent.forget(needed, FORGOTTEN + 2 * written.entries.len());
        let mut done_with = self.done_with.lock();
        done_with.is_much |= !removed.is_empty();
        done_with.things.extend(removed);
        for commit in forgotten {
            done_with.is_much |= commit.entries.len() >= LARGE_FROM;
            done_with.things.push(commit);
        }
        Ok(())
    }
}

/// Drafts a group, or takes over what is drafted already; whose facts do not hold is not answered.
fn draft(
    jobs: &mut [Box<Job>],
    recent: &Recent,
    last: Sequence,
    standby: HashMap<AccountKey, Account>,
) -> (Writing, Vec<Option<Answered>>) {
    let holds = |facts: &Facts| recent.reaches(facts.as_of());
    if let [job] = jobs
        && let Some(drafted) = job.drafted.take()
    {
        let Drafted {
            mut finished,
            answered,
            prepared,
        } = *drafted;
        if holds(&job.facts)
            && job.facts.are_unchanged(recent)
            && let Some(moved) = finished.move_to(last)
        {
            finished.standby = standby;
            let prepared = Some((prepared, moved));
            return (Writing { finished, prepared }, vec![Some(answered)]);
        }
        let draft = Draft::new(recent, last, 0).with_standby(standby);
        return (Writing::of(draft), vec![None]);
    }
    let mut draft = Draft::new(recent, last, now()).with_standby(standby);
    let answers = jobs.iter_mut().map(|job| {
        let Job {
            request,
            facts,
            drafted,
        } = &mut **job;
        let holds = drafted.is_none() && holds(facts);
        let can_decide = holds && draft.can_decide(&request.postings, request.of_holds, facts);
        can_decide.then(|| draft.add(request, facts))
    });
    let answers = answers.collect();
    (Writing::of(draft), answers)
}

impl Writing {
    fn of(draft: Draft<'_>) -> Self {
        Writing {
            finished: draft.finish(),
            prepared: None,
        }
    }
}

/// Whoever counts on an entry of a draft is told that it could not be written: who posted it, first or
/// again, and who tried something after it.
fn fail(
    jobs: &[Box<Job>],
    answers: &mut [Option<Answered>],
    unwritten: &[Entry],
    error: &JournalError,
) {
    let ids = unwritten
        .iter()
        .map(|entry| (&*entry.account.name, &entry.id));
    let ids: HashSet<(&str, &RecordId)> = ids.collect();
    let is_unwritten = |posting: &Posting| ids.contains(&(posting.account.as_str(), &posting.id));
    for (job, answer) in jobs.iter().zip(answers.iter_mut().flatten()) {
        let counts_on_it = answer.as_ref().is_ok_and(|outcomes| {
            let is_new = outcomes.iter().any(|outcome| outcome.is_new());
            is_new || job.request.postings.iter().any(is_unwritten)
        });
        if counts_on_it {
            *answer = Err((0, Error::Journal(error.clone())));
        }
    }
}
