//! Every shape keeps its promises.

use std::collections::HashMap;
use std::num::NonZeroU32;

use gpu_credit_workload::{Action, EventReader, EventWriter, OptionalColumns, Shape, Workload};

const TOTAL_MAX: u64 = i64::MAX.unsigned_abs();

fn workload(shape: Shape) -> Workload {
    Workload {
        shape,
        seed: 1,
        accounts: NonZeroU32::new(7).unwrap(),
        usage: 3_000,
        grants: 200,
        queries: 300,
    }
}

/// The events as a file.
fn file(workload: Workload) -> Vec<u8> {
    let events = workload.generate();
    let columns = OptionalColumns::default();
    let columns = (events.iter()).fold(columns, |columns, event| columns.and_of(&event));
    let mut file = EventWriter::with_columns(Vec::new(), columns).unwrap();
    for event in events.iter() {
        file.write(&event).unwrap();
    }
    file.finish().unwrap()
}

#[test]
fn a_seed_makes_the_same_file_for_ever() {
    let pinned = [
        (Shape::Steady, 14_031_836_636_730_354_587),
        (Shape::Bursty, 16_430_353_874_652_624_498),
        (Shape::Late, 2_133_191_617_107_745_236),
        (Shape::TinyGrants, 16_999_879_727_836_741_527),
        (Shape::OneAccount, 9_777_158_660_839_423_858),
        (Shape::Overload, 11_688_510_409_855_938_406),
        (Shape::Ties, 4_629_740_553_635_233_110),
        (Shape::Extremes, 37_106_425_429_992_103),
        (Shape::Jobs, 3_826_305_183_802_659_571),
        (Shape::JobTies, 17_613_044_945_098_309_402),
        (Shape::JobExtremes, 2_919_823_875_312_729_088),
    ];
    let digests = Shape::ALL.map(|shape| (shape, fnv1a(&file(workload(shape)))));
    assert_eq!(digests, pinned);
}

/// A digest that is the same everywhere.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[test]
fn other_seeds_make_other_files() {
    for shape in Shape::ALL {
        let other = Workload {
            seed: 2,
            ..workload(shape)
        };
        assert_ne!(file(workload(shape)), file(other), "{shape}");
    }
}

#[test]
fn counts_are_met_and_limits_kept() {
    for shape in Shape::ALL {
        let workload = workload(shape);
        let mut counts = HashMap::new();
        let mut totals: HashMap<(&str, &str), u64> = HashMap::new();
        let events = workload.generate();
        for event in events.iter() {
            let kind = event.action.kind();
            *counts.entry(kind).or_insert(0) += 1;
            let amount = match event.action {
                Action::Grant {
                    amount,
                    timestamp,
                    expiration,
                    ..
                } => {
                    assert!(
                        expiration <= i64::MAX.abs_diff(timestamp),
                        "{shape}: {event:?}"
                    );
                    amount
                }
                Action::Usage { amount, .. } => amount,
                Action::Metered { rate, from, until } if from < until => {
                    rate.checked_mul(from.abs_diff(until)).unwrap()
                }
                Action::Metered { .. } => 0,
                Action::Balance { .. } => 0,
            };
            let total = totals.entry((event.account, kind)).or_default();
            *total = total.checked_add(amount).unwrap();
            assert!(*total <= TOTAL_MAX, "{shape}: {event:?}");
        }
        assert_eq!(counts["grant"], workload.grants, "{shape}");
        assert_eq!(counts["usage"], workload.usage, "{shape}");
        assert_eq!(counts["balance"], workload.queries, "{shape}");
        if [Shape::Extremes, Shape::JobExtremes].contains(&shape) {
            let full = |kind| {
                totals
                    .iter()
                    .any(|(key, total)| key.1 == kind && *total == TOTAL_MAX)
            };
            assert!(full("grant") && full("usage"), "a total reaches the limit");
        }
    }
}

#[test]
fn every_file_is_read_back() {
    for shape in Shape::ALL {
        let file = file(workload(shape));
        let events = workload(shape).generate();
        let mut read = EventReader::new(file.as_slice()).unwrap();
        for event in events.iter() {
            assert_eq!(read.read().unwrap().unwrap(), event, "{shape}");
        }
        assert!(read.read().is_none(), "{shape}");
    }
}

#[test]
fn few_rows_are_no_trouble() {
    for shape in Shape::ALL {
        for (usage, grants, queries) in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (5, 1, 1)] {
            let workload = Workload {
                usage,
                grants,
                queries,
                ..workload(shape)
            };
            let count = (usage + grants + queries) as usize;
            assert_eq!(workload.generate().iter().len(), count, "{shape}");
        }
    }
}

#[test]
fn names_are_read_and_printed() {
    for shape in Shape::ALL {
        assert_eq!(shape.to_string().parse(), Ok(shape));
    }
    let error = "tiny".parse::<Shape>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "expected one of the shapes steady bursty late tiny-grants one-account overload ties extremes \
         jobs job-ties job-extremes"
    );
}

/// How many records bear an earlier time than one before them in their account.
fn out_of_order(shape: Shape) -> usize {
    let events = workload(shape).generate();
    let mut latest = HashMap::new();
    let mut count = 0;
    for event in events.iter() {
        if let Action::Usage { timestamp, .. } = event.action {
            let latest = latest.entry(event.account).or_insert(i64::MIN);
            count += usize::from(timestamp < *latest);
            *latest = timestamp.max(*latest);
        }
    }
    count
}

#[test]
fn shapes_have_their_characters() {
    assert_eq!(out_of_order(Shape::Steady), 0);
    let late = out_of_order(Shape::Late);
    assert!((300..2_400).contains(&late), "{late}");
    assert!(out_of_order(Shape::OneAccount) > 2_500);

    let sum = |shape: Shape, kind: &str| -> u64 {
        let events = workload(shape).generate();
        let amounts = events.iter().map(|event| match event.action {
            Action::Grant { amount, .. } | Action::Usage { amount, .. }
                if event.action.kind() == kind =>
            {
                amount
            }
            _ => 0,
        });
        amounts.sum()
    };
    let load_percent = |shape| sum(shape, "usage") * 100 / sum(shape, "grant");
    assert!((70..90).contains(&load_percent(Shape::Steady)));
    assert!((180..220).contains(&load_percent(Shape::Overload)));

    let events = workload(Shape::OneAccount).generate();
    let first = events
        .iter()
        .filter(|event| event.account == "account-1")
        .count();
    assert!(first > events.iter().len() * 9 / 10);

    let events = workload(Shape::Ties).generate();
    let instants: std::collections::HashSet<i64> = events
        .iter()
        .map(|event| event.action.timestamp())
        .collect();
    assert_eq!(instants.len(), 16);

    let jobs = workload(Shape::Jobs).generate();
    let is_metered = |action| matches!(action, Action::Metered { .. });
    let metered = jobs.iter().filter(|event| is_metered(event.action)).count();
    assert!((2_500..2_750).contains(&metered), "{metered}");
    let has_priority = |action| matches!(action, Action::Grant { priority, .. } if priority != 0);
    let prioritized = jobs
        .iter()
        .filter(|event| has_priority(event.action))
        .count();
    assert!((40..90).contains(&prioritized), "{prioritized}");
}
