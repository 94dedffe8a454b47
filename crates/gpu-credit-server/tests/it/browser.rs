//! The page in a browser: Chromium, by playwright-core. If they are not there, nothing is tested, and standard error says so.
//!
//! `npm install` in `tests/browser` installs the one; Debian's package `chromium` is the other.

use std::path::Path;
use std::process::Command;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::{Authorise, Posting, Store, TimeUnit};

use crate::server::Server;

const HOSTILE: &str = "<img src=x onerror=alert(1)><script>alert(1)</script>";
const LARGE: &str = "large";
const DAY: i64 = 86_400;

#[test]
fn the_page_works_in_a_browser() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let chromium = std::env::var("CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".to_owned());
    let has_node = Command::new("node").arg("--version").output().is_ok();
    if !has_node
        || !Path::new(&chromium).exists()
        || !folder.join("node_modules/playwright-core").exists()
    {
        eprintln!(
            "skipped: there is no node, no Chromium at {chromium}, or no playwright-core (npm install in {})",
            folder.display()
        );
        return;
    }
    let server = Server::of(store());
    let shots = tempfile::tempdir().unwrap();
    let shots =
        std::env::var("GPU_CREDIT_SHOTS").unwrap_or_else(|_| shots.path().display().to_string());
    let output = Command::new("node")
        .arg(folder.join("page.cjs"))
        .env("PAGE_URL", format!("http://{}", server.address))
        .env("PAGE_TOKEN", &server.token)
        .env("PAGE_LARGE", LARGE)
        .env("PAGE_HOSTILE", HOSTILE)
        .env("PAGE_FOLDER", shots)
        .env("CHROMIUM", chromium)
        .output()
        .unwrap();
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complained}");
    eprint!("{said}");
}

/// Accounts to look at. `GPU_CREDIT_PAGE_RECORDS=1000000` and `--release` for the figure of the documents.
fn store() -> Store {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Seconds).unwrap();
    for account in ["team/acme", "team/bio", HOSTILE, LARGE] {
        store.open_account(account, Overdraft::Carry).unwrap();
    }
    let start = 1_767_225_600; // 2026-01-01
    let mut postings = vec![
        Posting::grant(
            "team/acme",
            "invoice-1",
            "january",
            4_000_000,
            start,
            (31 * DAY).unsigned_abs() - 1,
        ),
        Posting::grant(
            "team/acme",
            "promotion",
            "trial",
            500_000,
            start,
            (10 * DAY).unsigned_abs() - 1,
        ),
        Posting::grant(
            "team/acme",
            "invoice-2",
            "february",
            4_000_000,
            start + 31 * DAY,
            (28 * DAY).unsigned_abs() - 1,
        ),
        Posting::metered_usage(
            "team/acme",
            "job-1",
            MeteredUsage {
                rate: 1,
                from: start + 5 * DAY,
                until: start + 20 * DAY,
            },
        ),
        Posting::metered_usage(
            "team/acme",
            "job-2",
            MeteredUsage {
                rate: 2,
                from: start + 12 * DAY,
                until: start + 30 * DAY,
            },
        ),
        Posting::grant(
            "team/bio",
            "g",
            "",
            9_007_199_254_740_993,
            start,
            (365 * DAY).unsigned_abs(),
        ),
        Posting::grant(
            HOSTILE,
            HOSTILE,
            HOSTILE,
            7,
            start,
            (40 * DAY).unsigned_abs(),
        ),
        Posting::usage(HOSTILE, format!("{HOSTILE}/use"), 9, start + DAY),
        Posting::change_usage("team/acme", "dispute-7", "burst", 400_000),
    ];
    for (at, usage) in (0..40).map(|place| {
        (
            start + place * DAY,
            20_000 + (place * 7_919 % 30_000).unsigned_abs(),
        )
    }) {
        let next = postings.len() - 1;
        postings.insert(
            next,
            Posting::usage("team/acme", format!("day-{at}"), usage, at),
        );
    }
    let dispute = postings.pop();
    postings.push(Posting::usage(
        "team/acme",
        "burst",
        900_000,
        start + 29 * DAY,
    ));
    postings.push(Posting::usage("team/acme", "late", 50_000, start + 3 * DAY));
    postings.extend(dispute);
    store.post_all(postings).unwrap();
    let hold = Authorise::new(
        "hold-1",
        ["team/acme"],
        300_000,
        start + 35 * DAY..start + 45 * DAY,
    );
    store.authorise(hold).unwrap();
    store
        .post(Posting::change_usage(
            "team/acme",
            "dispute-8",
            "late",
            5_000,
        ))
        .unwrap();
    let records =
        std::env::var("GPU_CREDIT_PAGE_RECORDS").map_or(20_000, |records| records.parse().unwrap());
    let large: Vec<Posting> = (0..records)
        .map(|place: i64| match place % 1_000 {
            0 => Posting::grant(
                LARGE,
                format!("r{place}"),
                "",
                3_000_000,
                start + place * 30,
                (7 * DAY).unsigned_abs(),
            ),
            _ => Posting::usage(
                LARGE,
                format!("r{place}"),
                (place * 7_919 % 4_000).unsigned_abs(),
                start + place * 7_919 % (records * 30),
            ),
        })
        .collect();
    for chunk in large.chunks(100_000) {
        store.post_all(chunk.to_vec()).unwrap();
    }
    store
}
