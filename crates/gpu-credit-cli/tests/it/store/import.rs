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
        "nothing was posted; it would be 3 entries posted, 2 accounts opened, 0 there already; \
         1 question passed over\n"
    );
    assert!(!folder.path().join("gpu-credit.redb").exists());
    let said = folder.ok("import events.csv --policy forfeit");
    assert!(
        said.starts_with("3 entries posted, 2 accounts opened, 0 there"),
        "{said}"
    );
    let journal = folder.journal();

    let said = folder.ok("import events.csv");
    assert!(
        said.starts_with("0 entries posted, 0 accounts opened, 3 there"),
        "{said}"
    );
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(file(ROWS).as_bytes()).unwrap();
    folder.file("events.csv.gz", gzip.finish().unwrap());
    let said = folder.ok("import events.csv.gz");
    assert!(
        said.starts_with("0 entries posted, 0 accounts opened, 3 there"),
        "{said}"
    );
    assert_eq!(folder.journal(), journal);
    assert_eq!(folder.json("accounts")[0]["policy"], "forfeit");
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
            assert!(said.ends_with("nothing was posted"), "{said}");
            assert_eq!(folder.journal(), journal);
        }
    }
}

#[test]
fn an_exported_journal_restores_the_store() {
    let folder = Folder::with_account();
    folder.ok("change acme u1 --amount 10");
    folder.ok("close acme --until 5");
    folder.ok("export --output journal.jsonl");
    let journal = folder.journal();
    assert_eq!(
        fs::read_to_string(folder.path().join("journal.jsonl")).unwrap(),
        journal
    );
    let said = folder.ok("import journal.jsonl --db other.redb");
    assert_eq!(
        said,
        "5 entries posted, 1 account opened, 0 there already\n"
    );
    assert_eq!(folder.ok("export --db other.redb"), journal);
    let said = folder.ok("import journal.jsonl --db other.redb");
    assert_eq!(
        said,
        "0 entries posted, 0 accounts opened, 6 there already\n"
    );

    let broken = journal.replacen("\"amount\":50", "\"amount\":-50", 1);
    folder.file("broken.jsonl", broken);
    let said = folder.refused("import broken.jsonl --db other.redb");
    assert!(
        said.starts_with("gpu-credit: broken.jsonl: line 3: "),
        "{said}"
    );
}

#[test]
fn exported_events_are_what_replay_reads() {
    let folder = Folder::with_account();
    folder.ok("change acme u1 --amount 10");
    let output = folder.run("export --as events");
    let events = String::from_utf8(output.stdout.clone()).unwrap();
    let rows = "grant,acme,march,100,0,30\ngrant,acme,trial,50,10,10\nusage,acme,,10,12,\n";
    assert_eq!(events, file(rows));
    let said = crate::stderr(&output);
    assert!(said.starts_with("gpu-credit: left out: "), "{said}");
    assert!(said.contains("1 corrections"), "{said}");

    folder.file("events.csv", events + "balance,acme,,,12,\n");
    let replayed = folder.ok("replay events.csv");
    assert_eq!(replayed, folder.ok("balance acme --at 12 --format csv"));
}
