//! Three services over one database, each a process of its own: whichever of them is asked, a hold is given once, to no more
//! than there is credit for, and what was acknowledged stays through kills.
//!
//! Some kills by default; `GPU_CREDIT_SERVER_KILLS=100` makes it so many.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::thread;
use std::time::Duration;

use gpu_credit_workload::random::Random;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::server;

const KILLS_VARIABLE: &str = "GPU_CREDIT_SERVER_KILLS";
const KILLS: usize = 6;
const INSTANCES: usize = 3;
const CLIENTS: usize = 64;
/// What there is credit for.
const HOLDS: u64 = 10;
const AMOUNT: u64 = 100;
const UNTIL: i64 = 15;

/// A service on a database; dropping it kills it, as SIGKILL does.
struct Instance {
    child: Child,
    address: String,
    token: Option<String>,
}

impl Instance {
    fn start(folder: &Path, database: &str) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
        command
            .current_dir(folder)
            .args(["serve", "--db", database]);
        command.args(["--unit", "s", "--listen", "127.0.0.1:0", "--drain", "0s"]);
        command.args(["--rate", "1000000", "--refusals", "1000000"]);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut token = None;
        let address = loop {
            let line = lines.next().expect("it says where it serves").unwrap();
            if let Some((_, text)) = line.split_once("the first token, which may do everything: ") {
                token = Some(text.to_owned());
            }
            if let Some(address) = line.strip_prefix("serving ") {
                break address.to_owned();
            }
        };
        Instance {
            child,
            address,
            token,
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The services, the database that they share, and the token that they take.
struct Cluster {
    instances: Vec<RwLock<Instance>>,
    token: String,
    database: String,
    folder: TempDir,
}

impl Cluster {
    /// With credit for so many holds on an account `a`.
    fn start() -> Self {
        let (folder, database) = (tempfile::tempdir().unwrap(), server().url());
        // The first one makes the file of tokens.
        let first = Instance::start(folder.path(), &database);
        let token = first.token.clone().unwrap();
        let others = (1..INSTANCES).map(|_| Instance::start(folder.path(), &database));
        let others: Vec<Instance> = others.collect();
        let instances = std::iter::once(first).chain(others).map(RwLock::new);
        let cluster = Cluster {
            instances: instances.collect(),
            token,
            database,
            folder,
        };
        let open = json!({"policy": "carry"});
        assert_eq!(
            cluster.ask(0, "PUT", "/v1/accounts/a", &open).unwrap().0,
            201
        );
        let grant = json!({"id": "g", "amount": HOLDS * AMOUNT, "start": 0, "expiration": null});
        let (status, _) = cluster
            .ask(1, "POST", "/v1/accounts/a/grants", &grant)
            .unwrap();
        assert_eq!(status, 201);
        cluster
    }

    /// Status and body of the answer of one of the services; `None` if there is none.
    fn ask(&self, instance: usize, method: &str, path: &str, body: &Value) -> Option<(u16, Value)> {
        let address = self.instances[instance].read().unwrap().address.clone();
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into();
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{address}{path}"))
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        let answer = match body {
            Value::Null => agent.run(request.body(()).unwrap()),
            body => agent.run(request.body(body.to_string()).unwrap()),
        };
        let mut answer = answer.ok()?;
        let text = answer.body_mut().read_to_string().ok()?;
        Some((answer.status().as_u16(), serde_json::from_str(&text).ok()?))
    }

    fn get(&self, instance: usize, path: &str) -> Value {
        let (status, answer) = self.ask(instance, "GET", path, &Value::Null).unwrap();
        assert_eq!(status, 200, "{answer}");
        answer
    }

    /// Kills one of the services with SIGKILL, and starts another in its place.
    fn kill(&self, instance: usize) {
        let next = Instance::start(self.folder.path(), &self.database);
        let mut instance = self.instances[instance].write().unwrap();
        drop(std::mem::replace(&mut *instance, next));
    }

    /// All entries of the account, as one of the services tells them.
    fn entries(&self, instance: usize) -> Vec<Value> {
        let (mut entries, mut after) = (Vec::new(), json!(0));
        while !after.is_null() {
            let path = format!("/v1/accounts/a/entries?after={after}&limit=1000");
            let mut page = self.get(instance, &path);
            entries.append(page["entries"].as_array_mut().unwrap());
            after = page["next"].clone();
        }
        entries
    }
}

fn hold(id: &str) -> Value {
    json!({"id": id, "accounts": ["a"], "amount": AMOUNT, "at": 5, "until": UNTIL})
}

#[test]
fn of_64_clients_of_three_services_10_get_the_credit_for_10() {
    let cluster = Cluster::start();
    let (given, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let (cluster, given, refused) = (&cluster, &given, &refused);
            scope.spawn(move || {
                let hold = hold(&format!("h{client}"));
                let (status, answer) = cluster
                    .ask(client % INSTANCES, "POST", "/v1/holds", &hold)
                    .unwrap();
                match status {
                    201 => given.fetch_add(1, Ordering::SeqCst),
                    402 => refused.fetch_add(1, Ordering::SeqCst),
                    _ => panic!("{status} {answer}"),
                };
            });
        }
    });
    assert_eq!((given.into_inner(), refused.into_inner()), (10, 54));
    for instance in 0..INSTANCES {
        let held = |at: i64| cluster.get(instance, &format!("/v1/accounts/a/balance?at={at}"));
        assert_eq!(
            (&held(10)["held"], &held(10)["available"]),
            (&json!(1_000), &json!(0))
        );
        assert_eq!(
            (&held(UNTIL)["held"], &held(UNTIL)["available"]),
            (&json!(0), &json!(1_000))
        );
    }
}

/// What clients know of holds and settlements: by the id of the hold, what was answered.
#[derive(Default)]
struct Known {
    /// Given or refused; a second answer is the same.
    outcomes: HashMap<String, bool>,
    /// By the id of the hold, the amount that it was settled with.
    settled: BTreeMap<String, u64>,
}

/// Asks for holds, and settles some of those that are given, until there have been enough kills. What is not answered is
/// sent again under its id, to another service: what had become of it is answered then.
fn client(cluster: &Cluster, number: usize, known: &Mutex<Known>, is_over: &AtomicBool) {
    let mut random = Random::new(number as u64);
    let mut last = false;
    for round in 0.. {
        let id = format!("h{number}-{round}");
        let send = |random: &mut Random, path: &str, body: &Value| loop {
            let instance = usize::try_from(random.below(INSTANCES as u64)).unwrap();
            match cluster.ask(instance, "POST", path, body) {
                Some((503, _)) | None => thread::sleep(Duration::from_millis(20)),
                Some(answer) => return answer,
            }
        };
        for again in 0..=random.below(2) {
            let (status, answer) = send(&mut random, "/v1/holds", &hold(&id));
            assert!(
                matches!(status, 200 | 201 | 402),
                "{id} {again}: {status} {answer}"
            );
            let mut known = known.lock().unwrap();
            let before = known.outcomes.insert(id.clone(), status != 402);
            assert!(
                before.is_none_or(|before| before == (status != 402)),
                "{id} is another"
            );
        }
        let is_given = known.lock().unwrap().outcomes[&id];
        // Those that are given last are left open.
        if is_given && !last {
            // Nothing of it is used in the end: the credit is there for the next.
            let amount = 0;
            let settle =
                json!({"id": format!("s-{id}"), "account": "a", "hold": id, "amount": amount});
            let (status, answer) = send(&mut random, "/v1/settlements", &settle);
            assert!(matches!(status, 200 | 201), "{id}: {status} {answer}");
            known.lock().unwrap().settled.insert(id, amount);
        }
        if last {
            return;
        }
        last = is_over.load(Ordering::Relaxed);
    }
}

#[test]
fn what_three_services_acknowledge_is_there_once_through_kills() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |kills| kills.parse().unwrap());
    let cluster = Cluster::start();
    let (known, is_over) = (Mutex::new(Known::default()), AtomicBool::new(false));
    let mut random = Random::new(17);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (cluster, known, is_over) = (&cluster, &known, &is_over);
            scope.spawn(move || client(cluster, number, known, is_over));
        }
        for kill in 0..kills {
            thread::sleep(Duration::from_millis(100 + random.below(300)));
            cluster.kill(kill % INSTANCES);
        }
        is_over.store(true, Ordering::Relaxed);
    });
    let known = known.into_inner().unwrap();
    let entries = cluster.entries(0);
    for instance in 1..INSTANCES {
        assert_eq!(
            cluster.entries(instance),
            entries,
            "services answer differently"
        );
    }
    let ids: HashSet<&str> = entries
        .iter()
        .map(|entry| entry["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), entries.len(), "an id is there twice");
    let kinds: HashMap<&str, &str> = entries
        .iter()
        .map(|entry| {
            (
                entry["id"].as_str().unwrap(),
                entry["kind"].as_str().unwrap(),
            )
        })
        .collect();
    for (id, is_given) in &known.outcomes {
        let expected = if *is_given { "hold" } else { "refuse_hold" };
        assert_eq!(
            kinds.get(id.as_str()),
            Some(&expected),
            "{id} was acknowledged"
        );
    }
    for id in known.settled.keys() {
        assert_eq!(
            kinds.get(format!("s-{id}").as_str()),
            Some(&"settle"),
            "{id} was settled"
        );
    }
    // Nobody sent anything that was not acknowledged in the end.
    assert_eq!(
        entries.len(),
        2 + known.outcomes.len() + known.settled.len()
    );
    // Never were more open at once than there was credit for, and none is after its end.
    let mut open = 0_u64;
    for entry in &entries {
        match entry["kind"].as_str().unwrap() {
            "hold" => open += 1,
            "settle" => open -= 1,
            _ => {}
        }
        assert!(
            open <= HOLDS,
            "revision {}: {open} are open",
            entry["revision"]
        );
    }
    let held = |at: i64| cluster.get(1, &format!("/v1/accounts/a/balance?at={at}"));
    assert_eq!(held(UNTIL - 1)["held"], open * AMOUNT);
    assert_eq!(
        (&held(UNTIL)["held"], &held(UNTIL)["available"]),
        (&json!(0), &json!(1_000))
    );
    let given = known
        .outcomes
        .values()
        .filter(|is_given| **is_given)
        .count();
    assert!(given >= usize::try_from(HOLDS).unwrap(), "{given}");
    println!(
        "{kills} kills, {} holds asked for, {given} given, {} settled",
        known.outcomes.len(),
        known.settled.len()
    );
}
