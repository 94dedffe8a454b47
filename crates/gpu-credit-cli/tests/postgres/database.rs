//! What the program says of databases.

use crate::folder::Folder;
use crate::server::{execute, server};
use crate::{gpu_credit, stderr, stdout};

/// What a command says of a store, which it must refuse.
#[track_caller]
fn refused(database: &str, command: &str) -> String {
    let mut run = gpu_credit();
    let output = run
        .args(command.split_whitespace())
        .arg("--db")
        .arg(database);
    let output = output.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = stderr(&output);
    assert_eq!(said.lines().count(), 1, "{said}");
    said.trim_end().to_owned()
}

#[test]
fn a_database_without_a_store_is_said_and_only_those_who_make_one_do() {
    let url = server().url();
    for command in [
        "accounts",
        "balance acme --at 0",
        "check",
        "account delete acme --yes",
    ] {
        let said = refused(&url, command);
        assert!(
            said.contains(": there is no store in this database; `gpu-credit account create`"),
            "{said}"
        );
    }
    let made = gpu_credit()
        .args(["account", "create", "acme", "--db", &url])
        .output();
    assert_eq!(
        stdout(&made.unwrap()),
        "account \"acme\" opened, policy carry\n"
    );
    let listed = gpu_credit().args(["accounts", "--db", &url]).output();
    assert!(stdout(&listed.unwrap()).contains("acme"));
}

/// A password is in no message, whatever is wrong.
#[test]
fn what_cannot_be_reached_is_said_without_a_password() {
    let cases = [
        (
            "postgres://me:Sesame@127.0.0.1:1/credit",
            "PostgreSQL at 127.0.0.1:1, database credit: error connecting to server: ",
        ),
        (
            "postgres://me:Sesame@127.0.0.1:99999/credit",
            "PostgreSQL: ",
        ),
        (
            "postgres://me:Sesame@127.0.0.1/credit?sslmode=sesame",
            "PostgreSQL: ",
        ),
        ("postgres://me:Ses%ame@127.0.0.1/credit", "PostgreSQL"),
        ("postgresql://", "PostgreSQL"),
    ];
    for (url, expected) in cases {
        let said = refused(url, "accounts");
        assert!(
            said.starts_with(&format!("gpu-credit: {expected}")),
            "{said}"
        );
        assert!(!said.to_lowercase().contains("sesame"), "{said}");
    }
}

#[test]
fn a_database_that_is_not_there_and_who_may_not_are_said() {
    let url = server().url();
    let missing = url.replace("/postgres?", "/nothing?");
    let said = refused(&missing, "accounts");
    assert!(
        said.ends_with(r#"database nothing: database "nothing" does not exist (3D000)"#),
        "{said}"
    );
    let stranger = url.replace("ledger@", "stranger@");
    let said = refused(&stranger, "accounts");
    assert!(said.contains(r#"role "stranger" does not exist"#), "{said}");
}

#[test]
fn tables_of_another_version_or_of_something_else_are_said() {
    let server = server();
    let (url, address) = server.url_and_address();
    gpu_credit()
        .args(["account", "create", "acme", "--db", &url])
        .assert()
        .success();
    execute(&address, "UPDATE gpu_credit_version SET number = 1000");
    let said = refused(&url, "accounts");
    assert!(
        said.contains("it has format 1000, and this version knows formats up to "),
        "{said}"
    );
    assert!(said.ends_with("; use a newer gpu-credit"), "{said}");

    let (url, address) = server.url_and_address();
    execute(&address, "CREATE TABLE account (customer text)");
    let said = refused(&url, "account create acme");
    assert!(
        said.ends_with(
            ": it has tables of something else: give the store a database or a schema of its own"
        ),
        "{said}"
    );
}

/// Nobody has it for himself.
#[test]
fn several_programs_use_one_store() {
    let folder = Folder::with_account();
    let posts: Vec<_> = (0..4)
        .map(|number| {
            let mut command =
                std::process::Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
            command.args([
                "use",
                "acme",
                "1",
                "--at",
                "12",
                "--id",
                &format!("many-{number}"),
                "--db",
            ]);
            command.arg(&folder.place.url).spawn().unwrap()
        })
        .collect();
    for mut post in posts {
        assert!(post.wait().unwrap().success());
    }
    assert!(
        folder
            .ok("balance acme --at 12 --format csv")
            .contains(",116,")
    );
    assert!(
        folder
            .ok("check")
            .starts_with("sound: 1 account, 8 entries, ")
    );
}
