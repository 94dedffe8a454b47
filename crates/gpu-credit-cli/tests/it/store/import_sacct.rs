//! Jobs of a Slurm cluster, imported by the program.

use std::fs;
use std::path::Path;

use super::Folder;
use crate::{gpu_credit, stderr, stdout};

/// A folder with the samples, beside each other as they grew.
fn with_samples() -> Folder {
    let folder = Folder::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for sample in ["sacct-2026-01-13.txt", "sacct-2026-01-14.txt"] {
        fs::copy(examples.join(sample), folder.path().join(sample)).unwrap();
    }
    folder
}

const HEADER: &str = "JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State";

#[test]
fn a_sample_is_imported_and_grows() {
    let folder = with_samples();
    let import = |day: &str, more: &str| {
        let file = format!("sacct-2026-01-{day}.txt");
        folder.ok(&format!(
            "import {file} --from sacct --timezone Europe/Berlin {more}"
        ))
    };
    let trial = import("13", "--dry-run");
    assert!(
        trial.starts_with("nothing was posted; it would be "),
        "{trial}"
    );
    assert!(!folder.path().join("gpu-credit.redb").exists());
    let first = import("13", "");
    assert_eq!(format!("nothing was posted; it would be {first}"), trial);
    assert!(
        first.contains(" running, 3 accounts opened; 0 there already; ignored: "),
        "{first}"
    );
    let grown = import("14", "");
    assert!(grown.contains(" ended since, "), "{grown}");
    let journal = folder.journal();
    for day in ["14", "13"] {
        let again = import(day, "");
        assert!(
            again.starts_with("0 jobs posted, of which 0 running, 0 accounts opened; "),
            "{again}"
        );
    }
    assert_eq!(folder.journal(), journal);
    folder.ok("check");

    // Winter in Berlin is an hour ahead of UTC.
    let rows = folder.json("history vision");
    let first = rows
        .iter()
        .find(|row| row["record_id"] == "tiger/481210/2026-01-05T07:34:51Z");
    let first = first.unwrap();
    assert_eq!(
        (&first["amount"], &first["timestamp"]),
        (&8.into(), &1_767_602_609.into())
    );
}

#[test]
fn who_pays_for_what_can_be_said() {
    let folder = Folder::new();
    let row =
        "17|tiger|acme|ada|1000|2000|3000|billing=40,cpu=16,gres/gpu:a100=2,gres/gpu=2|COMPLETED";
    folder.file("jobs.txt", format!("{HEADER}\n{row}\n"));
    folder.ok("import jobs.txt --from sacct --resource cpu --payer user --policy forfeit");
    assert_eq!(folder.json("accounts")[0]["account"], "ada");
    assert_eq!(folder.json("accounts")[0]["policy"], "forfeit");
    let history = folder.json("history ada");
    assert_eq!(history[1]["amount"], 16);
}

#[test]
fn a_job_without_end_or_limit_has_run_until_now() {
    let folder = Folder::new();
    let row = |end| format!("17|tiger|acme|ada|1000|2000|{end}|gres/gpu=2|RUNNING");
    folder.file("jobs.txt", format!("{HEADER}\n{}\n", row("Unknown")));
    folder.ok("import jobs.txt --from sacct --now 1970-01-01T01:00:00Z");
    folder.ok("import jobs.txt --from sacct --now 1970-01-01T02:00:00Z");
    folder.file("jobs.txt", format!("{HEADER}\n{}\n", row("5000")));
    let said = folder.ok("import jobs.txt --from sacct");
    assert!(
        said.contains("; 1 ended since, 0 given another provisional end; "),
        "{said}"
    );
    let ids: Vec<_> = folder
        .json("history acme")
        .iter()
        .map(|row| row["record_id"].clone())
        .collect();
    let id = "tiger/17/1970-01-01T00:16:40Z";
    let expected = [
        "open".to_owned(),
        id.to_owned(),
        format!("{id}/until/1970-01-01T01:00:00Z"),
        format!("{id}/until/1970-01-01T02:00:00Z"),
        format!("{id}/end"),
    ];
    assert_eq!(ids, expected);
}

#[test]
fn what_is_wrong_is_one_line_and_nothing_is_posted() {
    let folder = Folder::new();
    let good = "17|tiger|acme|ada|1000|2000|3000|gres/gpu=2|COMPLETED";
    folder.file(
        "bad.txt",
        format!("{HEADER}\n{good}\n{}\n", good.replace("3000", "soon")),
    );
    let said = folder.refused("import bad.txt --from sacct");
    let expected = "gpu-credit: bad.txt: line 3, column End: found \"soon\", expected a time such as \
                    2026-01-31T12:00:00, or Unknown; nothing was posted";
    assert_eq!(said, expected);
    folder.file("good.txt", format!("{HEADER}\n{good}\n"));
    folder.ok("import good.txt --from sacct");
    folder.file(
        "changed.txt",
        format!("{HEADER}\n{}\n", good.replace("gpu=2", "gpu=3")),
    );
    let said = folder.refused("import changed.txt --from sacct");
    let both = "the row is metered usage of 3 a tick from 2000 until 3000, but entry 2 under this id is \
                metered usage of 2 a tick from 2000 until 3000; nothing was posted";
    assert!(said.ends_with(both), "{said}");
    let said = folder.refused("import good.txt --from sacct --timezone Mars/Base");
    assert!(
        said.starts_with("gpu-credit: --timezone: found \"Mars/Base\""),
        "{said}"
    );

    // The other options go with --from sacct, and not with those of other files.
    for wrong in [
        "--resource cpu",
        "--from sacct --again",
        "--now 1970-01-01T00:00:00Z",
    ] {
        let line = format!("import good.txt {wrong}");
        let output = gpu_credit()
            .current_dir(folder.path())
            .args(line.split(' '))
            .output()
            .unwrap();
        assert_eq!(
            output.status.code(),
            Some(2),
            "{wrong}: {}",
            stderr(&output)
        );
    }
    assert_eq!(stdout(&folder.run("check")).lines().count(), 1);
}
