//! The index against a list of jobs, step by step, with chunks small enough to build deep trees.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Job, RateIndex};
use crate::bytes::reader::Reader;

/// What the index must say.
#[derive(Default)]
struct Model {
    jobs: Vec<Option<Job>>,
    retracted: Vec<(u32, Job)>,
}

impl Model {
    fn standing(&self) -> impl Iterator<Item = (u32, Job)> + '_ {
        let jobs = self.jobs.iter().zip(0..);
        jobs.filter_map(|(job, number)| Some((number, (*job)?)))
    }

    fn through(&self, time: i64) -> u128 {
        self.standing().map(|(_, job)| job.through(time)).sum()
    }

    fn beginning(&self, first: i64, last: i64) -> Vec<(u32, Job)> {
        let begins = |(_, job): &(u32, Job)| (first..=last).contains(&job.from);
        let mut jobs: Vec<_> = self.standing().filter(begins).collect();
        jobs.sort_by_key(|(number, job)| (job.from, *number));
        jobs
    }

    fn running(&self, time: i64) -> Vec<(u32, Job)> {
        let runs = |job: &Job| job.rate > 0 && job.from <= time && time < job.until;
        self.standing().filter(|(_, job)| runs(job)).collect()
    }

    /// Takes back that one was retracted, or that the last was posted.
    fn take_back(&mut self, index: &mut RateIndex, random: &mut Pcg64Mcg) {
        let at = random.random_range(0..=self.retracted.len());
        if at < self.retracted.len() {
            let (number, job) = self.retracted.swap_remove(at);
            assert_eq!(index.restore(number), job);
            self.jobs[number as usize] = Some(job);
        } else if let Some(Some(last)) = self.jobs.last().copied() {
            assert_eq!(index.unpost(), last);
            self.jobs.pop();
        }
    }

    fn pick(&self, random: &mut Pcg64Mcg) -> Option<u32> {
        let numbers: Vec<u32> = self.standing().map(|(number, _)| number).collect();
        (!numbers.is_empty()).then(|| numbers[random.random_range(0..numbers.len())])
    }
}

/// Times of three sizes: many ties, seconds of some years, and all there are.
fn job(random: &mut Pcg64Mcg, size: u32) -> Job {
    match size {
        0 => Job {
            from: random.random_range(-20..20),
            until: random.random_range(-20..40),
            rate: random.random_range(0..5),
        },
        1 => {
            let from = random.random_range(0..100_000_000);
            let until = from + random.random_range(0..1_000_000);
            let rate = random.random_range(0..64);
            Job { from, until, rate }
        }
        _ => {
            let (from, until) = (random.random::<i64>(), random.random::<i64>());
            let ticks = if until > from {
                from.abs_diff(until)
            } else {
                0
            };
            // Of a thousand jobs at most, each within its share of all usage.
            let most = (1_u64 << 53).checked_div(ticks).unwrap_or(u64::MAX);
            let rate = random.random_range(0..=most);
            Job { from, until, rate }
        }
    }
}

fn times(random: &mut Pcg64Mcg, model: &Model) -> Vec<i64> {
    let mut times = vec![i64::MIN, -1, 0, i64::MAX - 1, i64::MAX];
    for _ in 0..3 {
        if let Some(number) = model.pick(random)
            && let Some(job) = model.jobs[number as usize]
        {
            let near = random.random_range(-1..2);
            times.extend([
                job.from.saturating_add(near),
                job.until.saturating_add(near),
            ]);
        }
    }
    times
}

fn compare(index: &RateIndex, model: &Model, times: &[i64]) {
    for &time in times {
        assert_eq!(
            u128::from(index.through(time)),
            model.through(time),
            "{time}"
        );
        assert_eq!(
            index.running(time),
            model.running(time),
            "running at {time}"
        );
        let piece = index.piece(time);
        let last = piece.next.map_or(i64::MAX, |next| next - 1);
        assert!(piece.next.is_none_or(|next| next > time));
        for tick in [time, last, time.midpoint(last)] {
            let through = u128::from(piece.line.through(tick));
            assert_eq!(through, model.through(tick), "{tick} by the line at {time}");
        }
        let rate: u64 = model.running(time).iter().map(|(_, job)| job.rate).sum();
        assert_eq!(piece.line.rate(), rate, "rate at {time}");
    }
    let (first, last) = (times[0].min(times[1]), times[times.len() - 1]);
    let beginning: Vec<_> = index.beginning(first, last).collect();
    assert_eq!(beginning, model.beginning(first, last));
}

fn run(seed: u64) {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    let width = [4, 5, 8, 64][random.random_range(0..4)];
    let size = random.random_range(0..3);
    let mut index = RateIndex::new(width);
    let mut model = Model::default();
    let steps = random.random_range(1..400);
    // Some lists only grow, some run empty again.
    let growth = random.random_range(0.35..1.0);
    for _ in 0..steps {
        let picked = model.pick(&mut random);
        match picked {
            Some(number) if !random.random_bool(growth) => {
                let old = model.jobs[number as usize];
                if random.random_bool(0.3) {
                    let job = job(&mut random, size);
                    assert_eq!(Some(index.change(number, job)), old);
                    model.jobs[number as usize] = Some(job);
                } else {
                    assert_eq!(Some(index.retract(number)), old);
                    model.jobs[number as usize] = None;
                    model.retracted.extend(old.map(|old| (number, old)));
                }
            }
            _ if random.random_bool(0.1) => model.take_back(&mut index, &mut random),
            _ => {
                let job = job(&mut random, size);
                let number = index.post(job);
                assert_eq!(number as usize, model.jobs.len());
                model.jobs.push(Some(job));
            }
        }
        index.assert_invariants();
        let times = times(&mut random, &model);
        compare(&index, &model, &times);
    }
    assert_eq!(index.len(), model.standing().count());
    assert_eq!(index.posted(), model.jobs.len());
    let mut bytes = Vec::new();
    index.write(&mut bytes);
    let mut reader = Reader::new(&bytes);
    let read = RateIndex::read(&mut reader, width, u64::MAX / 2).unwrap();
    reader.finish().unwrap();
    read.assert_invariants();
    let times = times(&mut random, &model);
    compare(&read, &model, &times);
    let mut again = Vec::new();
    read.write(&mut again);
    assert_eq!(bytes, again);
}

#[test]
fn every_sum_is_that_of_a_list_of_jobs() {
    for seed in 0..300 {
        let run = std::panic::catch_unwind(|| run(seed));
        assert!(run.is_ok(), "seed {seed}");
    }
}

#[test]
fn a_million_jobs_take_64_bytes_each() {
    let mut random = Pcg64Mcg::seed_from_u64(1);
    let mut index = RateIndex::new(64);
    let jobs = 250_000;
    for number in 0..jobs {
        let late = if random.random_bool(0.3) {
            random.random_range(0..1_000_000)
        } else {
            0
        };
        let from = number * 60 - late;
        let until = from + random.random_range(60..500_000);
        let rate = random.random_range(1..65);
        index.post(Job { from, until, rate });
    }
    let bytes = index.memory_used() / usize::try_from(jobs).unwrap();
    assert!(bytes <= 64, "{bytes} bytes a job");
}
