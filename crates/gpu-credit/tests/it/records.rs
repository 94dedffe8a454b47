//! The records and answers as data: what the `serde` feature promises.
#![cfg(feature = "serde")]

use gpu_credit::{GpuCredit, Record};

#[test]
fn records_and_answers_survive_json() {
    let records = [
        Record::grant("a", u64::MAX / 2, i64::MIN, u64::MAX),
        Record::usage(4, -30),
    ];
    let text = serde_json::to_string(&records).unwrap();
    assert_eq!(
        text,
        r#"[{"kind":"grant","credit_id":"a","amount":9223372036854775807,"timestamp":-9223372036854775808,"expiration":18446744073709551615},{"kind":"usage","amount":4,"timestamp":-30}]"#
    );
    let read: Vec<Record> = serde_json::from_str(&text).unwrap();
    assert_eq!(read, records);

    let mut account = GpuCredit::new();
    account.extend(read).unwrap();
    assert_eq!(
        serde_json::to_string(&account.balance_at(-30)).unwrap(),
        r#"{"balance":9223372036854775803,"status":"available","deficit":0}"#
    );
    assert!(
        serde_json::from_str::<Record>(r#"{"kind":"usage","amount":-1,"timestamp":0}"#).is_err()
    );
}
