//! What `gpu-credit verify` asks about an account of which the file asks nothing.

use gpu_credit_workload::random::Random;

use crate::disagreement::Step;

/// Questions to an account, at most and at least.
const QUESTIONS_MAX: usize = 1_000;
const QUESTIONS_MIN: usize = 8;
/// Records that the replays go over for all questions together: some seconds' work, unless the file has
/// so many that even few questions take longer.
const WORK: usize = 20_000_000;
/// The same file is asked the same.
const SEED: u64 = 1;

/// Instants at and around the records of an account and the ends of its windows: all of them, or some if
/// there are many. `records` is how many records all accounts have together that are asked.
pub(crate) fn instants(steps: &[Step], records: usize) -> Vec<i64> {
    let count_max = (WORK / records.max(1)).clamp(QUESTIONS_MIN, QUESTIONS_MAX);
    let mut random = Random::new(SEED);
    let mut instants = vec![i64::MIN, i64::MAX];
    if steps.len().saturating_mul(AROUND) <= count_max {
        instants.extend(steps.iter().flat_map(around).flatten());
    } else {
        let pick = |_| {
            let around = around(one_of(&mut random, steps));
            *one_of(&mut random, &around)
        };
        instants.extend((2..count_max).filter_map(pick));
    }
    instants.sort_unstable();
    instants.dedup();
    instants
}

fn one_of<'i, T>(random: &mut Random, items: &'i [T]) -> &'i T {
    let place = usize::try_from(random.below(items.len() as u64));
    &items[place.expect("a number below a usize is one")]
}

/// The instants of a record at which an answer may change, and those beside them.
const AROUND: usize = 4;

fn around(step: &Step) -> [Option<i64>; AROUND] {
    match *step {
        Step::Grant {
            timestamp,
            expiration,
            ..
        } => {
            let end = timestamp.checked_add_unsigned(expiration);
            let after = end.and_then(|end| end.checked_add(1));
            [timestamp.checked_sub(1), Some(timestamp), end, after]
        }
        Step::Metered { from, until, .. } if from < until => {
            let middle = from.midpoint(until);
            [Some(from), Some(middle), until.checked_sub(1), Some(until)]
        }
        Step::Metered { from, until, .. } => [Some(from), Some(until), None, None],
        Step::Usage { timestamp, .. } | Step::Question { timestamp } => {
            let (before, after) = (timestamp.checked_sub(1), timestamp.checked_add(1));
            [before, Some(timestamp), after, None]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(timestamp: i64) -> Step {
        Step::Usage {
            amount: 1,
            timestamp,
        }
    }

    #[test]
    fn every_boundary_of_few_records_is_asked_about() {
        let grant = Step::Grant {
            credit_id: String::new(),
            amount: 1,
            timestamp: 10,
            expiration: 5,
            priority: 0,
        };
        let expected = [i64::MIN, 9, 10, 15, 16, 19, 20, 21, i64::MAX];
        assert_eq!(instants(&[grant, usage(20)], 2), expected);
        let job = |from, until| Step::Metered {
            rate: 1,
            from,
            until,
        };
        let expected = [i64::MIN, 3, 7, 20, 30, 39, 40, i64::MAX];
        assert_eq!(instants(&[job(20, 40), job(7, 3)], 2), expected);
        let ends = [usage(i64::MIN), usage(i64::MAX)];
        let expected = [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX];
        assert_eq!(instants(&ends, 2), expected);
    }

    #[test]
    fn many_records_are_asked_about_in_bounded_time() {
        let steps: Vec<Step> = (0..100_000).map(|number| usage(number * 10)).collect();
        let found = instants(&steps, steps.len());
        assert!((150..=200).contains(&found.len()), "{}", found.len());
        assert_eq!(found, instants(&steps, steps.len()));
        let found = instants(&steps, 1_000_000_000).len();
        assert!((4..=QUESTIONS_MIN).contains(&found), "{found}");
    }
}
