//! A book, and a replay of each of its accounts.

use std::mem::swap;

use gpu_credit::{CreditBook, GpuCredit, Overdraft};
use gpu_credit_workload::small::{Operation, Record};

use super::{Ledgers, engine, sizes};

/// The accounts that are open, and one that never is.
const NAMES: [&str; 5] = ["b", "a", "d", "c", "nobody"];

/// A book of four accounts. Each of the ledgers holds the replays of one; the engine in it is not
/// used, but changes places with the account of the book to be told something.
pub(crate) struct Books {
    seed: u64,
    book: CreditBook,
    accounts: Vec<Ledgers>,
    /// Records to ingest, each with the place of its account among the names.
    waiting: Vec<(usize, Record)>,
}

impl Books {
    pub(crate) fn new(seed: u64) -> Self {
        let mut book = CreditBook::with_options(sizes(Overdraft::Carry, seed));
        for (place, name) in NAMES[..4].iter().enumerate() {
            book.open(name, overdraft(place)).unwrap();
        }
        let ledgers = |place| Ledgers::new(sizes(overdraft(place), seed));
        Books {
            seed,
            book,
            accounts: (0..4).map(ledgers).collect(),
            waiting: Vec::new(),
        }
    }

    /// Carries an operation out on the account that `choice` names, or keeps its records to be
    /// ingested; and before that what the choice says is done to the book.
    pub(crate) fn run(&mut self, choice: u8, operation: &Operation) {
        let (place, choice) = (usize::from(choice % 4), choice / 4);
        match choice % 32 {
            0 => self.reopen(place),
            1..4 => self.pack(),
            4..8 => self.ingest(),
            8 => self
                .waiting
                .extend(records(operation).map(|record| (4, record))),
            _ => {}
        }
        if choice >= 32 && records(operation).next().is_some() {
            let records = records(operation).map(|record| (place, record));
            self.waiting.extend(records);
            return;
        }
        self.ingest();
        match operation {
            Operation::Question { timestamp } => self.ask(*timestamp),
            operation => self.with_account(place, |ledgers| ledgers.run(operation)),
        }
    }

    /// Asks everything there is to ask of all accounts, packed and taken out.
    pub(crate) fn ask_all(&mut self) {
        self.pack();
        let instants = self.accounts.iter().flat_map(|ledgers| &ledgers.instants);
        let mut instants: Vec<i64> = instants.copied().collect();
        instants.sort_unstable();
        instants.dedup();
        for time in instants.iter().step_by(instants.len().div_ceil(64)) {
            self.ask(*time);
        }
        for place in 0..4 {
            self.with_account(place, |ledgers| ledgers.ask_all());
        }
    }

    fn reopen(&mut self, place: usize) {
        self.ingest();
        let removed = self.book.remove(NAMES[place]).unwrap();
        removed.assert_invariants();
        assert!(!self.book.contains(NAMES[place]));
        self.book.open(NAMES[place], overdraft(place)).unwrap();
        self.accounts[place] = Ledgers::new(sizes(overdraft(place), self.seed));
    }

    fn pack(&mut self) {
        self.ingest();
        self.book.pack();
    }

    fn ingest(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        let expected = self.first_refused(&waiting);
        let named: Vec<_> = (waiting.iter())
            .map(|(place, record)| (NAMES[*place], engine::record(record)))
            .collect();
        let ingested = self.book.ingest(&named).map_err(|error| error.index());
        assert_eq!(ingested, expected.map_or(Ok(()), |index| Err(Some(index))));
        if ingested.is_err() {
            return;
        }
        for (place, ledgers) in self.accounts.iter_mut().enumerate() {
            let records = waiting.iter().filter(|(of, _)| *of == place);
            let records: Vec<Record> = records.map(|(_, record)| *record).collect();
            // A copy: the account of the book stays packed.
            ledgers.engine = self.book.get(NAMES[place]).unwrap().into_owned();
            ledgers.accepted(&records);
        }
    }

    /// The place of the first record that is refused when they are posted one by one.
    fn first_refused(&self, waiting: &[(usize, Record)]) -> Option<usize> {
        let account = |name: &&str| self.book.get(name).map(std::borrow::Cow::into_owned);
        let mut accounts: Vec<Option<GpuCredit>> = NAMES.iter().map(account).collect();
        waiting.iter().position(|(place, record)| {
            let account = accounts[*place].as_mut();
            account.is_none_or(|account| engine::post(account, record).is_err())
        })
    }

    fn with_account(&mut self, place: usize, tell: impl FnOnce(&mut Ledgers)) {
        let account = self.book.get_mut(NAMES[place]).unwrap();
        let ledgers = &mut self.accounts[place];
        swap(account, &mut ledgers.engine);
        tell(ledgers);
        ledgers.engine.assert_invariants();
        swap(account, &mut ledgers.engine);
    }

    fn ask(&self, time: i64) {
        let questions = NAMES.map(|name| (name, time));
        let answers = self.book.balances_at(&questions);
        let singly = NAMES.map(|name| self.book.balance_at(name, time));
        assert_eq!(answers, singly, "a batch is its questions");
        assert_eq!(answers[4], None);
        for (ledgers, answer) in self.accounts.iter().zip(&answers) {
            ledgers.compare(time, answer.unwrap());
        }
        let answers = || answers.iter().flatten();
        let total = self.book.total_at(time);
        let balances = answers().filter_map(|answer| answer.balance);
        assert_eq!(total.balance, balances.clone().map(u128::from).sum());
        assert_eq!(total.available, balances.count());
        let deficits = answers().map(|answer| u128::from(answer.deficit));
        assert_eq!(total.deficit, deficits.sum());
    }
}

fn overdraft(place: usize) -> Overdraft {
    match place {
        0 => Overdraft::Carry,
        1 => Overdraft::Forfeit,
        2 => Overdraft::CarryUpTo(0),
        _ => Overdraft::CarryUpTo(9),
    }
}

/// The records that an operation posts.
fn records(operation: &Operation) -> impl Iterator<Item = Record> {
    let records = match operation {
        Operation::PostGrant(grant) => vec![Record::Grant(*grant)],
        Operation::PostUsage(usage) => vec![Record::Usage(*usage)],
        Operation::PostUsageMany(usage) => usage.iter().copied().map(Record::Usage).collect(),
        Operation::PostMany(records) => records.clone(),
        _ => Vec::new(),
    };
    records.into_iter()
}
