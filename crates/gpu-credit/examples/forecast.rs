//! The future is asked like the past: what will run out, what will lapse, and what one more job
//! would do.
//!
//!     cargo run --example forecast

use gpu_credit::{Error, GpuCredit, Record};

const DAY: i64 = 24; // Timestamps count hours, amounts GPU-hours.

fn main() -> Result<(), Error> {
    let mut account = GpuCredit::new();
    account.add_credit("monthly", 1_000, 0, 719)?; // 30 days
    let trial = account.add_credit("trial", 300, 0, 167)?; // the first week
    for day in 0..5 {
        account.subtract(50, day * DAY)?;
    }
    let now = 4 * DAY;
    println!("now: {:?}", account.get_balance(now));
    assert_eq!(account.get_balance(now), Some(1_050));

    // What is lost if nothing more is used?
    for lapse in account.lapsing(now..) {
        println!(
            "{} of {:?} at {}",
            lapse.amount, lapse.grant, lapse.timestamp
        );
    }
    let lapses = account.lapsing(now..=7 * DAY);
    assert_eq!((lapses[0].grant, lapses[0].amount), (trial, 50));

    // What if a job of 900 starts on day 10?
    let job = Record::usage(900, 10 * DAY);
    let after = account.balance_if(&job, 10 * DAY)?;
    assert_eq!(after.balance, Some(100));

    // The plan: 45 on each further day. When is less than 200 left, and when is it lowest?
    let mut planned = account.clone();
    planned
        .extend((5..30).map(|day| Record::usage(45, day * DAY)))
        .map_err(|refused| refused.error)?;
    let first = planned.first_below(now.., 200);
    println!("less than 200 from hour {first:?} on");
    assert_eq!(first, Some(23 * DAY));
    let (at, answer) = planned
        .lowest_balance(now..30 * DAY)
        .expect("a grant is live");
    println!("lowest at hour {at}: {answer:?}");
    assert_eq!((at, answer.deficit), (29 * DAY, 75));

    // A line to draw: one balance a week.
    let weekly: Vec<_> = planned
        .series(0..30 * DAY, 7 * DAY.unsigned_abs())?
        .collect();
    println!("{weekly:?}");
    assert_eq!(weekly.len(), 5);
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
