//! What may be spent, against the law word by word: counted up from 0, looked at in every tick.

use gpu_credit_replay::cases::Case;
use gpu_credit_replay::{HeapReplay, ListReplay, Overdraft, Replay, Spendable, TickReplay, Usage};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;

use crate::jobs::{ledger_count, random_jobs};
use crate::ledger::{Shape, run};

/// Everything that a ledger of ties and the question can touch.
const TICKS: std::ops::Range<i64> = -2..30;

#[test]
fn what_is_spendable_is_the_most_that_the_law_admits() {
    for_random_ledgers(|case, account, random| {
        let timestamp = random.random_range(-1..14);
        let spendable = account.tick.spendable_at(timestamp);
        let usage = |amount| Usage::at(amount, timestamp);
        assert_largest(spendable, |amount| account.is_free(usage(amount)), case);
        assert_eq!(account.list.spendable_at(timestamp), spendable, "{case}");
        assert_eq!(account.heap.spendable_at(timestamp), spendable, "{case}");
        // Under forfeit usage at an instant may take what a job of that very tick forfeits.
        if case.overdraft != Overdraft::Forfeit {
            let balance = account.tick.get_balance(timestamp);
            assert!(spendable <= balance.unwrap_or(0), "{case}");
        }
    });
}

#[test]
fn a_spendable_rate_is_the_most_that_the_law_admits() {
    for_random_ledgers(|case, account, random| {
        let from = random.random_range(-1..14);
        let ticks = from..from + random.random_range(0..6);
        let rate = account.tick.spendable_rate(ticks.clone());
        if let Some(rate) = rate {
            let job = |rate| Usage::metered(rate, ticks.clone());
            assert_largest(rate, |rate| account.is_free(job(rate)), case);
        }
        assert_eq!(rate.is_none(), ticks.is_empty());
        assert_eq!(account.list.spendable_rate(ticks.clone()), rate, "{case}");
        assert_eq!(account.heap.spendable_rate(ticks), rate, "{case}");
    });
}

#[test]
fn a_job_runs_dry_at_the_first_tick_that_the_law_does_not_admit() {
    for_random_ledgers(|case, account, random| {
        let (rate, from) = (random.random_range(0..4), random.random_range(-1..14));
        let is_dry = |tick: &i64| !account.is_free(Usage::metered(rate, from..*tick + 1));
        // Every window of such a ledger has ended, or else it never does.
        let expected = (from..TICKS.end - 1).find(is_dry);
        assert_eq!(account.tick.runs_dry(rate, from), expected, "{case}");
        assert_eq!(account.list.runs_dry(rate, from), expected, "{case}");
        assert_eq!(account.heap.runs_dry(rate, from), expected, "{case}");
    });
}

#[test]
fn list_and_heap_agree_on_what_is_spendable_at_the_extremes() {
    for seed in 0..ledger_count().div_ceil(4) {
        let case = random_jobs(seed, Shape::Extremes);
        let (list, heap): (ListReplay, HeapReplay) = (run(&case), run(&case));
        for time in [i64::MIN, -1, 0, i64::MAX - 1, i64::MAX] {
            let spendable = list.spendable_at(time);
            assert_eq!(spendable, heap.spendable_at(time), "{case}");
            let ticks = time..time.saturating_add(2);
            let rate = list.spendable_rate(ticks.clone());
            assert_eq!(rate, heap.spendable_rate(ticks), "{case}");
            let dry = list.runs_dry(seed, time);
            assert_eq!(dry, heap.runs_dry(seed, time), "{case}");
        }
    }
}

fn for_random_ledgers(test: impl Fn(&Case, &All, &mut Pcg32)) {
    for seed in 0..ledger_count().div_ceil(4) {
        let case = random_jobs(seed, Shape::Ties);
        let account = All {
            tick: run(&case),
            list: run(&case),
            heap: run(&case),
        };
        test(&case, &account, &mut Pcg32::seed_from_u64(!seed));
    }
}

/// One account in all replays.
struct All {
    tick: TickReplay,
    list: ListReplay,
    heap: HeapReplay,
}

impl All {
    /// The law: usage, posted last, is drawn whole, and at every instant the deficit and the sum of
    /// what was dropped are as they are without it.
    fn is_free(&self, usage: Usage) -> bool {
        let mut with = self.tick.clone();
        with.posted_mut().post_usage(usage);
        let place = with.posted().usage().len() - 1;
        let as_it_fell = with.draws_of(place).into_iter();
        let as_it_fell = as_it_fell.filter(|draw| draw.drawn_at <= draw.last);
        let drawn: u64 = as_it_fell.map(|draw| draw.amount).sum();
        let overdrawn = |account: &TickReplay, tick| {
            let statement = account.statement_at(tick);
            (statement.deficit, statement.dropped)
        };
        u128::from(drawn) == usage.total()
            && TICKS
                .clone()
                .all(|tick| overdrawn(&with, tick) == overdrawn(&self.tick, tick))
    }
}

/// It fits, everything below it fits, and much above it does not.
fn assert_largest(found: u64, fits: impl Fn(u64) -> bool, case: &Case) {
    for number in 0..found + 8 {
        assert_eq!(
            fits(number),
            number <= found,
            "{number}, {found} in\n{case}"
        );
    }
}
