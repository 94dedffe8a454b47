//! Real time: what is answered before something else is asked comes before it.

use std::collections::BTreeMap;
use std::time::Duration;

use gpu_credit_store::RecordId;

use super::Checker;
use crate::faults::history::{Event, Reply, Request};

/// What an event shows of an account.
struct Seen<'h> {
    event: &'h Event,
    revision: u64,
}

/// When each id was first asked for, by account.
type Asked = BTreeMap<(String, RecordId), Duration>;

impl<'h> Checker<'h> {
    pub(super) fn check_order(&mut self) {
        let first = self.first_asked();
        for account in self.journals.keys() {
            let seen = self.seen(account);
            let asked: Vec<Duration> = self.journals[account]
                .iter()
                .map(|(_, entry)| first.get(&(account.clone(), entry.id.clone())))
                .map(|asked| asked.copied().unwrap_or_default())
                .collect();
            let problem = unseen(&seen, &asked).or_else(|| foreseen(&seen, &asked));
            if let Some(problem) = problem {
                self.tell(format!("{account}: {problem}"));
            }
        }
    }

    fn first_asked(&self) -> Asked {
        let mut first = Asked::new();
        for event in self.events {
            for key in self.written_by(event) {
                let asked = first.entry(key).or_insert(event.sent);
                *asked = event.sent.min(*asked);
            }
        }
        first
    }

    /// The entries that an event may write, and those on the other accounts of its hold.
    fn written_by(&self, event: &Event) -> Vec<(String, RecordId)> {
        let Request::Close { id, .. } = &event.request else {
            let writes = event.request.writes().into_iter();
            let each = writes.map(|(account, id)| (account.to_owned(), id.clone()));
            return each.collect();
        };
        let accounts = self.journals.keys();
        let each = accounts.map(|account| (account.clone(), id.clone()));
        each.collect()
    }

    /// What events show of an account, in the order in which they were answered.
    fn seen(&self, account: &str) -> Vec<Seen<'h>> {
        let mut seen = Vec::new();
        for event in self.events {
            if let (Request::Read(names, _), Reply::Read(answers)) = (&event.request, &event.reply)
            {
                let both = names.iter().zip(answers);
                let own = both.filter(|(name, _)| *name == account);
                seen.extend(own.map(|(_, answer)| Seen {
                    event,
                    revision: answer.revision,
                }));
            } else if event.reply.is_acknowledged() {
                let written = self.written_by(event).into_iter();
                let own = written.filter(|(name, _)| name == account);
                seen.extend(own.filter_map(|(name, id)| {
                    let place = self.places.get(&(name.as_str(), &id));
                    place.map(|place| Seen {
                        event,
                        revision: *place,
                    })
                }));
            }
        }
        seen.sort_by_key(|seen| seen.event.answered);
        seen
    }
}

/// Something that was answered and is not seen by what was asked later: a read, or an entry.
fn unseen(seen: &[Seen<'_>], asked: &[Duration]) -> Option<String> {
    let mut latest: Vec<&Seen<'_>> = Vec::new();
    for each in seen {
        if latest
            .last()
            .is_none_or(|last| each.revision > last.revision)
        {
            latest.push(each);
        }
    }
    let before = |asked: Duration| {
        let known = latest.partition_point(|seen| seen.event.answered < asked);
        known.checked_sub(1).map(|place| latest[place])
    };
    let reads = seen
        .iter()
        .filter(|seen| matches!(seen.event.request, Request::Read(..)));
    for read in reads {
        if let Some(known) = before(read.event.sent)
            && read.revision < known.revision
        {
            return Some(format!("{:?} does not see {:?}", read.event, known.event));
        }
    }
    let entries = asked.iter().zip(1..);
    for (asked, revision) in entries {
        if let Some(known) = before(*asked)
            && revision <= known.revision
        {
            return Some(format!(
                "revision {revision} was asked for after {:?}",
                known.event
            ));
        }
    }
    None
}

/// Something that is seen before it, or what comes before it, was asked for.
fn foreseen(seen: &[Seen<'_>], asked: &[Duration]) -> Option<String> {
    let mut until = Duration::ZERO;
    let asked_until: Vec<Duration> = (asked.iter())
        .map(|asked| {
            until = until.max(*asked);
            until
        })
        .collect();
    let early = seen.iter().find(|each| {
        let place = (each.revision as usize).checked_sub(1);
        let until = place.and_then(|place| asked_until.get(place));
        until.is_some_and(|until| each.event.answered < *until)
    });
    early.map(|each| format!("{:?} sees what was asked for later", each.event))
}
