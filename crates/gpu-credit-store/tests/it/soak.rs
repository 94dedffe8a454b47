//! Random posts, retries, corrections, crashes and questions, against the reference.

use gpu_credit_replay::Replay;
use gpu_credit_store::{AccountKey, Outcome, Posting, Revision};
use gpu_credit_workload::random::Random;

use crate::support::model::Model;
use crate::support::workload::Workload;
use crate::support::{
    Memory, TestStore, assert_sound, count, crash, entry_count, everything, seeds, store_in_memory,
};

/// What was posted, by where it was recorded.
struct Soak {
    memory: Memory,
    store: TestStore,
    model: Model,
    random: Random,
    /// and the accounts that were open then.
    posted: Vec<(Vec<Posting>, Vec<Outcome>, Vec<AccountKey>)>,
    /// What the accounts were, now and then, and at which revisions.
    past: Vec<(Vec<(AccountKey, Revision)>, Model)>,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let (memory, store) = store_in_memory();
        Soak {
            memory,
            store,
            model: Model::default(),
            random: Random::new(seed),
            posted: Vec::new(),
            past: Vec::new(),
        }
    }

    fn post(&mut self, batch: Vec<Posting>) {
        let (entries, tried) = (entry_count(&self.store), self.store.dry_run(batch.clone()));
        assert_eq!(entry_count(&self.store), entries, "a trial posts nothing");
        match self.store.post_all(batch.clone()) {
            Ok(outcomes) => {
                assert_eq!(tried.unwrap(), outcomes);
                for (posting, outcome) in batch.iter().zip(&outcomes) {
                    if outcome.is_new() {
                        self.model.post(posting);
                    }
                }
                let accounts = self.store.accounts().unwrap();
                self.posted.push((batch, outcomes, accounts));
            }
            Err(error) => {
                assert_eq!(tried.unwrap_err().to_string(), error.to_string());
                assert_eq!(
                    entry_count(&self.store),
                    entries,
                    "what is refused is not there"
                );
            }
        }
    }

    fn retry(&mut self) {
        let place = self.random.below(self.posted.len() as u64) as usize;
        let Some((batch, outcomes, known)) = self.posted.get(place).cloned() else {
            return;
        };
        // An account that is gone takes its ids with it.
        let accounts = self.store.accounts().unwrap();
        let is_there = |posting: &Posting| {
            let mut accounts = accounts.iter();
            accounts.any(|account| *account.name == *posting.account && known.contains(account))
        };
        if batch.iter().all(is_there) {
            let again = self.store.post_all(batch).unwrap();
            assert!(again.iter().all(|outcome| !outcome.is_new()));
            let revisions = |outcomes: &[Outcome]| -> Vec<Option<Revision>> {
                outcomes.iter().map(|outcome| outcome.revision()).collect()
            };
            assert_eq!(revisions(&again), revisions(&outcomes));
        }
    }

    fn revisions(&self) -> Vec<(AccountKey, Revision)> {
        let accounts = self.store.accounts().unwrap().into_iter();
        let revision = |key: AccountKey| {
            let revision = self.store.head(&key.name).unwrap().revision;
            (key, revision)
        };
        accounts.map(revision).collect()
    }

    /// The store comes to an end as it is, without being closed.
    fn crash(&mut self) {
        let before = everything(&self.store);
        crash(&mut self.memory, &mut self.store);
        assert_eq!(everything(&self.store), before);
    }

    fn ask(&mut self) {
        for (name, account) in &self.model.accounts {
            let at = self.random.between(-5, 150);
            let answer = self.store.balance_at(name, at);
            if at < account.closed {
                assert!(answer.is_err());
                continue;
            }
            let answer = answer.unwrap();
            if !account.is_beyond_records {
                let expected = account.replay().balance_at(at);
                let words = (answer.balance, answer.status.as_str(), answer.deficit);
                let expected = (expected.balance, expected.status.as_str(), expected.deficit);
                assert_eq!(words, expected, "{name} at {at}");
            }
        }
    }

    fn ask_the_past(&mut self) {
        let place = self.random.below(self.past.len() as u64) as usize;
        let Some((revisions, model)) = self.past.get(place) else {
            return;
        };
        let accounts = self.store.accounts().unwrap();
        for (name, account) in &model.accounts {
            let mut revisions = revisions.iter();
            let then = revisions.find(|(key, _)| *key.name == **name);
            let (key, revision) = then.expect("every account of the model has one");
            if account.is_beyond_records || !accounts.contains(key) {
                continue;
            }
            let recorded = self.store.as_recorded(name, *revision).unwrap();
            let replay = account.replay();
            for at in [0, 20, 50, 90, 130]
                .into_iter()
                .filter(|at| *at >= account.closed)
            {
                let answer = recorded.get_balance(at).unwrap();
                assert_eq!(
                    answer,
                    replay.get_balance(at),
                    "{name} at {at}, revision {revision}"
                );
            }
        }
    }
}

fn soak(seed: u64, steps: u64) {
    let mut soak = Soak::new(seed);
    let mut workload = Workload::new(seed, 3);
    for _ in 0..steps {
        match soak.random.below(30) {
            0 => soak.crash(),
            1 => assert_sound(&soak.store),
            2..5 => soak.retry(),
            5..7 => soak.ask_the_past(),
            7..14 => soak.ask(),
            14 => soak.past.push((soak.revisions(), soak.model.clone())),
            _ => soak.post(workload.batch()),
        }
    }
    soak.crash();
    soak.ask();
    assert_sound(&soak.store);
    let asked = soak.posted.len() as u64;
    assert!(
        asked > steps / 4,
        "of {steps} steps {asked} were posts that went through"
    );
}

#[test]
fn whatever_happens_the_store_answers_like_the_reference() {
    let seeds = count("GPU_CREDIT_STORE_SOAKS", seeds(20));
    for seed in 0..seeds {
        let run = std::panic::AssertUnwindSafe(|| soak(seed, 400));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
