//! What an events file may look like, and that reading undoes writing.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::events::HEADER;
use gpu_credit_workload::{Action, Event, EventReader, EventWriter, OptionalColumns};
use proptest::prelude::*;

use crate::{file, read};

const ROWS: &str = "grant,acme,month,10,-5,30\nusage,acme,,4,30,\nbalance,acme,,,7,\n";

fn expected() -> Vec<String> {
    let actions = [
        Action::Grant {
            credit_id: "month",
            amount: 10,
            timestamp: -5,
            expiration: 30,
            priority: 0,
        },
        Action::Usage {
            amount: 4,
            timestamp: 30,
        },
        Action::Balance { timestamp: 7 },
    ];
    let event = |action| {
        format!(
            "{:?}",
            Event {
                account: "acme",
                id: None,
                action
            }
        )
    };
    actions.into_iter().map(event).collect()
}

#[test]
fn the_same_rows_in_every_form() {
    let plain = file(ROWS);
    let forms = [
        plain.clone().into_bytes(),
        plain.trim_end().into(),
        plain.replace('\n', "\r\n").into(),
        format!("\u{feff}{plain}").into(),
        format!("\n{}", plain.replace('\n', "\r\n\r\n\n")).into(),
        plain.replace("acme", "\"acme\"").into(),
        gzip(&[plain.as_bytes()]),
        gzip(&["\u{feff}".as_bytes(), plain.as_bytes()]),
        // Several members, cut anywhere, an empty one among them.
        [
            gzip(&[&plain.as_bytes()[..3]]),
            gzip(&[]),
            gzip(&[&plain.as_bytes()[3..70]]),
            gzip(&[&plain.as_bytes()[70..]]),
        ]
        .concat(),
    ];
    for form in forms {
        assert_eq!(read(&form), (expected(), None), "{}", form.escape_ascii());
    }
}

#[test]
fn a_header_alone_is_an_empty_file_of_events() {
    for header in [
        HEADER.to_owned(),
        format!("{HEADER}\n"),
        format!("\u{feff}{HEADER}\r\n"),
    ] {
        assert_eq!(read(header.as_bytes()), (vec![], None));
    }
}

#[test]
fn a_row_may_be_longer_than_any_buffer() {
    let name = "n".repeat(500_000);
    let (rows, error) = read(file(&format!("usage,{name},,1,2,\n").repeat(3)).as_bytes());
    assert_eq!((rows.len(), error), (3, None));
    assert!(rows[0].contains(&name));
}

#[test]
fn a_column_of_ids_may_follow_the_six() {
    let rows = "grant,acme,month,10,-5,30,g1\nusage,acme,,4,30,,\nusage,acme,,4,30,,\"j,1\"\n\
                balance,acme,,,7,,\n";
    let (read, error) = read(format!("{HEADER},id\n{rows}").as_bytes());
    assert_eq!(error, None);
    for (row, id) in read
        .iter()
        .zip([r#"Some("g1")"#, "None", r#"Some("j,1")"#, "None"])
    {
        assert!(row.contains(&format!("id: {id}, action")), "{row}");
    }
    assert_eq!(read.len(), 4);
}

#[test]
fn optional_columns_come_in_any_order() {
    let rows = [
        ("grant,acme,month,10,-5,30", ["g1", "", "-3"]),
        ("grant,acme,month,10,-5,30", ["", "", "32767"]),
        ("usage,acme,,4,30,", ["j1", "90", ""]),
        ("usage,acme,,4,30,", ["", "-9223372036854775808", ""]),
        ("usage,acme,,4,30,", ["", "", ""]),
        ("balance,acme,,,7,", ["", "", ""]),
    ];
    let names = ["id", "until", "priority"];
    let file = |order: &[usize]| {
        let optional = |values: [&str; 3]| -> String {
            order.iter().map(|at| format!(",{}", values[*at])).collect()
        };
        let lines = rows.map(|(row, values)| format!("{row}{}\n", optional(values)));
        format!("{HEADER}{}\n{}", optional(names), lines.concat())
    };
    let expected = read(file(&[0, 1, 2]).as_bytes());
    assert_eq!(expected.1, None);
    assert!(expected.0[0].contains("priority: -3 }"), "{:?}", expected.0);
    let metered = r#"id: Some("j1"), action: Metered { rate: 4, from: 30, until: 90 }"#;
    assert!(expected.0[2].contains(metered), "{:?}", expected.0);
    assert!(expected.0[4].contains("action: Usage"), "{:?}", expected.0);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(read(file(&order).as_bytes()), expected, "{order:?}");
    }
    let (metered, _) = read(file(&[1]).replace("-3", "").as_bytes());
    assert!(
        metered[2].contains("id: None, action: Metered"),
        "{metered:?}"
    );
    let (prioritized, _) = read(file(&[2]).as_bytes());
    assert!(prioritized[2].contains("action: Usage"), "{prioritized:?}");
}

/// What would be lost is not written.
#[test]
fn a_file_without_the_column_takes_no_metered_usage_and_no_priority() {
    let grant = Action::Grant {
        credit_id: "",
        amount: 1,
        timestamp: 2,
        expiration: 3,
        priority: -1,
    };
    let metered = Action::Metered {
        rate: 8,
        from: 5,
        until: 12,
    };
    for (action, column) in [(metered, "until"), (grant, "priority")] {
        let mut events = EventWriter::new(Vec::new()).unwrap();
        let event = Event {
            account: "acme",
            id: None,
            action,
        };
        let error = events.write(&event).unwrap_err().to_string();
        let expected = format!("needs the column {column}, which the file has not");
        assert!(error.ends_with(&expected), "{error}");
        assert_eq!(events.finish().unwrap(), file("").as_bytes());
    }
}

fn gzip(pieces: &[&[u8]]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    for piece in pieces {
        encoder.write_all(piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// An event that owns its texts.
#[derive(Clone, Debug)]
struct Owned {
    account: String,
    id: String,
    credit_id: String,
    kind: usize,
    amount: u64,
    timestamp: i64,
    expiration: u64,
    until: i64,
    priority: i16,
}

impl Owned {
    fn event(&self) -> Event<'_> {
        let Owned {
            amount,
            timestamp,
            expiration,
            until,
            priority,
            ..
        } = *self;
        let action = match self.kind {
            0 => Action::Grant {
                credit_id: &self.credit_id,
                amount,
                timestamp,
                expiration,
                priority,
            },
            1 => Action::Usage { amount, timestamp },
            2 => Action::Metered {
                rate: amount,
                from: timestamp,
                until,
            },
            _ => Action::Balance { timestamp },
        };
        Event {
            account: &self.account,
            id: Some(self.id.as_str()).filter(|id| !id.is_empty() && self.kind < 3),
            action,
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let amount = 0..=i64::MAX.unsigned_abs();
    (
        "(?s).{1,12}",
        "(?s).{0,12}",
        "(?s).{0,6}",
        0..4_usize,
        amount,
        any::<i64>(),
        (any::<u64>(), any::<i64>(), any::<i16>()),
    )
        .prop_map(
            |(account, credit_id, id, kind, amount, timestamp, (expiration, until, priority))| {
                Owned {
                    account,
                    id,
                    credit_id,
                    kind,
                    amount,
                    timestamp,
                    expiration: expiration.min(i64::MAX.abs_diff(timestamp)),
                    until,
                    priority,
                }
            },
        )
}

proptest! {
    #[test]
    fn reading_undoes_writing(rows in prop::collection::vec(owned(), 0..20)) {
        let columns = OptionalColumns::default();
        let columns = rows.iter().fold(columns, |columns, row| columns.and_of(&row.event()));
        let mut events = EventWriter::with_columns(Vec::new(), columns).unwrap();
        for row in &rows {
            events.write(&row.event()).unwrap();
        }
        let file = events.finish().unwrap();
        let mut events = EventReader::new(file.as_slice()).unwrap();
        for row in &rows {
            prop_assert_eq!(events.read().unwrap().unwrap(), row.event());
        }
        prop_assert!(events.read().is_none());
    }
}
