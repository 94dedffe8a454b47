//! The small sequences reach what they are for.

use std::collections::HashSet;

use gpu_credit_workload::small::{self, Numbers, Operation, Record, Usage};
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

/// The usage that an operation posts, or makes of what was posted.
fn posted(operation: &Operation) -> Vec<Usage> {
    let usage = |record: &Record| match record {
        Record::Usage(usage) => Some(*usage),
        Record::Grant(_) => None,
    };
    match operation {
        Operation::PostUsage(usage) => vec![*usage],
        Operation::PostUsageMany(usage) => usage.clone(),
        Operation::PostMany(records) => records.iter().filter_map(usage).collect(),
        Operation::ChangeUsage { usage, new_amount } => vec![Usage {
            amount: *new_amount,
            ..*usage
        }],
        _ => Vec::new(),
    }
}

#[test]
fn every_operation_comes_up_and_what_is_retracted_was_mostly_posted() {
    for numbers in Numbers::ALL {
        let operations = operations(3, numbers);
        let kinds: HashSet<_> = operations.iter().map(std::mem::discriminant).collect();
        assert_eq!(kinds.len(), 18, "{numbers:?}");
        let mut stood = HashSet::new();
        let (mut hits, mut misses) = (0, 0);
        for operation in &operations {
            stood.extend(posted(operation));
            match operation {
                Operation::RetractUsage(usage) if stood.contains(usage) => hits += 1,
                Operation::RetractUsage(_) => misses += 1,
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
fn batches_are_few_records_and_many() {
    for numbers in Numbers::ALL {
        let lengths = operations(5, numbers).into_iter();
        let lengths: Vec<usize> = lengths
            .filter_map(|operation| match operation {
                Operation::PostUsageMany(usage) => Some(usage.len()),
                Operation::PostMany(records) => Some(records.len()),
                _ => None,
            })
            .collect();
        assert!(lengths.contains(&0) && lengths.contains(&1), "{numbers:?}");
        assert!(lengths.iter().any(|length| *length > 48), "{numbers:?}");
    }
}

#[test]
fn bursts_write_and_do_nothing_else() {
    for numbers in Numbers::ALL {
        let operations = operations(6, numbers);
        let asks = |operation: &Operation| {
            matches!(
                operation,
                Operation::Question { .. } | Operation::Settle | Operation::SettleTo { .. }
            )
        };
        let longest = operations.split(asks).map(<[_]>::len).max();
        assert!(longest > Some(64), "{numbers:?}: {longest:?}");
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
