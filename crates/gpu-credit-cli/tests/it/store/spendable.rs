//! What may still be used, and when an account runs dry.

use super::Folder;

/// Live at 0 to 9: 100, at 0 to 99: 30; 10 used at 50.
fn with_plans() -> Folder {
    let folder = Folder::new();
    folder.ok("account create acme");
    folder.ok("grant acme 100 --at 0 --for 10 --id today");
    folder.ok("grant acme 30 --at 0 --for 100 --id march");
    folder.ok("use acme 10 --at 50 --id planned");
    folder
}

#[test]
fn what_is_planned_is_not_spendable() {
    let folder = with_plans();
    let spendable = |line: &str| folder.json(&format!("spendable acme {line}"))[0].clone();
    assert_eq!(spendable("--at 5")["spendable"], 120);
    assert_eq!(spendable("--at 10")["spendable"], 20);
    assert_eq!(spendable("--at 100")["spendable"], 0);
    let of_job = spendable("--at 0 --for 20");
    assert_eq!(of_job["spendable"], 2);
    assert_eq!(of_job["until"], 20);
    let said = folder.refused("spendable acme --at 0 --for 0");
    assert!(said.contains("--for: found \"0\""), "{said}");
    let said = folder.refused("spendable acme --at 9223372036854775807 --for 1");
    assert!(said.contains("an end that fits into 64 bits"), "{said}");
    folder.ok("close acme --until 20 --yes");
    assert_eq!(spendable("--at 20")["spendable"], 20);
    for before in [
        "spendable acme --at 19",
        "spendable acme --at 19 --for 5",
        "runs-dry acme --from 19",
        "runs-dry acme --from 19 --rate 1",
    ] {
        let said = folder.refused(before);
        assert!(said.contains("the books are closed up to 20"), "{said}");
    }
}

#[test]
fn an_account_runs_dry_at_a_tick() {
    let folder = with_plans();
    let runs_dry =
        |line: &str| folder.json(&format!("runs-dry acme {line}"))[0]["runs_dry"].clone();
    assert!(runs_dry("--from 0").is_null());
    assert_eq!(runs_dry("--from 0 --rate 4"), 15);
    assert!(runs_dry("--from 0 --rate 0").is_null());
    folder.ok("run acme --rate 4 --from 0 --until 40 --id job");
    assert_eq!(runs_dry("--from 0"), 17);
    assert_eq!(runs_dry("--from 40"), 50);
    assert!(runs_dry("--from 51").is_null());
    let table = folder.ok("runs-dry acme --from 51");
    assert!(table.contains("none"), "{table}");
    folder.ok("stop acme job --at 15");
    assert!(runs_dry("--from 0").is_null());
}

/// It was "none" for an account that had run dry the day before, and for one that never had a grant.
#[test]
fn an_account_that_has_run_dry_is_told_apart_from_one_that_never_does() {
    let folder = with_plans();
    folder.ok("account create empty");
    let row = |line: &str| {
        let row = folder.json(&format!("runs-dry {line}"))[0].clone();
        ["runs_dry", "status", "deficit"].map(|column| row[column].to_string())
    };
    assert_eq!(row("acme --from 0"), ["null", "\"available\"", "0"]);
    assert_eq!(row("empty --from 0"), ["null", "\"inactive\"", "0"]);
    folder.ok("use acme 50 --at 60 --id u1");
    assert_eq!(row("acme --from 0"), ["60", "\"available\"", "0"]);
    assert_eq!(row("acme --from 61"), ["null", "\"overdrawn\"", "30"]);
}
