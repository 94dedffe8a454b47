//! The Rust side of `speed.py`: the same account, the same questions, without Python.
//!
//! Reads four files of little-endian `i64` from a folder, and prints the fastest of the
//! rounds in nanoseconds, the number of balances, and their sum.

use std::path::Path;
use std::time::Instant;

use gpu_credit::{GpuCredit, Record};

const ROUNDS: usize = 15;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder")?;
    let read = |name| column(&Path::new(&folder).join(name));
    let (grants, usage, questions) = (read("grants")?, read("usage")?, read("questions")?);

    let mut account = GpuCredit::new();
    account.extend(grants.chunks_exact(3).map(|grant| {
        Record::grant(
            "g",
            grant[0].unsigned_abs(),
            grant[1],
            grant[2].unsigned_abs(),
        )
    }))?;
    account.extend(
        usage
            .chunks_exact(2)
            .map(|entry| Record::usage(entry[0].unsigned_abs(), entry[1])),
    )?;

    let mut fastest = u128::MAX;
    let mut balances = Vec::new();
    for _ in 0..ROUNDS {
        drop(std::mem::take(&mut balances));
        let start = Instant::now();
        balances = account.get_balances(&questions);
        fastest = fastest.min(start.elapsed().as_nanos());
    }
    let count = balances.iter().flatten().count();
    let sum: u64 = balances.iter().flatten().sum();
    println!("{fastest} {count} {sum}");
    Ok(())
}

fn column(path: &Path) -> std::io::Result<Vec<i64>> {
    let bytes = std::fs::read(path)?;
    let numbers = bytes.as_chunks::<8>().0.iter();
    Ok(numbers.map(|number| i64::from_le_bytes(*number)).collect())
}
