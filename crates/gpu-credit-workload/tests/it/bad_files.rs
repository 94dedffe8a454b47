//! Bad input is an error in one line that says where and what. Nothing panics.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use gpu_credit_workload::events::{HEADER, ID_BYTES_MAX};
use proptest::prelude::*;

use crate::{file, read, read_at_once};

/// The error that a file ends with.
#[track_caller]
fn error(file: impl AsRef<[u8]>) -> String {
    read(file.as_ref()).1.expect("the file is bad")
}

#[test]
fn a_bad_row_is_named_by_line_column_value_and_what_was_expected() {
    let integer = "an integer from 0 to 9223372036854775807";
    let timestamp = "an integer from -9223372036854775808 to 9223372036854775807";
    let cases = [
        (
            "grants,a,,1,2,3",
            "kind: found \"grants\", expected grant, usage or balance",
        ),
        (
            "Usage,a,,1,2,",
            "kind: found \"Usage\", expected grant, usage or balance",
        ),
        (
            ",a,,1,2,",
            "kind: found \"\", expected grant, usage or balance",
        ),
        (
            "usage,,,1,2,",
            "account: found \"\", expected the name of an account in UTF-8",
        ),
        (
            "usage,a,x,1,2,",
            "credit_id: found \"x\", expected nothing in a usage row",
        ),
        (
            "usage,a,,1,2,0",
            "expiration: found \"0\", expected nothing in a usage row",
        ),
        (
            "balance,a,x,,2,",
            "credit_id: found \"x\", expected nothing in a balance row",
        ),
        (
            "balance,a,,0,2,",
            "amount: found \"0\", expected nothing in a balance row",
        ),
        (
            "balance,a,,,2,7",
            "expiration: found \"7\", expected nothing in a balance row",
        ),
        (
            "usage,a,,-1,2,",
            &format!("amount: found \"-1\", expected {integer}"),
        ),
        (
            "usage,a,,1.5,2,",
            &format!("amount: found \"1.5\", expected {integer}"),
        ),
        (
            "usage,a,,,2,",
            &format!("amount: found \"\", expected {integer}"),
        ),
        (
            "usage,a,,+1,2,",
            &format!("amount: found \"+1\", expected {integer}"),
        ),
        (
            "usage,a,, 1,2,",
            &format!("amount: found \" 1\", expected {integer}"),
        ),
        (
            "usage,a,,1e3,2,",
            &format!("amount: found \"1e3\", expected {integer}"),
        ),
        (
            "usage,a,,9223372036854775808,2,",
            &format!("amount: found \"9223372036854775808\", expected {integer}"),
        ),
        (
            "usage,a,,1,,",
            &format!("timestamp: found \"\", expected {timestamp}"),
        ),
        (
            "balance,a,,,9223372036854775808,",
            &format!("timestamp: found \"9223372036854775808\", expected {timestamp}"),
        ),
        (
            "balance,a,,,-9223372036854775809,",
            &format!("timestamp: found \"-9223372036854775809\", expected {timestamp}"),
        ),
        (
            "grant,a,g,1,9223372036854775800,8",
            "expiration: found \"8\", expected an integer from 0 to 7, for a window from \
             9223372036854775800 that ends by 9223372036854775807",
        ),
        (
            "grant,a,g,1,0,",
            "expiration: found \"\", expected an integer from 0 to 9223372036854775807, for a \
             window from 0 that ends by 9223372036854775807",
        ),
        (
            "usage,a,,1,2",
            &format!("expiration: missing, found 5 of the 6 columns {HEADER}"),
        ),
        (
            "usage",
            &format!("account: missing, found 1 of the 6 columns {HEADER}"),
        ),
        (
            "usage,a,,1,2,,more,and more",
            &format!("7: found \"more\", expected no more than the 6 columns {HEADER}"),
        ),
    ];
    for (row, expected) in cases {
        let bad = file(&format!("usage,a,,1,2,\n{row}\nusage,a,,1,2,\n"));
        let (rows, error) = read(bad.as_bytes());
        assert_eq!(rows.len(), 1, "{row}");
        assert_eq!(error, Some(format!("line 3, column {expected}")), "{row}");
    }
}

#[test]
fn a_bad_header_is_named() {
    let cases = [
        (
            "",
            format!("line 1: the file is empty, expected the header {HEADER}"),
        ),
        (
            "\n\r\n",
            format!("line 3: the file is empty, expected the header {HEADER}"),
        ),
        (
            "usage,a,,1,2,\n",
            format!("line 1, column kind: found \"usage\", expected the header {HEADER}"),
        ),
        (
            "kind,account,id,amount,timestamp,expiration\n",
            format!("line 1, column credit_id: found \"id\", expected the header {HEADER}"),
        ),
        (
            "kind,account,credit_id,amount,timestamp",
            format!("line 1, column expiration: missing, found 5 of the 6 columns {HEADER}"),
        ),
        (
            "kind,account,credit_id,amount,timestamp,expiration,note\n",
            format!(
                "line 1, column 7: found \"note\", expected no more than the 6 columns {HEADER}, \
                 or one of the optional columns id, until, priority"
            ),
        ),
        (
            "kind,account,credit_id,amount,timestamp,expiration,id,id\n",
            "line 1, column 8: found \"id\", expected each column once".to_owned(),
        ),
        (
            "kind,account,id,credit_id,amount,timestamp,expiration\n",
            format!("line 1, column credit_id: found \"id\", expected the header {HEADER}"),
        ),
    ];
    for (bad, expected) in cases {
        assert_eq!(error(bad), expected);
    }
}

#[test]
fn a_bad_id_is_named() {
    let id = format!("an id of at most {ID_BYTES_MAX} bytes in UTF-8, or nothing");
    let long = "x".repeat(ID_BYTES_MAX + 1);
    let columns = format!("the 7 columns {HEADER},id");
    let cases = [
        (
            "balance,a,,,2,,q1".to_owned(),
            "id: found \"q1\", expected nothing in a balance row".to_owned(),
        ),
        (
            format!("usage,a,,1,2,,{long}"),
            format!("id: found \"{}\"..., expected {id}", &long[..40]),
        ),
        (
            "usage,a,,1,2,".to_owned(),
            format!("id: missing, found 6 of {columns}"),
        ),
        (
            "usage,a,,1,2,,x,y".to_owned(),
            format!("8: found \"y\", expected no more than {columns}"),
        ),
    ];
    for (row, expected) in cases {
        let bad = error(format!("{HEADER},id\n{row}\n"));
        assert_eq!(bad, format!("line 2, column {expected}"));
    }
    let bad = [format!("{HEADER},id\nusage,a,,1,2,,").as_bytes(), b"\xff\n"].concat();
    assert_eq!(
        error(bad),
        format!("line 2, column id: found \"\\xff\", expected {id}")
    );
}

#[test]
fn a_bad_until_and_a_bad_priority_are_named() {
    let timestamp = "an integer from -9223372036854775808 to 9223372036854775807";
    let priority = "an integer from -32768 to 32767, or nothing";
    let cases = [
        (
            "usage,a,,8,5,,,12.5",
            format!("until: found \"12.5\", expected {timestamp}"),
        ),
        (
            "usage,a,,8,5,,,9223372036854775808",
            format!("until: found \"9223372036854775808\", expected {timestamp}"),
        ),
        (
            "usage,a,,-8,5,,,12",
            "amount: found \"-8\", expected an integer from 0 to 9223372036854775807".to_owned(),
        ),
        (
            "usage,a,,8,5,,1,12",
            "priority: found \"1\", expected nothing in a usage row".to_owned(),
        ),
        (
            "grant,a,g,8,5,7,,12",
            "until: found \"12\", expected nothing in a grant row".to_owned(),
        ),
        (
            "grant,a,g,8,5,7,32768,",
            format!("priority: found \"32768\", expected {priority}"),
        ),
        (
            "grant,a,g,8,5,7,-32769,",
            format!("priority: found \"-32769\", expected {priority}"),
        ),
        (
            "grant,a,g,8,5,7,low,",
            format!("priority: found \"low\", expected {priority}"),
        ),
        (
            "balance,a,,,5,,,12",
            "until: found \"12\", expected nothing in a balance row".to_owned(),
        ),
        (
            "balance,a,,,5,,0,",
            "priority: found \"0\", expected nothing in a balance row".to_owned(),
        ),
        (
            "usage,a,,8,5,,",
            format!("until: missing, found 7 of the 8 columns {HEADER},priority,until"),
        ),
    ];
    for (row, expected) in cases {
        let bad = error(format!("{HEADER},priority,until\n{row}\n"));
        assert_eq!(bad, format!("line 2, column {expected}"), "{row}");
    }
}

#[test]
fn lines_are_counted_whatever_ends_them() {
    let bad = "usage,a,,1,2,\n\n\r\n\"usage\",\"a\nb\",,1,2,\nusage,a,,x,2,\n";
    assert!(error(file(bad)).starts_with("line 7, column amount"));
    let crlf = file("usage,a,,1,2,\nusage,a,,x,2,\n").replace('\n', "\r\n");
    assert!(error(crlf).starts_with("line 3, column amount"));
}

#[test]
fn text_that_is_not_utf8_is_an_error_where_it_stands() {
    let bad = [file("usage,caf").as_bytes(), b"\xe9,,1,2,\n"].concat();
    assert_eq!(
        error(bad),
        "line 2, column account: found \"caf\\xe9\", expected the name of an account in UTF-8"
    );
    let utf16: Vec<u8> = HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let bad = [b"\xff\xfe", utf16.as_slice()].concat();
    assert!(error(bad).starts_with("line 1, column kind: found \"\\xff\\xfek\\0i"));
}

#[test]
fn a_value_of_any_length_is_shown_on_one_line() {
    let long = error(file(&format!("usage,a,,{},2,\n", "9".repeat(100_000))));
    assert!(long.len() < 200, "{long}");
    let many_lines = error(file("\"a\r\nb\n\",a,,1,2,\n"));
    assert_eq!(
        many_lines,
        r#"line 2, column kind: found "a\r\nb\n", expected grant, usage or balance"#
    );
}

#[test]
fn an_open_quote_does_not_swallow_a_large_file() {
    let bad = file(&format!("\"{}", "usage,a,,1,2,\n".repeat(100_000)));
    assert_eq!(
        error(bad),
        "line 2: the row goes on, expected at most 1048576 bytes (is a quote left open?)"
    );
}

#[test]
fn damaged_gzip_is_an_error_after_the_rows_that_could_be_read() {
    let text = file(&"usage,a,,1,2,\n".repeat(200));
    let whole = gzip(text.as_bytes());
    let error = |file: &[u8]| read_at_once(file).1.unwrap();
    for length in 2..whole.len() {
        let error = error(&whole[..length]);
        assert!(
            error.ends_with(": cannot be read: the gzip data ends early, expected the rest of it"),
            "{length} of {} bytes: {error}",
            whole.len()
        );
    }
    let mut wrong_sum = whole.clone();
    let last = wrong_sum.len() - 1;
    wrong_sum[last] ^= 1;
    assert!(error(&wrong_sum).contains(": cannot be read: the gzip data is damaged ("));
    let trailing = [whole.as_slice(), b"more"].concat();
    assert!(error(&trailing).contains(": cannot be read: the gzip data "));
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// Checks the form of the error, if there is one.
fn check(outcome: &(Vec<String>, Option<String>)) {
    if let Some(error) = &outcome.1 {
        assert!(error.starts_with("line "), "{error}");
        assert!(!error.contains(['\n', '\r']), "{error}");
        assert!(error.len() < 1000, "{error}");
    }
}

/// Pieces that files are made of, to get deeper than plain noise does.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(HEADER.as_bytes().to_vec()),
        Just(b",id".to_vec()),
        Just(b",until".to_vec()),
        Just(b",priority".to_vec()),
        Just(b"usage,a,,1,2,\n".to_vec()),
        Just(b"balance,\"a\",,,5,\r\n".to_vec()),
        Just(b"grant,a,b,1,2,3\n\n".to_vec()),
        Just(b"grant".to_vec()),
        Just(b"usage".to_vec()),
        Just(b"balance".to_vec()),
        Just(b",".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"9223372036854775807".to_vec()),
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        check(&read(&bytes));
        check(&read(&[HEADER.as_bytes(), b"\n", &bytes].concat()));
        check(&read(&[HEADER.as_bytes(), b",id\n", &bytes].concat()));
        check(&read(&[HEADER.as_bytes(), b",priority,id,until\n", &bytes].concat()));
        check(&read(&gzip(&bytes)));
    }

    #[test]
    fn any_pieces_are_read_or_refused(bytes in pieces()) {
        check(&read(&bytes));
        check(&read(&[HEADER.as_bytes(), b"\n", &bytes].concat()));
    }

    #[test]
    fn any_damage_to_gzip_is_read_or_refused(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut damaged = gzip(file("usage,a,,1,2,\nbalance,a,,,5,\n").as_bytes());
        let place = place.index(damaged.len());
        damaged[place] = byte;
        check(&read_at_once(&damaged));
    }
}
