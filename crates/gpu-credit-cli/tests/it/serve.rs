//! The service as an operator runs it: started, stopped, and killed under load.
//!
//! Some kills by default; `GPU_CREDIT_SERVER_KILLS=100` makes it so many.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use gpu_credit_store::Store;
use gpu_credit_workload::random::Random;
use tempfile::TempDir;

use crate::running::Served;
use crate::{gpu_credit, stderr};

const KILLS_VARIABLE: &str = "GPU_CREDIT_SERVER_KILLS";
const KILLS: u64 = 3;
const WRITERS: u64 = 8;
const BATCH: u64 = 10;

impl Served {
    fn send(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: &str,
    ) -> Result<(u16, String), ureq::Error> {
        send(&self.address, token, method, path, body)
    }
}

/// Status and body of an answer; an error if there is none.
fn send(
    address: &str,
    token: &str,
    method: &str,
    path: &str,
    body: &str,
) -> Result<(u16, String), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(Duration::from_secs(60)))
        .build()
        .into();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(format!("{address}{path}"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let mut answer = match body {
        "" => agent.run(request.body(()).unwrap()),
        body => agent.run(request.body(body.to_owned()).unwrap()),
    }?;
    let text = answer.body_mut().read_to_string()?;
    Ok((answer.status().as_u16(), text))
}

fn token(folder: &Path, arguments: &str) -> String {
    let mut command = gpu_credit();
    let command = command.current_dir(folder).arg("token");
    let output = command.args(arguments.split_whitespace()).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{arguments}: {}",
        stderr(&output)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_first_token_is_printed_once_and_others_are_made_and_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let served = Served::start(folder.path(), &[]);
    let first = served.first_token.clone().unwrap();
    let opened = |served: &Served, token: &str, account| {
        let path = format!("/v1/accounts/{account}");
        let answer = served.send(token, "PUT", &path, "{\"policy\":\"carry\"}");
        answer.unwrap().0
    };
    assert_eq!(opened(&served, &first, "team%2Fa"), 201);
    let narrow = token(
        folder.path(),
        "make --scope admin=team/ --for 90d --note operator",
    );
    assert_eq!(opened(&served, &narrow, "team%2Fa"), 200);
    assert_eq!(opened(&served, &narrow, "other"), 404);
    let listed = token(folder.path(), "list");
    assert!(
        listed.contains("admin=team/  until ") && listed.contains("# operator"),
        "{listed}"
    );
    assert!(!listed.contains(&narrow) && !listed.contains(&first));
    let id = narrow.split('_').nth(1).unwrap();
    token(folder.path(), &format!("revoke {id}"));
    assert_eq!(opened(&served, &narrow, "team%2Fa"), 401);
    assert_eq!(opened(&served, &first, "team%2Fa"), 200);
    assert_eq!(served.stop(), Some(0));
    // It is not printed again, and serves.
    let served = Served::start(folder.path(), &[]);
    assert_eq!(served.first_token, None);
    assert_eq!(opened(&served, &first, "team%2Fa"), 200);
    assert_eq!(served.stop(), Some(0));
}

#[test]
fn what_cannot_be_served_is_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bad.json"), "{}").unwrap();
    for (arguments, expected) in [
        (
            "--listen 0.0.0.0:0",
            "others than this machine could reach it",
        ),
        ("--listen nowhere:0", "cannot listen"),
        ("--tokens bad.json", "bad.json: missing field"),
        ("--tokens none/tokens.json", "none/tokens.json"),
        ("--tls-certificate a.pem --tls-key a.key", "a.pem"),
        ("--drain soon", "--drain: found \"soon\""),
        (
            "--metrics 0.0.0.0:0",
            "others than this machine could read the metrics",
        ),
        (
            "--metrics 127.0.0.1:0 --metrics-accounts a",
            "no unit of time",
        ),
    ] {
        let mut arguments: Vec<&str> = arguments.split_whitespace().collect();
        if !arguments.contains(&"--listen") {
            arguments.extend(["--listen", "127.0.0.1:0"]);
        }
        let mut command = gpu_credit();
        let command = command.current_dir(folder.path()).arg("serve");
        let output = command
            .args(&arguments)
            .timeout(Duration::from_secs(20))
            .output()
            .unwrap();
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
}

/// What writers have sent, and what was acknowledged.
#[derive(Default)]
struct Sent {
    acknowledged: HashSet<String>,
    /// Sent, and nothing was heard.
    unknown: Vec<(String, String)>,
    requests: u64,
}

/// Posts until the service is gone: usage by itself, usage in batches, and holds.
fn post(address: &str, token: &str, round: u64, writer: u64, sent: &Mutex<Sent>) {
    for number in 0.. {
        let id = format!("{round}-{writer}-{number}");
        let (path, body, ids) = match number % 3 {
            0 => {
                let body = format!("{{\"id\":\"{id}\",\"amount\":1,\"at\":5}}");
                ("/v1/accounts/acme/usage", body, vec![id])
            }
            1 => {
                let ids: Vec<String> = (0..BATCH).map(|place| format!("{id}-{place}")).collect();
                let entry = |id: &String| {
                    format!(
                        "{{\"kind\":\"usage\",\"account\":\"acme\",\"id\":\"{id}\",\"amount\":1,\"at\":5}}"
                    )
                };
                let entries = ids.iter().map(entry).collect::<Vec<_>>().join(",");
                ("/v1/entries", format!("{{\"entries\":[{entries}]}}"), ids)
            }
            _ => {
                let body = format!(
                    "{{\"id\":\"{id}\",\"accounts\":[\"acme\"],\"amount\":1,\"at\":5,\"until\":9}}"
                );
                ("/v1/holds", body, vec![id])
            }
        };
        let answer = send(address, token, "POST", path, &body);
        let mut sent = sent.lock().unwrap();
        sent.requests += 1;
        match answer {
            Ok((status, text)) => {
                assert!(matches!(status, 200 | 201), "{status} {text}");
                sent.acknowledged.extend(ids);
            }
            Err(_) => {
                sent.unknown.push((path.to_owned(), body));
                return;
            }
        }
    }
}

#[test]
fn everything_acknowledged_before_a_kill_is_there_once() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |kills| kills.parse().unwrap());
    let mut random = Random::new(11);
    let folder: TempDir = tempfile::tempdir().unwrap();
    let token = {
        let served = Served::start(folder.path(), &[]);
        let token = served.first_token.clone().unwrap();
        let open = served.send(&token, "PUT", "/v1/accounts/acme", "{\"policy\":\"carry\"}");
        assert_eq!(open.unwrap().0, 201);
        let grant = "{\"id\":\"g\",\"amount\":1000000000,\"start\":0,\"expiration\":null}";
        let granted = served.send(&token, "POST", "/v1/accounts/acme/grants", grant);
        assert_eq!(granted.unwrap().0, 201);
        token
    };
    let sent = Mutex::new(Sent::default());
    for round in 0..kills {
        let mut served = Served::start(folder.path(), &[]);
        // What nobody knows of is sent again, under the same ids: it is there once, whatever had become of it.
        let unknown = std::mem::take(&mut sent.lock().unwrap().unknown);
        for (path, body) in unknown {
            let (status, text) = served.send(&token, "POST", &path, &body).unwrap();
            assert!(matches!(status, 200 | 201), "{status} {text}");
        }
        let (before, address) = (sent.lock().unwrap().requests, served.address.clone());
        thread::scope(|scope| {
            for writer in 0..WRITERS {
                let (sent, token, address) = (&sent, &token, &address);
                scope.spawn(move || post(address, token, round, writer, sent));
            }
            while sent.lock().unwrap().requests < before + 30 {
                thread::sleep(Duration::from_millis(5));
            }
            thread::sleep(Duration::from_millis(random.below(200)));
            // On Unix this is SIGKILL: nothing of the process runs any more.
            served.child.kill().unwrap();
        });
        served.child.wait().unwrap();
        let store = Store::open(folder.path().join("gpu-credit.redb")).unwrap();
        let history = store.history("acme").unwrap();
        let ids: Vec<&str> = history.iter().map(|entry| entry.id.as_str()).collect();
        let distinct: HashSet<&str> = ids.iter().copied().collect();
        assert_eq!(
            ids.len(),
            distinct.len(),
            "round {round}: an id is there twice"
        );
        let sent = sent.lock().unwrap();
        for id in &sent.acknowledged {
            assert!(
                distinct.contains(id.as_str()),
                "round {round}: {id} was acknowledged"
            );
        }
        // A batch is there whole or not at all.
        let of_batches = ids.iter().filter(|id| id.split('-').count() == 4);
        assert_eq!(of_batches.count() as u64 % BATCH, 0, "round {round}");
        // What was under way is at most one request of each writer.
        let most = sent.acknowledged.len() as u64 + WRITERS * BATCH * (round + 1) + 2;
        assert!(
            ids.len() as u64 <= most,
            "round {round}: {} of {most}",
            ids.len()
        );
    }
    let sent = sent.lock().unwrap();
    assert!(sent.requests >= 30 * kills);
    println!(
        "{kills} kills, {} requests, {} ids acknowledged",
        sent.requests,
        sent.acknowledged.len()
    );
}
