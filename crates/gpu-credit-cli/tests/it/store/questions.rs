//! Answers, for people and for programs.

use super::Folder;

#[test]
fn balances_of_one_and_of_many() {
    let folder = Folder::with_account();
    folder.ok("account create beta --policy forfeit");
    let one = folder.ok("balance acme --at 0 --at 12 --at 31");
    assert_eq!(
        one,
        "\
| account | timestamp | balance | status    | deficit |
|---------|-----------|---------|-----------|---------|
| acme    |         0 |     100 | available |       0 |
| acme    |        12 |     120 | available |       0 |
| acme    |        31 |    none | inactive  |       0 |
"
    );
    let (header, rows) = folder.csv("balance --at 12");
    assert_eq!(
        header,
        ["account", "timestamp", "balance", "status", "deficit"]
    );
    assert_eq!(
        rows[0].iter().collect::<Vec<_>>(),
        ["acme", "12", "120", "available", "0"]
    );
    assert_eq!(
        rows[1].iter().collect::<Vec<_>>(),
        ["beta", "12", "", "inactive", "0"]
    );
    // The other account was not there yet.
    let between = folder.json("history beta")[0]["recorded_at"]
        .as_i64()
        .unwrap()
        - 1;
    let between = jiff::Timestamp::from_millisecond(between).unwrap();
    let line = format!("balance --at 12 --as-recorded {between}");
    assert_eq!(folder.json(&line).len(), 1);
    let said = folder.refused("balance gamma --at 12");
    assert_eq!(
        said,
        "gpu-credit: gpu-credit.redb: there is no account \"gamma\"; `gpu-credit account create gamma` \
         opens one"
    );
}

#[test]
fn a_statement_says_where_everything_went() {
    let folder = Folder::with_account();
    folder.ok("use acme 200 --at 25 --id u2");
    let statement = &folder.json("statement acme --at 40 --by account")[0];
    assert_eq!(
        (&statement["used"], &statement["drawn"]),
        (&230.into(), &130.into())
    );
    assert_eq!(statement["deficit"], 100);
    let (grants, _) = folder.noted("statement acme --at 40 --format json");
    let grants = grants
        .lines()
        .map(serde_json::from_str::<serde_json::Value>);
    let grants: Vec<_> = grants.map(Result::unwrap).collect();
    for grant in &grants {
        let parts = ["drawn", "lapsed", "forfeited", "revoked", "remaining"];
        let sum: u64 = parts.iter().map(|part| grant[part].as_u64().unwrap()).sum();
        assert_eq!(
            (&grant["remaining_before"], &grant["granted"]),
            (&0.into(), &sum.into())
        );
    }
    assert_eq!(
        (&grants[1]["grant_record_id"], &grants[1]["lapsed"]),
        (&"g2".into(), &20.into())
    );
    let (rows, _) = folder.noted("statement acme --at 40 --format csv");
    assert_eq!(rows.lines().count(), 1 + 2);
    let alone = folder.json("statement acme --at 40 --grant g2");
    assert_eq!(alone, grants[1..]);
    let table = folder.ok("statement acme --at 40");
    let total =
        "acme: used 230 = drawn 130 + deficit 100 + dropped 0; balance none at 40; revision 5";
    assert_eq!(table.lines().last().unwrap(), total);
    let said = folder.refused("statement acme --at 40 --grant u1");
    assert!(said.contains("has no grant \"u1\""), "{said}");
}

#[test]
fn draws_name_the_grants_that_paid() {
    let folder = Folder::with_account();
    folder.ok("use acme 200 --at 15 --id u2");
    let (header, rows) = folder.csv("draws acme u2");
    assert_eq!(
        header,
        [
            "account",
            "record_id",
            "part",
            "amount",
            "grant_record_id",
            "credit_id",
            "first",
            "last",
            "drawn_at",
            "grant_priority",
            "grant_end"
        ]
    );
    let rows: Vec<Vec<&str>> = rows.iter().map(|row| row.iter().collect()).collect();
    assert_eq!(
        rows,
        [
            [
                "acme", "u2", "drawn", "20", "g2", "trial", "15", "15", "15", "0", "20"
            ],
            [
                "acme", "u2", "drawn", "100", "g1", "march", "15", "15", "15", "0", "30"
            ],
            ["acme", "u2", "deficit", "80", "", "", "", "", "", "", ""],
        ]
    );
    // Why one grant paid before another was to be found out from a statement and from the history.
    let table = folder.ok("draws acme u2");
    let rule =
        "Usage draws from active grants by lowest priority, then soonest end, then posting order.";
    assert_eq!(table.lines().last(), Some(rule));
    let said = folder.refused("draws acme g1");
    assert!(
        said.contains(
            "account \"acme\": \"g1\" is a grant, not usage: `gpu-credit statement acme --grant g1`"
        ),
        "{said}"
    );
}

/// `id`, `grant`, `usage`, `job` and `of` were record ids, and `sequence`, `opened_sequence` and
/// `last_sequence` numbered the entries of all accounts.
#[test]
fn an_identifier_has_one_name_wherever_it_stands() {
    let folder = Folder::with_account();
    folder.ok("run acme --rate 1 --from 2 --until 5 --id j1");
    let columns = |line: &str| folder.csv(line).0;
    for (line, expected) in [
        ("accounts", &["revision"][..]),
        ("use acme 1 --at 3", &["record_id", "revision"]),
        ("stop acme j1 --at 4", &["record_id", "revision"]),
        (
            "history acme",
            &["revision", "record_id", "corrected_record_id", "credit_id"],
        ),
        (
            "draws acme u1",
            &["record_id", "grant_record_id", "credit_id"],
        ),
        (
            "statement acme --at 5",
            &["grant_record_id", "credit_id", "revision"],
        ),
    ] {
        let names = ["id", "revision", "sequence", "grant", "usage", "job", "of"];
        let is_identifier = |column: &String| {
            names.contains(&column.as_str())
                || column.ends_with("_id")
                || column.ends_with("_sequence")
        };
        let found: Vec<String> = columns(line).into_iter().filter(is_identifier).collect();
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_history_is_the_journal() {
    let folder = Folder::with_account();
    folder.ok("change acme u1 --amount 10 --id fix");
    let rows = folder.json("history acme");
    let (header, records) = folder.csv("history acme");
    assert_eq!(rows.len(), 5);
    for (row, record) in rows.iter().zip(&records) {
        let fields = row.as_object().unwrap();
        assert_eq!(fields.len(), header.len());
        for (name, value) in header.iter().zip(record) {
            let field = match &fields[name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            assert_eq!(field, value, "{name}");
        }
    }
    assert_eq!(
        (&rows[4]["change"], &rows[4]["corrected_record_id"]),
        (&"change_usage".into(), &"u1".into())
    );
    let table = folder.ok("history acme");
    assert_eq!(table.lines().count(), 7);
}

#[test]
fn accounts_are_listed() {
    let folder = Folder::with_account();
    let row = &folder.json("accounts")[0];
    assert_eq!(
        (&row["account"], &row["policy"]),
        (&"acme".into(), &"carry".into())
    );
    assert_eq!((&row["granted"], &row["used"]), (&150.into(), &30.into()));
    let (header, rows) = folder.csv("accounts");
    assert_eq!((header.len(), rows.len()), (7, 1));
}

#[test]
fn a_check_finds_nothing_wrong() {
    let folder = Folder::with_account();
    let said = folder.ok("check");
    assert!(said.starts_with("sound: 1 account, 4 entries, "), "{said}");
}

#[test]
fn a_copy_answers_the_same() {
    let folder = Folder::with_account();
    folder.ok("copy other.redb");
    assert_eq!(folder.ok("export --db other.redb"), folder.journal());
    let said = folder.refused("copy other.redb");
    assert_eq!(
        said,
        "gpu-credit: other.redb: the file exists already; name another"
    );
}

#[test]
fn a_plot_shows_grants_deficits_and_late_records() {
    let folder = Folder::with_account();
    folder.ok("use acme 200 --at 25 --id u2");
    folder.ok("use acme 5 --at 3 --id late");
    let svg = folder.ok("plot acme");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    for word in [
        "Balance of acme",
        "march",
        "trial",
        "1 late record",
        "-100",
        "10",
    ] {
        assert!(svg.lines().any(|line| line == word), "{word}");
    }
    // A deficit grows where there is no balance before and after, too.
    folder.ok("use acme 60 --at 28 --id u3");
    let svg = folder.ok("plot acme");
    assert!(svg.lines().any(|line| line == "-150"));
    folder.ok("plot acme --unit s --from 0 --to 5 --output acme.svg");
    let file = std::fs::read_to_string(folder.path().join("acme.svg")).unwrap();
    assert!(file.contains("00:00:02") && !file.contains("trial"));
    let said = folder.refused("plot acme --from 5 --to 5");
    assert!(
        said.contains(
            "--to: found 1970-01-01T00:00:05Z, expected an instant after 1970-01-01T00:00:05Z"
        ),
        "{said}"
    );
    folder.ok("account create beta");
    let said = folder.refused("plot beta");
    assert!(said.contains("has no records to show"), "{said}");
}

#[test]
fn names_are_escaped_where_they_must_be() {
    let folder = Folder::new();
    let run = |arguments: &[&str]| {
        let output = crate::gpu_credit()
            .current_dir(folder.path())
            .args(arguments)
            .output()
            .unwrap();
        crate::stdout(&output)
    };
    let name = "a <b>\n&c";
    run(&["account", "create", name]);
    run(&[
        "grant",
        name,
        "5",
        "--at",
        "0",
        "--expiration",
        "9",
        "--credit-id",
        "<&>",
    ]);
    let svg = run(&["plot", name]);
    assert!(svg.contains("a &lt;b&gt;\\n&amp;c"), "{svg}");
    assert!(svg.contains("&lt;&amp;&gt;") && !svg.contains("<b>"));
    let table = run(&["balance", "--at", "0"]);
    assert_eq!(table.lines().count(), 3);
    assert!(table.contains("a <b>\\n&c"), "{table}");
}

#[test]
fn a_plot_of_the_longest_time_and_the_largest_amounts() {
    let folder = Folder::new();
    folder.ok("account create acme");
    let amount = i64::MAX;
    folder.ok(&format!(
        "grant acme {amount} --at {} --expiration {amount}",
        i64::MIN
    ));
    folder.ok("use acme 7 --at 0");
    folder.ok("use acme 9 --at 9223372036854775807");
    for unit in ["", "--unit s", "--unit ns"] {
        let svg = folder.ok(&format!("plot acme {unit}"));
        assert!(svg.len() < 20_000, "{}", svg.len());
    }
}

/// A number past the end was answered as if it were the last, and no instant was taken.
#[test]
fn the_past_is_asked_for_by_revision_or_by_instant() {
    let folder = Folder::with_account();
    folder.ok("account create bert");
    std::thread::sleep(std::time::Duration::from_millis(20));
    let between = jiff::Timestamp::now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    folder.ok("change acme u1 --amount 10");
    folder.ok("account create carl");
    let balances = |recorded: &str| {
        let rows = folder.json(&format!("balance --at 12 --as-recorded {recorded}"));
        let row = |row: &serde_json::Value| {
            let account = row["account"].as_str().unwrap().to_owned();
            (account, row["balance"].as_u64())
        };
        rows.iter().map(row).collect::<Vec<_>>()
    };
    let (acme, bert, carl) = ("acme".to_owned(), "bert".to_owned(), "carl".to_owned());
    let before = [(acme.clone(), Some(120)), (bert.clone(), None)];
    assert_eq!(balances(&between.to_string()), before);
    let after = [(acme, Some(140)), (bert, None), (carl, None)];
    assert_eq!(balances("now"), after);
    // Of one account, by its own entries: what is posted to others does not count.
    let of_acme = |revision: u64| {
        let line = format!("balance acme --at 12 --as-recorded {revision}");
        folder.json(&line)[0]["balance"].as_u64()
    };
    let balances = [1, 2, 3, 4, 5].map(of_acme);
    assert_eq!(balances, [None, Some(100), Some(150), Some(120), Some(140)]);
    assert_eq!(folder.json("balance bert --at 12 --as-recorded 1").len(), 1);
    for (line, expected) in [
        (
            "balance acme --at 12 --as-recorded 8",
            "account \"acme\" has 5 revisions; 8 is past its end: `gpu-credit history acme` lists them",
        ),
        (
            "balance --at 12 --as-recorded 2",
            "--as-recorded: found revision 2, and each account has revisions of its own: name one account, \
             or give a TIME",
        ),
        (
            "balance acme bert --at 12 --as-recorded 1",
            "--as-recorded: found revision 1, and each account has revisions of its own: name one account, \
             or give a TIME",
        ),
        (
            "statement acme --at 12 --as-recorded 0",
            "account \"acme\" has 5 revisions, counted from 1; there is no 0: `gpu-credit history acme` lists \
             them",
        ),
        (
            "statement acme --at 12 --as-recorded 2999-01-01",
            "--as-recorded: found 2999-01-01T00:00:00Z, which is still to come",
        ),
        (
            "draws acme u1 --as-recorded 2001-01-01",
            "account \"acme\" was not open yet: `gpu-credit history acme` lists its entries",
        ),
        (
            "draws bert u1 --as-recorded 2",
            "account \"bert\" has 1 revision; 2 is past its end: `gpu-credit history bert` lists them",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.ends_with(expected), "{said}");
    }
}

/// `--at` had to be typed, and now is what is asked about most.
#[test]
fn a_query_is_about_now_if_no_instant_is_given() {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    folder.ok("grant acme 100 --at 2025-01-01 --for never --id g1");
    for line in [
        "balance",
        "balance acme",
        "statement acme --by account",
        "spendable acme",
        "spendable acme --for 1h",
    ] {
        let row = &folder.json(line)[0];
        let instant = row.get("timestamp").unwrap_or(&row["last"]);
        let seconds = instant.as_i64().unwrap();
        assert!(
            (jiff::Timestamp::now().as_second() - seconds).abs() < 600,
            "{line}"
        );
    }
    assert!(folder.json("runs-dry acme")[0]["from"].as_i64().unwrap() > 1_750_000_000);
}
