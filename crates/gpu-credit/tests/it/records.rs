//! The records and answers as data: what the `serde` feature promises.
#![cfg(feature = "serde")]

use gpu_credit::{GpuCredit, GrantRecord, Overdraft, OverdraftError, Record, UsageId, UsageRecord};

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

/// The word of a policy is what people read and write; the numbers are those of files that are there.
#[test]
fn policies_are_words_and_numbers() {
    let most = i64::MAX as u64;
    let policies = [
        (Overdraft::Carry, "carry".to_owned(), vec![0]),
        (Overdraft::Forfeit, "forfeit".to_owned(), vec![1]),
        (Overdraft::CarryUpTo(0), "carry:0".to_owned(), vec![2, 0]),
        (Overdraft::CarryUpTo(50), "carry:50".to_owned(), vec![2, 50]),
    ];
    for (policy, word, bytes) in policies {
        assert_eq!(policy.to_string(), word);
        assert_eq!(word.parse(), Ok(policy));
        assert_eq!(serde_json::to_string(&policy).unwrap(), format!("{word:?}"));
        assert_eq!(
            serde_json::from_str::<Overdraft>(&format!("{word:?}")).unwrap(),
            policy
        );
        assert_eq!(postcard::to_allocvec(&policy).unwrap(), bytes);
        assert_eq!(postcard::from_bytes::<Overdraft>(&bytes).unwrap(), policy);
    }
    assert_eq!(
        format!("carry:{most}").parse(),
        Ok(Overdraft::CarryUpTo(most))
    );
    for line in [most + 1, u64::MAX] {
        let error = OverdraftError::LineTooLong(line.to_string());
        assert_eq!(format!("carry:{line}").parse::<Overdraft>(), Err(error));
        let bytes = [&[2][..], &postcard::to_allocvec(&line).unwrap()].concat();
        assert!(postcard::from_bytes::<Overdraft>(&bytes).is_err());
    }
    let longer = "carry:100000000000000000000".parse::<Overdraft>();
    assert!(matches!(longer, Err(OverdraftError::LineTooLong(_))));
    for text in [
        "",
        "Carry",
        "carry:",
        "carry:+5",
        "carry:-5",
        "carry:05",
        "carry: 5",
        "carry:5 ",
        "carry:x",
        "forfeit:5",
    ] {
        let error = OverdraftError::NoSuchPolicy(text.to_owned());
        assert_eq!(text.parse::<Overdraft>(), Err(error));
        assert!(serde_json::from_str::<Overdraft>(&format!("{text:?}")).is_err());
    }
}
