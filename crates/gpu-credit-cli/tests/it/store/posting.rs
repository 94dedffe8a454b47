//! Postings, retries and corrections.

use super::Folder;

#[test]
fn an_account_is_opened_once() {
    let folder = Folder::new();
    let said = folder.ok("account create acme --policy forfeit");
    assert_eq!(said, "account \"acme\" opened, policy forfeit\n");
    let said = folder.ok("account create acme --policy forfeit");
    assert!(said.ends_with("nothing was done\n"), "{said}");
    let said = folder.refused("account create acme");
    assert!(said.contains("with policy forfeit and not carry"), "{said}");
}

/// As the help of `account create` says.
#[test]
fn names_are_compared_byte_by_byte_and_the_opening_has_the_id_open() {
    let folder = Folder::new();
    folder.ok("account create caf\u{e9}");
    let said = folder.ok("account create cafe\u{301}");
    assert!(said.contains("opened"), "{said}");
    assert_eq!(folder.json("accounts").len(), 2);
    let said = folder.refused("use caf\u{e9} 1 --at 1 --id open");
    assert!(said.contains("has this id and other content"), "{said}");
}

#[test]
fn a_retry_does_nothing_and_other_content_is_refused() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    let said = folder.ok("use acme 30 --at 12 --id u1");
    assert_eq!(
        said,
        "was posted already as revision 4, id u1: nothing was done\n"
    );
    let said = folder.refused("use acme 31 --at 12 --id u1");
    assert!(
        said.contains("id \"u1\": revision 4 has this id and other content"),
        "{said}"
    );
    assert_eq!(folder.journal(), journal);
}

#[test]
fn an_id_is_made_and_printed() {
    let folder = Folder::with_account();
    let posted = folder.json("use acme 1 --at 13");
    let again = folder.json("use acme 1 --at 13");
    assert_eq!(
        (&posted[0]["revision"], &posted[0]["is_new"]),
        (&5.into(), &true.into())
    );
    assert_eq!(again[0]["revision"], 6);
    let id = posted[0]["record_id"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().get_version_num(), 7);
    let said = folder.ok(&format!("use acme 1 --at 13 --id {id}"));
    assert!(
        said.starts_with("was posted already as revision 5"),
        "{said}"
    );
}

/// The balance of `acme`.
#[track_caller]
fn balance(folder: &Folder, question: &str) -> Option<u64> {
    let rows = folder.json(&format!("balance acme {question}"));
    rows[0]["balance"].as_u64()
}

#[test]
fn corrections_change_answers_and_the_journal_keeps_what_was_answered() {
    let folder = Folder::with_account();
    assert_eq!(balance(&folder, "--at 12"), Some(120));
    folder.ok("change acme u1 --amount 10");
    assert_eq!(balance(&folder, "--at 12"), Some(140));
    folder.ok("change acme g2 --expiration 1");
    assert_eq!(balance(&folder, "--at 12"), Some(90));
    folder.ok("change acme g1 --expiration never");
    assert_eq!(balance(&folder, "--at 9223372036854775807"), Some(90));
    folder.ok("revoke acme g1 --from 25");
    assert_eq!(
        (balance(&folder, "--at 24"), balance(&folder, "--at 25")),
        (Some(90), None)
    );
    folder.ok("retract acme u1");
    assert_eq!(balance(&folder, "--at 24"), Some(100));
    assert_eq!(balance(&folder, "--at 12 --as-recorded 4"), Some(120));
    assert_eq!(balance(&folder, "--at 12 --as-recorded 5"), Some(140));
    assert_eq!(balance(&folder, "--at 12 --as-recorded 3"), Some(150));
    let said = folder.refused("retract acme u1");
    assert!(said.contains("\"u1\" is retracted already"), "{said}");
    let said = folder.refused("change acme u1 --expiration 5");
    assert!(said.contains("u1"), "{said}");
}

#[test]
fn closed_books_stay_closed() {
    let folder = Folder::with_account();
    folder.ok("close acme --until 15 --yes");
    assert_eq!(balance(&folder, "--at 15"), Some(120));
    assert_eq!(balance(&folder, "--at 12 --as-recorded 4"), Some(120));
    for line in [
        "balance acme --at 14",
        "use acme 1 --at 14",
        "statement acme --at 14",
    ] {
        let said = folder.refused(line);
        assert!(said.contains("the books are closed up to 15"), "{said}");
    }
}

#[test]
fn an_account_is_deleted_only_on_confirmation() {
    let folder = Folder::with_account();
    let said = folder.refused("account delete acme");
    assert!(said.contains("--yes"), "{said}");
    let said = folder.ok("account delete acme --yes --id gone");
    assert_eq!(said, "account \"acme\" deleted, id gone\n");
    let said = folder.ok("account delete acme --yes --id gone");
    assert!(said.contains("deleted already"), "{said}");
    assert_eq!(folder.json("accounts"), Vec::<serde_json::Value>::new());
    let said = folder.refused("balance acme --at 0");
    assert!(said.contains("there is no account \"acme\""), "{said}");
}

/// Whoever wanted to delete an account that is not there was told how to open it.
#[test]
fn a_deletion_of_no_account_does_not_advise_to_open_it() {
    let folder = Folder::with_account();
    for (name, next) in [
        ("nobody", "; `gpu-credit accounts` lists all"),
        ("acmee", "; did you mean \"acme\"?"),
    ] {
        assert_eq!(
            folder.refused(&format!("account delete {name} --yes")),
            format!("gpu-credit: gpu-credit.redb: there is no account \"{name}\"{next}")
        );
    }
}

#[test]
fn times_are_typed_as_integers_or_by_the_calendar() {
    let folder = Folder::new();
    folder.ok("account create acme");
    for line in ["balance acme --at now", "balance acme"] {
        let said = folder.refused(line);
        assert!(
            said.contains(
                "--at: \"now\" needs the store's unit of time, and it has none yet: add --unit s"
            ),
            "{said}"
        );
    }
    folder.ok("grant acme 9 --at 2025-03-01 --expiration 30d --unit s --id g");
    // The store has kept the unit.
    folder.ok("use acme 2 --at 2025-03-04T17:30:00+01:00 --id u");
    let entries = folder.json("history acme");
    assert_eq!(entries[1]["timestamp"], 1_740_787_200);
    assert_eq!(entries[1]["expiration"], 2_592_000);
    assert_eq!(entries[2]["timestamp"], 1_741_105_800);
    let shown = folder.ok("balance acme --at 1741105800");
    assert!(shown.contains("| 2025-03-04T16:30:00Z |"), "{shown}");
    let now = folder.json("balance acme --at now --unit s");
    assert!(now[0]["timestamp"].as_i64().unwrap() > 1_750_000_000);
    assert_eq!(folder.json("balance acme --at -5")[0]["timestamp"], -5);
}

/// Two units in one store mixed without a word.
#[test]
fn a_store_has_one_unit_of_time() {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    folder.ok("grant acme 9 --at 10000 --for 30000 --unit ms --id g");
    let entry = &folder.json("history acme")[1];
    assert_eq!(
        (&entry["timestamp"], &entry["expiration"]),
        (&10.into(), &29.into())
    );
    let said = folder.refused("use acme 1 --at 10500 --unit ms");
    assert!(
        said.contains(
            "--at: found 10500 ms, expected a whole number of s, the store's unit of time"
        ),
        "{said}"
    );
    let shown = folder.ok("balance acme --at 12000 --unit ms");
    assert!(shown.contains("| 1970-01-01T00:00:12Z |"), "{shown}");
}

/// `--expiration 30d` ends one second later than thirty days: two of them overlapped.
#[test]
fn windows_that_people_type_do_not_overlap() {
    let folder = Folder::new();
    folder.ok("account create acme --unit s");
    folder.ok("grant acme 1 --at 2025-01-01 --for 30d --id g1");
    folder.ok("grant acme 2 --at 2025-01-31 --for 30d --id g2");
    folder.ok("grant acme 4 --at 2025-03-02 --expires-at 2025-04-01 --id g3");
    let balance = |at: &str| folder.json(&format!("balance acme --at {at}"))[0]["balance"].as_u64();
    assert_eq!(balance("2025-01-30T23:59:59Z"), Some(1));
    assert_eq!(balance("2025-01-31"), Some(2));
    assert_eq!(balance("2025-03-02"), Some(4));
    assert_eq!(balance("2025-03-31T23:59:59Z"), Some(4));
    assert_eq!(balance("2025-04-01"), None);
    folder.ok("change acme g3 --expires-at 2025-04-02");
    assert_eq!(balance("2025-04-01T23:59:59Z"), Some(4));
    folder.ok("change acme g3 --for 1");
    assert_eq!(
        (balance("2025-03-02"), balance("2025-03-02T00:00:01Z")),
        (Some(4), None)
    );
    folder.ok("grant acme 8 --at 2025-06-01 --for never --id g4");
    assert_eq!(balance("9999-12-30"), Some(8));
    for (line, expected) in [
        (
            "grant acme 1 --at 5 --for 0",
            "--for: found \"0\", expected a length above 0",
        ),
        (
            "grant acme 1 --at 5 --expires-at 5",
            "--expires-at: found \"5\", expected an instant after 1970-01-01T00:00:05Z",
        ),
        (
            "grant acme 1 --at 5",
            "expected --for, --expires-at or --expiration",
        ),
        (
            "change acme g1",
            "expected --amount, --rate, --from, --until, --for, --expires-at, --expiration or --priority",
        ),
        (
            "change acme none --expires-at 9",
            "account \"acme\": there is no record \"none\"; `gpu-credit history acme`",
        ),
    ] {
        let said = folder.refused(line);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn an_amount_that_is_none_is_refused_with_its_limits() {
    let folder = Folder::with_account();
    let journal = folder.journal();
    for amount in ["-5", "0.5", "9223372036854775808"] {
        for line in [
            format!("use acme {amount} --at 12"),
            format!("grant acme {amount} --at 12 --expiration 5"),
            format!("change acme u1 --amount {amount}"),
        ] {
            let output = folder.run(&line);
            assert_eq!(output.status.code(), Some(2), "{line}");
            let said = crate::stderr(&output);
            assert!(
                said.contains(&format!("invalid value '{amount}' for")),
                "{said}"
            );
        }
    }
    assert_eq!(folder.journal(), journal);
}

#[test]
fn a_priority_is_posted_and_corrected() {
    let folder = Folder::with_account();
    let drawn = || folder.json("draws acme u1")[0]["grant_record_id"].clone();
    assert_eq!(drawn(), "g2");
    folder.ok("change acme g2 --priority 7 --id c1");
    assert_eq!(drawn(), "g1");
    folder.ok("grant acme 30 --at 0 --for 100 --priority -3 --id g3");
    assert_eq!(drawn(), "g3");
    let rows = folder.json("history acme");
    assert_eq!(rows[4]["change"], "change_priority");
    assert_eq!(rows[4]["priority"], 7);
    assert_eq!(rows[5]["priority"], -3);
    for wrong in [
        "change acme g2 --priority 7 --for 3",
        "change acme g2 --priority 40000",
    ] {
        assert_eq!(folder.run(wrong).status.code(), Some(2), "{wrong}");
    }
}

#[test]
fn an_account_may_have_a_credit_line() {
    let folder = Folder::new();
    let said = folder.ok("account create acme --policy carry:5");
    assert_eq!(said, "account \"acme\" opened, policy carry:5\n");
    let said = folder.refused("account create acme --policy carry:6");
    assert!(
        said.contains("with policy carry:5 and not carry:6"),
        "{said}"
    );
    folder.ok("grant acme 10 --at 0 --for 10 --id g1");
    folder.ok("run acme --rate 2 --from 0 --until 9 --id job");
    let rows = folder.json("balance acme --at 9");
    assert_eq!(rows[0]["deficit"], 5);
    let rows = folder.json("statement acme --at 9 --by account");
    assert_eq!([&rows[0]["used"], &rows[0]["dropped"]], [18, 3]);
    assert_eq!(folder.json("accounts")[0]["policy"], "carry:5");
    assert_eq!(folder.json("history acme")[0]["policy"], "carry:5");
    assert!(folder.journal().contains(r#"{"policy":"carry:5"}"#));
    for wrong in [
        "carry:",
        "carry:-1",
        "carry:05",
        "carry:9223372036854775808",
        "owe",
    ] {
        let output = folder.run(&format!("account create bert --policy {wrong}"));
        assert_eq!(output.status.code(), Some(2), "{wrong}");
    }
    folder.ok("check");
}

/// `use` printed an entry and an id, and nothing of what was left.
#[test]
fn what_is_posted_is_told_with_the_balance_that_results() {
    let folder = Folder::new();
    folder.ok("account create acme");
    for (line, expected) in [
        (
            "grant acme 100 --at 0 --for 31 --id g1",
            "posted as revision 2, id g1: a grant of 100, active 0 to 30; the balance at 0 is 100\n",
        ),
        (
            "use acme 30 --at 12 --id u1",
            "posted as revision 3, id u1: usage of 30 at 12; the balance at 12 is 70\n",
        ),
        (
            "run acme --rate 2 --from 5 --until 15 --id j1",
            "posted as revision 4, id j1: metered usage of 2 a tick from 5 until 15; the balance at 15 is 50\n",
        ),
        (
            "stop acme j1 --at 10",
            "j1 ends at 10, posted as revision 5, id j1/stop; the balance at 10 is 90\n",
        ),
        (
            "change acme u1 --amount 120 --id c1",
            "posted as revision 6, id c1: the change of u1 to 120; the balance at 12 is none (overdrawn), the \
             deficit 30\n",
        ),
        (
            "retract acme u1 --id c2",
            "posted as revision 7, id c2: the retraction of u1; the balance at 12 is 90\n",
        ),
        (
            "change acme j1 --until 12 --id c3",
            "posted as revision 8, id c3: the change of j1 to until 12; the balance at 12 is 86\n",
        ),
        (
            "revoke acme g1 --from 20 --id c4",
            "posted as revision 9, id c4: the revocation of g1 from 20 on; the balance at 20 is none \
             (inactive)\n",
        ),
        (
            "close acme --until 13 --yes --id c5",
            "posted as revision 10, id c5: the close up to 13; the balance at 13 is 86; `gpu-credit statement \
             acme --as-recorded 9` has what is closed\n",
        ),
        (
            "grant acme 5 --at 40 --for 3 --id g1",
            "gpu-credit: gpu-credit.redb: account \"acme\", id \"g1\": revision 2 has this id and other",
        ),
    ] {
        let output = folder.run(line);
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        let said = folder.with_name_of_file(&said);
        assert!(said.starts_with(expected), "{line}: {said}");
    }
    let rows = folder.json("use acme 6 --at 14 --id u2");
    let expected = serde_json::json!({
        "account": "acme", "record_id": "u2", "revision": 11, "is_new": true,
        "timestamp": 14, "balance": 80, "status": "available", "deficit": 0
    });
    assert_eq!(rows, [expected]);
}

#[test]
fn a_trial_posts_nothing_and_the_quiet_are_told_nothing() {
    let folder = Folder::with_account();
    folder.ok("run acme --rate 1 --from 5 --until 6 --id j0");
    let journal = folder.journal();
    for (line, content) in [
        ("use acme 1 --at 5", "usage of 1 at 5"),
        ("grant acme 1 --at 5 --for 3", "a grant of 1, active 5 to 7"),
        (
            "run acme --rate 1 --from 5 --until 6",
            "metered usage of 1 a tick from 5 until 6",
        ),
        ("stop acme j0 --at 5", "j0 would end at 5"),
        ("retract acme u1", "the retraction of u1"),
        (
            "close acme --until 5",
            "the close up to 5; `gpu-credit statement acme --as-recorded 5` has what is closed",
        ),
    ] {
        let said = folder.ok(&format!("{line} --dry-run"));
        assert_eq!(
            said,
            format!("nothing is wrong with it; nothing was posted: {content}\n"),
            "{line}"
        );
        assert_eq!(folder.ok(&format!("{line} -n -q")), "");
    }
    assert!(
        folder
            .refused("use nobody 1 --at 5 -n")
            .contains("there is no account")
    );
    assert_eq!(folder.journal(), journal);
    for line in [
        "account create bert -q",
        "use acme 1 --at 5 -q",
        "run acme --rate 1 --from 5 --until 6 --id j1 -q",
        "stop acme j1 --at 5 -q",
        "check -q",
        "copy copy.redb -q",
        "account delete bert --yes -q",
    ] {
        assert_eq!(folder.ok(line), "", "{line}");
    }
    assert_eq!(folder.json("history acme").len(), 8);
}
