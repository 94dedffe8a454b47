//! Ten thousand accounts in one book, loaded at once, in some hundred bytes each.
//!
//!     cargo run --example book

use gpu_credit::{BookError, CreditBook, Overdraft, Record};

const ACCOUNTS: usize = 10_000;

fn name(number: usize) -> String {
    format!("team-{number}")
}

fn main() -> Result<(), BookError> {
    let mut book = CreditBook::new();
    let mut records = Vec::new();
    for number in 0..ACCOUNTS {
        // Every tenth prepays: what it has not, it cannot use.
        let is_prepaid = number % 10 == 0;
        let overdraft = if is_prepaid {
            Overdraft::Forfeit
        } else {
            Overdraft::Carry
        };
        book.open(&name(number), overdraft)?;
        records.push((name(number), Record::usage(120, 20)));
        records.push((name(number), Record::usage(40, 10)));
        records.push((name(number), Record::grant("march", 100, 0, 30)));
    }
    book.ingest(&records)?; // in any order, all or nothing
    println!(
        "{book:?}: {} bytes an account",
        book.memory_used() / ACCOUNTS
    );
    assert!(book.memory_used() < ACCOUNTS * 1_024);

    let total = book.total_at(10);
    println!("{total:?}");
    assert_eq!(total.balance, 60 * ACCOUNTS as u128);
    let total = book.total_at(20);
    assert_eq!(total.deficit, 60 * (ACCOUNTS - ACCOUNTS / 10) as u128);

    // One bad record, and nothing is posted.
    let refused = book.ingest(&[
        (name(0), Record::usage(1, 25)),
        ("nobody".to_owned(), Record::usage(1, 25)),
    ]);
    let error = refused.expect_err("there is no such account");
    println!("{error}");
    assert_eq!(error.index(), Some(1));

    // Any account can be asked anything, and corrected.
    let team = book.get_mut("team-1").expect("it is open");
    let (job, _) = team.usage(20..=20).next().expect("it was ingested");
    team.retract_usage(job).expect("it stands");
    assert_eq!(
        book.balance_at("team-1", 20)
            .and_then(|answer| answer.balance),
        Some(60)
    );
    Ok(())
}

#[test]
fn it_runs() -> Result<(), BookError> {
    main()
}
