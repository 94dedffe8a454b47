//! How many postings a second PostgreSQL takes, against the same append with one posting at a time.
//!
//! ```text
//! cargo bench -p gpu-credit-postgres -- [--seconds 3] [--synced]
//! ```
//!
//! All of it runs against one server that this starts, one after the other, from 32 threads of this process. Rates
//! depend on the machine; the ratios are what is claimed. With `--synced` the server syncs its commits.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on has failed")]
#![allow(dead_code, reason = "the tests use more of the server")]

#[path = "../tests/it/support/server.rs"]
mod server;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use gpu_credit::Overdraft;
use gpu_credit_postgres::{PostgresOptions, PostgresStore};
use gpu_credit_store::{
    Append, Appended, Change, Entry, Head, HeadChange, Posting, Reader as _, Sequence,
    SharedJournal as _,
};
use tokio::runtime::Builder;
use tokio_postgres::NoTls;

const WRITERS: usize = 32;
const BATCH: usize = 1_000;
const MANY_ACCOUNTS: usize = 5_000;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |word: &str| arguments.iter().any(|argument| argument == word);
    if has("--test") {
        return;
    }
    let seconds = arguments
        .iter()
        .position(|argument| argument == "--seconds");
    let seconds = seconds.map_or(3, |place| arguments[place + 1].parse().unwrap());
    let seconds = if has("--quick") { 1 } else { seconds };
    let length = Duration::from_secs(seconds);
    if has("--synced") {
        let address = server::server().address();
        server::execute(&address, "ALTER SYSTEM SET fsync = on");
        server::execute(&address, "SELECT pg_reload_conf()");
    }
    let bare = bare_inserts(length);
    let single = single_appends(length);
    println!(
        "rate of {WRITERS} threads, postings a second, and the ratio to one posting an append"
    );
    let say = |what: &str, rate: f64| println!("{what:<44} {rate:>9.0} {:>6.2}", rate / single);
    say("one posting an append, 32 connections", single);
    say("a bare INSERT a row, 32 connections", bare);
    for instances in 1..=3 {
        let stores = instances_of(instances);
        let what = format!("32 writers, {instances} stores of 2 lanes");
        say(&what, posts(&stores, length));
    }
    say("batches of 1,000 over 1,000 accounts", batches(length));
    let (custom, generic) = (many_accounts("custom"), many_accounts("generic"));
    println!(
        "{MANY_ACCOUNTS} accounts in one append: {custom:.1?} by a custom plan, {generic:.1?} by a generic one, \
         ratio {:.2}",
        generic.as_secs_f64() / custom.as_secs_f64()
    );
}

/// Threads that do something again and again: how often a second.
fn rate(length: Duration, work: impl Fn(usize, u64) + Sync) -> f64 {
    let (is_over, count) = (AtomicBool::new(false), AtomicU64::new(0));
    let begun = Instant::now();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (is_over, count, work) = (&is_over, &count, &work);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    work(writer, number);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        thread::sleep(length);
        is_over.store(true, Ordering::Relaxed);
    });
    count.into_inner() as f64 / begun.elapsed().as_secs_f64()
}

fn bare_inserts(length: Duration) -> f64 {
    let address = server::server().address();
    drop(PostgresStore::open(&address).unwrap());
    let clients: Vec<_> = (0..WRITERS)
        .map(|_| {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let client = runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&address, NoTls).await.unwrap();
                tokio::spawn(connection);
                let sql = "INSERT INTO entry (account, revision, id, recorded_at, kind, amount, starts, crc) \
                    VALUES ($1, $2, $3, 0, 3, 1, 1, 0)";
                let statement = client.prepare(sql).await.unwrap();
                (client, statement)
            });
            std::sync::Mutex::new((runtime, client))
        })
        .collect();
    rate(length, |writer, number| {
        let client = clients[writer].lock().unwrap();
        let (runtime, (client, statement)) = &*client;
        let (account, revision) = ((writer as u64).cast_signed(), number.cast_signed());
        let id = format!("u{number}");
        let inserted = async { client.execute(statement, &[&account, &revision, &id]).await };
        runtime.block_on(inserted).unwrap();
    })
}

fn account(number: usize) -> String {
    format!("account {number}")
}

fn opened(accounts: usize) -> String {
    let address = server::server().address();
    let store = PostgresStore::open(&address).unwrap();
    for some in (0..accounts).collect::<Vec<_>>().chunks(1_000) {
        let open =
            |number: &usize| Posting::open_account(account(*number), "open", Overdraft::Carry);
        store.post_all(some.iter().map(open).collect()).unwrap();
    }
    server::execute(&address, "ANALYZE");
    address
}

fn single_appends(length: Duration) -> f64 {
    let address = opened(WRITERS);
    let journal = PostgresOptions::default()
        .lanes(WRITERS)
        .open_journal(&address)
        .unwrap();
    let heads: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let name = account(writer);
            let head = journal.heads(&[&name]).unwrap().remove(0).unwrap();
            std::sync::Mutex::new(head)
        })
        .collect();
    rate(length, |writer, number| {
        let head = &mut *heads[writer].lock().unwrap();
        let append = usage(head, number);
        assert_eq!(journal.append(writer, &append).unwrap(), Appended::Written);
        *head = append.accounts[0].head.clone();
    })
}

/// One usage record of an account that stands at a head.
fn usage(head: &Head, number: u64) -> Append {
    let expected = head.revision;
    let mut head = head.clone();
    head.revision = gpu_credit_store::Revision::new(expected.get() + 1);
    head.totals.used += 1;
    head.totals.usage_records += 1;
    let entry = Entry {
        account: head.account.clone(),
        revision: head.revision,
        sequence: Sequence::START,
        recorded_at: head.recorded_at,
        id: format!("u{number}").into(),
        change: Change::Usage {
            amount: 1,
            timestamp: 1,
        },
    };
    Append {
        accounts: vec![HeadChange {
            expected,
            head,
            is_deleted: false,
        }],
        entries: vec![entry],
    }
}

fn instances_of(count: usize) -> Vec<PostgresStore> {
    let address = opened(WRITERS);
    (0..count)
        .map(|_| PostgresStore::open(&address).unwrap())
        .collect()
}

fn posts(stores: &[PostgresStore], length: Duration) -> f64 {
    rate(length, |writer, number| {
        let posting = Posting::usage(account(writer), format!("u{number}"), 1, 1);
        stores[writer % stores.len()].post(posting).unwrap();
    })
}

fn batches(length: Duration) -> f64 {
    let address = opened(BATCH);
    let store = PostgresStore::open(&address).unwrap();
    let rate = rate(length, |writer, number| {
        let posting = |place| {
            let id = format!("u{writer} {number}");
            Posting::usage(account(place), id, 1, 1)
        };
        store.post_all((0..BATCH).map(posting).collect()).unwrap();
    });
    rate * BATCH as f64
}

/// The fastest of some appends over many accounts, once a prepared statement has been run often.
fn many_accounts(plan: &str) -> Duration {
    let address = opened(MANY_ACCOUNTS);
    let address = address.replace(
        "options='",
        &format!("options='-c plan_cache_mode=force_{plan}_plan "),
    );
    let store = PostgresStore::open(&address).unwrap();
    let run = |number: usize| {
        let posting = |place| Posting::usage(account(place), format!("u{number}"), 1, 1);
        let batch = (0..MANY_ACCOUNTS).map(posting).collect();
        let begun = Instant::now();
        store.post_all(batch).unwrap();
        begun.elapsed()
    };
    (0..10).map(run).min().unwrap()
}
