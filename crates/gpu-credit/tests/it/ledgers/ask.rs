//! What is asked of the engine and of both replays.

use gpu_credit::Answer;
use gpu_credit_replay::Replay;

use super::{Ledgers, engine};

impl Ledgers {
    /// Asks about an instant, and about those that were touched since the last question: a question
    /// at each write would leave no two late writes pending.
    pub(super) fn ask_touched(&mut self, time: i64) {
        self.count_pending();
        for touched in std::mem::take(&mut self.touched) {
            self.ask(touched);
        }
        self.ask(time);
    }

    fn ask(&self, time: i64) {
        self.compare(time, self.engine.balance_at(time));
        let balance = self.engine.get_balance(time);
        let expected = self.list.balance_at(time);
        assert_eq!(balance, expected.balance, "get_balance at {time}");
        let heap = self.heap.balance_at(time);
        assert_eq!(heap, expected, "list and heap at {time}");
    }

    /// Compares an answer with that of the reference.
    pub(super) fn compare(&self, time: i64, answer: Answer) {
        let expected = self.list.balance_at(time);
        assert_eq!(answer.balance, expected.balance, "balance at {time}");
        assert_eq!(
            answer.status.as_str(),
            expected.status.as_str(),
            "status at {time}"
        );
        assert_eq!(answer.deficit, expected.deficit, "deficit at {time}");
    }

    /// Asks everything there is to ask about the instants at which anything can change, or about
    /// some of them if they are very many: each costs three replays.
    pub(crate) fn ask_all(&self) {
        const MANY: usize = 256;
        let mut instants = self.instants.clone();
        let unsorted = self.engine.get_balances(&instants);
        let single: Vec<_> = instants
            .iter()
            .map(|at| self.engine.get_balance(*at))
            .collect();
        assert_eq!(unsorted, single, "a batch is its questions");
        instants.sort_unstable();
        instants.dedup();
        for time in instants.iter().step_by(instants.len().div_ceil(MANY)) {
            self.ask(*time);
            let remainders: Vec<_> = (self.engine.remainders_at(*time).iter())
                .map(|remainder| (remainder.grant.index() as usize, remainder.amount))
                .collect();
            let expected = self.list.remainders_at(*time).into_iter();
            let expected: Vec<_> = expected.filter(|(_, amount)| *amount > 0).collect();
            assert_eq!(remainders, expected, "remainders at {time}");
        }
        let sorted = self.engine.get_balances(&instants);
        let mut expected: Vec<_> = instants.iter().copied().zip(sorted).collect();
        expected.dedup_by_key(|(_, balance)| *balance);
        let steps = self.engine.steps(i64::MIN..=i64::MAX);
        let mut steps: Vec<_> = steps
            .map(|step| (step.first, step.answer.balance))
            .collect();
        steps.dedup_by_key(|(_, balance)| *balance);
        assert_eq!(steps, expected, "steps over all time");
        self.list_usage();
    }

    fn list_usage(&self) {
        let posted = self.list.posted().usage().iter();
        let mut expected: Vec<_> = posted
            .map(|usage| (usage.timestamp, usage.amount))
            .collect();
        expected.sort_by_key(|(time, _)| *time);
        let listed = self.engine.usage(..);
        let listed: Vec<_> = listed
            .map(|(_, usage)| (usage.timestamp, usage.amount))
            .collect();
        assert_eq!(listed, expected, "usage");
        let mut standing = self.standing.clone();
        standing.sort_by_key(|name| (name.timestamp, name.nth));
        let ids = self.engine.usage(..).map(|(id, _)| id);
        assert!(
            ids.eq(standing.into_iter().map(engine::id)),
            "names of usage"
        );
        let used: u64 = expected.iter().map(|(_, amount)| amount).sum();
        let sums = (self.engine.usage_count(), self.engine.used());
        assert_eq!(sums, (expected.len(), used), "sums of usage");
    }
}
