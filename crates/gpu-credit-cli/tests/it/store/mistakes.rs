//! What people mistype: it is refused, or told, before it costs money.

use super::Folder;

/// In seconds, with a grant for November and a job that ends with it.
fn november() -> Folder {
    let folder = Folder::new();
    folder.ok("account create bio --unit s");
    folder.ok("grant bio 1000000 --at 2026-11-01 --for 30d --id november");
    folder.ok("run bio --rate 2 --from 2026-11-27T16:00:00Z --for 40h --id late-1");
    folder
}

/// `--at 20261201` was taken for a day of 1970, and the confirmation did not say of when the grant was.
#[test]
fn a_grant_is_told_with_its_window() {
    let folder = november();
    let said = folder.ok("grant bio 5 --at 20261201 --for 30d --id december");
    let window = "a grant of 5, active 1970-08-23T12:06:41Z to 1970-09-22T12:06:40Z; the balance";
    assert!(said.contains(window), "{said}");
    let said = folder.ok("change bio november --for 31d --id longer");
    let window =
        "the change of november to active 2026-11-01T00:00:00Z to 2026-12-01T23:59:59Z; the";
    assert!(said.contains(window), "{said}");
    let said = folder.ok("grant bio 5 --at 2026-12-01 --for never --id gift --credit-id gift");
    let window = "a grant of 5, active from 2026-12-01T00:00:00Z on, credit id \"gift\"; the";
    assert!(said.contains(window), "{said}");
}

/// A job was stopped a year before it began: it used nothing, and the right date was refused as a retry.
#[test]
fn a_job_is_not_stopped_before_it_begins() {
    let folder = november();
    let journal = folder.journal();
    for (line, option) in [
        ("stop bio late-1 --at 2025-11-28", "--at"),
        ("change bio late-1 --until 2025-11-28", "--until"),
    ] {
        assert_eq!(
            folder.refused(line),
            format!(
                "gpu-credit: {option}: found 2025-11-28T00:00:00Z, expected an instant not before the job \
                 begins, 2026-11-27T16:00:00Z"
            )
        );
    }
    assert_eq!(folder.journal(), journal);
    // It may end as it begins. A retry says what it is, also if the job begins later by now.
    folder.ok("change bio late-1 --until 2026-11-28 --id c1");
    folder.ok("change bio late-1 --from 2026-11-28 --id c2");
    let said = folder.ok("change bio late-1 --until 2026-11-28 --id c1");
    assert!(said.starts_with("was posted already as revision"), "{said}");
    // One that runs across a close is said to be closed, which no end before it can change.
    folder.ok("run bio --rate 1 --from 2026-11-29 --for 9d --id late-2");
    folder.ok("close bio --until 2026-11-30 --yes");
    for at in ["2025-11-28", "2026-11-29"] {
        let said = folder.refused(&format!("stop bio late-2 --at {at}"));
        assert!(
            said.contains("the books are closed up to 2026-11-30"),
            "{said}"
        );
    }
}

/// The end that `stop` had given was told, also if the job had got another one since.
#[test]
fn a_job_that_was_stopped_is_told_with_its_end_now() {
    let folder = november();
    folder.ok("stop bio late-1 --at 2026-11-28");
    folder.ok("change bio late-1 --until 2026-11-28T12:00:00Z");
    assert_eq!(
        folder.ok("stop bio late-1 --at 2026-11-28T13:00:00Z"),
        "late-1 was stopped already by revision 4, and ends at 2026-11-28T12:00:00Z: nothing was done; \
         `gpu-credit change bio late-1 --until 2026-11-28T13:00:00Z` gives it that end\n"
    );
    let rows = folder.json("stop bio late-1 --at 2026-11-28");
    assert_eq!(rows[0]["until"], 1_795_867_200);
    folder.ok("retract bio late-1");
    let said = folder.refused("stop bio late-1 --at 2026-11-28");
    assert!(said.contains("\"late-1\" is retracted already"), "{said}");
}

/// It posted: there was no way to try it.
#[test]
fn a_trial_of_a_stop_posts_nothing() {
    let folder = november();
    let journal = folder.journal();
    let stop = "stop bio late-1 --at 2026-11-28";
    let said = folder.ok(&format!("{stop} --dry-run"));
    assert!(said.ends_with("nothing was posted: late-1 would end at 2026-11-28T00:00:00Z\n"));
    assert_eq!(folder.json(&format!("{stop} -n"))[0]["revision"], 4);
    let said = folder.refused("stop bio late-2 --at 2026-11-28 -n");
    assert!(said.contains("no record \"late-2\""), "{said}");
    assert_eq!(folder.journal(), journal);
    folder.ok(stop);
    let journal = folder.journal();
    let said = folder.ok(&format!("{stop} -n"));
    assert!(said.starts_with("late-1 was stopped already"), "{said}");
    assert_eq!(folder.journal(), journal);
}

/// "was posted already ... nothing was done" was all, and the usage did not count.
#[test]
fn a_record_that_was_retracted_is_not_posted_again_without_a_word() {
    let folder = november();
    folder.ok("retract bio late-1");
    let run = "run bio --rate 2 --from 2026-11-27T16:00:00Z --for 40h --id";
    let again = |line: &str| {
        let output = folder.run(line);
        assert_eq!(
            output.status.code(),
            Some(3),
            "not all of it counts: {line}"
        );
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (said, crate::stderr(&output))
    };
    let (said, noted) = again(&format!("{run} late-1"));
    assert_eq!(noted, "");
    assert_eq!(
        said,
        "was posted already as revision 3, id late-1, and retracted by revision 4: nothing was done; post it \
         under another id to have it back\n"
    );
    folder.ok(&format!("{run} late-2"));
    let plan = "grant bio 9 --at 2027-01-01 --every month --count 3 --id plan";
    folder.ok(plan);
    folder.ok("retract bio plan/2");
    for format in ["--quiet", "--format csv"] {
        let (_, noted) = again(&format!("{run} late-1 {format}"));
        assert!(
            noted.starts_with(
                "gpu-credit: id late-1 was posted already, and retracted by revision 4: "
            ),
            "{noted}"
        );
    }
    let (said, _) = again(plan);
    let expected =
        "0 entries posted, 3 there already (1 retracted: post those under another id), ids";
    assert!(said.starts_with(expected), "{said}");
}

/// `gpu-credit change` was advised for all of them, which cannot do most of it.
#[test]
fn only_what_can_be_changed_is_advised_to_be_changed() {
    let folder = november();
    folder.ok("use bio 5 --at 2026-11-02 --id u1");
    let grant = "--at 2026-11-01 --for 30d --id november";
    for (line, can_be_changed) in [
        (format!("grant bio 2000000 {grant}"), false),
        (format!("grant bio 1000000 {grant} --credit-id x"), false),
        (
            "grant bio 1000000 --at 2026-11-02 --for 30d --id november".to_owned(),
            false,
        ),
        (format!("grant bio 1000000 {grant} --priority 1"), true),
        (
            "grant bio 1000000 --at 2026-11-01 --for 31d --id november".to_owned(),
            true,
        ),
        ("use bio 6 --at 2026-11-02 --id u1".to_owned(), true),
        ("use bio 5 --at 2026-11-03 --id u1".to_owned(), false),
        ("use bio 5 --at 2026-11-03 --id late-1".to_owned(), false),
        (
            "run bio --rate 3 --from 2026-11-27 --for 1h --id late-1".to_owned(),
            true,
        ),
    ] {
        let said = folder.refused(&line);
        let advice = match can_be_changed {
            true => "give this one another --id, or correct that entry with `gpu-credit change`",
            false => {
                "give this one another --id, after `gpu-credit retract` of that entry if it is wrong"
            }
        };
        assert!(said.ends_with(advice), "{line}: {said}");
    }
}

/// "bio" was opened beside "bio ", and tables showed them as one.
#[test]
fn a_name_neither_begins_nor_ends_with_a_space() {
    let folder = november();
    let journal = folder.journal();
    let window = ["--at", "0", "--for", "9"];
    for line in [
        &["account", "create", "bio "][..],
        &["account", "create", " bio"],
        &["use", "bio", "1", "--at", "0", "--id", "u "],
        &[
            "run", "bio", "--rate", "1", "--from", "0", "--for", "1", "--id", " j",
        ],
        &[&["grant", "bio", "1", "--credit-id", "x "][..], &window].concat(),
    ] {
        let mut command = crate::gpu_credit();
        let output = command.current_dir(folder.path()).args(line).output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(2), "{line:?}");
        let said = crate::stderr(&output);
        assert!(said.contains("it begins or ends with a space"), "{said}");
    }
    assert_eq!(folder.journal(), journal);
}

/// "did you mean november-2?" was the answer to the id of a grant that was there.
#[test]
fn an_id_of_another_kind_is_told_what_it_is() {
    let folder = november();
    folder.ok("grant bio 1 --at 2026-11-01 --for 30d --id november-2");
    folder.ok("retract bio late-1 --id oops");
    for (line, expected) in [
        (
            "draws bio november",
            "\"november\" is a grant, not usage: `gpu-credit statement bio --grant november` says what \
             became of it",
        ),
        (
            "draws bio oops",
            "\"oops\" is neither a grant nor usage nor a job",
        ),
        ("draws bio late-1", "\"late-1\" is retracted by revision 5"),
        (
            "draws bio late-1 --as-recorded 2",
            "\"late-1\" is retracted by revision 5",
        ),
        (
            "statement bio --grant late-1",
            "has no grant \"late-1\": that is a job",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.ends_with(expected), "{line}: {said}");
    }
}

/// A plot was written as SVG into a file that was called PNG.
#[test]
fn a_plot_is_no_png() {
    let folder = november();
    for name in ["bio.png", "bio.PDF"] {
        assert_eq!(
            folder.refused(&format!("plot bio -o {name}")),
            format!(
                "gpu-credit: --output: found \"{name}\", expected a name that ends with .svg: a plot is \
                 SVG, which other programs convert"
            )
        );
        assert!(!folder.path().join(name).exists());
    }
    for name in ["bio.svg", "bio.2026-11", "bio"] {
        folder.quiet(&format!("plot bio -o {name}"));
    }
}

/// It was "the books are closed", of any of fifty accounts.
#[test]
fn an_account_whose_books_are_closed_is_named() {
    let folder = november();
    folder.ok("account create chem");
    folder.ok("close chem --until 2026-12-01 --yes");
    for line in ["balance --at 2026-11-30", "runs-dry chem --from 2026-11-30"] {
        let said = folder.refused(line);
        let expected = "gpu-credit.redb: account \"chem\": the books are closed up to 2026-12-01";
        assert!(said.contains(expected), "{line}: {said}");
    }
}

/// `--for` was an option of `spendable` only, and `1-16:00:00` none of its lengths.
#[test]
fn a_job_is_as_long_as_slurm_says() {
    let folder = november();
    let ends = |length: &str, id: &str| {
        folder.ok(&format!(
            "run bio --rate 1 --from 2026-11-01 --for {length} --id {id}"
        ));
        folder.json("history bio").last().unwrap()["until"].clone()
    };
    let forty_hours = 1_793_491_200 + 40 * 3_600;
    for (length, id) in [
        ("40h", "a"),
        ("40:00:00", "b"),
        ("1-16:00:00", "c"),
        ("1-16", "d"),
    ] {
        assert_eq!(ends(length, id), forty_hours, "{length}");
    }
    assert_eq!(ends("40", "e"), 1_793_491_240, "the store counts seconds");
    let said = folder.refused("spendable bio --for 40:00");
    assert!(said.contains("a time limit such as 1-16:00:00"), "{said}");
    let both = folder.run("run bio --rate 1 --from 0 --until 9 --for 9");
    assert_eq!(both.status.code(), Some(2));
}

/// `--format` was advised for `run --for`, and `--at` for `spendable --rate`.
#[test]
fn an_option_of_another_command_is_told_so() {
    let folder = november();
    for (line, tip, is_not) in [
        (
            "spendable bio --rate 4",
            "tip: --rate is an option of run, authorise, settle, change, runs-dry and serve",
            "'--at'",
        ),
        (
            "use bio 5 --for 40h",
            "tip: --for is an option of grant, run, authorise, change and spendable",
            "'--format'",
        ),
        ("balance bio --colour red", "--colour", "similar"),
        ("balance bio --formt csv", "'--format'", "is an option of"),
    ] {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = crate::stderr(&output);
        assert!(said.contains(tip), "{line}: {said}");
        assert!(!said.contains(is_not), "{line}: {said}");
    }
}
