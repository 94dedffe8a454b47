//! Statements of a month, of one account and of all.

use super::Folder;

const NOVEMBER: &str = "--from 2026-11-01 --until 2026-12-01";
const DECEMBER: &str = "--from 2026-12-01 --until 2027-01-01";

/// With grants for two months, and a job that runs across their border. `chem` uses more than it has.
fn two_months() -> Folder {
    let folder = Folder::new();
    folder.ok("account create bio --unit s");
    folder.ok("grant bio 100000 --at 2026-11-01 --every month --count 2 --id bio");
    folder.ok("use bio 5000 --at 2026-10-31 --id late");
    folder.ok("run bio --rate 1 --from 2026-11-30T23:00:00Z --for 2h --id job");
    folder.ok("account create chem");
    folder.ok("grant chem 1000 --at 2026-11-01 --every month --count 2 --id chem");
    folder.ok("use chem 1500 --at 2026-11-10");
    folder.ok("use chem 10 --at 2026-12-10");
    folder
}

/// The columns of a row that are numbers and not times.
fn numbers(row: &csv::StringRecord, columns: usize) -> Vec<u64> {
    let cells = row.iter().skip(columns);
    cells.map(|cell| cell.parse().unwrap()).collect()
}

/// `used` and the rows ran from the beginning of time, and what lapsed with a month was in none.
#[test]
fn a_statement_is_of_a_month() {
    let folder = two_months();
    let (header, rows) = folder.csv(&format!("statement bio {NOVEMBER}"));
    assert_eq!(
        header[5..],
        [
            "remaining_before",
            "granted",
            "drawn",
            "lapsed",
            "forfeited",
            "revoked",
            "remaining"
        ]
    );
    let parts = |rows: &[csv::StringRecord]| {
        let parts = rows.iter().map(|row| (row[1].to_owned(), numbers(row, 5)));
        parts.collect::<Vec<_>>()
    };
    // 3600 seconds of the job, and the deficit of October.
    let november = vec![0, 100_000, 8_600, 91_400, 0, 0, 0];
    assert_eq!(parts(&rows), [("bio/1".to_owned(), november)]);
    let (_, rows) = folder.csv(&format!("statement bio {DECEMBER}"));
    let december = vec![0, 100_000, 3_600, 96_400, 0, 0, 0];
    assert_eq!(parts(&rows), [("bio/2".to_owned(), december)]);
    let table = folder.ok(&format!("statement bio {NOVEMBER}"));
    assert_eq!(
        table.lines().last(),
        Some("bio: deficit before 5000 + used 3600 = drawn 8600 + deficit 0 + dropped 0")
    );
    // Of a month that has begun, until now.
    let row = &folder.json("statement bio --from 2026-11-01 --by account")[0];
    assert_eq!(row["first"], 1_793_491_200);
    for (line, expected) in [
        (
            "statement bio --from 2026-12-01 --until 2026-12-01",
            "--until: found 2026-12-01T00:00:00Z, expected an instant after 2026-12-01T00:00:00Z",
        ),
        (
            "statement --grant bio/1",
            "--grant: expected one account, of which it is a grant",
        ),
    ] {
        assert_eq!(folder.refused(line), format!("gpu-credit: {expected}"));
    }
    for line in [
        "statement bio --at 2026-11-01 --until 2026-12-01",
        "statement bio --grant bio/1 --by account",
    ] {
        assert_eq!(folder.run(line).status.code(), Some(2), "{line}");
    }
}

/// The account was not in it, deficits were not in CSV, and fifty accounts were fifty commands.
#[test]
fn a_statement_is_of_all_accounts_with_their_deficits() {
    let folder = two_months();
    let (header, rows) = folder.csv(&format!("statement {NOVEMBER}"));
    assert_eq!(header[..3], ["account", "grant_record_id", "credit_id"]);
    let names: Vec<&str> = rows.iter().map(|row| &row[0]).collect();
    assert_eq!(names, ["bio", "chem"]);
    let of = |month: &str| {
        let (header, rows) = folder.csv(&format!("statement chem bio {month} --by account"));
        assert_eq!(
            header,
            [
                "account",
                "first",
                "last",
                "remaining_before",
                "granted",
                "drawn",
                "lapsed",
                "forfeited",
                "revoked",
                "remaining",
                "deficit_before",
                "used",
                "dropped",
                "deficit"
            ]
        );
        assert_eq!([&rows[0][0], &rows[1][0]], ["chem", "bio"]);
        numbers(&rows[0], 3)
    };
    assert_eq!(
        of(NOVEMBER),
        [0, 1_000, 1_000, 0, 0, 0, 0, 0, 1_500, 0, 500]
    );
    assert_eq!(of(DECEMBER), [0, 1_000, 510, 490, 0, 0, 0, 500, 10, 0, 0]);
    let table = folder.ok(&format!("statement {NOVEMBER}"));
    let lines: Vec<&str> = table.lines().rev().take(2).collect();
    assert_eq!(
        lines,
        [
            "chem: used 1500 = drawn 1000 + deficit 500 + dropped 0",
            "bio: deficit before 5000 + used 3600 = drawn 8600 + deficit 0 + dropped 0"
        ]
    );
}

#[test]
fn the_month_after_a_close_begins_with_what_was_left() {
    let folder = two_months();
    let ask = |month: &str| folder.ok(&format!("statement chem {month} --by account --format csv"));
    let (november, december) = (ask(NOVEMBER), ask(DECEMBER));
    let entries = folder.json("history chem").len();
    let last = folder.json("history chem")[entries - 1].clone();
    let known = last.get("revision").unwrap_or(&last["sequence"]).clone();
    folder.ok("close chem --until 2026-12-01 --yes");
    assert_eq!(ask(DECEMBER), december);
    assert_eq!(ask(&format!("{NOVEMBER} --as-recorded {known}")), november);
    for closed in [NOVEMBER, "--until 2026-12-01", "--until 2026-11-15"] {
        let said = folder.refused(&format!("statement chem {closed}"));
        let expected = "account \"chem\": the books are closed up to 2026-12-01T00:00:00Z";
        assert!(said.contains(expected), "{said}");
    }
    // What was left of the deficit, and the rest of the year.
    let row = &folder.json("statement chem --until 2027-01-01 --by account")[0];
    assert_eq!(row["first"], 1_796_083_200);
    assert_eq!(row["deficit_before"], 500);
}
