//! Errors say what to do next, and nothing of how the program is made.

use super::Folder;

/// With a unit of time, and a grant and usage that have ids.
fn with_unit() -> Folder {
    let folder = Folder::new();
    folder.ok("account create account-1 --unit s");
    folder.ok("grant account-1 9 --at 2025-01-01 --for 30d --id invoice-1");
    folder.ok("use account-1 2 --at 2025-01-02 --id job-17");
    folder
}

/// "there is no account" was all.
#[test]
fn a_name_that_is_mistyped_is_told_the_nearest() {
    let folder = with_unit();
    assert_eq!(
        folder.refused("balance acount-1"),
        "gpu-credit: gpu-credit.redb: there is no account \"acount-1\"; did you mean \"account-1\"? \
         `gpu-credit account create acount-1` opens one"
    );
    assert_eq!(
        folder.refused("use zebra 1 --at 5"),
        "gpu-credit: gpu-credit.redb: there is no account \"zebra\"; `gpu-credit account create zebra` \
         opens one"
    );
    for line in [
        "change account-1 job-71 --amount 3",
        "retract account-1 jobs-17",
    ] {
        let said = folder.refused(line);
        let expected = "did you mean \"job-17\"? `gpu-credit history account-1` lists the records of the account";
        assert!(said.ends_with(expected), "{said}");
    }
    let said = folder.refused("draws account-1 job-1");
    assert!(
        said.contains("has no usage \"job-1\"; did you mean \"job-17\"?"),
        "{said}"
    );
}

/// An id that nobody had typed stood before the reason.
#[test]
fn an_id_that_was_made_is_not_in_the_error() {
    let folder = with_unit();
    assert_eq!(
        folder.refused("retract account-1 none"),
        "gpu-credit: gpu-credit.redb: account \"account-1\": there is no record \"none\"; `gpu-credit \
         history account-1` lists the records of the account"
    );
    let said = folder.refused("retract account-1 none --id fix-1");
    assert!(
        said.contains("account \"account-1\", id \"fix-1\": there is no record"),
        "{said}"
    );
}

/// Instants were integers in errors, also if the unit was known.
/// Whoever had typed dates read integers.
#[test]
fn the_instants_of_a_limit_are_shown_by_the_calendar() {
    let folder = Folder::new();
    folder.ok("account create acme --unit ns");
    let longest = i64::MAX;
    for (line, expected) in [
        (
            format!("grant acme 1 --at 2200-01-01 --expiration {longest}"),
            format!(
                "the window from 2200-01-01T00:00:00Z for {longest} ends after the last instant there is, \
                 2262-04-11T23:47:16.854775807Z"
            ),
        ),
        (
            format!("run acme --rate {longest} --from 2025-01-01 --until 2025-01-02"),
            format!(
                "usage of {longest} at each tick from 2025-01-01T00:00:00Z until 2025-01-02T00:00:00Z does \
                 not fit: usage adds up to 0 already, and {longest} at most"
            ),
        ),
    ] {
        let said = folder.refused(&line);
        assert!(said.ends_with(&expected), "{said}");
    }
}

#[test]
fn instants_are_shown_by_the_calendar() {
    let folder = with_unit();
    let said = folder.refused("revoke account-1 invoice-1 --from 2025-03-01");
    let expected = "\"invoice-1\" ends at 2025-01-30T23:59:59Z, before 2025-03-01T00:00:00Z";
    assert!(said.ends_with(expected), "{said}");
    folder.ok("close account-1 --until 2025-01-15 --yes");
    let said = folder.refused("balance account-1 --at 2025-01-14");
    assert!(
        said.ends_with(
            "the books are closed up to 2025-01-15T00:00:00Z, and 2025-01-14T00:00:00Z is before that; \
             --as-recorded asks at a revision before the close"
        ),
        "{said}"
    );
    let said = folder.refused("use account-1 1 --at 2025-01-14");
    assert!(
        said.contains("closed up to 2025-01-15T00:00:00Z, and this takes"),
        "{said}"
    );
}

#[test]
fn no_error_shows_how_the_program_is_made() {
    let folder = with_unit();
    for (line, expected) in [
        (
            "grant account-1 1 --at now --for 1month",
            "expected days, such as 30d",
        ),
        (
            "grant account-1 1 --at now --for soon",
            "expected an integer, one such as 30d",
        ),
        (
            "balance --at 2025-02-10T12:00:00",
            "a time zone behind it: Z for UTC",
        ),
        ("balance --at yesterday", "expected an integer, RFC 3339"),
        (
            "balance --as-recorded soon",
            "expected the revision of an account",
        ),
        (
            "use account-1 1.5 --at now",
            "expected an integer from 0 to 9223372036854775807",
        ),
        (
            "use account-1 -5 --at now",
            "expected an integer from 0 to 9223372036854775807",
        ),
        (
            "grant account-1 1 --at now --for 1d --priority 40000",
            "expected an integer from -32768 to 32767",
        ),
        (
            "grant account-1 1 --at now --every month --count 0",
            "expected an integer from 1 to 100000",
        ),
        (
            "grant account-1 1 --at now --every moon --count 2",
            "expected day, week, month or year",
        ),
        (
            "grant account-1 1 --at now --every day --count 2 --timezone Berlin",
            "--timezone: found \"Berlin\", expected a name such as Europe/Berlin or UTC",
        ),
        ("check --instants many", "expected an integer from 0 to"),
        (
            "import - --from sacct --now 2025-01-01T00:00",
            "expected RFC 3339, as in",
        ),
        (
            "import - --from sacct --timezone Berlin",
            "--timezone: found \"Berlin\", expected a name such as",
        ),
        (
            "export -o missing/journal.jsonl",
            "cannot be written: there is no such folder",
        ),
        (
            "plot account-1 -o missing/plot.svg",
            "cannot be written: there is no such folder",
        ),
        ("copy missing/copy.redb", ""),
    ] {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = crate::stderr(&output);
        assert!(
            said.starts_with("gpu-credit: ") && said.contains(expected),
            "{line}: {said}"
        );
        for internal in [
            "jiff",
            "::",
            "component",
            "invalid digit",
            "target type",
            ".gpu-credit-",
        ] {
            assert!(!said.contains(internal), "{line}: {said}");
        }
    }
}

/// The message named the temporary file, which nobody had typed.
#[test]
#[cfg(target_os = "linux")]
fn a_folder_that_may_not_be_written_is_named_and_no_temporary_file() {
    let folder = with_unit();
    // Not even root makes a file there.
    for line in [
        "export -o /sys/new.file",
        "copy /sys/new.file",
        "account create bert --db /sys/new.file",
    ] {
        let said = folder.refused(line);
        assert!(
            said.starts_with("gpu-credit: /sys/new.file: "),
            "{line}: {said}"
        );
        assert!(
            said.contains("Permission denied") || said.contains("Read-only file system"),
            "{line}: {said}"
        );
        assert!(
            !said.contains(".gpu-credit-") && !said.contains("os error"),
            "{line}: {said}"
        );
    }
}

/// Their errors were "is not metered usage", integers for instants, and no word of what to do.
#[test]
fn a_record_of_another_kind_is_told_what_corrects_it() {
    let folder = with_unit();
    folder.ok("run account-1 --rate 2 --from 2025-01-03 --until 2025-01-04 --id job-18");
    for (line, expected) in [
        (
            "stop account-1 job-17 --at 2025-01-03",
            "account \"account-1\": \"job-17\" is usage at an instant, not a job: `gpu-credit change` takes \
             --amount for it, and `gpu-credit retract` undoes it",
        ),
        (
            "revoke account-1 job-18 --from 2025-01-03",
            "\"job-18\" is a job, not a grant: `gpu-credit change` takes --rate, --from or --until",
        ),
        (
            "change account-1 job-17 --expires-at 2025-01-03",
            "\"job-17\" is usage at an instant, not a grant: `gpu-credit change` takes --amount",
        ),
        (
            "change account-1 invoice-1 --amount 3",
            "\"invoice-1\" is a grant, not usage at an instant: `gpu-credit change` takes --for",
        ),
        (
            "change account-1 invoice-2 --expires-at 2025-01-03",
            "there is no record \"invoice-2\"; did you mean \"invoice-1\"?",
        ),
        (
            "statement account-1 --grant invoice-2",
            "gpu-credit.redb: account \"account-1\" has no grant \"invoice-2\"; did you mean \"invoice-1\"?",
        ),
        (
            "grant account-1 10 --at 2025-01-01 --for 30d --id invoice-1",
            "it is a grant of 9, active 2025-01-01T00:00:00Z to 2025-01-30T23:59:59Z, and not a grant of \
             10, active 2025-01-01T00:00:00Z to 2025-01-30T23:59:59Z; give this one another --id, after \
             `gpu-credit retract` of that entry if it is wrong",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.contains(expected), "{line}: {said}");
    }
    folder.ok("retract account-1 job-17 --id fix-1");
    for (line, expected) in [
        (
            "retract account-1 job-17",
            "\"job-17\" is retracted already; post it again under another id to have it back",
        ),
        (
            "retract account-1 fix-1",
            "\"fix-1\" is neither a grant nor usage nor a job, and nothing else can be corrected",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.ends_with(expected), "{line}: {said}");
    }
    folder.ok("close account-1 --until 2025-02-01 --yes");
    let said = folder.refused("statement account-1 --at 2025-02-01 --grant invoice-1");
    let expected = "or it ended before the close of the books, 2025-02-01T00:00:00Z; `gpu-credit";
    assert!(said.contains(expected), "{said}");
    folder.file(
        "late.csv",
        "kind,account,credit_id,amount,timestamp,expiration\nusage,account-1,,1,1735776000,\n",
    );
    let said = folder.refused("import late.csv");
    let expected = "line 2: account \"account-1\": the books are closed up to 2025-02-01T00:00:00Z";
    assert!(said.contains(expected), "{said}");
}

/// The id "open", which nobody had typed, and all of a long name stood in the error.
#[test]
fn a_text_that_is_too_long_is_not_in_the_error() {
    let folder = with_unit();
    let long = "n".repeat(1_025);
    for (line, expected) in [
        (
            format!("account create {long}"),
            "the name of an account has 1 to 1024 bytes, not 1025",
        ),
        (
            format!("use account-1 1 --at now --id {long}"),
            "a record id has 1 to 1024 bytes, not 1025",
        ),
    ] {
        assert_eq!(
            folder.refused(&line),
            format!("gpu-credit: gpu-credit.redb: {expected}")
        );
    }
}

/// A job was posted that used nothing, since its end was before its start.
#[test]
fn a_job_does_not_end_before_it_begins() {
    let folder = with_unit();
    folder.ok("run account-1 --rate 2 --from 2025-01-03 --until 2025-01-03 --id job-18");
    for line in [
        "run account-1 --rate 2 --from 2025-01-03 --until 2025-01-02",
        "change account-1 job-18 --from 2025-01-03 --until 2025-01-02",
    ] {
        assert_eq!(
            folder.refused(line),
            "gpu-credit: --until: found 2025-01-02T00:00:00Z, expected an instant not before --from, \
             2025-01-03T00:00:00Z"
        );
    }
}

/// "unexpected argument '-1' found" was the answer, with a wrong remedy.
#[test]
fn a_negative_number_is_told_the_range() {
    let folder = with_unit();
    for (line, expected) in [
        (
            "balance --as-recorded -1",
            "expected the revision of an account",
        ),
        ("check --instants -1", "expected an integer from 0 to"),
        ("import - --batches -1", "expected an integer from 1 to"),
        ("import - --memory -1", "expected a number of bytes"),
        (
            "generate --shape ties --usage -1 --grants 1 --queries 1",
            "expected an integer from 0 to 100000000",
        ),
        (
            "grant account-1 1 --at now --every day --count -1",
            "expected an integer from 1 to 100000",
        ),
    ] {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = crate::stderr(&output);
        assert!(said.contains(expected), "{line}: {said}");
    }
}

/// It named an option that nobody had typed.
#[test]
fn a_unit_of_the_environment_that_is_wrong_is_told_so() {
    let folder = with_unit();
    let output = crate::gpu_credit()
        .current_dir(folder.path())
        .env("GPU_CREDIT_UNIT", "h")
        .args(["balance", "account-1"])
        .output()
        .unwrap();
    let said = crate::stderr(&output);
    assert!(
        said.ends_with("\nThe variable GPU_CREDIT_UNIT has that value.\n"),
        "{said}"
    );
    let said = crate::stderr(&folder.run("balance account-1 --unit h"));
    assert!(!said.contains("GPU_CREDIT_UNIT"), "{said}");
}

/// A folder that is missing was told to open accounts, and errors of the system had their numbers.
#[test]
fn files_that_are_wrong_are_told_in_words() {
    let folder = with_unit();
    folder.file("note.txt", "hello\n");
    folder.file("half.csv.gz", b"\x1f\x8b\x08\x00cut");
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    let there_is_no_folder = "there is no folder for it: make that first";
    let is_directory = "it is a directory: name a file in it";
    for (line, expected) in [
        ("copy missing/copy.redb", there_is_no_folder),
        (
            "account create bert --db missing/store.redb",
            there_is_no_folder,
        ),
        ("balance --db folder", is_directory),
        ("import folder", is_directory),
        ("replay folder", is_directory),
        ("export -o folder", is_directory),
        (
            "balance --db note.txt",
            "it is not a store of gpu-credit; --db names another",
        ),
        (
            "import missing.csv",
            "cannot be opened: there is no such file",
        ),
        (
            "import half.csv.gz",
            "the gzip data ends early, expected the rest of it",
        ),
        (
            "replay half.csv.gz",
            "the gzip data ends early, expected the rest of it",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.ends_with(expected), "{line}: {said}");
    }
}

/// redb's words for it were "Primary is corrupted", or the lengths of its layout.
#[test]
fn a_file_that_is_cut_is_told_to_be_damaged() {
    let folder = with_unit();
    let store = folder.path().join("gpu-credit.redb");
    let bytes = std::fs::read(&store).unwrap();
    std::fs::write(&store, &bytes[..20_000]).unwrap();
    for line in ["balance account-1", "check", "use account-1 1 --at now"] {
        assert_eq!(
            folder.refused(line),
            "gpu-credit: gpu-credit.redb: it is damaged: it ends early; keep it, and go on with the \
             last file that `gpu-credit copy` made"
        );
    }
}
