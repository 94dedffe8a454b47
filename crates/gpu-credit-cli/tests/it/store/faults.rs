//! Files that are no store, or cannot be had: one clear line, and nothing lost.

use std::fs;

use super::Folder;

/// One command of each kind.
const COMMANDS: [&str; 4] = [
    "balance acme --at 12",
    "use acme 1 --at 12",
    "history acme",
    "check",
];

#[test]
fn a_file_that_is_not_there() {
    let folder = Folder::new();
    for line in COMMANDS {
        let said = folder.refused(&format!("{line} --db missing.redb"));
        assert!(
            said.starts_with("gpu-credit: missing.redb: there is no such file"),
            "{said}"
        );
        assert!(!folder.path().join("missing.redb").exists());
    }
}

#[test]
fn a_file_of_another_program() {
    let folder = Folder::new();
    let content = b"kind,account,credit_id,amount,timestamp,expiration\n".repeat(100);
    let path = folder.file("gpu-credit.redb", &content);
    folder.file("events.csv", crate::file("usage,acme,,1,5,\n"));
    let posting = ["import events.csv", "account create acme"];
    for line in COMMANDS.iter().chain(&posting) {
        let said = folder.refused(line);
        assert_eq!(
            said,
            "gpu-credit: gpu-credit.redb: it is not a store of gpu-credit; --db names another"
        );
    }
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn a_file_that_another_process_has_open() {
    let folder = Folder::with_account();
    let store = gpu_credit_store::Store::open(folder.path().join("gpu-credit.redb")).unwrap();
    for line in COMMANDS {
        let said = folder.refused(line);
        assert!(
            said.contains("gpu-credit.redb: it is open in another process"),
            "{said}"
        );
    }
    drop(store);
    folder.ok("check");
}

const QUESTIONS: [&str; 7] = [
    "balance acme --at 12",
    "statement acme --at 12",
    "draws acme u1",
    "history acme",
    "accounts",
    "export",
    "copy copy.redb",
];

#[test]
#[cfg(unix)]
fn a_file_that_may_not_be_written_can_be_asked() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::with_account();
    let path = folder.path().join("gpu-credit.redb");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
    for line in QUESTIONS.iter().chain(&["check"]) {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    if fs::OpenOptions::new().write(true).open(&path).is_err() {
        let said = folder.refused("use acme 1 --at 12");
        assert!(
            said.contains("may not be opened for reading and writing"),
            "{said}"
        );
    }
}

#[test]
fn questions_leave_the_file_as_it_is_and_can_be_asked_at_once() {
    let folder = Folder::with_account();
    let path = folder.path().join("gpu-credit.redb");
    let content = fs::read(&path).unwrap();
    let reader = gpu_credit_store::Store::open_read_only(&path).unwrap();
    for line in QUESTIONS {
        let output = folder.run(line);
        assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    }
    assert!(folder.refused("use acme 1 --at 12").contains("it is open"));
    drop(reader);
    assert_eq!(fs::read(path).unwrap(), content);
}

#[test]
fn a_file_of_a_killed_process_can_be_asked() {
    let folder = Folder::with_account();
    let store = gpu_credit_store::Store::open(folder.path().join("gpu-credit.redb")).unwrap();
    let usage = gpu_credit_store::Posting::usage("acme", "u2", 7, 12);
    store.post(usage).unwrap();
    let killed = folder.path().join("killed.redb");
    fs::copy(folder.path().join("gpu-credit.redb"), &killed).unwrap();
    let balance = folder.ok("balance acme --at 12 --db killed.redb --format csv");
    assert!(balance.contains("113"), "{balance}");
    gpu_credit_store::Store::open_read_only(killed).unwrap();
}

#[test]
fn a_damaged_file_is_refused_or_found_by_the_check() {
    let folder = Folder::with_account();
    let path = folder.path().join("gpu-credit.redb");
    let mut content = fs::read(&path).unwrap();
    // Wherever it stands: some pages are free, and nobody reads those.
    let places = (0..content.len()).filter(|place| content[*place..].starts_with(b"march"));
    let places: Vec<usize> = places.collect();
    assert!(!places.is_empty());
    for place in places {
        content[place] ^= 1;
    }
    fs::write(&path, &content).unwrap();
    let output = folder.run("check");
    assert_ne!(output.status.code(), Some(0));
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(said.contains("damaged"), "{said}");
}

#[test]
fn what_the_check_finds_ends_with_exit_code_1() {
    let folder = Folder::with_account();
    // The path from an id to its entry is lost, as no checksum tells.
    let database = redb::Database::open(folder.path().join("gpu-credit.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let ids = redb::TableDefinition::<(u64, u64, u64), ()>::new("record ids");
    write
        .open_table(ids)
        .unwrap()
        .retain(|(_, _, revision), ()| revision != 4)
        .unwrap();
    write.commit().unwrap();
    drop(database);

    let output = folder.run("check");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(crate::stderr(&output), "");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.contains("4 entries and 3 ids") && !said.contains("sound"),
        "{said}"
    );
}
