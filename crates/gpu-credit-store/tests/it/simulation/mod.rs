//! Three stores that share a journal, and everything that can happen to it; every answer is compared with the
//! reference.
//!
//! One store acts at a time, and others between its round trips. What an operation tells must be true at a
//! moment between its beginning and its end: of the prefix of the journal that was written then. So it is
//! known that real time is respected, and nothing has to be searched.

mod operation;
mod reference;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use gpu_credit_store::{Append, Change, Error, Posting, RecordId, Revision, Shared, Store};
use gpu_credit_workload::random::Random;

use crate::support::hold_requests::HoldRequests;
use crate::support::workload::Workload;
use crate::support::world::{Control, Happened, Reads, World};
use crate::support::{assert_sound, count, everything};
use operation::{Acknowledged, Import, Operation, Told, contents};
use reference::{Decisions, Reference, as_text};

/// An operation that has ended.
struct Done {
    operation: Operation,
    /// Appends that were written when it began, and when it ended.
    from: usize,
    until: usize,
    told: Result<Told, Error>,
}

type SharedStore = Store<Shared<World>>;

struct Simulation {
    world: World,
    stores: [SharedStore; 3],
    random: Random,
    workload: Workload,
    holds: HoldRequests,
    reference: Reference,
    /// Appends that the reference knows.
    known: usize,
    done: Arc<Mutex<Vec<Done>>>,
    /// Rows so far.
    imported: u64,
    acknowledged: Vec<Acknowledged>,
    /// How often each id may have been written: by each request that was acknowledged, or whose outcome nobody
    /// knows.
    allowed: BTreeMap<(String, RecordId), u64>,
    /// What nobody knows the outcome of.
    unsettled: Vec<Operation>,
}

impl Simulation {
    fn new(seed: u64, reads: Reads, control: Control) -> Self {
        let world = World::new(seed, reads, control);
        Simulation {
            stores: [(); 3].map(|()| Store::with_shared_journal(world.client())),
            world,
            random: Random::new(seed),
            workload: Workload::new(seed, 3),
            holds: HoldRequests::new(seed, 3),
            reference: Reference::new(),
            known: 0,
            done: Arc::default(),
            imported: 0,
            acknowledged: Vec::new(),
            allowed: BTreeMap::new(),
            unsettled: Vec::new(),
        }
    }

    fn step(&mut self) {
        let first = self.random.below(3) as usize;
        if self.random.chance(1, 12) {
            // It is killed, and another takes its place.
            self.stores[first] = Store::with_shared_journal(self.world.client());
        }
        for other in 1..=self.random.below(3) as usize {
            let deed = self.deed((first + other) % 3);
            self.world.meanwhile(deed);
        }
        self.deed(first)();
        self.world.end_of_operation();
        self.compare();
    }

    /// Something that a store does.
    fn deed(&mut self, store: usize) -> impl FnOnce() + Send + 'static {
        let operation = self.operation();
        let store = self.stores[store].clone();
        let (world, done) = (self.world.clone(), Arc::clone(&self.done));
        move || {
            let from = world.written_count();
            let told = operation.perform(&store);
            let until = world.written_count();
            done.lock().unwrap().push(Done {
                operation,
                from,
                until,
                told,
            });
        }
    }

    fn operation(&mut self) -> Operation {
        let at = self.random.between(-5, 150);
        match self.random.below(22) {
            0..4 => {
                let names = self.reference.model.accounts.keys();
                let count = 1 + self.random.below(3) as usize;
                let mut names: Vec<String> = names.take(count).cloned().collect();
                if names.is_empty() || self.random.chance(1, 20) {
                    names.push("aaa".to_owned());
                    names.dedup();
                }
                Operation::Ask { names, at }
            }
            4 => {
                let name = self.name();
                let head = self.reference.store.1.head(&name);
                let head = head.map_or(0, |head| head.revision.get());
                let revision = Revision::new(self.random.below(head + 3));
                Operation::AsRecorded { name, revision, at }
            }
            5 => Operation::History(self.name()),
            6 if !self.acknowledged.is_empty() => {
                let place = self.random.below(self.acknowledged.len() as u64) as usize;
                let Acknowledged { account, id, .. } = &self.acknowledged[place];
                Operation::Entry(account.clone(), id.clone())
            }
            7 => Operation::Try(self.workload.batch()),
            16 => Operation::Accounts,
            17..21 => Operation::OfHold(self.holds.next()),
            21 => Operation::Import(self.import()),
            8..10 if !self.unsettled.is_empty() => {
                let place = self.random.below(self.unsettled.len() as u64) as usize;
                self.unsettled.swap_remove(place)
            }
            _ => Operation::Post(self.workload.batch()),
        }
    }

    /// Grants and usage of one account, which may have to be opened, or of several that are there.
    fn import(&mut self) -> Import {
        let (account, is_of_one) = (self.name(), self.random.chance(1, 2));
        let policy = match Workload::opening(&account).change {
            Change::OpenAccount { policy } => is_of_one.then_some(policy),
            other => panic!("{other:?} opens nothing"),
        };
        let mut postings = Vec::new();
        for _ in 0..=self.random.below(5) {
            self.imported += 1;
            let id = format!("row {}", self.imported);
            let account = match is_of_one {
                true => account.clone(),
                false => self.name(),
            };
            let (amount, timestamp) = (self.random.below(12), self.random.between(0, 100));
            postings.push(match self.random.chance(1, 2) {
                true => Posting::usage(account, id, amount, timestamp),
                false => {
                    let length = self.random.below(40);
                    Posting::grant(account, id, "row", 3 * amount, timestamp, length)
                }
            });
        }
        Import { postings, policy }
    }

    fn name(&mut self) -> String {
        "a".repeat(1 + self.random.below(3) as usize)
    }

    /// Compares what was told with what is true of a prefix that was there at the time.
    fn compare(&mut self) {
        let mut done = std::mem::take(&mut *self.done.lock().unwrap());
        let mut written = self.world.written_since(self.known).into_iter();
        let mut missed = Vec::new();
        done.retain(|done| self.is_told(done));
        loop {
            let here = self.known;
            let is_now = |done: &Done| (done.from..=done.until).contains(&here);
            for each in std::mem::take(&mut done) {
                let expected =
                    is_now(&each).then(|| self.reference.tells(&each.operation, &each.told));
                match expected.map(|expected| expected == as_text(&each.told)) {
                    Some(true) => self.acknowledge(each),
                    Some(false) => {
                        missed.push(self.reference.tells(&each.operation, &each.told));
                        done.push(each);
                    }
                    None => done.push(each),
                }
            }
            let Some(append) = written.next() else { break };
            self.take_in(&append);
        }
        if let Some(false_one) = done.first() {
            let told = as_text(&false_one.told);
            panic!(
                "{:?}: {told}, and not one of {missed:?}",
                false_one.operation
            );
        }
    }

    /// Whether anything was told.
    fn is_told(&mut self, done: &Done) -> bool {
        let is_told = !matches!(done.told, Err(Error::Journal(_)));
        let writes = done.operation.writes();
        if !is_told && !writes.is_empty() {
            self.unsettled.push(done.operation.clone());
        }
        // What was decided of a hold may be gone with its account before it is told.
        let is_gone = matches!(
            (&done.operation, &done.told),
            (Operation::OfHold(_), Err(Error::NoSuchAccount(_)))
        );
        if !is_told || done.told.is_ok() || is_gone {
            for written in writes {
                *self.allowed.entry(written).or_default() += 1;
            }
        }
        is_told
    }

    /// What a request that was posted says is there.
    fn acknowledge(&mut self, done: Done) {
        let Ok(Told { acknowledged, .. }) = done.told else {
            return;
        };
        let is_of_hold = matches!(done.operation, Operation::OfHold(_));
        // The outcome of a hold stays if one of its accounts is another by now, which has no part in it.
        let store = &self.reference.store.1;
        let is_there = |of: &Acknowledged| matches!(store.entry(&of.account, &of.id), Ok(Some(_)));
        let there = acknowledged.into_iter();
        let there = there.filter(|of| !is_of_hold || is_there(of));
        self.acknowledged.extend(there);
    }

    fn take_in(&mut self, append: &Append) {
        self.known += 1;
        self.reference.take_in(append);
        for entry in &append.entries {
            if entry.change == Change::DeleteAccount {
                let name = &*entry.account.name;
                self.acknowledged
                    .retain(|acknowledged| acknowledged.account != name);
            }
        }
    }

    fn end(mut self) -> (Happened, Decisions) {
        self.world.calm_down();
        self.compare();
        for operation in std::mem::take(&mut self.unsettled) {
            let place = self.random.below(3) as usize;
            let store = self.stores[place].clone();
            let from = self.world.written_count();
            let told = operation.perform(&store);
            let until = self.world.written_count();
            self.done.lock().unwrap().push(Done {
                operation,
                from,
                until,
                told,
            });
            self.compare();
        }
        assert!(self.unsettled.is_empty(), "nothing goes wrong any more");
        let all = everything(&self.stores[0]);
        for acknowledged in &self.acknowledged {
            let mut entries = all[&acknowledged.account].iter();
            let entry = entries.find(|entry| entry.id == acknowledged.id);
            let entry = entry.expect("what is acknowledged is there");
            let is_at = |revision| revision == entry.revision;
            assert!(acknowledged.revision.is_none_or(is_at), "{entry:?}");
            let is_it = |change: &Change| *change == entry.change;
            assert!(acknowledged.change.as_ref().is_none_or(is_it), "{entry:?}");
        }
        let expected = everything(&self.reference.store.1);
        assert!(all.keys().eq(expected.keys()));
        for (entries, expected) in all.values().zip(expected.values()) {
            assert_eq!(contents(entries), contents(expected));
        }
        for (id, written) in &self.reference.written {
            let allowed = self.allowed.get(id).copied().unwrap_or_default();
            assert!(
                *written <= allowed,
                "{id:?} was posted {allowed} times and written {written} times"
            );
        }
        for store in &self.stores {
            assert_sound(store);
        }
        (self.world.happened(), self.reference.decisions)
    }
}

fn simulate(seed: u64, steps: u64, reads: Reads, control: Control) -> (Happened, Decisions) {
    let mut simulation = Simulation::new(seed, reads, control);
    for _ in 0..steps {
        simulation.step();
    }
    simulation.end()
}

/// Half of the seeds have a deposed primary that lives on, and strict reads.
fn reads(seed: u64) -> Reads {
    match seed % 2 {
        0 => Reads::Trusting,
        _ => Reads::Strict,
    }
}

/// With `GPU_CREDIT_STORE_SIMULATIONS=2500` these are 1,000,000 steps.
#[test]
fn whatever_happens_stores_that_share_a_journal_answer_like_the_reference() {
    let (mut all, mut decided) = (Happened::default(), Decisions::default());
    for seed in 0..count("GPU_CREDIT_STORE_SIMULATIONS", 50) {
        match catch_unwind(|| simulate(seed, 400, reads(seed), Control::Nothing)) {
            Ok((happened, decisions)) => {
                all.add(happened);
                decided.add(decisions);
            }
            Err(panic) => {
                eprintln!("seed {seed}");
                resume_unwind(panic);
            }
        }
    }
    eprintln!("{all:?}\n{decided:?}");
    assert!(all.is_everything(), "{all:?}");
    assert!(decided.are_all_kinds(), "{decided:?}");
}

/// A posting to an account that is known, and a question to one that is loaded, cost one round trip each; those
/// who wait share it.
#[test]
fn what_is_known_costs_one_round_trip_and_those_who_wait_share_it() {
    let world = World::new(0, Reads::Trusting, Control::Nothing);
    world.calm_down();
    let store = Store::with_shared_journal(world.clone());
    store
        .open_account("a", gpu_credit::Overdraft::Carry)
        .unwrap();
    let since = |before: Happened| world.happened().round_trips - before.round_trips;
    for number in 0..3 {
        let before = world.happened();
        store
            .post(Posting::usage("a", format!("u{number}"), 1, 0))
            .unwrap();
        assert_eq!(since(before), 1);
    }
    store.get_balance("a", 0).unwrap();
    let before = world.happened();
    store.get_balance("a", 0).unwrap();
    assert_eq!(since(before), 1);
    let (before, readers) = (world.happened(), 200);
    let started = std::sync::Barrier::new(readers + 1);
    std::thread::scope(|scope| {
        world.while_it_is_slow(|| {
            for _ in 0..readers {
                scope.spawn(|| {
                    started.wait();
                    store.get_balance("a", 0).unwrap();
                });
            }
            started.wait();
            std::thread::sleep(std::time::Duration::from_millis(300));
        });
    });
    let trips = since(before);
    assert!(
        trips <= readers as u64 / 10,
        "{readers} readers take {trips} round trips"
    );
}

/// A checker that finds nothing has proved nothing.
#[test]
fn what_is_left_out_of_the_protocol_is_found() {
    let left_out = [
        (Reads::Trusting, Control::HeadCheck),
        (Reads::Trusting, Control::Barrier),
        (Reads::Trusting, Control::AsynchronousStandby),
        (Reads::Trusting, Control::ReadsFromStandby),
        (Reads::Strict, Control::StrictReads),
    ];
    for (reads, control) in left_out {
        let finds = |seed: &u64| {
            let run = AssertUnwindSafe(|| simulate(*seed, 400, reads, control));
            catch_unwind(run).is_err()
        };
        let found = (0..20).filter(finds).count();
        eprintln!("{control:?}: found with {found} of 20 seeds");
        assert!(found > 0, "{control:?}");
    }
}
