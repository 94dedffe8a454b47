//! The small sequences reach what they are for.

use std::collections::HashSet;

use gpu_credit_workload::small::{self, Numbers, Operation};
use proptest::prelude::*;

fn operations(seed: u64, numbers: Numbers) -> Vec<Operation> {
    small::from_seed(seed, numbers).take(2_000).collect()
}

#[test]
fn a_seed_is_a_sequence() {
    for numbers in Numbers::ALL {
        assert_eq!(operations(1, numbers), operations(1, numbers));
        assert_ne!(operations(1, numbers), operations(2, numbers));
    }
}

#[test]
fn every_operation_comes_up_and_what_is_retracted_was_mostly_posted() {
    for numbers in Numbers::ALL {
        let operations = operations(3, numbers);
        let kinds: HashSet<_> = operations.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 9, "{numbers:?}");
        let mut posted = HashSet::new();
        let (mut hits, mut misses) = (0, 0);
        for operation in &operations {
            match operation {
                Operation::PostUsage { amount, timestamp }
                | Operation::ChangeUsage {
                    new_amount: amount,
                    timestamp,
                    ..
                } => {
                    posted.insert((amount, timestamp));
                }
                Operation::RetractUsage { amount, timestamp } => {
                    if posted.contains(&(amount, timestamp)) {
                        hits += 1;
                    } else {
                        misses += 1;
                    }
                }
                _ => {}
            }
        }
        assert!(
            hits > 10 * misses,
            "{numbers:?}: {hits} hits, {misses} misses"
        );
    }
}

#[test]
fn numbers_reach_the_ends_of_their_ranges() {
    let reaches = |numbers, expected: i64| {
        operations(4, numbers).iter().any(|operation| {
            matches!(operation, Operation::Question { timestamp } if *timestamp == expected)
        })
    };
    assert!(reaches(Numbers::Small, 0) && reaches(Numbers::Small, 11));
    assert!(reaches(Numbers::Edges, i64::MIN) && reaches(Numbers::Edges, i64::MAX));
}

proptest! {
    #[test]
    fn any_bytes_spell_a_sequence_that_ends(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert!(small::from_bytes(&bytes).count() <= bytes.len());
    }
}
