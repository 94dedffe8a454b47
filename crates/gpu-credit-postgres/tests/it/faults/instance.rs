//! A process that serves a store to clients, and the same as the test sees it.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use gpu_credit_postgres::{PostgresOptions, PostgresStore};
use gpu_credit_store::{
    Account, Authorise, Change, Decision, Error, HeldUsage, Posting, Revision, Settle,
};

use super::cluster::signal;
use super::history::{Answer, Funds, Reply, Request};
use super::proxy::{Change as Changed, Link, Proxy};
use crate::support::admin::try_number;

const SOCKET: &str = "GPU_CREDIT_FAULTS_SOCKET";
const SERVERS: &str = "GPU_CREDIT_FAULTS_SERVERS";
const STRICT: &str = "GPU_CREDIT_FAULTS_STRICT";
const STANDBY: &str = "GPU_CREDIT_FAULTS_STANDBY";
/// How long an instance waits for an answer of a server.
const WAIT: Duration = Duration::from_secs(2);

/// How instances read.
#[derive(Clone, Debug, Default)]
pub(super) struct Reading {
    pub(super) is_strict: bool,
    /// The address of a standby that is read from.
    pub(super) standby: Option<String>,
}

pub(super) struct Instance {
    /// Its ways to the servers.
    links: Vec<Proxy>,
    reading: Reading,
    pub(super) socket: PathBuf,
    process: Option<Child>,
}

impl Instance {
    pub(super) fn new(
        number: usize,
        folder: &Path,
        ports: &[u16],
        changes: &'static [Changed],
        reading: &Reading,
    ) -> Self {
        let links = ports.iter().map(|port| Proxy::to(*port, changes));
        let mut instance = Instance {
            links: links.collect(),
            reading: reading.clone(),
            socket: folder.join(format!("instance{number}")),
            process: None,
        };
        instance.start();
        instance
    }

    pub(super) fn start(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
        let hosts = vec!["127.0.0.1"; self.links.len()].join(",");
        let ports: Vec<String> = self
            .links
            .iter()
            .map(|link| link.port.to_string())
            .collect();
        let servers = format!(
            "host={hosts} port={} user=ledger dbname=postgres sslmode=disable",
            ports.join(",")
        );
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "faults::instance::serves_until_killed"])
            .args(["--ignored", "--nocapture"])
            .env(SOCKET, &self.socket)
            .env(SERVERS, servers)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.reading.is_strict {
            command.env(STRICT, "");
        }
        if let Some(standby) = &self.reading.standby {
            command.env(STANDBY, standby);
        }
        self.process = Some(command.spawn().unwrap());
    }

    pub(super) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            process.wait().unwrap();
        }
    }

    pub(super) fn stop(&self) {
        self.signal("STOP");
    }

    pub(super) fn go_on(&self) {
        self.signal("CONT");
    }

    fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("it runs");
        signal(name, &[process.id()]);
    }

    /// Its way to a server.
    pub(super) fn set_link(&self, server: usize, link: Link) {
        self.links[server].set(link);
    }

    pub(super) fn set_links(&self, link: Link) {
        for each in &self.links {
            each.set(link);
        }
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Not a test of its own: what an instance runs. It ends with the process that started it.
#[test]
#[ignore = "run by the tests of faults"]
fn serves_until_killed() {
    let Ok(socket) = std::env::var(SOCKET) else {
        return;
    };
    let servers = std::env::var(SERVERS).unwrap();
    let options = PostgresOptions::default().wait(WAIT);
    let options = options.strict_reads(std::env::var_os(STRICT).is_some());
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let store = Arc::new(OnceLock::new());
    let opened = Arc::clone(&store);
    thread::spawn(move || {
        loop {
            if let Ok(store) = options.open(&servers) {
                let _ = opened.set(store);
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
    });
    let listener = UnixListener::bind(socket).unwrap();
    for client in listener.incoming().flatten() {
        let store = Arc::clone(&store);
        thread::spawn(move || serve(&client, &store));
    }
}

fn serve(client: &UnixStream, store: &OnceLock<PostgresStore>) {
    let standby = std::env::var(STANDBY).ok();
    for line in BufReader::new(client).lines().map_while(Result::ok) {
        let request: Request = serde_json::from_str(&line).unwrap();
        let reply = match (store.get(), &standby, &request) {
            (_, Some(standby), Request::Read(accounts, _)) => read_from(standby, accounts),
            (Some(store), _, request) => perform(store, request),
            (None, ..) => Reply::Refused("it is not open yet".to_owned()),
        };
        let mut line = serde_json::to_string(&reply).unwrap();
        line.push('\n');
        if (&*client).write_all(line.as_bytes()).is_err() {
            return;
        }
    }
}

fn perform(store: &PostgresStore, request: &Request) -> Reply {
    let done = match request {
        Request::Post(all) => {
            let postings = all
                .iter()
                .map(|each| Posting::new(&*each.account, each.id.clone(), each.change.clone()));
            let posted = store.post_all(postings.collect());
            posted.map(|outcomes| {
                let revisions = outcomes.iter().filter_map(|outcome| outcome.revision());
                Reply::Posted(revisions.map(Revision::get).collect())
            })
        }
        Request::Ask(id, hold) => {
            let HeldUsage::Amount(amount) = hold.usage else {
                panic!("clients ask for amounts");
            };
            let open = hold.at..hold.until;
            let asked = Authorise::new(id.clone(), &hold.accounts, amount, open);
            store
                .authorise(asked)
                .map(|authorised| decided(authorised.decision))
        }
        Request::Close {
            account,
            id,
            hold,
            amount,
        } => {
            let closed = match amount {
                Some(amount) => {
                    store.settle(Settle::new(account, id.clone(), hold.clone(), *amount))
                }
                None => store.release(account, id.clone(), hold.clone()),
            };
            closed.map(|closed| {
                let accounts = closed.accounts.into_iter();
                let each = accounts.filter_map(|(name, outcome)| {
                    let revision = outcome.revision()?;
                    Some((name, revision.get()))
                });
                Reply::Closed(each.collect())
            })
        }
        Request::Read(names, at) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let read = store.with_accounts(&names, |accounts| {
                accounts
                    .iter()
                    .map(|account| answer(account, *at))
                    .collect()
            });
            read.map(Reply::Read)
        }
    };
    done.unwrap_or_else(failed)
}

fn decided(decision: Decision) -> Reply {
    Reply::Decided(match decision {
        Decision::Held(hold) => {
            let change = Change::Hold(Box::new(hold.clone()));
            let of = |account| (account, change.clone());
            hold.accounts.into_iter().map(of).collect()
        }
        Decision::Refused(accounts) => {
            let of = |(account, refused)| (account, Change::RefuseHold(Box::new(refused)));
            accounts.into_iter().map(of).collect()
        }
    })
}

fn answer(account: &Account, at: i64) -> Answer {
    let answer = account.balance_at(at).unwrap();
    Answer {
        revision: account.revision().get(),
        funds: Some(Funds {
            balance: answer.balance,
            deficit: answer.deficit,
            held: account.held(at).unwrap(),
            available: account.available(at).unwrap(),
        }),
    }
}

fn failed(error: Error) -> Reply {
    match error {
        Error::Journal(_) | Error::Interrupted => Reply::Unknown(error.to_string()),
        Error::NoSuchAccount(_) => Reply::Missing,
        Error::DifferentContent {
            account,
            revision,
            posted,
            ..
        } => Reply::Different {
            account,
            revision: revision.get(),
            posted: *posted,
        },
        Error::Refused { .. } | Error::AccountExists(_) => Reply::Refused(error.to_string()),
        // The accounts cannot be read.
        error => Reply::Unknown(error.to_string()),
    }
}

/// What a standby says, which nothing in the store asks.
fn read_from(standby: &str, accounts: &[String]) -> Reply {
    let head = |account: &String| {
        let sql = format!("SELECT head FROM account WHERE name = '{account}' AND state = 0");
        let head = try_number(standby, &sql)?;
        Some(Answer {
            revision: head.cast_unsigned(),
            funds: None,
        })
    };
    let heads: Option<Vec<Answer>> = accounts.iter().map(head).collect();
    heads.map_or_else(|| Reply::Unknown("no answer".to_owned()), Reply::Read)
}
