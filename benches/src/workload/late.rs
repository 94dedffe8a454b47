//! Late writes: usage and grants, posted and retracted, at random past instants.

use gpu_credit_workload::random::Random;

use super::{Entry, Grant, History};

/// One late write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Posts usage.
    AddUsage(Entry),
    /// Retracts usage.
    RemoveUsage(Entry),
    /// Posts a grant. Its posting number is the next one.
    AddGrant(Grant),
    /// Retracts a grant.
    RemoveGrant {
        /// Its posting number.
        number: usize,
        /// The grant.
        grant: Grant,
    },
}

impl Write {
    /// The first instant at which it changes anything.
    pub fn time(&self) -> i64 {
        match self {
            Write::AddUsage((time, _)) | Write::RemoveUsage((time, _)) => *time,
            Write::AddGrant(grant) | Write::RemoveGrant { grant, .. } => grant.start,
        }
    }

    /// The write that undoes this one; `number` is the posting number of a grant that this one has
    /// posted.
    pub fn inverse(&self, number: usize) -> Write {
        match *self {
            Write::AddUsage(entry) => Write::RemoveUsage(entry),
            Write::RemoveUsage(entry) => Write::AddUsage(entry),
            Write::AddGrant(grant) => Write::RemoveGrant { number, grant },
            Write::RemoveGrant { grant, .. } => Write::AddGrant(grant),
        }
    }
}

type MakeUsage = Box<dyn Fn(&mut Random) -> Entry>;
type MakeGrant = Box<dyn Fn(&mut Random) -> Grant>;

/// An endless equal mix of the four kinds of late write. It knows which records stand after them.
pub struct LateWrites {
    random: Random,
    make_usage: MakeUsage,
    make_grant: MakeGrant,
    /// Every grant that was ever posted, by posting number.
    posted: Vec<Grant>,
    /// The posting numbers of those that stand.
    standing: Vec<usize>,
    small: Vec<Entry>,
}

impl LateWrites {
    /// Late writes to a history. Two functions make what is posted; grants and the removable usage
    /// are retracted.
    pub fn new(
        seed: u64,
        history: &History,
        make_usage: impl Fn(&mut Random) -> Entry + 'static,
        make_grant: impl Fn(&mut Random) -> Grant + 'static,
    ) -> Self {
        Self {
            random: Random::new(seed ^ 0x6c61_7465),
            make_usage: Box::new(make_usage),
            make_grant: Box::new(make_grant),
            posted: history.grants.clone(),
            standing: (0..history.grants.len()).collect(),
            small: history.usage[..history.removable].to_vec(),
        }
    }

    /// The next write, which the caller applies.
    pub fn make(&mut self) -> Write {
        match self.random.below(4) {
            0 if !self.small.is_empty() => {
                let place = pick(&mut self.random, self.small.len());
                Write::RemoveUsage(self.small.swap_remove(place))
            }
            1 if !self.standing.is_empty() => {
                let place = pick(&mut self.random, self.standing.len());
                let number = self.standing.swap_remove(place);
                let grant = self.posted[number];
                Write::RemoveGrant { number, grant }
            }
            2 => {
                let grant = (self.make_grant)(&mut self.random);
                self.standing.push(self.posted.len());
                self.posted.push(grant);
                Write::AddGrant(grant)
            }
            _ => {
                let entry = (self.make_usage)(&mut self.random);
                self.small.push(entry);
                Write::AddUsage(entry)
            }
        }
    }

    /// Undoes the write that was made last.
    pub fn unmake(&mut self, write: &Write) {
        match *write {
            Write::AddUsage(_) => drop(self.small.pop()),
            Write::RemoveUsage(entry) => self.small.push(entry),
            Write::AddGrant(_) => {
                self.standing.pop();
                self.posted.pop();
            }
            Write::RemoveGrant { number, .. } => self.standing.push(number),
        }
    }

    /// How many grants have been posted, retracted ones included.
    pub fn posted_count(&self) -> usize {
        self.posted.len()
    }

    /// The records that stand after all writes made so far.
    pub fn standing(&self, original: &History) -> History {
        let mut numbers = self.standing.clone();
        numbers.sort_unstable();
        let mut usage = self.small.clone();
        usage.extend_from_slice(&original.usage[original.removable..]);
        History {
            grants: numbers.iter().map(|number| self.posted[*number]).collect(),
            removable: self.small.len(),
            usage,
            seconds: original.seconds,
        }
    }
}

fn pick(random: &mut Random, count: usize) -> usize {
    usize::try_from(random.below(count as u64)).unwrap_or(0)
}
