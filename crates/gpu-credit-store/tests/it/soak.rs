//! Random posts, retries, corrections, crashes and questions, against the reference.

use gpu_credit_replay::Replay;
use gpu_credit_store::{Outcome, Posting, Sequence, Store};
use gpu_credit_workload::random::Random;

use crate::support::backend::Disk;
use crate::support::model::Model;
use crate::support::workload::Workload;
use crate::support::{assert_sound, count, everything, open_disk, store_in_memory};

/// What was posted, by where it was recorded.
struct Soak {
    disk: Disk,
    store: Store,
    model: Model,
    random: Random,
    posted: Vec<(Vec<Posting>, Vec<Outcome>)>,
    /// What the accounts were, now and then.
    past: Vec<(Sequence, Model)>,
}

impl Soak {
    fn new(seed: u64) -> Self {
        let (disk, store) = store_in_memory();
        Soak {
            disk,
            store,
            model: Model::default(),
            random: Random::new(seed),
            posted: Vec::new(),
            past: Vec::new(),
        }
    }

    fn post(&mut self, batch: Vec<Posting>) {
        let (last, tried) = (
            self.store.last_sequence(),
            self.store.try_all(batch.clone()),
        );
        assert_eq!(self.store.last_sequence(), last, "a trial posts nothing");
        match self.store.post_all(batch.clone()) {
            Ok(outcomes) => {
                assert_eq!(tried.unwrap(), outcomes);
                for (posting, outcome) in batch.iter().zip(&outcomes) {
                    if outcome.is_new() {
                        self.model.post(posting);
                    }
                }
                self.posted.push((batch, outcomes));
            }
            Err(error) => {
                assert_eq!(tried.unwrap_err().to_string(), error.to_string());
                assert_eq!(
                    self.store.last_sequence(),
                    last,
                    "what is refused is not there"
                );
            }
        }
    }

    fn retry(&mut self) {
        let place = self.random.below(self.posted.len() as u64) as usize;
        let Some((batch, outcomes)) = self.posted.get(place).cloned() else {
            return;
        };
        // An account that is gone takes its ids with it.
        let accounts = self.store.accounts().unwrap();
        let is_there = |posting: &Posting, outcome: &Outcome| {
            accounts.iter().any(|account| {
                *account.name == *posting.account && account.opened <= outcome.sequence()
            })
        };
        if batch
            .iter()
            .zip(&outcomes)
            .all(|(posting, outcome)| is_there(posting, outcome))
        {
            let again = self.store.post_all(batch).unwrap();
            assert!(again.iter().all(|outcome| !outcome.is_new()));
            let sequences = |outcomes: &[Outcome]| -> Vec<Sequence> {
                outcomes.iter().map(|outcome| outcome.sequence()).collect()
            };
            assert_eq!(sequences(&again), sequences(&outcomes));
        }
    }

    /// The store comes to an end as it is, without being closed.
    fn crash(&mut self) {
        let before = everything(&self.store);
        self.disk = Disk::holding(self.disk.bytes());
        self.store = open_disk(self.disk.clone());
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
        let Some((sequence, model)) = self.past.get(place) else {
            return;
        };
        let accounts = self.store.accounts().unwrap();
        for (name, account) in &model.accounts {
            let still_there = |key: &&gpu_credit_store::AccountKey| {
                *key.name == **name && key.opened <= *sequence
            };
            if account.is_beyond_records || !accounts.iter().any(|key| still_there(&key)) {
                continue;
            }
            let recorded = self.store.as_recorded(name, *sequence).unwrap();
            let replay = account.replay();
            for at in [0, 20, 50, 90, 130]
                .into_iter()
                .filter(|at| *at >= account.closed)
            {
                let answer = recorded.get_balance(at).unwrap();
                assert_eq!(
                    answer,
                    replay.get_balance(at),
                    "{name} at {at} as of {sequence}"
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
            14 => soak
                .past
                .push((soak.store.last_sequence(), soak.model.clone())),
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
    let seeds = count("GPU_CREDIT_STORE_SOAKS", 20);
    for seed in 0..seeds {
        let run = std::panic::AssertUnwindSafe(|| soak(seed, 400));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
    }
}
