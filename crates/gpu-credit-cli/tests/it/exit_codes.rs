//! How every command ends if it cannot do its work: a code, one line that says what to do next, and
//! nothing half-written.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use crate::{file, stderr};

/// Every command that asks or corrects a store, with all that it needs.
const ON_A_STORE: [&str; 16] = [
    "accounts",
    "account delete acme --yes --id gone",
    "grant acme 1 --at 0 --expiration 9",
    "use acme 1 --at 5",
    "retract acme u1",
    "revoke acme g1 --from 5",
    "change acme u1 --amount 2",
    "close acme --until 1 --yes",
    "balance --at 5",
    "statement acme --at 5",
    "draws acme u1",
    "history acme",
    "plot acme",
    "check",
    "export",
    "copy copy.redb",
];
/// Those that make a store if there is none.
const MAKES_A_STORE: [&str; 2] = ["account create other", "import events.csv"];
/// Those that need none.
const PAGES: [&str; 5] = [
    "--help",
    "use --help",
    "--version",
    "help use",
    "help units",
];
const WITHOUT_A_STORE: [&str; 3] = ["replay events.csv", "verify events.csv", GENERATE];
const GENERATE: &str = "generate --shape late --usage 9 --grants 3 --queries 1";

/// A folder with a store and an events file.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self::without_store();
        for line in [
            "account create acme",
            "grant acme 10 --at 0 --expiration 9 --id g1",
            "use acme 3 --at 5 --id u1",
        ] {
            assert!(place.run(line).status.success(), "{line}");
        }
        place
    }

    fn without_store() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::write(
            place.path("events.csv"),
            file("usage,acme,,1,5,\nbalance,acme,,,5,\n"),
        )
        .unwrap();
        place
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("gpu-credit"));
        command
            .env_remove("GPU_CREDIT_DB")
            .env_remove("GPU_CREDIT_UNIT")
            .current_dir(self.0.path())
            .args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// The names of the files, and what is in them.
    fn files(&self) -> Vec<(std::ffi::OsString, Vec<u8>)> {
        let entries = fs::read_dir(self.0.path()).unwrap().map(Result::unwrap);
        let files = entries.map(|entry| {
            (
                entry.file_name(),
                fs::read(entry.path()).unwrap_or_default(),
            )
        });
        let mut files: Vec<_> = files.collect();
        files.sort();
        files
    }

    /// Checks that a command ends with code 2 and one line that ends like this, and changes nothing.
    #[track_caller]
    fn refuses(&self, line: &str, ends: &str) {
        let before = self.files();
        let output = self.run(line);
        let said = stderr(&output);
        assert!(
            said.starts_with("gpu-credit: ") && said.ends_with(&format!("{ends}\n")),
            "{line}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{line}");
        assert!(self.files() == before, "{line}: something was written");
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    ON_A_STORE.into_iter().chain(MAKES_A_STORE)
}

#[test]
fn a_store_that_is_not_there() {
    let place = Place::without_store();
    for line in ON_A_STORE {
        let advice = "; `gpu-credit account create` and `gpu-credit import` make one, and --db names another";
        place.refuses(
            line,
            &format!("gpu-credit.redb: there is no such file{advice}"),
        );
    }
    for line in all().chain(["import events.csv --dry-run"]) {
        let line = format!("{line} --db missing/gpu-credit.redb");
        let output = place.run(&line);
        match line.contains("--dry-run") {
            true => assert_eq!(output.status.code(), Some(0), "it needs no folder"),
            false => place.refuses(&line, ""),
        }
    }
    place.refuses(
        "account create acme --db missing/gpu-credit.redb",
        "there is no folder for it: make that first",
    );
}

#[test]
fn a_store_that_is_none() {
    let place = Place::without_store();
    fs::create_dir(place.path("folder")).unwrap();
    for content in [&b""[..], b"redb", &[b'x'; 10_000]] {
        fs::write(place.path("other"), content).unwrap();
        for line in all() {
            let line = format!("{line} --db other");
            place.refuses(
                &line,
                "other: it is not a store of gpu-credit; --db names another",
            );
        }
    }
    for line in all() {
        place.refuses(
            &format!("{line} --db folder"),
            "it is a directory: name a file in it",
        );
    }
}

#[test]
fn a_store_that_another_process_has_open() {
    let place = Place::new();
    let store = gpu_credit_store::Store::open(place.path("gpu-credit.redb")).unwrap();
    for line in all() {
        let output = place.run(line);
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = stderr(&output);
        assert!(
            said.ends_with(": try again once that has ended, or ask a copy\n"),
            "{line}: {said}"
        );
    }
    drop(store);
    assert_eq!(place.run("check").status.code(), Some(0));
}

#[test]
fn a_file_to_read_that_is_not_there_or_none() {
    let place = Place::new();
    fs::create_dir(place.path("folder")).unwrap();
    for command in ["replay", "verify", "import --dry-run"] {
        let line = format!("{command} missing.csv");
        place.refuses(
            &line,
            "missing.csv: cannot be opened: there is no such file",
        );
        let line = format!("{command} folder");
        place.refuses(
            &line,
            "cannot be read: it is a directory: name a file in it",
        );
    }
}

#[test]
fn a_command_line_that_lacks_something() {
    let place = Place::new();
    let output = place.run("");
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("Usage: gpu-credit") && said.contains("Accounts:"),
        "{said}"
    );
    for line in all().chain(WITHOUT_A_STORE) {
        let command: Vec<&str> = line.split(' ').take(1).collect();
        if ["accounts", "balance", "statement", "check", "export"].contains(&command[0]) {
            continue;
        }
        for line in [
            command[0].to_owned(),
            format!("{line} --no-such-option"),
            format!("{line} --force=1"),
        ] {
            let output = place.run(&line);
            assert_eq!(output.status.code(), Some(2), "{line}");
            let said = stderr(&output);
            assert!(
                said.contains("Usage: gpu-credit") || said.contains("For more information, try"),
                "{said}"
            );
            assert_eq!(output.stdout, b"", "{line}");
        }
    }
}

/// What a reader does not wait for is no failure, unless a check has failed.
#[test]
fn a_pipe_that_is_closed() {
    let place = Place::new();
    let closed = |line: &str| {
        let mut command = place.command(line);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(stderr(&output), "", "{line}");
        output.status.code()
    };
    let store = fs::read(place.path("gpu-credit.redb")).unwrap();
    for line in all().chain(WITHOUT_A_STORE).chain(PAGES) {
        fs::write(place.path("gpu-credit.redb"), &store).unwrap();
        assert_eq!(closed(line), Some(0), "{line}");
    }
    fs::write(place.path("gpu-credit.redb"), &store).unwrap();
    fs::write(place.path("events.csv"), file("")).unwrap();
    assert_eq!(closed("verify events.csv"), Some(1));
    let database = redb::Database::open(place.path("gpu-credit.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let ids = redb::TableDefinition::<(u64, u64, u64), ()>::new("record ids");
    let mut open = write.open_table(ids).unwrap();
    open.retain(|_, _| false).unwrap();
    drop(open);
    write.commit().unwrap();
    drop(database);
    assert_eq!(closed("check"), Some(1));
}

#[test]
#[cfg(target_os = "linux")]
fn a_standard_output_that_is_full() {
    let place = Place::new();
    let store = fs::read(place.path("gpu-credit.redb")).unwrap();
    // Pages of help that could not be written ended with exit code 0.
    for line in all().chain(WITHOUT_A_STORE).chain(PAGES) {
        fs::write(place.path("gpu-credit.redb"), &store).unwrap();
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = place.command(line).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        let said = stderr(&output);
        assert!(
            said.contains("there is no room left on the device"),
            "{line}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{line}: {said}");
        if line.starts_with("use acme") {
            assert!(
                said.contains("which would have said \"posted as revision"),
                "{said}"
            );
        }
    }
}

/// Runs a command line with files of at most so many blocks of 512 bytes, as on a disk that is full.
#[cfg(unix)]
fn on_a_full_disk(place: &Place, line: &str, blocks: u32) -> Output {
    let program = assert_cmd::cargo::cargo_bin!("gpu-credit");
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" {line}");
    Command::new("sh")
        .args(["-c", &script, program.to_str().unwrap()])
        .current_dir(place.0.path())
        .output()
        .unwrap()
}

#[test]
#[cfg(unix)]
fn a_disk_that_is_full() {
    let place = Place::new();
    let names = |place: &Place| {
        place
            .files()
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    let journal = place.run("export").stdout;
    let rows: String = (0..40_000)
        .map(|row| format!("usage,acme,,1,{row},\n"))
        .collect();
    fs::write(place.path("many.csv"), file(&rows)).unwrap();
    let length = fs::metadata(place.path("gpu-credit.redb")).unwrap().len();
    let blocks = u32::try_from(length / 512).unwrap();
    let before = names(&place);
    for (line, blocks) in [
        ("import many.csv", blocks + 8),
        ("account create acme --db new.redb", 4),
        ("copy new.redb", 4),
        ("export --output new.jsonl", 0),
        ("plot acme --output new.svg", 1),
    ] {
        let output = on_a_full_disk(&place, line, blocks);
        assert_eq!(output.status.code(), Some(2), "{line}: {}", stderr(&output));
        let said = stderr(&output);
        let is_clear = ["there is no room left", "File too large"]
            .iter()
            .any(|word| said.contains(word));
        assert!(is_clear, "{line}: {said}");
        assert_eq!(names(&place), before, "{line}");
        assert_eq!(place.run("export").stdout, journal, "{line}");
    }
    assert_eq!(place.run("check").status.code(), Some(0));
    assert_eq!(place.run("import many.csv").status.code(), Some(0));
}

/// As another user, if this one may do everything.
#[test]
#[cfg(unix)]
fn a_folder_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    let place = Place::new();
    let everybody_reads =
        |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    everybody_reads(&place.path("gpu-credit.redb"), 0o666);
    everybody_reads(place.0.path(), 0o555);
    let is_bound = fs::File::create(place.path("probe")).is_err();
    for line in [
        "account create acme --db new.redb",
        "import events.csv --db new.redb",
        "copy new.redb",
        "export --output new.jsonl",
        "plot acme --output new.svg",
        &format!("{GENERATE} --output new.csv"),
    ] {
        let mut command = place.command(line);
        if !is_bound {
            // Nobody.
            command.uid(65_534).gid(65_534);
        }
        let Ok(output) = command.output() else {
            // It may not run the program.
            break;
        };
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{line}: {said}");
        assert!(said.contains("Permission denied"), "{line}: {said}");
        assert!(
            !fs::exists(place.path(line.split(' ').next_back().unwrap())).unwrap(),
            "{line}"
        );
    }
    everybody_reads(place.0.path(), 0o755);
}

/// An import that stands for a while, and a file that is moved away under it.
#[test]
#[cfg(target_os = "linux")]
fn a_store_that_is_moved_while_it_is_open() {
    use std::io::Write;

    let place = Place::new();
    let mut child = place
        .command("import -")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // So many that it is open for a while.
    let rows = 100_000;
    let mut input = child.stdin.take().unwrap();
    input
        .write_all(file(&"usage,acme,,1,5,\n".repeat(rows)).as_bytes())
        .unwrap();
    drop(input);
    let descriptors = format!("/proc/{}/fd", child.id());
    let has_it_open = || {
        let links = fs::read_dir(&descriptors).unwrap().flatten();
        links
            .filter_map(|link| fs::read_link(link.path()).ok())
            .any(|file| file.ends_with("gpu-credit.redb"))
    };
    while !has_it_open() {
        assert_eq!(child.try_wait().unwrap(), None);
    }
    fs::rename(place.path("gpu-credit.redb"), place.path("moved.redb")).unwrap();
    assert!(place.run("account create acme").status.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(output.stdout, b"");
    assert_eq!(
        stderr(&output),
        "gpu-credit: gpu-credit.redb: the file was moved or replaced while it was open: what was \
         posted is in the one that was there before\n"
    );
    let journal = String::from_utf8(place.run("export --db moved.redb").stdout).unwrap();
    let is_entry = |line: &&str| line.starts_with("{\"sequence\":");
    assert_eq!(journal.lines().filter(is_entry).count(), 3 + rows);
}

#[test]
fn a_name_that_is_too_long_does_not_fill_the_screen() {
    let place = Place::new();
    let long = "x".repeat(100_000);
    for line in [
        format!("account create {long}"),
        format!("use acme 1 --at 1 --id {long}"),
        format!("use acme {long} --at 1"),
        format!("replay {long}"),
    ] {
        let output = place.run(&line);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stderr.len() < 3_000, "{}", output.stderr.len());
    }
}
