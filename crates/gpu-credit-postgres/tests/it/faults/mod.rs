//! The real thing: a primary with a synchronous standby, three instances, which are processes, and clients; all of
//! them are killed and stopped, and the standby is promoted while the old primary lives on.
//!
//! Every answer names the revision at which it is true. So the history is checked against the journal that is
//! there in the end, and nothing has to be searched: see `checker.rs`. `controls.rs` has what must be found.

mod checker;
mod client;
mod cluster;
mod controls;
mod history;
mod instance;
mod proxy;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit_postgres::PostgresStore;
use gpu_credit_workload::random::Random;

use crate::support::count;
use checker::Journals;
use client::Client;
use cluster::{Cluster, Following};
use history::{Event, History, Reply, Written};
use instance::{Instance, Reading};
use proxy::{Change, Link};

const INSTANCES: usize = 3;
const CLIENTS: usize = 6;
const PATIENCE: Duration = Duration::from_secs(40);
/// That no work is done any more. It is no answer that is false.
const STALLED: &str = "nothing goes on";

/// What happens while clients are at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    KillInstance,
    StopInstance,
    /// One instance reaches no server, and is not told.
    FreezeInstance,
    KillPrimary,
    StopPrimary,
    KillStandby,
    StopStandby,
    /// The standby is promoted while the old primary lives on. One instance reaches the old one alone, and is only read
    /// from; one the new one alone, and one both.
    Promote,
    /// The same, but that all are written to. Before, the old primary is killed and started again, so that it shows what its standby never got.
    PromoteAfterCrash,
    Nothing,
}

const FAULTS: [Fault; 9] = [
    Fault::PromoteAfterCrash,
    Fault::StopInstance,
    Fault::KillPrimary,
    Fault::StopStandby,
    Fault::Promote,
    Fault::KillInstance,
    Fault::StopPrimary,
    Fault::KillStandby,
    Fault::FreezeInstance,
];

/// How servers and instances are run: what is left out of the protocol, to see that it is missed.
struct Setup {
    following: Following,
    is_strict: bool,
    reads_from_standby: bool,
    /// Of statements, on their way.
    changes: &'static [Change],
    /// What is changed in the tables.
    sql: Option<&'static str>,
}

impl Setup {
    const WHOLE: Setup = Setup {
        following: Following::Synchronous,
        is_strict: true,
        reads_from_standby: false,
        changes: &[],
        sql: None,
    };
}

/// Replies by what they say.
#[derive(Clone, Copy, Debug, Default)]
struct Replies {
    acknowledged: usize,
    read: usize,
    different: usize,
    refused: usize,
    unknown: usize,
}

struct Run {
    instances: Vec<Instance>,
    cluster: Cluster,
    history: History,
    random: Random,
    seed: u64,
    round: u64,
    journals: Journals,
}

impl Run {
    fn new(seed: u64, setup: &Setup) -> Self {
        let cluster = Cluster::new(setup.following);
        // The tables are made before anything goes wrong.
        drop(open(&cluster));
        if let Some(sql) = setup.sql {
            cluster.execute(sql);
        }
        let standby = setup.reads_from_standby;
        let reading = Reading {
            is_strict: setup.is_strict,
            standby: standby.then(|| cluster.address(cluster.standby)),
        };
        let (folder, ports) = (cluster.folder().to_owned(), cluster.ports());
        let instance = |number| Instance::new(number, &folder, &ports, setup.changes, &reading);
        Run {
            instances: (0..INSTANCES).map(instance).collect(),
            cluster,
            history: History::new(),
            random: Random::new(seed),
            seed,
            round: 0,
            journals: BTreeMap::new(),
        }
    }

    /// Clients are at work on accounts of their own while something happens. What is wrong with all that they were
    /// told up to now.
    fn round(&mut self, fault: Fault) -> Vec<String> {
        let accounts = ["a", "b"].map(|name| format!("{}{name}", self.round));
        let sockets = self.instances.iter().map(|each| each.socket.clone());
        let sockets: Vec<_> = sockets.collect();
        let seed = self.seed ^ (self.round << 8);
        self.round += 1;
        let history = History::new();
        // One that writes notices that its primary is none any more.
        let is_read = (fault == Fault::Promote).then_some(2);
        let client = |number: usize| {
            let seed = seed ^ (number as u64) << 40;
            let client = Client::new(&history, number, seed, sockets.clone(), &accounts);
            client.reading_from(is_read)
        };
        client(CLIENTS).open(PATIENCE);
        let before = history.events().len();
        let (is_over, mut stalls) = (AtomicBool::new(false), false);
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (client, is_over) = (&client, &is_over);
                scope.spawn(move || client(number).run(is_over));
            }
            thread::sleep(Duration::from_millis(300));
            let inflicted = Guard(&is_over);
            self.inflict(fault);
            // Work goes on afterwards.
            let is_work = |event: &&Event| !event.reply.is_unknown();
            let work = || history.events().iter().filter(is_work).count();
            let (healed, begun) = (work(), Instant::now());
            while work() < healed + 50 && begun.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(50));
            }
            stalls = work() < healed + 50;
            drop(inflicted);
        });
        let events = history.events();
        assert!(events.len() > before + 50, "{fault:?}: little is asked");
        self.history = history;
        let mut problems = self.check(&accounts);
        problems.extend(stalls.then(|| STALLED.to_owned()));
        problems
    }

    fn check(&mut self, accounts: &[String]) -> Vec<String> {
        let mut journals = Journals::new();
        let mut problems = Vec::new();
        let store = open(&self.cluster);
        for account in accounts {
            match store.history(account) {
                Ok(entries) => {
                    let entries = entries.into_iter().map(|entry| {
                        let (id, change) = (entry.id, entry.change);
                        let account = account.clone();
                        let written = Written {
                            account,
                            id,
                            change,
                        };
                        (entry.revision.get(), written)
                    });
                    journals.insert(account.clone(), entries.collect());
                }
                Err(error) => problems.push(format!("{account} cannot be read: {error}")),
            }
        }
        if problems.is_empty() {
            problems = checker::check(&self.history.events(), &journals).problems;
        }
        self.journals.append(&mut journals);
        problems
    }

    /// What was there after a round is there in the end. Requests that nobody knew the outcome of may have come late.
    fn check_end(&self) {
        let store = open(&self.cluster);
        for (account, journal) in &self.journals {
            let entries = store.history(account).unwrap();
            assert!(entries.len() >= journal.len(), "{account} has lost entries");
            for (entry, (revision, written)) in entries.iter().zip(journal) {
                let there = (entry.revision.get(), &entry.id, &entry.change);
                assert_eq!(there, (*revision, &written.id, &written.change));
            }
        }
        let report = store.check(12, |_| ()).unwrap();
        assert_eq!(report.problems, [""; 0]);
    }

    fn inflict(&mut self, fault: Fault) {
        let pause = |milliseconds| thread::sleep(Duration::from_millis(milliseconds));
        let instance = self.random.below(INSTANCES as u64) as usize;
        let (primary, standby) = (self.cluster.primary, self.cluster.standby);
        let long = self.random.below(2_000) + 500;
        match fault {
            Fault::Nothing => pause(1_000),
            Fault::KillInstance => {
                self.instances[instance].kill();
                pause(300);
                self.instances[instance].start();
            }
            Fault::StopInstance => {
                self.instances[instance].stop();
                pause(long);
                self.instances[instance].go_on();
            }
            Fault::FreezeInstance => {
                self.instances[instance].set_links(Link::Frozen);
                pause(long);
                self.instances[instance].set_links(Link::Open);
            }
            Fault::KillPrimary | Fault::KillStandby => {
                let server = match fault {
                    Fault::KillPrimary => primary,
                    _ => standby,
                };
                self.cluster.kill(server);
                pause(300);
                self.cluster.start(server);
                self.cluster.wait_for_standby(primary);
            }
            Fault::StopPrimary | Fault::StopStandby => {
                let server = match fault {
                    Fault::StopPrimary => primary,
                    _ => standby,
                };
                self.cluster.stop(server);
                pause(long);
                self.cluster.go_on(server);
                self.cluster.wait_for_standby(primary);
            }
            Fault::Promote | Fault::PromoteAfterCrash => {
                let spare = self.cluster.spare();
                // The standby gets nothing any more, and commits wait.
                self.cluster.set_replication(primary, Link::Cut);
                pause(300);
                if fault == Fault::PromoteAfterCrash {
                    self.cluster.kill(primary);
                    self.cluster.start(primary);
                    pause(1_500);
                }
                self.instances[0].set_link(primary, Link::Cut);
                self.instances[2].set_link(standby, Link::Cut);
                self.instances[2].set_link(spare, Link::Cut);
                self.cluster.promote();
                self.cluster.follow(spare, standby);
                // Now work goes on with the new one, and the old one is still there.
                pause(1_500);
                self.cluster.kill(primary);
                self.cluster.set_replication(primary, Link::Open);
                for instance in &self.instances {
                    instance.set_links(Link::Open);
                }
            }
        }
    }
}

/// Clients end, whatever becomes of the test.
struct Guard<'f>(&'f AtomicBool);

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A store on the primary, by a way that nothing disturbs.
fn open(cluster: &Cluster) -> PostgresStore {
    let begun = Instant::now();
    loop {
        match PostgresStore::open(&cluster.address(cluster.primary)) {
            Ok(store) => return store,
            Err(error) => assert!(begun.elapsed() < PATIENCE, "{error}"),
        }
    }
}

impl Replies {
    fn add(&mut self, reply: &Reply) {
        *match reply {
            Reply::Posted(_) | Reply::Decided(_) | Reply::Closed(_) => &mut self.acknowledged,
            Reply::Read(_) => &mut self.read,
            Reply::Different { .. } => &mut self.different,
            Reply::Refused(_) | Reply::Missing => &mut self.refused,
            Reply::Unknown(_) => &mut self.unknown,
        } += 1;
    }
}

/// `GPU_CREDIT_FAULTS=200` does so many things to them, one after the other.
#[test]
fn whatever_happens_to_servers_and_instances_what_was_told_is_true() {
    let rounds = count("GPU_CREDIT_FAULTS", 6);
    let seed = count("GPU_CREDIT_FAULTS_SEED", 1);
    let begun = Instant::now();
    let mut run = Run::new(seed, &Setup::WHOLE);
    let mut replies = Replies::default();
    let mut happened: BTreeMap<Fault, usize> = BTreeMap::new();
    for round in 0..rounds {
        let fault = match FAULTS.get(round as usize) {
            Some(fault) => *fault,
            None => FAULTS[run.random.below(FAULTS.len() as u64) as usize],
        };
        let problems = run.round(fault);
        let none: [String; 0] = [];
        assert_eq!(problems, none, "seed {seed}, round {round}: {fault:?}");
        *happened.entry(fault).or_default() += 1;
        for event in run.history.events() {
            replies.add(&event.reply);
        }
    }
    run.check_end();
    eprintln!(
        "{rounds} rounds in {:?}: {replies:?}, {happened:?}",
        begun.elapsed()
    );
    let each = [replies.acknowledged, replies.read, replies.different];
    assert!(each.iter().all(|count| *count > 0), "{replies:?}");
}
