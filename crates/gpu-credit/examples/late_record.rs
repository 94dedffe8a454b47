//! A report of usage arrives months late, and turns out to be wrong: every answer, also about the
//! past, is then as if the right one had been there in time.
//!
//!     cargo run --example late_record

use gpu_credit::{Error, GpuCredit, UsageRecord};

const DAY: i64 = 24; // Timestamps count hours, amounts GPU-hours.

fn main() -> Result<(), Error> {
    let mut account = GpuCredit::new();
    let mut months = Vec::new();
    for month in 0..12 {
        let start = month * 30 * DAY;
        let length = (30 * DAY - 1).unsigned_abs(); // the last hour of the month included
        months.push(account.add_credit("monthly", 500, start, length)?);
    }
    for day in 0..360 {
        account.subtract(10, day * DAY + 12)?;
    }
    let end_of_march = 3 * 30 * DAY - 1;
    assert_eq!(account.get_balance(end_of_march), Some(200));

    // In November: a job of early March was never billed.
    let job = account.post_usage(UsageRecord {
        amount: 250,
        timestamp: 62 * DAY,
    })?;
    let answer = account.balance_at(end_of_march);
    println!("March, with the late job: {answer:?}");
    assert_eq!((answer.balance, answer.deficit), (None, 50));

    // Who paid for the month's last day? April did, in arrears.
    let last_day = account.usage(89 * DAY..90 * DAY).next();
    let (last_usage, _) = last_day.expect("there is usage on each day");
    let statement = account.usage_statement(last_usage).expect("it was posted");
    println!("the last day of March was paid by {:?}", statement.draws);
    assert_eq!(statement.draws[0].grant, months[3]);

    // It was 150 hours, not 250. The identity names the record among others of its hour.
    account.change_usage(job, 150)?;
    assert_eq!(account.get_balance(end_of_march), Some(50));
    let april = account.grant_statement(months[3], 4 * 30 * DAY);
    let april = april.expect("April has begun");
    println!("April, corrected: {april:?}");
    assert_eq!((april.drawn, april.lapsed), (300, 200));
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Error> {
    main()
}
