//! Statements of periods.

use gpu_credit::{GrantPeriod, MeteredUsage, Overdraft, PeriodStatement};
use gpu_credit_store::{Account, Posting};
use gpu_credit_workload::random::Random;

use crate::support::{TestStore, seeds, store, store_in_memory};

/// Where the random records are.
const LAST: i64 = 40;

#[test]
fn a_month_has_what_lapses_at_its_end_and_two_months_add_up() {
    let (_folder, store) = store();
    store.open_account("a", Overdraft::Carry).unwrap();
    let job = |rate, from, until| MeteredUsage { rate, from, until };
    store
        .post_all(vec![
            Posting::grant("a", "november", "", 100, 0, 29),
            Posting::grant("a", "december", "", 100, 30, 30),
            Posting::metered_usage("a", "job", job(2, 20, 40)),
            Posting::usage("a", "before", 7, -5),
        ])
        .unwrap();
    let months = store
        .with_account("a", |account| {
            [i64::MIN..0, 0..30, 30..61, 61..90].map(|month| account.statement(month).unwrap())
        })
        .unwrap();
    assert_eq!(
        months.each_ref().map(usage),
        [
            [0, 7, 0, 0, 7],
            [7, 20, 27, 0, 0],
            [0, 20, 20, 0, 0],
            [0; 5]
        ]
    );
    let grants = |month: &PeriodStatement| month.grants.iter().map(parts).collect::<Vec<_>>();
    assert_eq!(
        months.each_ref().map(grants),
        [
            vec![],
            vec![[0, 100, 27, 73, 0, 0, 0]],
            vec![[0, 100, 20, 80, 0, 0, 0]],
            vec![]
        ]
    );
    // As of the last instant of November its grant is still active: the balance has it.
    let at_the_end = store.with_account("a", |account| account.statement_at(29));
    let at_the_end = at_the_end.unwrap().unwrap();
    assert_eq!(parts(&at_the_end.grants[0]), [0, 100, 27, 0, 0, 0, 73]);
}

/// Of the account.
fn usage(statement: &PeriodStatement) -> [u64; 5] {
    [
        statement.deficit_before,
        statement.used,
        statement.drawn,
        statement.dropped,
        statement.deficit,
    ]
}

fn parts(grant: &GrantPeriod) -> [u64; 7] {
    [
        grant.remaining_before,
        grant.granted,
        grant.drawn,
        grant.lapsed,
        grant.forfeited,
        grant.revoked,
        grant.remaining,
    ]
}

/// An account of grants, usage, jobs and revocations between 0 and [`LAST`].
fn random_account(random: &mut Random) -> TestStore {
    let (_disk, store) = store_in_memory();
    let policies = [
        Overdraft::Carry,
        Overdraft::CarryUpTo(5),
        Overdraft::Forfeit,
    ];
    let policy = policies[random.below(3) as usize];
    store.open_account("a", policy).unwrap();
    for number in 0..random.below(14) {
        let id = number.to_string();
        let (at, amount) = (random.between(0, LAST), random.below(20));
        let posting = match random.below(5) {
            0 | 1 => Posting::grant("a", id, "", amount, at, random.below(20))
                .priority(random.between(0, 1) as i16),
            2 => Posting::usage("a", id, amount, at),
            3 => {
                let (rate, until) = (random.below(4), at + random.between(0, 9));
                let from = at;
                Posting::metered_usage("a", id, MeteredUsage { rate, from, until })
            }
            _ => Posting::revoke("a", id, random.below(number + 1).to_string(), at),
        };
        // A revocation of what is no grant, or has ended, is refused.
        let _ = store.post(posting);
    }
    store
}

/// Instants from the beginning to the end of everything, between which are periods.
fn cuts(random: &mut Random) -> Vec<i64> {
    let mut cuts: Vec<i64> = (0..random.below(6))
        .map(|_| random.between(-1, LAST + 30))
        .collect();
    cuts.extend([i64::MIN, i64::MAX]);
    cuts.sort_unstable();
    cuts
}

#[test]
fn the_statements_of_periods_add_up() {
    for seed in 0..seeds(400) {
        let random = &mut Random::new(seed);
        let store = random_account(random);
        let account = store
            .as_recorded("a", store.head("a").unwrap().revision)
            .unwrap();
        let cuts = cuts(random);
        let (mut remaining, mut deficit, mut used) = (Vec::new(), 0, 0);
        for period in cuts.windows(2) {
            let (from, until) = (period[0], period[1]);
            let statement = account.statement(from..until).unwrap();
            assert_conserved(&statement, seed);
            // It begins with what the one before has left.
            let before = carried(&statement, |grant| grant.remaining_before);
            assert_eq!(before, remaining, "seed {seed}, {from}..{until}");
            assert_eq!(
                statement.deficit_before, deficit,
                "seed {seed}, {from}..{until}"
            );
            remaining = carried(&statement, |grant| grant.remaining);
            (deficit, used) = (statement.deficit, used + statement.used);
            assert_ends_as_the_ledger_has_it(&account, until, &statement, seed);
        }
        assert_eq!(used, account.ledger().used(), "seed {seed}");
    }
}

/// What grants carry from one period to the next.
fn carried(statement: &PeriodStatement, part: fn(&GrantPeriod) -> u64) -> Vec<(u32, u64)> {
    let grants = statement.grants.iter();
    let carried = grants.map(|grant| (grant.grant.index(), part(grant)));
    carried.filter(|(_, amount)| *amount > 0).collect()
}

fn assert_conserved(statement: &PeriodStatement, seed: u64) {
    for grant in &statement.grants {
        let [before, granted, parts @ ..] = parts(grant);
        assert_eq!(
            before + granted,
            parts.iter().sum::<u64>(),
            "seed {seed}: {grant:?}"
        );
    }
    let drawn: u64 = statement.grants.iter().map(|grant| grant.drawn).sum();
    assert_eq!(statement.drawn, drawn, "seed {seed}");
    assert_eq!(
        statement.deficit_before + statement.used,
        statement.drawn + statement.dropped + statement.deficit,
        "seed {seed}"
    );
}

/// What remains is what is active at the end of the period and after it.
fn assert_ends_as_the_ledger_has_it(
    account: &Account,
    until: i64,
    statement: &PeriodStatement,
    seed: u64,
) {
    let ledger = account.ledger();
    let remainders = ledger.remainders_at(until - 1).into_iter();
    let after = remainders.filter(|held| ledger.grant(held.grant).unwrap().end >= until);
    let after = after.map(|held| (held.grant.index(), held.amount));
    let mut after: Vec<_> = after.filter(|(_, amount)| *amount > 0).collect();
    after.sort_unstable();
    let remaining = carried(statement, |grant| grant.remaining);
    assert_eq!(remaining, after, "seed {seed}, until {until}");
    let deficit = ledger.balance_at(until - 1).deficit;
    assert_eq!(statement.deficit, deficit, "seed {seed}, until {until}");
}

/// The first period after a close begins with what was left at the close, which is before it.
#[test]
fn a_close_changes_no_statement_after_it() {
    for seed in 0..seeds(400) {
        let random = &mut Random::new(seed);
        let store = random_account(random);
        let closed = random.between(0, LAST + 10);
        let cuts: Vec<i64> = cuts(random)
            .into_iter()
            .filter(|cut| *cut > closed)
            .collect();
        let periods = || {
            std::iter::once(closed)
                .chain(cuts.iter().copied())
                .zip(&cuts)
        };
        let open = store
            .as_recorded("a", store.head("a").unwrap().revision)
            .unwrap();
        store
            .post(Posting::close_books("a", "close", closed))
            .unwrap();
        let account = store
            .as_recorded("a", store.head("a").unwrap().revision)
            .unwrap();
        for (from, until) in periods() {
            let [before, after] =
                [&open, &account].map(|account| account.statement(from..*until).unwrap());

            assert_eq!(
                usage(&after),
                usage(&before),
                "seed {seed}, {from}..{until}"
            );
            let grants = |account: &Account, statement: &PeriodStatement| {
                let entry = |grant: &GrantPeriod| account.grant_revision(grant.grant).unwrap();
                let grants = statement.grants.iter();
                grants
                    .map(|grant| (entry(grant), parts(grant)))
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                grants(&account, &after),
                grants(&open, &before),
                "seed {seed}, {from}..{until}"
            );
        }
        let refused = account.statement(closed - 1..closed).unwrap_err();
        assert_eq!(refused.until, closed);
        let since = account.statement_at(closed + 9).unwrap();
        assert_eq!(
            since.deficit_before,
            open.ledger().balance_at(closed - 1).deficit
        );
    }
}
