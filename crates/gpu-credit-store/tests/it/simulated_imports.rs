//! Stores that import files of events into a journal that they share, whatever happens to it: each row is there
//! once, under its id, however often its file is imported and by whom.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroU64;
use std::ops::ControlFlow;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

use gpu_credit_store::{
    Append, Entry, Error, ImportError, ImportOptions, Imported, Posting, RecordId, Shared, Store,
};
use gpu_credit_workload::random::Random;

use crate::support::world::{Control, Happened, Reads, World};
use crate::support::{assert_sound, count, entry_count, store_in_memory};

const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration,id,until,priority\n";
/// Rows that files are made of: several have some of them in common.
const ROWS: u64 = 120;

type SharedStore = Store<Shared<World>>;

/// A row, by its number: the same in each file.
fn row(number: u64) -> String {
    let mut random = Random::new(number);
    let name = "a".repeat(1 + random.below(3) as usize);
    let (amount, at) = (random.below(50), random.below(100));
    let length = random.below(60);
    match random.below(4) {
        0 => {
            let priority = random.below(2);
            format!("grant,{name},march,{amount},{at},{length},row-{number},,{priority}\n")
        }
        1 => format!(
            "usage,{name},,{amount},{at},,row-{number},{},\n",
            at + length
        ),
        _ => format!("usage,{name},,{amount},{at},,row-{number},,\n"),
    }
}

/// A file of some rows, in some order.
struct File {
    rows: Vec<u64>,
    text: String,
    options: ImportOptions,
}

impl File {
    fn new(random: &mut Random) -> Self {
        let mut rows: Vec<u64> = Vec::new();
        for _ in 0..5 + random.below(30) {
            let number = random.below(ROWS);
            if !rows.contains(&number) {
                rows.push(number);
            }
        }
        let mut text = HEADER.to_owned();
        for number in &rows {
            write!(text, "{}", row(*number)).unwrap();
        }
        let batch_rows = match random.below(3) {
            0 => NonZeroU64::new(1 + random.below(12)),
            _ => None,
        };
        File {
            rows,
            text,
            options: ImportOptions {
                batch_rows,
                ..ImportOptions::default()
            },
        }
    }

    fn import(&self, store: &SharedStore) -> Result<Imported, Error> {
        store.import_events(self.text.as_bytes(), &self.options, |_| {
            ControlFlow::Continue(())
        })
    }

    /// What an import that was acknowledged says.
    fn check(&self, imported: &Imported, written: &BTreeMap<RecordId, u64>) {
        let told = imported.posted + imported.already_posted;
        let expected = self.rows.len() + imported.opened.len();
        assert_eq!(told, expected as u64, "{imported:?}");
        for number in &self.rows {
            let id = RecordId::from(format!("row-{number}"));
            assert_eq!(written.get(&id), Some(&1), "row {number} was acknowledged");
        }
    }
}

/// Whether the first batches are posted.
fn is_ended_early(error: &ImportError) -> bool {
    matches!(error, ImportError::Stopped { .. })
}

/// How often each id is there that cannot be lost.
fn written(world: &World) -> BTreeMap<RecordId, u64> {
    let mut written = BTreeMap::new();
    for entry in world
        .written_since(0)
        .iter()
        .flat_map(|append| &append.entries)
    {
        *written.entry(entry.id.clone()).or_default() += 1;
    }
    written
}

/// Of an import that has ended, the file and what came of it.
type Done = (Arc<File>, Result<Imported, Error>);

struct Simulation {
    world: World,
    stores: [SharedStore; 3],
    random: Random,
    files: Vec<Arc<File>>,
    done: Arc<Mutex<Vec<Done>>>,
    posted: u64,
}

impl Simulation {
    fn new(seed: u64, reads: Reads) -> Self {
        let world = World::new(seed, reads, Control::Nothing);
        let mut random = Random::new(seed);
        Simulation {
            stores: [(); 3].map(|()| Store::with_shared_journal(world.client())),
            files: (0..8).map(|_| Arc::new(File::new(&mut random))).collect(),
            world,
            random,
            done: Arc::default(),
            posted: 0,
        }
    }

    fn step(&mut self) {
        let first = self.random.below(3) as usize;
        if self.random.chance(1, 12) {
            // It is killed, and another takes its place.
            self.stores[first] = Store::with_shared_journal(self.world.client());
        }
        for other in 1..=self.random.below(5) as usize {
            let deed = self.deed((first + other) % 3);
            self.world.meanwhile(deed);
        }
        self.deed(first)();
        self.world.end_of_operation();
        let done = std::mem::take(&mut *self.done.lock().unwrap());
        for (file, told) in done {
            match told {
                Ok(imported) => file.check(&imported, &written(&self.world)),
                // Nobody knows what came of it, or it was refused for a moment.
                Err(Error::Journal(_) | Error::Interrupted) => {}
                Err(Error::Import(error)) if is_ended_early(&error) => {}
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// An import, or a posting that gets in its way.
    fn deed(&mut self, store: usize) -> Box<dyn FnOnce() + Send> {
        let store = self.stores[store].clone();
        if self.random.chance(1, 3) {
            let name = "a".repeat(1 + self.random.below(3) as usize);
            self.posted += 1;
            let usage = Posting::usage(name, format!("live-{}", self.posted), 1, 7);
            return Box::new(move || match store.post(usage) {
                Ok(_) | Err(Error::Journal(_) | Error::NoSuchAccount(_)) => {}
                Err(error) => panic!("{error}"),
            });
        }
        let file = &self.files[self.random.below(self.files.len() as u64) as usize];
        let (file, done) = (Arc::clone(file), Arc::clone(&self.done));
        Box::new(move || {
            let told = file.import(&store);
            done.lock().unwrap().push((file, told));
        })
    }

    fn end(self) -> Happened {
        self.world.calm_down();
        for (place, file) in self.files.iter().enumerate() {
            let imported = file.import(&self.stores[place % 3]).unwrap();
            file.check(&imported, &written(&self.world));
            let again = file.import(&self.stores[(place + 1) % 3]).unwrap();
            assert_eq!(again.already_posted, file.rows.len() as u64);
        }
        // What was written is what one store admits, and it answers the same.
        let (_disk, reference) = store_in_memory();
        for Append { entries, .. } in self.world.written_since(0) {
            let posting = |entry: &Entry| {
                Posting::new(&*entry.account.name, entry.id.clone(), entry.change.clone())
            };
            reference
                .post_all(entries.iter().map(posting).collect())
                .expect("what is written was admitted");
        }
        let instants: Vec<i64> = (-5..220).collect();
        for store in &self.stores {
            assert_eq!(entry_count(store), entry_count(&reference));
            for account in reference.accounts().unwrap() {
                let name = &account.name;
                let balances = store.get_balances(name, &instants).unwrap();
                assert_eq!(balances, reference.get_balances(name, &instants).unwrap());
            }
            assert_sound(store);
        }
        self.world.happened()
    }
}

fn simulate(seed: u64) -> Happened {
    let reads = match seed % 2 {
        0 => Reads::Trusting,
        _ => Reads::Strict,
    };
    let mut simulation = Simulation::new(seed, reads);
    for _ in 0..60 {
        simulation.step();
    }
    simulation.end()
}

#[test]
fn whatever_happens_each_row_that_several_stores_import_is_there_once() {
    let mut all = Happened::default();
    for seed in 0..count("GPU_CREDIT_STORE_SIMULATED_IMPORTS", 30) {
        match catch_unwind(|| simulate(seed)) {
            Ok(happened) => all.add(happened),
            Err(panic) => {
                eprintln!("seed {seed}");
                resume_unwind(panic);
            }
        }
    }
    eprintln!("{all:?}");
    let each = [
        all.conflicts,
        all.unknown,
        all.delayed,
        all.lost,
        all.promoted,
        all.errors,
        all.interrupted,
    ];
    assert!(each.iter().all(|count| *count > 0), "{all:?}");
}
