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
    let (rows, _) = folder.noted(&format!("statement bio {NOVEMBER} --format csv"));
    let mut reader = csv::Reader::from_reader(rows.as_bytes());
    let header: Vec<&str> = rows.lines().next().unwrap().split(',').collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(
        header[5..],
        [
            "remaining_before",
            "granted",
            "drawn",
            "lapsed",
            "forfeited",
            "revoked",
            "remaining",
            "revision"
        ]
    );
    let parts = |rows: &[csv::StringRecord]| {
        let parts = rows.iter().map(|row| (row[1].to_owned(), numbers(row, 5)));
        parts.collect::<Vec<_>>()
    };
    // 3600 seconds of the job, and the deficit of October.
    let november = vec![0, 100_000, 8_600, 91_400, 0, 0, 0, 5];
    assert_eq!(parts(&rows), [("bio/1".to_owned(), november)]);
    let (_, rows) = folder.csv(&format!("statement bio {DECEMBER}"));
    let december = vec![0, 100_000, 3_600, 96_400, 0, 0, 0, 5];
    assert_eq!(parts(&rows), [("bio/2".to_owned(), december)]);
    let table = folder.ok(&format!("statement bio {NOVEMBER}"));
    assert_eq!(
        table.lines().last(),
        Some(
            "bio: deficit before 5000 + used 3600 = drawn 8600 + deficit 0 + dropped 0; revision 5"
        )
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
    let (rows, _) = folder.noted(&format!("statement {NOVEMBER} --format csv"));
    let names: Vec<&str> = rows
        .lines()
        .map(|row| row.split(',').next().unwrap())
        .collect();
    assert_eq!(names, ["account", "bio", "chem"]);
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
                "deficit",
                "revision"
            ]
        );
        assert_eq!([&rows[0][0], &rows[1][0]], ["chem", "bio"]);
        numbers(&rows[0], 3)
    };
    assert_eq!(
        of(NOVEMBER),
        [0, 1_000, 1_000, 0, 0, 0, 0, 0, 1_500, 0, 500, 5]
    );
    assert_eq!(
        of(DECEMBER),
        [0, 1_000, 510, 490, 0, 0, 0, 500, 10, 0, 0, 5]
    );
    let table = folder.ok(&format!("statement {NOVEMBER}"));
    let lines: Vec<&str> = table.lines().rev().take(2).collect();
    assert_eq!(
        lines,
        [
            "chem: used 1500 = drawn 1000 + deficit 500 + dropped 0; revision 5",
            "bio: deficit before 5000 + used 3600 = drawn 8600 + deficit 0 + dropped 0; revision 5"
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
    let known = last["revision"].clone();
    let said = folder.ok("close chem --month 2026-11 --yes");
    let asked = format!("; `gpu-credit statement chem --as-recorded {known}` has what is closed\n");
    assert!(said.ends_with(&asked), "{said}");
    let without_revision = |rows: &str| rows.trim_end().rsplit_once(',').unwrap().0.to_owned();
    assert_eq!(
        without_revision(&ask(DECEMBER)),
        without_revision(&december)
    );
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

/// A month was two instants, and the days of a month had to be known.
#[test]
fn a_month_is_a_period() {
    let folder = two_months();
    for (command, rest) in [
        ("statement", "--by account --format csv"),
        ("draws bio", ""),
    ] {
        assert_eq!(
            folder.ok(&format!("{command} --month 2026-11 {rest}")),
            folder.ok(&format!("{command} {NOVEMBER} {rest}")),
        );
    }
    assert_eq!(
        folder.refused("statement --month 2026-13"),
        "gpu-credit: --month: found \"2026-13\", expected a month, such as 2026-01"
    );
    let said = folder.refused("statement --until 2026-02-30");
    assert!(
        said.ends_with("found \"2026-02-30\", expected another day: there is no such day"),
        "{said}"
    );
}

/// A spreadsheet did not add up, and nothing said so.
#[test]
fn what_rows_of_grants_do_not_tell_is_noted() {
    let folder = two_months();
    let (_, said) = folder.noted("statement chem --month 2026-11 --format csv");
    assert_eq!(
        said,
        "note: rows of grants do not tell all usage, rows --by account do: chem: used 1500 = drawn 1000 + \
         deficit 500 + dropped 0; revision 5\n"
    );
    // All that was used is drawn.
    folder.ok("account create calm");
    folder.ok("grant calm 10 --at 2026-11-01 --for 30d");
    folder.ok("use calm 4 --at 2026-11-02");
    folder.csv("statement calm --month 2026-11");
    folder.csv("statement --by account --month 2026-11");
}

/// Each record had to be asked for by itself.
#[test]
fn the_draws_of_a_period_add_up_to_what_was_used() {
    let folder = two_months();
    let rows = folder.json("draws bio --month 2026-11");
    let of = |row: &serde_json::Value| (row["record_id"].clone(), row["amount"].as_u64().unwrap());
    let parts: Vec<_> = rows.iter().map(of).collect();
    assert_eq!(parts, [("late".into(), 5_000), ("job".into(), 3_600)]);
    assert_eq!(rows[0]["grant_record_id"], "bio/1");
    let rows = folder.json("draws chem --month 2026-11");
    let parts = rows.iter().map(|row| {
        (
            row["part"].as_str().unwrap(),
            row["amount"].as_u64().unwrap(),
        )
    });
    assert_eq!(
        parts.collect::<Vec<_>>(),
        [("drawn", 1_000), ("deficit", 500)]
    );
    assert_eq!(rows[1]["record_id"], serde_json::Value::Null);
    let table = folder.ok("draws chem --month 2026-11");
    let lines: Vec<&str> = table.lines().rev().collect();
    assert!(
        lines[0].starts_with("Usage draws from active grants"),
        "{table}"
    );
    assert_eq!(
        lines[1],
        "chem: used 1500 = drawn 1000 + deficit 500 + dropped 0"
    );
    let said = folder.refused("draws chem");
    assert!(
        said.contains("expected the record id of usage or a job, or --month"),
        "{said}"
    );
    folder.ok("close chem --month 2026-11 --yes");
    let said = folder.refused("draws chem --month 2026-11");
    assert!(said.contains("the books are closed"), "{said}");
    assert_eq!(
        folder.json("draws chem --month 2026-12")[0]["record_id"],
        serde_json::Value::Null
    );
}

/// Fifty accounts were fifty commands.
#[test]
fn the_books_of_several_accounts_are_closed_together() {
    let folder = two_months();
    let journal = folder.journal();
    let said = folder.refused("close bio nobody --month 2026-11 --yes");
    assert!(said.contains("there is no account \"nobody\""), "{said}");
    let said = folder.refused("close --all --month 2026-11");
    assert_eq!(
        said,
        "gpu-credit: closing the books of 2 accounts (bio, chem) before 2026-12-01T00:00:00Z cannot be \
         undone: repeat it with --yes"
    );
    assert_eq!(folder.journal(), journal);
    let said = folder.ok("close --all --month 2026-11 --yes --id november");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with("bio: posted as revision 6, id november: the close up to"),
        "{said}"
    );
    assert!(
        lines[1].ends_with("`gpu-credit statement chem --as-recorded 5` has what is closed"),
        "{said}"
    );
    let rows = folder.json("close bio chem --month 2026-11 --yes --id november");
    assert!(rows.iter().all(|row| row["is_new"] == false), "{rows:?}");
    let closed = folder.json("accounts");
    assert!(
        closed
            .iter()
            .all(|row| row["closed_until"] == 1_796_083_200),
        "{closed:?}"
    );
}

/// A change said what an amount became, and not what it had been.
#[test]
fn history_has_the_amount_before_a_change() {
    let folder = Folder::with_account();
    folder.ok("run acme --rate 2 --from 10 --until 20 --id j");
    folder.ok("change acme u1 --amount 20");
    folder.ok("change acme u1 --amount 10");
    folder.ok("change acme j --until 15");
    folder.ok("change acme j --rate 3");
    folder.ok("retract acme j");
    folder.ok("retract acme u1");
    folder.ok("revoke acme g1 --from 25");
    let rows = folder.json("history acme");
    let before = rows[5..].iter().map(|row| row["amount_before"].as_u64());
    let expected = [Some(30), Some(20), None, Some(2), Some(3), Some(10), None];
    assert_eq!(before.collect::<Vec<_>>(), expected);
    assert!(rows[..5].iter().all(|row| row["amount_before"].is_null()));
}
