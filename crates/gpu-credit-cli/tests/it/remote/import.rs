//! Events files that are posted to a service.

use std::fmt::Write;

use super::World;
use super::between::{Instead, answer, between};

const ROWS: &str = "\
kind,account,credit_id,amount,timestamp,expiration,id
grant,acme,march,100,0,30,g1
usage,acme,,30,12,,u1
usage,beta,,4,5,,u1
balance,acme,,,12,,
";

#[test]
fn a_file_is_imported_once_and_goes_on() {
    let world = World::new(&[]);
    world.file("events.csv", ROWS);
    let said = world.ok("import events.csv --dry-run");
    let expected = "3 entries posted, 2 accounts opened (acme: carry, beta: carry); 0 entries were there already; \
                    1 query ignored\n";
    assert_eq!(said, format!("nothing was posted; it would be {expected}"));
    assert!(!world.ok("accounts").contains("acme"));
    assert_eq!(world.ok("import events.csv"), expected);
    assert!(
        world
            .ok("balance acme --at 12 --format csv")
            .contains("acme,12,70,available,0")
    );
    let longer = format!("{ROWS}usage,acme,,5,13,,u2\n");
    world.file("events.csv", &longer);
    assert_eq!(
        world.ok("import events.csv"),
        "1 entry posted, 0 accounts opened; 3 entries were there already; 1 query ignored\n"
    );
}

#[test]
fn rows_that_are_refused_are_named_by_their_lines() {
    let world = World::with_account();
    let rows = "kind,account,credit_id,amount,timestamp,expiration,id\n\
                usage,acme,,1,13,,u2\n\
                usage,acme,,31,12,,u1\n\
                usage,none,,1,13,,u1\n";
    world.file("events.csv", rows);
    let (address, token) = (world.served.address.clone(), world.token.clone());
    let said = world.refused(&address, &token, "import events.csv");
    assert!(
        said.starts_with(
            "gpu-credit: events.csv: line 3: account \"acme\", id \"u1\": revision 3 has this id"
        ) && said.ends_with("; --skip-refused posts the other rows; nothing was posted"),
        "{said}"
    );
    let output = world.run(
        &address,
        &token,
        "import events.csv --skip-refused --no-new-accounts",
    );
    assert_eq!(output.status.code(), Some(3));
    let said = crate::stderr(&output);
    assert!(
        said.contains("line 3: ") && said.contains("line 4: there is no account \"none\""),
        "{said}"
    );
    let summary = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        summary,
        "1 entry posted, 0 accounts opened; 0 entries were there already; 2 rows are refused\n"
    );
}

#[test]
fn what_a_service_does_not_import_is_said() {
    let world = World::with_account();
    let (address, token) = (world.served.address.clone(), world.token.clone());
    world.file("journal.jsonl", &world.ok("export"));
    let said = world.refused(&address, &token, "import journal.jsonl");
    assert!(
        said.contains("are imported where the store is, with --db"),
        "{said}"
    );
    world.file("events.csv", &crate::file("usage,acme,,1,13,\n"));
    let said = world.refused(&address, &token, "import events.csv");
    assert!(said.contains("line 2: it has no id"), "{said}");
    world.file(
        "times.csv",
        "kind,account,credit_id,amount,timestamp,expiration,id\nusage,acme,,1,1769860800250,,x\n",
    );
    let said = world.refused(&address, &token, "import times.csv");
    assert!(
        said.contains("line 2: 1769860800250 s is no likely time"),
        "{said}"
    );
    let said = world.refused(&address, &token, "import times.csv --unit ms");
    assert!(
        said.contains("is s: times of a file in ms are not converted"),
        "{said}"
    );
}

#[test]
fn an_export_of_a_service_makes_the_same_store() {
    let world = World::with_account();
    world.ok("export -o journal.jsonl");
    let run = |line: &str| {
        let mut command = crate::gpu_credit();
        let command = command.current_dir(world.home.path());
        crate::stdout(&command.args(line.split_whitespace()).output().unwrap())
    };
    run("import journal.jsonl --db copy.redb");
    assert_eq!(
        run("history acme --db copy.redb --format csv"),
        world.ok("history acme --format csv")
    );
    assert_eq!(run("export --db copy.redb"), world.ok("export"));
}

/// A command line that is run in a folder that has no store.
fn ok_elsewhere(world: &World, line: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = crate::gpu_credit();
    let command = command
        .current_dir(folder.path())
        .args(line.split_whitespace())
        .args(["--server", &world.served.address])
        .env("GPU_CREDIT_TOKEN", &world.token);
    crate::stdout(&command.output().unwrap())
}

#[test]
fn a_dry_run_asks_the_service() {
    let world = World::with_account();
    let rows = "kind,account,credit_id,amount,timestamp,expiration,id\n\
                usage,acme,,1,13,,u2\n\
                usage,acme,,30,12,,u1\n";
    let file = world.file("events.csv", rows);
    let summary = ok_elsewhere(&world, &format!("import {file} --dry-run"));
    assert_eq!(
        summary,
        "nothing was posted; it would be 1 entry posted, 0 accounts opened; 1 entry was there already\n"
    );
}

#[test]
fn a_dry_run_opens_an_account_for_all_rows_of_it() {
    let world = World::with_account();
    // More than are posted together.
    let rows = 5_002;
    let mut text = "kind,account,credit_id,amount,timestamp,expiration,id\n".to_owned();
    for row in 0..rows {
        writeln!(text, "usage,beta,,1,{row},,u{row}").unwrap();
    }
    let file = world.file("events.csv", &text);
    let expected = format!(
        "{rows} entries posted, 1 account opened (beta: carry); 0 entries were there already\n"
    );
    let summary = ok_elsewhere(&world, &format!("import {file} --dry-run"));
    assert_eq!(
        summary,
        format!("nothing was posted; it would be {expected}")
    );
    assert_eq!(ok_elsewhere(&world, &format!("import {file}")), expected);
}

#[test]
fn an_import_whose_answer_is_lost_says_up_to_where_rows_may_be_posted() {
    let world = World::new(&[]);
    world.file("events.csv", ROWS);
    let address = between(&world.served.address, "POST /v1/entries", Instead::Gone);
    let output = world.run(&address, &world.token, "import events.csv");
    assert_eq!(output.status.code(), Some(2));
    let said = crate::stderr(&output);
    assert!(
        said.ends_with(
            "; rows up to line 4 may be posted; import the file again: ids post nothing twice\n"
        ),
        "{said}"
    );
    assert!(
        world
            .ok("import events.csv")
            .contains("3 entries were there already")
    );
    // What is refused as a whole is posted up to the rows before.
    let problem = r#"{"type":"/problems/forbidden","detail":"it may not"}"#;
    let instead = Instead::Answered(answer("403 Forbidden", problem));
    let address = between(&world.served.address, "POST /v1/entries", instead);
    let said = world.refused(&address, &world.token, "import events.csv");
    assert!(said.ends_with("; nothing was posted"), "{said}");
}

#[test]
fn a_unit_is_not_given_to_a_store_that_has_none() {
    let home = tempfile::tempdir().unwrap();
    let served = crate::running::Served::start_in(home.path(), None, &[]);
    let token = served.first_token.clone().unwrap();
    let world = World {
        home,
        served,
        token,
    };
    world.file("events.csv", ROWS);
    let address = world.served.address.clone();
    let said = world.refused(&address, &world.token, "import events.csv --unit ms");
    assert!(
        said.contains("takes none from afar: `gpu-credit serve --unit` gives it one"),
        "{said}"
    );
    world.ok("import events.csv");
}

#[test]
fn an_account_that_may_not_be_opened_is_neither_opened_nor_a_row() {
    let world = World::with_account();
    let uses = world.token("use=beta");
    let rows = "kind,account,credit_id,amount,timestamp,expiration,id\n\
                usage,beta,,1,13,,u2\n\
                usage,beta,,1,14,,u3\n";
    world.file("events.csv", rows);
    let output = world.run(
        &world.served.address,
        &uses,
        "import events.csv --skip-refused",
    );
    assert_eq!(output.status.code(), Some(3));
    let said = crate::stderr(&output);
    assert_eq!(said.lines().count(), 3, "{said}");
    assert_eq!(said.matches("; it is left out").count(), 2, "{said}");
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "0 entries posted, 0 accounts opened; 0 entries were there already; 2 rows are refused\n"
    );
}
