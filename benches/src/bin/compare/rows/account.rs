//! The account of rows Q, W, M, X and R: a history, and every answer to it.

use anyhow::Result;
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::check::same_answers;
use gpu_credit_benches::peers::{AnswerTable, BareReplay, SortedUsage};
use gpu_credit_benches::workload::{History, Spread, questions_spread, years_spread};

use crate::runner::Runner;

/// A history and every answer to it.
pub(crate) struct Account {
    pub(crate) history: History,
    pub(crate) usage: SortedUsage,
    pub(crate) bare: BareReplay,
    pub(crate) table: AnswerTable,
    pub(crate) questions: Vec<i64>,
}

impl Account {
    /// Three years of usage under 1,000 grants, fewer if there is less than 100 times as much
    /// usage, and random questions about them, spread as the usage is.
    pub(crate) fn new(runner: &Runner, usage_count: usize, spread: Spread) -> Self {
        let grant_count = (usage_count / 100).min(1_000);
        let history = years_spread(spread, runner.seed(), usage_count, grant_count);
        let usage = SortedUsage::new(&history.usage);
        let bare = BareReplay::new(Overdraft::Carry, &history.grants, &usage);
        let table = AnswerTable::new(&bare, &usage);
        let count = runner.size(1_000_000, 50_000);
        let questions = questions_spread(spread, runner.seed(), &history, count);
        Self {
            history,
            usage,
            bare,
            table,
            questions,
        }
    }

    /// How large it is, for a case.
    pub(crate) fn size(&self) -> (u64, &'static str) {
        (self.history.usage.len() as u64, "usage")
    }

    /// Compares the answers one by one, asked singly and at once.
    ///
    /// # Errors
    /// At the first that differs.
    pub(crate) fn verify(&self, account: &GpuCredit) -> Result<()> {
        let times = self.questions.iter().copied();
        let ready: Vec<_> = times.clone().map(|time| self.table.get(time)).collect();
        let single: Vec<_> = times.map(|time| account.get_balance(time)).collect();
        let at_once = account.get_balances(&self.questions);
        same_answers(&self.questions, &single, &ready)?;
        same_answers(&self.questions, &at_once, &ready)
    }
}
