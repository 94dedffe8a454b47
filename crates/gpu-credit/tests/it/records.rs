//! The records and answers as data: what the `serde` feature promises.
#![cfg(feature = "serde")]

use gpu_credit::{GpuCredit, GrantRecord, Record, UsageId, UsageRecord};

fn records() -> [Record; 3] {
    let (amount, timestamp) = (4, -30);
    [
        Record::grant("a", u64::MAX / 2, i64::MIN, u64::MAX),
        GrantRecord::new("without end", 0, 7, 0)
            .without_end()
            .priority(-7)
            .into(),
        UsageRecord { amount, timestamp }.into(),
    ]
}

#[test]
fn records_and_answers_survive_json() {
    let text = serde_json::to_string(&records()).unwrap();
    assert_eq!(
        text,
        r#"[{"grant":{"credit_id":"a","amount":9223372036854775807,"timestamp":-9223372036854775808,"expiration":18446744073709551615,"priority":0}},{"grant":{"credit_id":"without end","amount":0,"timestamp":7,"expiration":9223372036854775800,"priority":-7}},{"usage":{"amount":4,"timestamp":-30}}]"#
    );
    let read: Vec<Record> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, records());

    let mut account = GpuCredit::new();
    account.extend(read).unwrap();
    assert_eq!(
        serde_json::to_string(&account.balance_at(-30)).unwrap(),
        r#"{"balance":9223372036854775803,"status":"available","deficit":0}"#
    );
    assert!(serde_json::from_str::<Record>(r#"{"usage":{"amount":-1,"timestamp":0}}"#).is_err());
}

/// Regression: the kind of a record stood beside its fields, which formats that do not describe
/// themselves cannot read.
#[test]
fn records_and_identities_survive_a_format_without_names() {
    let bytes = postcard::to_allocvec(&records()).unwrap();
    let read: [Record; 3] = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(read, records());

    let (timestamp, nth) = (i64::MIN, u32::MAX);
    let usage = UsageId { timestamp, nth };
    let bytes = postcard::to_allocvec(&usage).unwrap();
    assert_eq!(postcard::from_bytes::<UsageId>(&bytes).unwrap(), usage);
}
