//! What is said of services that cannot be reached, of tokens that may not, and of commands that need the store itself.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::World;
use super::between::{json, pretend};

#[test]
fn a_service_that_is_not_there_is_said() {
    let world = World::with_account();
    let said = world.refused("http://127.0.0.1:1", &world.token, "accounts");
    assert!(
        said.starts_with("gpu-credit: http://127.0.0.1:1: the service cannot be reached: "),
        "{said}"
    );
    let said = world.refused("http://nowhere.invalid", "t", "accounts --plain-http");
    assert!(
        said.starts_with("gpu-credit: http://nowhere.invalid: "),
        "{said}"
    );
    let said = world.refused("http://credit.example", "t", "accounts");
    assert!(said.contains("would send the token unencrypted"), "{said}");
    let said = world.refused("credit.example", "t", "accounts");
    assert!(
        said.contains("--server: found \"credit.example\", expected https://HOST"),
        "{said}"
    );
}

#[test]
fn what_is_no_service_is_said() {
    let world = World::with_account();
    let address = format!("{}/elsewhere", world.served.address);
    let said = world.refused(&address, &world.token, "accounts");
    assert!(
        said.contains("there is no such resource (404 not-found)"),
        "{said}"
    );
}

#[test]
fn a_token_that_is_unknown_missing_or_no_token_is_said() {
    let world = World::with_account();
    let address = world.served.address.clone();
    let unknown = format!("{}x", world.token);
    let said = world.refused(&address, &unknown, "balance acme --at 12");
    assert!(
        said.starts_with(&format!("gpu-credit: {address}: there is no such token"))
            && said.contains("(401 unauthorised); --token-file names a file with another"),
        "{said}"
    );
    assert!(!said.contains(&world.token), "{said}");
    let said = world.refused(&address, "two words", "balance acme --at 12");
    assert!(
        said.contains("GPU_CREDIT_TOKEN: it has not a token alone"),
        "{said}"
    );
    let mut command = crate::gpu_credit();
    let output = command
        .args(["accounts", "--server", &address])
        .output()
        .unwrap();
    let said = crate::stderr(&output);
    assert!(
        said.contains("a service wants a token: --token-file names"),
        "{said}"
    );
    let file = world.file("token", &format!("{}\n", world.token));
    let mut command = crate::gpu_credit();
    let arguments = ["accounts", "--server", &address, "--token-file", &file];
    let listed = crate::stdout(&command.args(arguments).output().unwrap());
    assert!(listed.contains("acme"), "{listed}");
    let said = world.refused(&address, "t", "accounts --token-file none");
    assert!(
        said.starts_with("gpu-credit: --token-file: none: "),
        "{said}"
    );
}

#[test]
fn a_scope_that_is_too_narrow_is_said() {
    let world = World::with_account();
    let address = world.served.address.clone();
    let reads = world.token("read=acme");
    let listed = crate::stdout(&world.run(&address, &reads, "balance acme --at 12 --format csv"));
    assert!(listed.contains("acme,12,70,available,0"), "{listed}");
    let said = world.refused(&address, &reads, "use acme 5 --at 12 --id u2");
    assert!(
        said.ends_with(
            "the token may not use this account (403 forbidden); one with the scope use=acme may"
        ),
        "{said}"
    );
    let said = world.refused(&address, &reads, "balance other --at 12");
    assert!(said.contains("there is no account \"other\""), "{said}");
    // Who may use and not read, uses.
    let uses = world.token("use=acme");
    let posted = crate::stdout(&world.run(&address, &uses, "use acme 5 --at 12 --id u2"));
    assert!(
        posted.starts_with("posted as revision 4, id u2: "),
        "{posted}"
    );
    let asked = "authorise acme --amount 5 --at 12 --for 5 --id h1 --format csv";
    let held = crate::stdout(&world.run(&address, &uses, asked));
    assert!(held.contains("acme,h1,held,true,5,12,,17,,,,"), "{held}");
    let asked = "authorise acme --amount 500 --at 12 --for 5 --id h2 --format csv";
    let output = world.run(&address, &uses, asked);
    assert_eq!(output.status.code(), Some(4));
    let refused = String::from_utf8(output.stdout).unwrap();
    assert!(
        refused.contains("acme,h2,refused,true,500,12,,17,65,5,60,60"),
        "{refused}"
    );
}

#[test]
fn commands_that_need_the_store_itself_say_so() {
    let world = World::with_account();
    for line in ["check", "copy other.redb", "serve"] {
        let said = world.refused(&world.served.address, &world.token, line);
        assert!(
            said.contains("needs the store itself, and --server names a service"),
            "{said}"
        );
    }
}

#[test]
fn a_store_is_named_once() {
    let world = World::with_account();
    let said = world.refused(&world.served.address, &world.token, "accounts --db x.redb");
    assert!(said.contains("--server and --db name two stores"), "{said}");
    // What is typed goes before what the environment has.
    let mut command = crate::gpu_credit();
    let command = command
        .current_dir(world.home.path())
        .env("GPU_CREDIT_SERVER", "http://127.0.0.1:1");
    let created = command
        .args(["account", "create", "b", "--db", "x.redb"])
        .output();
    crate::stdout(&created.unwrap());
    let mut command = crate::gpu_credit();
    let command = command
        .env("GPU_CREDIT_SERVER", "http://127.0.0.1:1")
        .env("GPU_CREDIT_DB", "x");
    let said = crate::stderr(&command.arg("accounts").output().unwrap());
    assert!(
        said.contains("GPU_CREDIT_SERVER and GPU_CREDIT_DB name two stores"),
        "{said}"
    );
}

#[test]
fn the_unit_of_time_is_that_of_the_service() {
    let home = tempfile::tempdir().unwrap();
    let served = crate::running::Served::start_in(home.path(), None, &[]);
    let token = served.first_token.clone().unwrap();
    let world = World {
        home,
        served,
        token,
    };
    let address = world.served.address.clone();
    let said = world.refused(&address, &world.token, "account create acme --unit s");
    assert!(
        said.contains("takes none from afar: `gpu-credit serve --unit` gives it one"),
        "{said}"
    );
    world.ok("account create acme");
    world.ok("use acme 5 --at 12 --id u1");
}

#[test]
fn a_line_that_does_not_end_is_not_read_for_ever() {
    let address = pretend(|path, client| match path {
        "/v1/time-unit" => client.write_all(json(r#"{"time_unit":"s"}"#).as_bytes()),
        _ => {
            client.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            (0..64).try_for_each(|_| client.write_all(&vec![b'x'; 1 << 20]))
        }
    });
    let world = World::new(&[]);
    let said = world.refused(&address, "t", "history acme");
    assert!(said.contains("a line has more than 16 MiB"), "{said}");
}

#[test]
fn pages_that_do_not_go_on_are_not_asked_for_ever() {
    let pages = AtomicUsize::new(0);
    let address = pretend(move |path, client| {
        let page = pages.fetch_add(1, Ordering::SeqCst);
        let text = match path {
            "/v1/time-unit" => r#"{"time_unit":"s"}"#,
            // It ends, so that this test does.
            _ if page > 100 => r#"{"accounts":[],"next":null}"#,
            _ if page.is_multiple_of(2) => r#"{"accounts":[],"next":"a"}"#,
            _ => r#"{"accounts":[],"next":"b"}"#,
        };
        client.write_all(json(text).as_bytes())
    });
    let world = World::new(&[]);
    world.file(
        "events.csv",
        "kind,account,credit_id,amount,timestamp,expiration,id\n",
    );
    let said = world.refused(&address, "t", "import events.csv");
    assert!(
        said.contains("the answer is not that of this version"),
        "{said}"
    );
}
