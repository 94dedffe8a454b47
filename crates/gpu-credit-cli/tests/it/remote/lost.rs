//! Answers that are lost on the way: the request is sent again, and done once.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::World;
use super::between::{Instead, answer, between};

/// Something between the program and the service that cuts the connection in the place of the first answers to requests
/// that write.
struct Cutting {
    address: String,
    /// How many answers are still to be cut.
    cuts: Arc<AtomicUsize>,
}

impl Cutting {
    fn before(service: &str, cuts: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let service = service.strip_prefix("http://").unwrap().to_owned();
        let cuts = Arc::new(AtomicUsize::new(cuts));
        let left = Arc::clone(&cuts);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (service, left) = (service.clone(), Arc::clone(&left));
                thread::spawn(move || pass(client, &service, &left));
            }
        });
        Cutting { address, cuts }
    }
}

/// Passes what is sent, and what is answered unless it is to be cut.
fn pass(mut client: TcpStream, service: &str, left: &AtomicUsize) {
    let mut server = TcpStream::connect(service).unwrap();
    let writes = Arc::new(AtomicBool::new(false));
    let (mut answers, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let is_write = Arc::clone(&writes);
    thread::scope(|scope| {
        scope.spawn(move || {
            let mut bytes = [0; 1 << 16];
            while let Ok(count @ 1..) = client.read(&mut bytes) {
                let is_request = bytes.starts_with(b"POST /v1/") || bytes.starts_with(b"PUT /v1/");
                if is_request && !bytes.starts_with(b"POST /v1/balances") {
                    is_write.store(true, Ordering::SeqCst);
                }
                if server.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ = server.shutdown(Shutdown::Both);
        });
        let mut bytes = [0; 1 << 16];
        while let Ok(count @ 1..) = answers.read(&mut bytes) {
            let is_cut = writes.swap(false, Ordering::SeqCst)
                && left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                        left.checked_sub(1)
                    })
                    .is_ok();
            if is_cut || to_client.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
}

#[test]
fn what_is_posted_is_posted_once_if_its_answer_is_lost() {
    let world = World::with_account();
    for (cuts, line) in [
        (1, "use acme 5 --at 12 --id u2"),
        (2, "grant acme 5 --at 1 --for 20 --id g2"),
        (1, "change acme u2 --amount 6 --id c1"),
        (1, "account create other"),
        (1, "authorise acme --amount 5 --at 12 --for 5 --id h1"),
        (1, "settle acme h1 4 --id h1/end"),
        (1, "run acme --rate 1 --from 20 --for 5 --id r1"),
        (1, "stop acme r1 --at 22"),
        (1, "close acme --until 5 --yes --id c2"),
    ] {
        let cutting = Cutting::before(&world.served.address, cuts);
        let output = world.run(&cutting.address, &world.token, line);
        assert_eq!(
            output.status.code(),
            Some(0),
            "{line}: {}",
            crate::stderr(&output)
        );
        assert_eq!(cutting.cuts.load(Ordering::SeqCst), 0, "{line}");
        let said = crate::stderr(&output);
        let lost = "the answer is lost: the request is sent again, under the same id";
        assert_eq!(said.matches(lost).count(), cuts, "{line}: {said}");
    }
    let history = world.ok("history acme --format csv");
    for id in ["u2", "g2", "c1", "h1", "h1/end", "r1", "r1/stop", "c2"] {
        let entries = history
            .lines()
            .filter(|line| line.split(',').any(|cell| cell == id));
        let of_record = ["u2", "h1", "r1"].contains(&id);
        assert!(
            entries.count() <= 1 + usize::from(of_record),
            "{id}: {history}"
        );
    }
    assert_eq!(history.lines().count(), 1 + 11, "{history}");
}

#[test]
fn it_is_said_that_nobody_knows_if_every_answer_is_lost() {
    let world = World::with_account();
    let cutting = Cutting::before(&world.served.address, 10);
    let output = world.run(&cutting.address, &world.token, "use acme 5 --at 12 --id u2");
    assert_eq!(output.status.code(), Some(2));
    let said = crate::stderr(&output);
    assert!(
        said.contains(
            "what was posted may be there: the same command with --id u2 posts nothing twice"
        ),
        "{said}"
    );
    let again = world.ok("use acme 5 --at 12 --id u2");
    assert!(
        again.starts_with("was posted already as revision 4, id u2"),
        "{again}"
    );
}

/// The id that a command has made, and names as nobody knows whether it posted.
#[track_caller]
fn named(output: &std::process::Output) -> String {
    assert_eq!(output.status.code(), Some(2));
    let said = crate::stderr(output);
    let (_, after) = said
        .split_once("; what was posted may be there: the same command with --id ")
        .unwrap_or_else(|| panic!("{said}"));
    let (id, rest) = after.split_once(' ').unwrap();
    assert_eq!(rest, "posts nothing twice\n", "{said}");
    id.to_owned()
}

#[test]
fn an_id_that_was_made_is_named_if_every_answer_is_lost() {
    let world = World::with_account();
    for (line, known) in [
        ("use acme 5 --at 12", "was posted already as revision 4"),
        ("authorise acme --amount 5 --at 12 --for 5", ",held,false,"),
    ] {
        let cutting = Cutting::before(&world.served.address, 10);
        let id = named(&world.run(&cutting.address, &world.token, line));
        let format = if line.starts_with("use") {
            ""
        } else {
            "--format csv"
        };
        let again = world.ok(&format!("{line} --id {id} {format}"));
        assert!(again.contains(known), "{again}");
    }
    // An account is opened under the same id whoever opens it, and a job is stopped under its own.
    let cutting = Cutting::before(&world.served.address, 10);
    let output = world.run(&cutting.address, &world.token, "account create other");
    let said = crate::stderr(&output);
    assert!(
        said.ends_with("what was posted may be there: the same command posts nothing twice\n"),
        "{said}"
    );
}

#[test]
fn a_service_that_is_gone_after_a_lost_answer_may_have_posted() {
    let world = World::with_account();
    let address = between(&world.served.address, "POST /v1/entries", Instead::Gone);
    let line = "use acme 5 --at 12";
    let output = world.run(&address, &world.token, line);
    let id = named(&output);
    let said = crate::stderr(&output);
    assert_eq!(
        said.matches("the request is sent again").count(),
        3,
        "{said}"
    );
    let again = world.ok(&format!("{line} --id {id}"));
    assert!(
        again.starts_with("was posted already as revision 4"),
        "{again}"
    );
}

#[test]
fn what_a_gateway_answers_says_not_whether_it_was_posted() {
    let world = World::with_account();
    for (status, sent_again) in [
        ("502 Bad Gateway", 3),
        ("504 Gateway Timeout", 3),
        ("500 Internal Server Error", 0),
        ("200 OK", 0),
    ] {
        let instead = Instead::Answered(answer(status, "<p>Oh.</p>"));
        let address = between(&world.served.address, "POST /v1/entries", instead);
        let output = world.run(&address, &world.token, "use acme 5 --at 12");
        named(&output);
        let said = crate::stderr(&output);
        let again = said.matches("the request is sent again").count();
        assert_eq!(again, sent_again, "{status}: {said}");
    }
    // Of these it is known that nothing was posted.
    let problem = r#"{"type":"/problems/overloaded","detail":"there is too much to do"}"#;
    for (status, text) in [
        ("403 Forbidden", "<p>No.</p>"),
        ("503 Service Unavailable", problem),
    ] {
        let instead = Instead::Answered(answer(status, text));
        let address = between(&world.served.address, "POST /v1/entries", instead);
        let said = world.refused(&address, &world.token, "use acme 5 --at 12");
        assert!(!said.contains("may be there"), "{said}");
    }
}

#[test]
fn a_stop_that_is_refused_is_not_done_because_it_could_be_done_here() {
    let world = World::with_account();
    world.ok("run acme --rate 1 --from 20 --for 5 --id r1");
    let problem = r#"{"type":"/problems/conflict","detail":"it is locked"}"#;
    let instead = Instead::Answered(answer("409 Conflict", problem));
    let address = between(
        &world.served.address,
        "POST /v1/accounts/acme/stops",
        instead,
    );
    let said = world.refused(&address, &world.token, "stop acme r1 --at 22");
    assert!(said.ends_with(": it is locked (409 conflict)"), "{said}");
}

#[test]
fn a_proxy_of_the_environment_does_not_get_the_token() {
    let world = World::with_account();
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        for _ in proxy.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    let mut command = crate::gpu_credit();
    command
        .args(["balance", "acme", "--at", "12", "--format", "csv"])
        .args(["--server", &world.served.address])
        .env("GPU_CREDIT_TOKEN", &world.token);
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command
            .env(name, &address)
            .env(name.to_lowercase(), &address);
    }
    for name in ["NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = command.output().unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 0, "{output:?}");
    let listed = crate::stdout(&output);
    assert!(listed.contains("acme,12,70,available,0"), "{listed}");
}
