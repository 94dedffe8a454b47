//! Three stores that share a journal, and everything that can happen to it; every answer is compared with the
//! reference.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use gpu_credit_replay::Replay;
use gpu_credit_store::{Append, Change, Error, Outcome, Posting, Revision, Shared, Store};
use gpu_credit_workload::random::Random;

use crate::support::backend::Disk;
use crate::support::model::Model;
use crate::support::workload::Workload;
use crate::support::world::{Control, Happened, World};
use crate::support::{assert_sound, count, everything, store_in_memory};

struct Simulation {
    world: World,
    stores: [Store<Shared<World>>; 3],
    random: Random,
    workload: Workload,
    /// A store of its own, to which all is posted that is written, one by one.
    reference: (Disk, Store),
    model: Model,
    /// Appends that the reference knows.
    known: usize,
    acknowledged: Vec<(Posting, Revision)>,
    /// What nobody knows the outcome of.
    unsettled: Vec<Vec<Posting>>,
}

impl Simulation {
    fn new(seed: u64, control: Control) -> Self {
        let world = World::new(seed, control);
        Simulation {
            stores: [(); 3].map(|()| Store::with_shared_journal(world.clone())),
            world,
            random: Random::new(seed),
            workload: Workload::new(seed, 3),
            reference: store_in_memory(),
            model: Model::default(),
            known: 0,
            acknowledged: Vec::new(),
            unsettled: Vec::new(),
        }
    }

    fn step(&mut self) {
        match self.random.below(8) {
            0..3 => self.ask(),
            3 if !self.unsettled.is_empty() => {
                let place = self.random.below(self.unsettled.len() as u64) as usize;
                let batch = self.unsettled.swap_remove(place);
                self.post(batch);
            }
            4 => self.forget(),
            _ => {
                let batch = self.workload.batch();
                self.post(batch);
            }
        }
    }

    fn store(&mut self) -> Store<Shared<World>> {
        self.stores[self.random.below(3) as usize].clone()
    }

    /// A store is killed, and another takes its place.
    fn forget(&mut self) {
        let store = Store::with_shared_journal(self.world.clone());
        self.stores[self.random.below(3) as usize] = store;
    }

    fn post(&mut self, batch: Vec<Posting>) {
        let store = self.store();
        let mut expected = vec![self.would(&batch)];
        let is_trial = self.random.chance(1, 5);
        let posted = match is_trial {
            true => store.dry_run(batch.clone()),
            false => store.post_all(batch.clone()),
        };
        let written = self.world.written_since(self.known);
        for append in &written {
            self.take_in(append);
            expected.push(self.would(&batch));
        }
        match posted {
            Err(Error::Journal(_)) => self.unsettled.push(batch),
            posted => {
                let told = told(&posted);
                let is_true = expected.contains(&told);
                assert!(is_true, "{batch:?}: {told}, expected one of {expected:?}");
                if let Ok(outcomes) = posted
                    && !is_trial
                {
                    self.acknowledge(batch, &outcomes);
                }
            }
        }
    }

    /// What a request that was posted says is there.
    fn acknowledge(&mut self, batch: Vec<Posting>, outcomes: &[Outcome]) {
        let revisions = outcomes.iter().filter_map(|outcome| outcome.revision());
        self.acknowledged.extend(batch.into_iter().zip(revisions));
    }

    /// What should come of a request now.
    fn would(&self, batch: &[Posting]) -> String {
        told(&self.reference.1.dry_run(batch.to_vec()))
    }

    fn take_in(&mut self, append: &Append) {
        self.known += 1;
        let posting = |entry: &gpu_credit_store::Entry| {
            Posting::new(&*entry.account.name, entry.id.clone(), entry.change.clone())
        };
        let postings: Vec<Posting> = append.entries.iter().map(posting).collect();
        let posted = self.reference.1.post_all(postings.clone());
        let posted = posted.expect("what is written was admitted");
        for ((entry, outcome), posting) in append.entries.iter().zip(posted).zip(&postings) {
            if entry.change == Change::DeleteAccount {
                let name = &posting.account;
                self.acknowledged
                    .retain(|(posting, _)| posting.account != *name);
            } else {
                assert_eq!(outcome, Outcome::Posted(entry.revision), "{posting:?}");
            }
            self.model.post(posting);
        }
    }

    fn ask(&mut self) {
        let store = self.store();
        let names: Vec<String> = self.model.accounts.keys().cloned().collect();
        let count = 1 + self.random.below(3) as usize;
        let asked: Vec<&str> = names.iter().take(count).map(String::as_str).collect();
        let at = self.random.between(-5, 150);
        let answers = store.with_accounts(&asked, |accounts| {
            let answer = |account: &&gpu_credit_store::Account| {
                (account.revision(), account.balance_at(at).ok())
            };
            accounts.iter().map(answer).collect::<Vec<_>>()
        });
        for append in &self.world.written_since(self.known) {
            self.take_in(append);
        }
        let answers = match answers {
            Err(Error::Journal(_)) => return,
            Err(Error::NoSuchAccount(name)) => {
                assert!(!self.model.accounts.contains_key(&name), "{name} is open");
                return;
            }
            answers => answers.unwrap(),
        };
        for (name, (revision, answer)) in asked.iter().zip(answers) {
            let Some(account) = self.model.accounts.get(*name) else {
                continue;
            };
            let head = self.reference.1.head(name).unwrap().revision;
            assert_eq!(revision, head, "{name} is asked as it stands");
            let Some(answer) = answer else {
                assert!(at < account.closed);
                continue;
            };
            if !account.is_beyond_records {
                let expected = account.replay().balance_at(at);
                let words = (answer.balance, answer.status.as_str(), answer.deficit);
                let expected = (expected.balance, expected.status.as_str(), expected.deficit);
                assert_eq!(words, expected, "{name} at {at}");
            }
        }
    }

    fn end(mut self) -> Happened {
        self.world.calm_down();
        for append in &self.world.written_since(self.known) {
            self.take_in(append);
        }
        for batch in std::mem::take(&mut self.unsettled) {
            self.post(batch);
        }
        let all = everything(&self.stores[0]);
        for (posting, revision) in &self.acknowledged {
            let entry = &all[&posting.account][revision.get() as usize - 1];
            assert_eq!((&entry.id, &entry.change), (&posting.id, &posting.change));
        }
        let expected = everything(&self.reference.1);
        assert!(all.keys().eq(expected.keys()));
        for (entries, expected) in all.values().zip(expected.values()) {
            let content = |entry: &gpu_credit_store::Entry| {
                (entry.revision, entry.id.clone(), entry.change.clone())
            };
            assert!(entries.iter().map(content).eq(expected.iter().map(content)));
        }
        for store in &self.stores {
            assert_sound(store);
        }
        self.world.happened()
    }
}

/// What came of a request, whether it came of it now or before.
fn told(posted: &Result<Vec<Outcome>, Error>) -> String {
    match posted {
        Ok(outcomes) => {
            let revisions: Vec<_> = outcomes.iter().map(|outcome| outcome.revision()).collect();
            format!("{revisions:?}")
        }
        Err(error) => error.to_string(),
    }
}

fn simulate(seed: u64, steps: u64, control: Control) -> Happened {
    let mut simulation = Simulation::new(seed, control);
    for _ in 0..steps {
        simulation.step();
    }
    simulation.end()
}

#[test]
fn whatever_happens_stores_that_share_a_journal_answer_like_the_reference() {
    let mut all = Happened::default();
    for seed in 0..count("GPU_CREDIT_STORE_SIMULATIONS", 50) {
        match catch_unwind(|| simulate(seed, 400, Control::Nothing)) {
            Ok(happened) => {
                all.conflicts += happened.conflicts;
                all.held += happened.held;
                all.unknown += happened.unknown;
                all.delayed += happened.delayed;
                all.lost += happened.lost;
                all.errors += happened.errors;
                all.round_trips += happened.round_trips;
            }
            Err(panic) => {
                eprintln!("seed {seed}");
                resume_unwind(panic);
            }
        }
    }
    let Happened {
        conflicts,
        held,
        unknown,
        delayed,
        lost,
        errors,
        ..
    } = all;
    let each = [conflicts, held, unknown, delayed, lost, errors];
    assert!(each.iter().all(|count| *count > 0), "{all:?}");
}

/// A posting to an account that is known, and a question to one that is loaded, cost one round trip each; those
/// who wait share it.
#[test]
fn what_is_known_costs_one_round_trip_and_those_who_wait_share_it() {
    let world = World::new(0, Control::Nothing);
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
    for control in [Control::HeadCheck, Control::Barrier] {
        let finds = |seed: &u64| {
            let run = AssertUnwindSafe(|| simulate(*seed, 400, control));
            catch_unwind(run).is_err()
        };
        assert!((0..20).any(|seed| finds(&seed)), "{control:?}");
    }
}
