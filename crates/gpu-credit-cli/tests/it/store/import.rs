//! Files in and out.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::Folder;
use crate::file;

const ROWS: &str = "\
grant,acme,march,100,0,30
usage,acme,,30,12,
balance,acme,,,12,
usage,beta,,4,5,
";

#[test]
fn a_file_is_imported_once() {
    let folder = Folder::new();
    folder.file("events.csv", file(ROWS));
    let said = folder.ok("import events.csv --dry-run");
    assert_eq!(
        said,
        "nothing was posted; it would be 3 entries posted, 2 accounts opened (acme: carry, beta: \
         carry); 0 entries were there already; 1 query ignored\n\
         | account | timestamp | balance_before | deficit_before | balance | deficit | status    |\n\
         |---------|-----------|----------------|----------------|---------|---------|-----------|\n\
         | acme    |        12 |                |                |      70 |       0 | available |\n\
         | beta    |         5 |                |                |    none |       4 | inactive  |\n"
    );
    assert_eq!(folder.ok("import events.csv --dry-run --quiet"), "");
    assert!(!folder.path().join("gpu-credit.redb").exists());
    let said = folder.ok("import events.csv --policy forfeit");
    assert!(
        said.starts_with(
            "3 entries posted, 2 accounts opened (acme: forfeit, beta: forfeit); 0 entries"
        ),
        "{said}"
    );
    let journal = folder.journal();

    let said = folder.ok("import events.csv");
    assert!(
        said.starts_with("0 entries posted, 0 accounts opened; 3 entries were there"),
        "{said}"
    );
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(file(ROWS).as_bytes()).unwrap();
    folder.file("events.csv.gz", gzip.finish().unwrap());
    let said = folder.ok("import events.csv.gz");
    assert!(
        said.starts_with("0 entries posted, 0 accounts opened; 3 entries were there"),
        "{said}"
    );
    assert_eq!(folder.journal(), journal);
    assert_eq!(folder.json("accounts")[0]["policy"], "forfeit");
}

/// A file that had grown was posted as a whole again.
#[test]
fn a_file_that_has_grown_is_continued_and_another_is_refused() {
    let folder = Folder::new();
    folder.file("log.csv", file(ROWS));
    folder.ok("import log.csv");
    folder.file("log.csv", file(&format!("{ROWS}usage,acme,,5,13,\n")));
    assert_eq!(
        folder.ok("import log.csv"),
        "1 entry posted, 0 accounts opened; 3 entries were there already; it continues a file that was imported \
         before: its first 3 rows are known; 1 query ignored\n"
    );
    let journal = folder.journal();
    folder.file("other.csv", file("usage,acme,,7,7,\nusage,acme,,5,13,\n"));
    assert_eq!(
        folder.refused("import other.csv"),
        "gpu-credit: other.csv: 1 row without id equals one imported before, in all columns, and the \
         file does not continue one of those: line 3 (account \"acme\", usage of 5 at 13) equals \
         revision 4; nothing was posted; --again posts them all the same"
    );
    assert_eq!(folder.journal(), journal);
    let said = folder.ok("import other.csv --again");
    assert!(said.starts_with("2 entries posted, "), "{said}");
}

#[test]
fn rows_with_ids_are_posted_once_in_any_order_and_in_batches() {
    let folder = Folder::new();
    let generate = "generate --shape late --accounts 3 --usage 300 --grants 9 --queries 5 --ids";
    folder.ok(&format!("{generate} --output events.csv"));
    let text = std::fs::read_to_string(folder.path().join("events.csv")).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let mut rows: Vec<&str> = rows.lines().collect();
    rows.reverse();
    folder.file(
        "half.csv",
        format!("{header}\n{}\n", rows[..100].join("\n")),
    );
    folder.ok("import half.csv");
    let said = folder.ok("import events.csv --batches 50 --memory 500M");
    assert!(said.contains(" 0 accounts opened"), "{said}");
    let said = folder.ok("import events.csv");
    assert!(
        said.starts_with("0 entries posted, 0 accounts opened; 309 entries were there"),
        "{said}"
    );
    let output = folder.run("import events.csv --memory 1K");
    let said = crate::stderr(&output);
    assert!(said.contains("--memory sets the limit"), "{said}");
}

#[test]
fn a_bad_line_is_named_and_nothing_is_posted() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    let limit = i64::MAX;
    let cases = [
        (
            "usage,acme,,1,5,\nusage,acme,,-1,5,\n".to_owned(),
            "events.csv: line 3, column amount: found \"-1\", expected an integer from 0",
        ),
        (
            format!("usage,acme,,1,5,\nusage,acme,,{limit},5,\n"),
            "events.csv: line 3, column amount: account \"acme\": usage of 9223372036854775807",
        ),
    ];
    for (rows, expected) in cases {
        folder.file("events.csv", file(&rows));
        for line in ["import events.csv", "import events.csv --dry-run"] {
            let said = folder.refused(line);
            assert!(said.contains(expected), "{said}");
            let end = "; nothing was posted; --skip-refused posts the other rows";
            assert!(said.ends_with(end), "{said}");
            assert_eq!(folder.journal(), journal);
        }
    }
}

/// One bad row refused the file of everybody, and an account that nobody knew was opened without a word.
#[test]
fn rows_that_are_refused_can_be_left_out_and_the_others_posted() {
    let folder = Folder::with_account();
    let header = file("").replace('\n', ",id\n");
    let rows = "usage,acme,,1,20,,u2\nusage,acme,,x,20,,u3\nusage,acmee,,1,20,,u4\n";
    folder.file("events.csv", header.clone() + rows);
    let said = folder.refused("import events.csv --no-new-accounts");
    assert!(
        said.contains("line 3, column amount: found \"x\""),
        "{said}"
    );
    let output = folder.run("import events.csv --no-new-accounts --skip-refused");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1 entry posted, 0 accounts opened; 0 entries were there already; 2 rows are refused\n"
    );
    let said = crate::stderr(&output);
    let said: Vec<&str> = said.lines().collect();
    assert_eq!(
        said,
        [
            "gpu-credit: events.csv: line 3, column amount: found \"x\", expected an integer from 0 to \
             9223372036854775807; it is left out",
            "gpu-credit: events.csv: line 4: there is no account \"acmee\"; did you mean \"acme\"? \
             `gpu-credit account create acmee` opens one; it is left out",
        ]
    );
    assert_eq!(folder.json("accounts").len(), 1);
    // Without an id, a row that breaks a rule cannot be told from others later.
    folder.file(
        "events.csv",
        file("usage,acme,,1,21,\nusage,acmee,,1,20,\n"),
    );
    let said = folder.refused("import events.csv --no-new-accounts --skip-refused");
    assert!(
        said.ends_with("a row without id is not left out: give rows ids"),
        "{said}"
    );
    folder.ok("export --output journal.jsonl");
    let said = folder.refused("import journal.jsonl --skip-refused");
    assert!(
        said.contains("it is a journal, which is imported whole"),
        "{said}"
    );
}

/// Milliseconds were posted as seconds.
#[test]
fn a_file_in_another_unit_than_the_store_has_is_refused() {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    let rows = "usage,acme,,1,1769860800000,\n";
    folder.file("events.csv", file(rows));
    let said = folder.refused("import events.csv --skip-refused");
    assert_eq!(
        said,
        "gpu-credit: events.csv: line 2, column timestamp: found 1769860800000, which is no likely time in \
         s, and one in ms; nothing was posted; --unit ms says so, and --any-time that s is right"
    );
    assert!(
        folder
            .ok("import events.csv --unit ms -n")
            .contains("1 entry posted")
    );
    assert!(
        folder
            .ok("import events.csv --any-time")
            .contains("1 entry posted")
    );
    let said = folder.refused("use acme 1 --at 1769860800000 --id u1");
    assert!(
        said.contains("would be 2026-01-31T12:00:00Z in ms: --unit ms says so"),
        "{said}"
    );
    folder.ok("use acme 1 --at 1769860800000 --id u1 --any-time");
}

/// A dry run gave counts alone.
#[test]
fn a_trial_shows_what_becomes_of_balances() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    let header = file("").replace('\n', ",id,until\n");
    let rows = "grant,acme,late,5,3,40,g3,\nusage,acme,,1,12,,u2,15\nusage,acme,,30,12,,u1,\nusage,new,,2,1,,u1,\n";
    folder.file("events.csv", header + rows);
    let said = folder.ok("import events.csv -n");
    let table: Vec<&str> = said.lines().skip(3).collect();
    assert_eq!(
        table,
        [
            "| acme    |        15 |            120 |              0 |     122 |       0 | available |",
            "| new     |         1 |                |                |    none |       2 | inactive  |",
        ]
    );
    assert_eq!(folder.journal(), journal);
    folder.ok("import events.csv");
    let balances = folder.json("balance --at 15");
    assert_eq!(balances[0]["balance"], 122);
}

#[test]
fn an_exported_journal_restores_the_store() {
    let folder = Folder::with_account();
    folder.ok("change acme u1 --amount 10");
    folder.ok("close acme --until 5 --yes");
    folder.ok("export --output journal.jsonl");
    let journal = folder.journal();
    assert_eq!(
        fs::read_to_string(folder.path().join("journal.jsonl")).unwrap(),
        journal
    );
    let said = folder.ok("import journal.jsonl --db other.redb");
    assert_eq!(
        said,
        "5 entries posted, 1 account opened (acme: carry); 0 entries were there already\n"
    );
    assert_eq!(folder.ok("export --db other.redb"), journal);
    let said = folder.ok("import journal.jsonl --db other.redb");
    assert_eq!(
        said,
        "0 entries posted, 0 accounts opened; 6 entries were there already\n"
    );

    let broken = journal.replacen("\"amount\":50", "\"amount\":-50", 1);
    folder.file("broken.jsonl", broken);
    let said = folder.refused("import broken.jsonl --db other.redb");
    assert!(
        said.starts_with("gpu-credit: broken.jsonl: line 3: "),
        "{said}"
    );
}

/// All lines of a journal were held at once, some 600 bytes each.
#[cfg(target_os = "linux")]
#[test]
fn an_import_keeps_to_the_memory_it_may_take() {
    use std::fmt::Write as _;
    use std::process::Command;

    const RECORDS: u64 = 700_000;
    let folder = Folder::new();
    let mut journal = fs::File::create(folder.path().join("journal.jsonl")).unwrap();
    let mut events = fs::File::create(folder.path().join("events.csv")).unwrap();
    let (mut lines, mut rows) = (String::new(), file(""));
    lines.push_str(
        r#"{"sequence":1,"recorded_at":0,"account":"acme","id":"open","open_account":{"policy":"carry"}}"#,
    );
    for record in 0..RECORDS {
        let sequence = record + 2;
        write!(
            lines,
            "\n{{\"sequence\":{sequence},\"recorded_at\":0,\"account\":\"acme\",\"id\":\"{record}\",\
             \"usage\":{{\"amount\":1,\"timestamp\":{record}}}}}",
        )
        .unwrap();
        writeln!(rows, "usage,acme,,1,{record},").unwrap();
        if record % 10_000 == 0 || sequence == RECORDS + 1 {
            journal.write_all(lines.as_bytes()).unwrap();
            events.write_all(rows.as_bytes()).unwrap();
            lines.clear();
            rows.clear();
        }
    }
    for name in ["journal.jsonl", "events.csv"] {
        let mut importing = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(folder.path())
            .args(["import", name, "--memory", "440M", "--db"])
            .arg(format!("{name}.redb"))
            .spawn()
            .unwrap();
        // The peak so far; nothing once it has ended.
        let status = format!("/proc/{}/status", importing.id());
        let peak = || {
            let status = fs::read_to_string(&status).ok()?;
            let (_, rest) = status.split_once("VmHWM:")?;
            rest.split_whitespace().next()?.parse::<u64>().ok()
        };
        let mut peak_kib = 0;
        let ended = loop {
            peak_kib = peak().unwrap_or(peak_kib);
            if let Some(ended) = importing.try_wait().unwrap() {
                break ended;
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        };
        assert!(ended.success(), "{name}");
        assert!(
            peak_kib > 0 && peak_kib < 440 << 10,
            "{name}: {peak_kib} KiB"
        );
    }
}

#[test]
fn exported_events_are_what_replay_reads() {
    let folder = Folder::with_account();
    folder.ok("change acme u1 --amount 10");
    let output = folder.run("export --as events");
    let events = String::from_utf8(output.stdout.clone()).unwrap();
    let header = file("").replace('\n', ",until,priority\n");
    let rows = "grant,acme,march,100,0,30,,\ngrant,acme,trial,50,10,10,,\nusage,acme,,10,12,,,\n";
    assert_eq!(events, header + rows);
    let said = crate::stderr(&output);
    assert!(said.starts_with("note: left out: "), "{said}");
    assert!(
        said.contains("1 policy, 3 ids, 0 records that do not count, 1 correction, 0 closes"),
        "{said}"
    );

    folder.file("events.csv", events + "balance,acme,,,12,,,\n");
    let replayed = folder.ok("replay events.csv");
    assert_eq!(replayed, folder.ok("balance acme --at 12 --format csv"));
}
