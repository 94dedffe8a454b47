//! Commands that are killed: the file opens afterwards, nothing acknowledged is lost, an import is whole
//! or absent, and nothing unfinished stays.
//!
//! Some rounds each by default; `GPU_CREDIT_KILLS=200` makes it so many.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use gpu_credit_workload::random::Random;
use tempfile::TempDir;

use crate::{file, gpu_credit, stderr};

const ROUNDS_VARIABLE: &str = "GPU_CREDIT_KILLS";
const ROUNDS: u64 = 8;

fn rounds() -> u64 {
    let rounds = std::env::var(ROUNDS_VARIABLE).ok();
    rounds.map_or(ROUNDS, |rounds| rounds.parse().unwrap())
}

/// A folder with a store, in which commands are killed.
struct Victim {
    folder: TempDir,
    random: Random,
}

impl Victim {
    fn new() -> Self {
        let victim = Self {
            folder: tempfile::tempdir().unwrap(),
            random: Random::new(7),
        };
        victim.ok("account create acme");
        victim.ok("grant acme 1000000 --at 0 --expiration never --id g1");
        victim
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a command that must succeed writes.
    #[track_caller]
    fn ok(&self, line: &str) -> String {
        let mut command = gpu_credit();
        let command = command.current_dir(self.folder.path());
        let output = command.args(line.split_whitespace()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{line}: {}", stderr(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// How long a command takes that nobody kills.
    fn time(&self, line: &str) -> Duration {
        let start = Instant::now();
        self.ok(line);
        start.elapsed()
    }

    /// Starts a command, and kills it at some moment of the time that it takes. Whether it was done.
    fn kill(&mut self, line: &str, takes: Duration) -> bool {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"))
            .current_dir(self.folder.path())
            .env_remove("GPU_CREDIT_DB")
            .env_remove("GPU_CREDIT_UNIT")
            .args(line.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let microseconds = u64::try_from(takes.as_micros()).unwrap();
        thread::sleep(Duration::from_micros(
            self.random.below(microseconds * 5 / 4),
        ));
        // On Unix this is SIGKILL: nothing of the process runs any more.
        child.kill().unwrap();
        let output = child.wait_with_output().unwrap();
        // What it has said it has done, even if it did not live to its end.
        output.status.success() || !output.stdout.is_empty()
    }

    /// What commands have left that were killed. Long ago, for whoever looks at the time.
    fn unfinished(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.folder.path())
            .unwrap()
            .map(|file| file.unwrap().path());
        let is_hidden =
            |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('.');
        let files: Vec<_> = files.filter(is_hidden).collect();
        for file in &files {
            let long_ago = SystemTime::now() - Duration::from_secs(3_600);
            File::options()
                .write(true)
                .open(file)
                .unwrap()
                .set_modified(long_ago)
                .unwrap();
        }
        files
    }

    fn entries(&self, db: &str) -> usize {
        let journal = self.ok(&format!("export --db {db}"));
        let is_entry = |line: &&str| line.starts_with("{\"sequence\":");
        journal.lines().filter(is_entry).count()
    }

    #[track_caller]
    fn assert_sound(&self, db: &str, what: &str) {
        let said = self.ok(&format!("check --instants 1 --db {db}"));
        assert!(said.starts_with("sound: "), "{what}: {said}");
    }
}

const DB: &str = "gpu-credit.redb";

#[test]
fn what_use_has_acknowledged_is_there_once() {
    let mut victim = Victim::new();
    let takes = victim.time("use acme 1 --at 5 --id first");
    let mut acknowledged = vec!["first".to_owned()];
    for round in 0..rounds() * 2 {
        let id = format!("u{round}");
        let line = format!("use acme 1 --at 5 --id {id}");
        if victim.kill(&line, takes) {
            acknowledged.push(id);
        }
        if round % 4 == 3 {
            let journal = victim.ok("export");
            for id in &acknowledged {
                let id = format!("\"id\":\"{id}\"");
                assert_eq!(journal.matches(&id).count(), 1, "round {round}: {id}");
            }
        }
    }
    // Posted again, each is there once.
    for round in 0..rounds() * 2 {
        victim.ok(&format!("use acme 1 --at 5 --id u{round}"));
    }
    let posted = usize::try_from(rounds()).unwrap() * 2 + 1;
    assert_eq!(victim.entries(DB), posted + 2);
    victim.assert_sound(DB, "after all");
}

#[test]
fn an_import_is_whole_or_absent() {
    const ROWS: usize = 3_000;
    let mut victim = Victim::new();
    let rows = (0..ROWS).map(|row| format!("usage,acme,,1,{row},\n"));
    fs::write(victim.path("events.csv"), file(&rows.collect::<String>())).unwrap();
    // Each round begins with the same store.
    fs::copy(victim.path(DB), victim.path("before.redb")).unwrap();
    let takes = victim.time("import events.csv");
    let (before, whole) = (2, 2 + ROWS);
    for round in 0..rounds() {
        fs::copy(victim.path("before.redb"), victim.path(DB)).unwrap();
        let was_done = victim.kill("import events.csv", takes);
        let after = victim.entries(DB);
        assert!(
            after == whole || (after == before && !was_done),
            "round {round}: {after}"
        );
        victim.ok("import events.csv");
        assert_eq!(victim.entries(DB), whole, "round {round}");
        victim.assert_sound(DB, "after all");
    }
}

#[test]
fn a_store_that_an_import_makes_is_whole_or_absent() {
    let mut victim = Victim::new();
    fs::write(
        victim.path("events.csv"),
        file(&"usage,acme,,1,5,\n".repeat(500)),
    )
    .unwrap();
    let takes = victim.time("import events.csv --db whole.redb");
    let mut left = 0;
    for round in 0..rounds() {
        let was_done = victim.kill("import events.csv --db new.redb", takes);
        left += victim.unfinished().len();
        if victim.path("new.redb").exists() {
            let entries = victim.entries("new.redb");
            assert!(
                entries == 501 || (entries == 0 && !was_done),
                "round {round}: {entries}"
            );
        }
        victim.ok("import events.csv --db new.redb");
        assert_eq!(victim.entries("new.redb"), 501, "round {round}");
        fs::remove_file(victim.path("new.redb")).unwrap();
    }
    victim.ok("account create acme --db last.redb");
    assert_eq!(victim.unfinished(), Vec::<PathBuf>::new(), "of {left}");
}

#[test]
fn a_copy_and_an_export_are_whole_or_absent_and_leave_nothing() {
    let mut victim = Victim::new();
    fs::write(
        victim.path("events.csv"),
        file(&"usage,acme,,1,5,\n".repeat(5_000)),
    )
    .unwrap();
    victim.ok("import events.csv");
    let (journal, entries) = (victim.ok("export"), victim.entries(DB));
    let copying = victim.time("copy whole.redb");
    let exporting = victim.time("export --output whole.jsonl");
    fs::write(victim.path("forced.jsonl"), "old").unwrap();
    let mut left = 0;
    for round in 0..rounds() {
        let name = format!("{round}.redb");
        let was_done = victim.kill(&format!("copy {name}"), copying);
        match victim.path(&name).exists() {
            true => assert_eq!(victim.entries(&name), entries, "round {round}"),
            false => assert!(!was_done, "round {round}"),
        }
        let name = format!("{round}.jsonl");
        let was_done = victim.kill(&format!("export --output {name}"), exporting);
        match fs::read_to_string(victim.path(&name)) {
            Ok(written) => assert!(written == journal, "round {round}: {}", written.len()),
            Err(_) => assert!(!was_done, "round {round}"),
        }
        victim.kill("export --output forced.jsonl --force", exporting);
        let written = fs::read_to_string(victim.path("forced.jsonl")).unwrap();
        assert!(
            written == "old" || written == journal,
            "round {round}: {}",
            written.len()
        );
        left += victim.unfinished().len();
        // The next that write into the folder clear what was left.
        victim.ok("export --output next.jsonl --force");
        victim.ok(&format!("copy next-{round}.redb"));
        assert_eq!(victim.unfinished(), Vec::<PathBuf>::new(), "round {round}");
        fs::remove_file(victim.path(&format!("next-{round}.redb"))).unwrap();
    }
    victim.assert_sound(DB, &format!("after all, {left} unfinished"));
}
