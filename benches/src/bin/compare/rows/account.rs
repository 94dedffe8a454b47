//! The account of rows Q, W, M, X and R: a history, and every answer to it.

use anyhow::{Result, ensure};
use gpu_credit::{GpuCredit, Overdraft};
use gpu_credit_benches::peers::{AnswerTable, BareReplay, SortedUsage};
use gpu_credit_benches::workload::{History, questions, years};

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
    /// Three years of usage under 1,000 grants, fewer where there is less than 100 times as much
    /// usage, and random questions about them.
    pub(crate) fn new(runner: &Runner, usage_count: usize) -> Self {
        let history = years(runner.seed(), usage_count, (usage_count / 100).min(1_000));
        let usage = SortedUsage::new(&history.usage);
        let bare = BareReplay::new(Overdraft::Carry, &history.grants, &usage);
        let table = AnswerTable::new(&bare, &usage);
        let count = runner.size(1_000_000, 50_000);
        let questions = questions(runner.seed(), &history, count);
        Self {
            history,
            usage,
            bare,
            table,
            questions,
        }
    }

    /// Compares the answers one by one, asked singly and at once.
    ///
    /// # Errors
    /// At the first that differs.
    pub(crate) fn verify(&self, account: &GpuCredit) -> Result<()> {
        let at_once = account.get_balances(&self.questions);
        for (time, balance) in self.questions.iter().zip(at_once) {
            let (single, ready) = (account.get_balance(*time), self.table.get(*time));
            ensure!(
                single == ready,
                "at {time}: {single:?}, and the table has {ready:?}"
            );
            ensure!(
                balance == ready,
                "at {time}, in a batch: {balance:?}, not {ready:?}"
            );
        }
        Ok(())
    }
}
