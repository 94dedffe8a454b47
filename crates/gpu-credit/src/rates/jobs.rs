//! The jobs of an account by number.

/// Metered usage as it stands: `rate` units at each tick of `[from, until)`. If `until` is not
/// later than `from`, it is nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub(crate) from: i64,
    pub(crate) until: i64,
    pub(crate) rate: u64,
}

impl Job {
    /// All that it uses.
    pub(crate) fn total(self) -> u128 {
        if self.until <= self.from {
            return 0;
        }
        u128::from(self.rate) * u128::from(self.from.abs_diff(self.until))
    }

    /// What it uses through a tick.
    pub(crate) fn through(self, time: i64) -> u128 {
        let until = self.until.min(time.saturating_add(1));
        Job { until, ..self }.total()
    }
}

/// Jobs by number, in posting order; a number is not given again.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    rows: Vec<Job>,
    /// Whether each has been taken back.
    retracted: Vec<bool>,
    standing: usize,
}

impl Jobs {
    /// How many were ever posted.
    pub(super) fn posted(&self) -> usize {
        self.rows.len()
    }

    /// How many are not retracted.
    pub(super) fn len(&self) -> usize {
        self.standing
    }

    /// A job that stands.
    #[inline]
    pub(super) fn get(&self, number: u32) -> Option<Job> {
        let index = number as usize;
        let is_retracted = *self.retracted.get(index)?;
        (!is_retracted).then(|| self.rows[index])
    }

    /// A job that is known to have been posted.
    #[inline]
    pub(super) fn row(&self, number: u32) -> Job {
        self.rows[number as usize]
    }

    pub(super) fn post(&mut self, job: Job) -> u32 {
        let number = u32::try_from(self.rows.len()).expect("the limits count the jobs");
        self.rows.push(job);
        self.retracted.push(false);
        self.standing += 1;
        number
    }

    pub(super) fn set(&mut self, number: u32, job: Job) {
        self.rows[number as usize] = job;
    }

    pub(super) fn retract(&mut self, number: u32) {
        let was_retracted = std::mem::replace(&mut self.retracted[number as usize], true);
        assert!(!was_retracted, "a job is taken back once");
        self.standing -= 1;
    }

    /// Takes back that the last one was posted: its number is the next again.
    pub(super) fn unpost(&mut self) {
        self.rows.pop();
        let was_retracted = self.retracted.pop();
        assert_eq!(was_retracted, Some(false), "the last job stands");
        self.standing -= 1;
    }

    /// Takes back that a job was retracted.
    pub(super) fn restore(&mut self, number: u32) {
        let was_retracted = std::mem::replace(&mut self.retracted[number as usize], false);
        assert!(was_retracted, "a job is put back that was taken back");
        self.standing += 1;
    }

    /// All that were ever posted, and whether each is retracted, in posting order.
    pub(super) fn all(&self) -> impl Iterator<Item = (Job, bool)> + '_ {
        let retracted = self.retracted.iter().copied();
        self.rows.iter().copied().zip(retracted)
    }

    /// All that stand, in posting order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, Job)> + '_ {
        let rows = self.rows.iter().zip(&self.retracted).zip(0..);
        rows.filter_map(|((job, is_retracted), number)| (!is_retracted).then_some((number, *job)))
    }

    /// Heap bytes.
    pub(super) fn memory_used(&self) -> usize {
        self.rows.capacity() * size_of::<Job>() + self.retracted.capacity()
    }
}
