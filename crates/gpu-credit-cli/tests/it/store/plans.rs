//! Grants that are repeated: `grant --every`.

use super::Folder;

fn with_account() -> Folder {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    folder
}

/// Id, amount, first instant and first instant after the window, as dates, of every grant.
fn grants(folder: &Folder) -> Vec<(String, u64, String, String)> {
    let day = |seconds: i64| {
        let timestamp = jiff::Timestamp::from_second(seconds).unwrap().to_string();
        timestamp.trim_end_matches("T00:00:00Z").to_owned()
    };
    let rows = folder.json("history acme");
    let grants = rows.iter().filter(|row| row["change"] == "grant");
    let grants = grants.map(|row| {
        let start = row["timestamp"].as_i64().unwrap();
        let end = start + row["expiration"].as_i64().unwrap() + 1;
        let id = row["record_id"].as_str().unwrap().to_owned();
        (id, row["amount"].as_u64().unwrap(), day(start), day(end))
    });
    grants.collect()
}

fn expected(rows: &[(&str, u64, &str, &str)]) -> Vec<(String, u64, String, String)> {
    let own = |(id, amount, start, end): &(&str, u64, &str, &str)| {
        (
            (*id).to_owned(),
            *amount,
            (*start).to_owned(),
            (*end).to_owned(),
        )
    };
    rows.iter().map(own).collect()
}

#[test]
fn months_are_reckoned_from_the_first() {
    let folder = with_account();
    let said = folder.ok("grant acme 10 --at 2025-01-31 --every month --count 3 --id plan");
    assert_eq!(
        said,
        "3 entries posted, 0 there already, ids plan/1 to plan/3: the first is a grant of 10, active \
         2025-01-31T00:00:00Z to 2025-02-27T23:59:59Z, the last is a grant of 10, active \
         2025-03-31T00:00:00Z to 2025-04-29T23:59:59Z; the balance at \
         2025-01-31T00:00:00Z is 10\n"
    );
    assert_eq!(
        grants(&folder),
        expected(&[
            ("plan/1", 10, "2025-01-31", "2025-02-28"),
            ("plan/2", 10, "2025-02-28", "2025-03-31"),
            ("plan/3", 10, "2025-03-31", "2025-04-30"),
        ])
    );
    // The same plan again, and longer.
    let again = "grant acme 10 --at 2025-01-31 --every month --last 2025-05-30 --id plan";
    let said = folder.ok(again);
    assert_eq!(
        said,
        "1 entry posted, 3 there already, ids plan/1 to plan/4: the first is a grant of 10, active \
         2025-01-31T00:00:00Z to 2025-02-27T23:59:59Z, the last is a grant of 10, active \
         2025-04-30T00:00:00Z to 2025-05-30T23:59:59Z; the balance at \
         2025-04-30T00:00:00Z is 10\n"
    );
    let said = folder.ok(again);
    assert_eq!(
        said,
        "0 entries posted, 4 there already, ids plan/1 to plan/4: the first is a grant of 10, active \
         2025-01-31T00:00:00Z to 2025-02-27T23:59:59Z, the last is a grant of 10, active \
         2025-04-30T00:00:00Z to 2025-05-30T23:59:59Z\n"
    );
    let said = folder.refused("grant acme 11 --at 2025-01-31 --every month --count 3 --id plan");
    assert!(said.contains("id \"plan/1\""), "{said}");
}

#[test]
fn an_occurrence_may_be_shorter_and_days_are_those_of_a_time_zone() {
    let folder = with_account();
    folder.ok(
        "grant acme 10 --at 2025-03-29 --every day --count 2 --for 12h --timezone Europe/Berlin \
         --id plan",
    );
    assert_eq!(
        grants(&folder),
        expected(&[
            ("plan/1", 10, "2025-03-28T23:00:00Z", "2025-03-29T11:00:00Z"),
            ("plan/2", 10, "2025-03-29T23:00:00Z", "2025-03-30T11:00:00Z"),
        ])
    );
    let said = folder.refused(
        "grant acme 1 --at 2025-03-29 --every day --count 2 --timezone Berlin/Europe --id p2",
    );
    assert!(
        said.contains("--timezone: found \"Berlin/Europe\""),
        "{said}"
    );
}

#[test]
fn what_is_left_may_be_kept_all_of_it_or_some() {
    let folder = with_account();
    folder.ok("grant acme 10 --at 2025-01-01 --every month --count 2 --keep 1 --id all");
    folder.ok(
        "grant acme 10 --at 2025-01-01 --every month --count 2 --keep 2 --keep-at-most 3 --id some",
    );
    assert_eq!(
        grants(&folder),
        expected(&[
            ("all/1", 10, "2025-01-01", "2025-03-01"),
            ("all/2", 10, "2025-02-01", "2025-04-01"),
            ("some/1", 7, "2025-01-01", "2025-02-01"),
            ("some/1/kept", 3, "2025-01-01", "2025-04-01"),
            ("some/2", 7, "2025-02-01", "2025-03-01"),
            ("some/2/kept", 3, "2025-02-01", "2025-05-01"),
        ])
    );
}

#[test]
fn what_is_no_plan_is_refused() {
    let folder = with_account();
    for (wrong, expected) in [
        ("--every month", "expected --count or --last too"),
        (
            "--every fortnight --count 2",
            "--every: found \"fortnight\"",
        ),
        ("--every 0d --count 2", "expected a period above 0"),
        ("--every month --last 2024-01-01", "--last: found"),
        ("--every 1s --last 2026-01-01", "after more than 100000"),
        ("--every 1ms --count 2", "expected a whole number of s"),
        ("--every year --count 9000", "the calendar ends before"),
        (
            "--every month --count 2 --keep 1 --keep-at-most 10",
            "less than the amount, 10",
        ),
    ] {
        let said = folder.refused(&format!("grant acme 10 --at 2025-01-01 {wrong}"));
        assert!(said.contains(expected), "{wrong}: {said}");
    }
    for wrong in [
        "--count 2",
        "--every month --count 2 --last 2026-01-01",
        "--every month --count 2 --expiration 5",
        "--every month --count 2 --keep 1 --for 5d",
        "--every month --count 2 --keep-at-most 5",
        "--every month --count 0",
    ] {
        let output = folder.run(&format!("grant acme 10 --at 2025-01-01 {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
    assert_eq!(grants(&folder), []);
    let folder = Folder::new();
    folder.ok("account create acme");
    let said = folder.refused("grant acme 10 --at 0 --every month --count 2");
    assert!(
        said.contains("needs the store's unit of time, and it has none yet"),
        "{said}"
    );
}

/// Capped rollover is exact if nothing else of the plan's priority ends between the two ends.
#[test]
fn a_plan_may_have_a_priority_of_its_own() {
    let folder = with_account();
    folder.ok(
        "grant acme 10 --at 2025-01-01 --every month --count 2 --keep 1 --keep-at-most 3 --priority -1 \
         --id plan",
    );
    folder.ok("grant acme 5 --at 2025-01-01 --for 35d --id bought");
    let rows = folder.json("history acme");
    let of = |id: &str| {
        let row = rows.iter().find(|row| row["record_id"] == id).unwrap();
        row["priority"].as_i64()
    };
    let priorities = ["plan/1", "plan/1/kept", "plan/2", "bought", "open"].map(of);
    assert_eq!(priorities, [Some(-1), Some(-1), Some(-1), Some(0), None]);
    folder.ok("use acme 2 --at 2025-01-10 --id u1");
    let balance = |at: &str| folder.json(&format!("balance acme --at {at}"))[0]["balance"].as_u64();
    assert_eq!(balance("2025-01-31"), Some(13));
    // Of the 8 that were left of January 3 are kept.
    assert_eq!(balance("2025-02-01"), Some(3 + 10 + 5));
}
