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
        let expected =
            "did you mean \"job-17\"? `gpu-credit history` lists the records of the account";
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
         history` lists the records of the account"
    );
    let said = folder.refused("retract account-1 none --id fix-1");
    assert!(
        said.contains("account \"account-1\", id \"fix-1\": there is no record"),
        "{said}"
    );
}

/// Instants were integers in errors, also if the unit was known.
#[test]
fn instants_are_shown_by_the_calendar() {
    let folder = with_unit();
    let said = folder.refused("revoke account-1 invoice-1 --from 2025-03-01");
    let expected = "\"invoice-1\" ends at 2025-01-30T23:59:59Z, before 2025-03-01T00:00:00Z";
    assert!(said.ends_with(expected), "{said}");
    folder.ok("close account-1 --until 2025-01-15");
    let said = folder.refused("balance account-1 --at 2025-01-14");
    assert!(
        said.ends_with(
            "the books are closed up to 2025-01-15T00:00:00Z, and 2025-01-14T00:00:00Z is before that; \
             --as-recorded asks as of an entry before the close"
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
            "expected the sequence of an entry",
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
#[cfg(unix)]
fn a_folder_that_may_not_be_written_is_named_and_no_temporary_file() {
    let folder = with_unit();
    let said = folder.refused("export -o /proc/journal.jsonl");
    assert!(
        said.starts_with("gpu-credit: /proc/journal.jsonl: cannot be written: "),
        "{said}"
    );
    assert!(!said.contains(".gpu-credit-"), "{said}");
}
