//! Jobs of a Slurm cluster, imported by the program.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

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
        first.contains(
            " running, 3 accounts opened (climate: carry, speech: carry, vision: carry); 0 jobs were there already; 15 jobs use \
             no gres/gpu; ignored: "
        ),
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
                    2026-01-31T12:00:00, or Unknown; nothing was posted; --skip-refused posts the other \
                    rows";
    assert_eq!(said, expected);
    folder.file("good.txt", format!("{HEADER}\n{good}\n"));
    folder.ok("import good.txt --from sacct");
    folder.file(
        "changed.txt",
        format!("{HEADER}\n{}\n", good.replace("gpu=2", "gpu=3")),
    );
    let said = folder.refused("import changed.txt --from sacct");
    let both = "the row is metered usage of 3 a tick from 1970-01-01T00:33:20Z until 1970-01-01T00:50:00Z, \
                but by revision 2 the job is metered usage of 2 a tick from 1970-01-01T00:33:20Z until \
                1970-01-01T00:50:00Z; `gpu-credit change acme tiger/17/1970-01-01T00:16:40Z --rate 3` \
                makes it what the file has; nothing was posted; --skip-refused posts the other rows";
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

/// A file of these rows, each with START, END and GPUs of an account.
fn jobs(folder: &Folder, name: &str, rows: &[&str]) {
    folder.file(name, format!("{HEADER}\n{}\n", rows.join("\n")));
}

/// The day after, the row differed from the end by hand: nothing of any account was posted, and it was not
/// said what helps.
#[test]
fn a_job_that_was_stopped_by_hand_is_left_and_named_and_the_others_are_posted() {
    let folder = Folder::new();
    jobs(
        &folder,
        "1.txt",
        &["1013|orca|bio|ada|1000|2000|Unknown|gres/gpu=1|RUNNING"],
    );
    folder.ok("import 1.txt --from sacct --now 1970-01-02T00:00:00Z");
    folder.ok("stop bio orca/1013/1970-01-01T00:16:40Z --at 1970-01-01T02:00:00Z");
    jobs(
        &folder,
        "2.txt",
        &[
            "1013|orca|bio|ada|1000|2000|9000|gres/gpu=1|COMPLETED",
            "1014|orca|chem|eve|1000|2000|9000|gres/gpu=1|COMPLETED",
        ],
    );
    let said = folder.ok("import 2.txt --from sacct");
    let expected = "1 job posted, of which 0 running, 1 account opened (chem: carry); 0 jobs were there already; 1 left as \
                    corrected by hand: bio orca/1013/1970-01-01T00:16:40Z; ignored: 0 steps, 0 jobs that \
                    did not start\n";
    assert_eq!(said, expected);
}

/// One row of a closed month kept the jobs of all accounts from being posted.
#[test]
fn rows_that_are_refused_can_be_left_out_and_the_others_posted() {
    let folder = Folder::new();
    folder.ok("account create bio --unit s");
    folder.ok("close bio --until 1970-01-01T00:50:00Z --yes");
    let closed = "17|orca|bio|ada|1000|2000|4000|gres/gpu=1|COMPLETED";
    let backwards = "18|orca|chem|ada|1000|2000|1999|gres/gpu=1|COMPLETED";
    let good = "19|orca|chem|ada|1000|2000|4000|gres/gpu=8|COMPLETED";
    jobs(&folder, "day.txt", &[closed, backwards, good]);
    let said = folder.refused("import day.txt --from sacct");
    assert!(said.contains("line 3, column End: "), "{said}");
    assert!(
        said.ends_with("; nothing was posted; --skip-refused posts the other rows"),
        "{said}"
    );

    let output = folder.run("import day.txt --from sacct --skip-refused");
    assert_eq!(output.status.code(), Some(3));
    let lines = [
        "line 3, column End: found \"1999\", expected no time before Start, 2000; it is left out",
        "line 2: account \"bio\", id \"orca/17/1970-01-01T00:16:40Z\": the books are closed up to \
         1970-01-01T00:50:00Z, and this takes effect before that; post what it changes at that \
         instant or later, under another id; it is left out",
    ];
    let expected = lines.map(|line| format!("gpu-credit: day.txt: {line}\n"));
    assert_eq!(stderr(&output), expected.concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("1 job posted, of which 0 running, 1 account opened (chem: carry); "),
        "{said}"
    );
    assert!(said.contains("; 2 refused; "), "{said}");
    assert_eq!(folder.json("history chem")[1]["amount"], 8);
    assert_eq!(folder.json("history bio").len(), 2);
    folder.ok("check");
    // What is refused stays refused, and what is there is there.
    let output = folder.run("import day.txt --from sacct --skip-refused --quiet");
    assert_eq!((output.status.code(), output.stdout), (Some(3), Vec::new()));
}

/// The command that the error names made the next import fail in the same way.
#[test]
fn the_command_that_a_refused_row_names_settles_it() {
    let folder = Folder::new();
    let row = "17|orca|bio|ada|1000|2000|4000|gres/gpu=8|COMPLETED";
    jobs(&folder, "1.txt", &[row]);
    folder.ok("import 1.txt --from sacct");
    let revised = row.replace("|4000|gres/gpu=8", "|5000|gres/gpu=4");
    jobs(&folder, "2.txt", &[&revised]);
    let said = folder.refused("import 2.txt --from sacct");
    let (_, command) = said.split_once("`gpu-credit ").unwrap();
    let (command, _) = command.split_once('`').unwrap();
    assert!(
        command.ends_with(" --rate 4 --until 1970-01-01T01:23:20Z"),
        "{command}"
    );
    folder.ok(command);
    let said = folder.ok("import 2.txt --from sacct");
    assert!(said.contains("; 1 job was there already; "), "{said}");
}

/// It was not said that the job cannot become what the file has.
#[test]
fn a_revised_job_of_a_closed_month_names_the_close_and_no_command() {
    let folder = Folder::new();
    let row = "17|orca|bio|ada|1000|2000|4000|gres/gpu=8|COMPLETED";
    jobs(&folder, "1.txt", &[row]);
    folder.ok("import 1.txt --from sacct");
    folder.ok("close bio --until 1970-01-02 --yes");
    jobs(&folder, "2.txt", &[&row.replace("4000", "5000")]);
    let said = folder.refused("import 2.txt --from sacct");
    let end = "and the books are closed up to 1970-01-02T00:00:00Z; nothing was posted; --skip-refused \
               posts the other rows";
    assert!(said.ends_with(end), "{said}");
}

/// With another time zone every job got another id, and was posted a second time.
#[test]
fn a_file_that_is_read_in_another_time_zone_than_before_is_refused() {
    let folder = with_samples();
    folder.ok("import sacct-2026-01-13.txt --from sacct --timezone Europe/Berlin");
    let journal = folder.journal();
    for zone in ["", "--timezone Asia/Kolkata --skip-refused"] {
        let said = folder.refused(&format!("import sacct-2026-01-14.txt --from sacct {zone}"));
        let end = "the times are read in another time zone than those of the file that was imported \
                   before; nothing was posted; --timezone names that of the file";
        assert!(said.ends_with(end), "{said}");
    }
    assert_eq!(folder.journal(), journal);
}

/// A first import in the wrong zone could not be undone.
#[test]
fn jobs_of_another_time_zone_that_are_retracted_do_not_matter() {
    let folder = Folder::new();
    let row =
        "17|orca|bio|ada|1970-01-02T00:00:00|1970-01-02T01:00:00|1970-01-02T02:00:00|gres/gpu=8|OK";
    jobs(&folder, "day.txt", &[row]);
    folder.ok("import day.txt --from sacct");
    folder.refused("import day.txt --from sacct --timezone Asia/Kolkata");
    folder.ok("retract bio orca/17/1970-01-02T00:00:00Z");
    let said = folder.ok("import day.txt --from sacct --timezone Asia/Kolkata");
    assert!(said.starts_with("1 job posted, "), "{said}");
}

/// Without --duplicates sacct leaves out the first run of a job that was requeued: it was charged up to its
/// time limit, and nothing said so.
#[test]
fn a_running_job_that_is_not_in_the_file_any_more_is_named() {
    let folder = Folder::new();
    let running = "17|orca|bio|ada|1000|2000|Unknown|gres/gpu=8|RUNNING";
    let other = "18|orca|bio|ada|1000|2000|Unknown|gres/gpu=8|RUNNING";
    jobs(&folder, "1.txt", &[running, other]);
    folder.ok("import 1.txt --from sacct --now 1970-01-02T00:00:00Z");
    let requeued = "17|orca|bio|ada|7000|8000|9000|gres/gpu=8|COMPLETED";
    jobs(
        &folder,
        "2.txt",
        &[requeued, &other.replace("Unknown", "8500")],
    );
    let output = folder.run("import 2.txt --from sacct --quiet");
    assert_eq!(output.status.code(), Some(0));
    let expected = "gpu-credit: 2.txt: 1 job with a provisional end should be in it, and is not: bio \
                    orca/17/1970-01-01T00:16:40Z; sacct --duplicates prints jobs that were requeued, and \
                    `gpu-credit change ACCOUNT ID --until TIME` ends one\n";
    assert_eq!(stderr(&output), expected);
    // With --duplicates the first run has its end.
    let first = running
        .replace("Unknown", "6000")
        .replace("RUNNING", "REQUEUED");
    jobs(&folder, "3.txt", &[&first, requeued]);
    let said = folder.ok("import 3.txt --from sacct");
    assert!(
        said.contains(
            "; 1 ended since, 0 given another provisional end; 1 job was there already; "
        ),
        "{said}"
    );
    // An older file knows nothing of what began later.
    jobs(
        &folder,
        "4.txt",
        &[
            "20|orca|bio|ada|1000|9500|Unknown|gres/gpu=8|RUNNING",
            requeued,
            &first,
        ],
    );
    folder.ok("import 4.txt --from sacct");
    folder.ok("import 3.txt --from sacct");
}

/// Jobs of nodes whose AllocTRES lists no GPUs were posted at a rate of 0, and so was a whole file if the
/// name of the resource was misspelt.
#[test]
fn a_resource_that_no_job_uses_is_refused_and_jobs_that_use_none_are_counted() {
    let folder = Folder::new();
    let gpus = "17|orca|bio|ada|1000|2000|4000|cpu=4,gres/gpu=8|COMPLETED";
    let none = "18|orca|bio|ada|1000|2000|4000|cpu=4|COMPLETED";
    jobs(&folder, "none.txt", &[none]);
    jobs(&folder, "some.txt", &[gpus, none]);
    let said = folder.refused("import none.txt --from sacct");
    let expected = "gpu-credit: none.txt: no job uses gres/gpu, expected a resource that AllocTRES lists, \
                    such as gpu, cpu or billing; nothing was posted";
    assert_eq!(said, expected);
    folder.refused("import some.txt --from sacct --resource gpus");
    let said = folder.ok("import some.txt --from sacct");
    assert!(said.contains("; 1 job uses no gres/gpu; "), "{said}");
}

/// An UNLIMITED job that still runs ends at the instant of the import, and nothing said so.
#[test]
fn running_jobs_without_a_time_limit_are_counted() {
    let folder = Folder::new();
    jobs(
        &folder,
        "1.txt",
        &["17|orca|bio|ada|1000|2000|Unknown|gres/gpu=8|RUNNING"],
    );
    for (hour, said) in [
        ("01", "1 job posted, of which 1 running"),
        ("02", "0 jobs posted, of which 0 running"),
    ] {
        let imported = folder.ok(&format!(
            "import 1.txt --from sacct --now 1970-01-01T{hour}:00:00Z"
        ));
        let said = format!("{said}, 1 job without a time limit ends for now at this import, ");
        assert!(imported.starts_with(&said), "{imported}");
    }
}

/// While `sacct` still printed, nobody else could ask the store anything.
#[test]
fn others_use_the_store_while_standard_input_is_not_at_its_end() {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    let mut import = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
        .args(["import", "-", "--from", "sacct", "--db", "gpu-credit.redb"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = import.stdin.take().unwrap();
    // More than a pipe and the first read hold.
    let rows = 5_000;
    writeln!(input, "{HEADER}").unwrap();
    for number in 0..rows {
        writeln!(
            input,
            "{number}|orca|acme|ada|1000|2000|3000|gres/gpu=2|COMPLETED"
        )
        .unwrap();
    }
    folder.ok("accounts");
    folder.ok("account create bert");
    drop(input);
    let output = import.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("5000 jobs posted, "), "{said}");
}

/// "expected the header kind,account,..." was all that was said.
#[test]
fn a_store_and_the_output_of_sacct_are_recognised() {
    let folder = with_samples();
    folder.ok("account create acme --unit s --db b.redb");
    let said = folder.refused("import b.redb");
    assert!(
        said.starts_with("gpu-credit: b.redb: it is a store: --db names one, "),
        "{said}"
    );
    let said = folder.refused("import sacct-2026-01-13.txt");
    let expected =
        "gpu-credit: sacct-2026-01-13.txt: it is what sacct prints: --from sacct reads that";
    assert_eq!(said, expected);
}

/// One such id kept all rows from being posted, whatever the option.
#[test]
fn an_id_of_a_job_that_stands_for_something_else_is_a_row_that_is_refused() {
    let folder = Folder::new();
    folder.ok("account create bio --unit s");
    folder.ok("use bio 5 --at 0 --id orca/17/1970-01-01T00:16:40Z");
    let row = "17|orca|bio|ada|1000|2000|4000|gres/gpu=8|COMPLETED";
    jobs(&folder, "1.txt", &[row, &row.replace("17|", "18|")]);
    let said = folder.refused("import 1.txt --from sacct");
    assert!(
        said.contains("but revision 2, under this id, is usage of 5 at 1970-01-01T00:00:00Z; "),
        "{said}"
    );
    let output = folder.run("import 1.txt --from sacct --skip-refused");
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(folder.json("history bio").len(), 3);
}

/// The end of such a job cannot be corrected any more: it was named by every import.
#[test]
fn a_job_of_a_closed_month_is_not_missing_in_later_files() {
    let folder = Folder::new();
    let running = "17|orca|bio|ada|1000|2000|Unknown|gres/gpu=8|RUNNING";
    jobs(&folder, "1.txt", &[running]);
    folder.ok("import 1.txt --from sacct --now 1970-01-01T01:00:00Z");
    folder.ok("close bio --until 1970-01-02 --yes");
    jobs(
        &folder,
        "2.txt",
        &["18|orca|bio|ada|100000|100000|100400|gres/gpu=8|COMPLETED"],
    );
    folder.ok("import 2.txt --from sacct");
}
