//! Holds: asked for, settled, released and listed.

use super::Folder;

/// An account `team` with 100 that is active at 0 to 99, and `alice` with 30.
fn folder() -> Folder {
    let folder = Folder::new();
    for (account, amount) in [("team", 100), ("alice", 30)] {
        folder.ok(&format!("account create {account}"));
        folder.ok(&format!("grant {account} {amount} --at 0 --for 100 --id g"));
    }
    folder
}

#[test]
fn a_hold_is_given_and_settled() {
    let folder = folder();
    let asked = "authorise team alice --amount 20 --at 5 --for 10 --id req-1";
    let given = folder.json(asked);
    assert_eq!(given.len(), 2);
    assert_eq!(given[0]["account"], "alice");
    assert_eq!(given[0]["decision"], "held");
    assert_eq!(given[0]["is_new"], true);
    assert_eq!(
        (&given[1]["amount"], &given[1]["until"]),
        (&20.into(), &15.into())
    );
    let [held, available, spendable] = ["held", "available", "spendable"];
    assert_eq!(given[1][held], 20);
    assert_eq!(given[1][available], 80);
    assert_eq!(given[1][spendable], 80);
    assert_eq!(folder.json(asked)[0]["is_new"], false);
    let holds = folder.json("holds team --at 5");
    assert_eq!(holds.len(), 1);
    assert_eq!(holds[0]["record_id"], "req-1");
    assert_eq!(holds[0]["accounts"], "alice, team");
    assert_eq!(holds[0]["is_open"], true);
    assert_eq!(folder.json("holds team --at 15")[0]["is_open"], false);
    let asked = folder.json("spendable team --at 5");
    assert_eq!(
        (&asked[0]["balance"], &asked[0][spendable]),
        (&100.into(), &80.into())
    );
    assert_eq!(
        (&asked[0][held], &asked[0][available]),
        (&20.into(), &80.into())
    );
    let settled = folder.json("settle team req-1 12 --id req-1/end");
    assert_eq!(settled.len(), 2);
    assert_eq!(settled[0]["hold"], "req-1");
    assert_eq!(folder.json("balance alice --at 5")[0]["balance"], 18);
    assert!(folder.json("holds team --at 5").is_empty());
    let said = folder.refused("release team req-1 --id x");
    assert!(said.contains("is settled already, by revision"), "{said}");
    let history = folder.json("history team");
    assert_eq!(history[2]["change"], "hold");
    assert_eq!(history[3]["change"], "settle");
    assert_eq!(history[3]["corrected_record_id"], "req-1");
    assert!(folder.ok("check").starts_with("sound"));
}

#[test]
fn a_refusal_has_the_numbers_and_an_exit_code_of_its_own() {
    let folder = folder();
    let refused = "authorise team alice --amount 31 --at 5 --for 10 --id req-1 --format json";
    for is_new in [true, false] {
        let output = folder.run(refused);
        assert_eq!(output.status.code(), Some(4));
        let text = String::from_utf8(output.stdout).unwrap();
        let rows = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let rows: Vec<serde_json::Value> = rows.collect();
        assert_eq!(rows[0]["decision"], "refused");
        assert_eq!(rows[0]["is_new"], is_new);
        assert_eq!(
            (&rows[0]["amount"], &rows[0]["spendable"]),
            (&31.into(), &30.into())
        );
        assert_eq!(rows[1]["spendable"], 100);
    }
    assert!(folder.json("holds team --at 5").is_empty());
    let up_to = "authorise team alice --amount 31 --at 5 --until 15 --up-to --id req-2";
    assert_eq!(folder.json(up_to)[0]["amount"], 30);
}

#[test]
fn a_job_is_held_and_settled_as_it_ran() {
    let folder = folder();
    let asked = folder.json("authorise team --rate 2 --at 10 --for 40 --until 60 --id job");
    assert_eq!(
        (&asked[0]["end"], &asked[0]["until"]),
        (&50.into(), &60.into())
    );
    folder.ok("settle team job --until 30 --id job/end");
    assert_eq!(folder.json("balance team --at 60")[0]["balance"], 60);
    folder.ok("authorise team --amount 10 --at 70 --for 5 --id none");
    folder.ok("release team none --id none/end");
    assert_eq!(folder.json("spendable team --at 70")[0]["spendable"], 60);
}

/// The start that is taken if none is given is not what a retry is compared in.
#[test]
fn a_retry_that_says_no_instant_gets_the_same_answer() {
    let folder = Folder::new();
    folder.ok("account create team --unit s");
    folder.ok("grant team 100 --at 2020-01-01 --for never --id g");
    let asked = "authorise team --amount 70 --for 10m --id req-1";
    let first = folder.json(asked);
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let again = folder.json(asked);
    assert_eq!(again[0]["timestamp"], first[0]["timestamp"]);
    assert_eq!(again[0]["is_new"], false);
    let other = folder.refused("authorise team --amount 71 --for 10m --id req-1");
    assert!(other.contains("has this id and other content"), "{other}");
}

#[test]
fn what_is_asked_for_must_be_complete() {
    let folder = folder();
    let said = folder.refused("authorise team --amount 5 --at 5");
    assert!(said.contains("takes --for or --until"), "{said}");
    let said = folder.refused("authorise team --amount 5 --at 5 --for 5 --until 9");
    assert!(said.contains("not both"), "{said}");
    let said = folder.refused("authorise team --rate 5 --at 5 --until 9");
    assert!(said.contains("takes --for"), "{said}");
    let said = folder.refused("settle team nothing 5");
    assert!(said.contains("there is no hold"), "{said}");
}
