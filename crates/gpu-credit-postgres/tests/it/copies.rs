//! Copies from a file to the server, and back.

use gpu_credit::Overdraft;
use gpu_credit_store::{Deletion, Error, Outcome, Posting, Reader, Storage, Store, TimeUnit};

use crate::support::workload::Workload;
use crate::support::{Database, assert_sound, content, execute, seeds};

/// A store in memory with a random history: corrections, closes, deletions and names that were opened again.
fn filled(seed: u64) -> Store {
    let store = Store::in_memory().unwrap();
    store.set_time_unit(TimeUnit::Milliseconds).unwrap();
    let mut workload = Workload::new(seed, 3);
    for _ in 0..300 {
        let _ = store.post_all(workload.batch());
    }
    let name = store
        .accounts()
        .unwrap()
        .first()
        .map(|key| key.name.to_string());
    if let Some(name) = name {
        store.delete_account(&name, "gone").unwrap();
        store.post(Workload::opening(&name)).unwrap();
        store.post(Posting::usage(&*name, "again", 3, 7)).unwrap();
    }
    let file =
        format!("kind,account,credit_id,amount,timestamp,expiration\nusage,file,,{seed},1,\n");
    let options = gpu_credit_store::ImportOptions::default();
    let imported = store.import_events(file.as_bytes(), &options, |_| {
        std::ops::ControlFlow::Continue(())
    });
    let _ = imported.unwrap();
    store
}

/// What is kept beside the accounts.
fn kept<S: Storage>(store: &Store<S>, reader: &dyn Reader) -> (Option<TimeUnit>, Vec<Deletion>) {
    let mut deletions = reader.deletions().unwrap();
    deletions.sort();
    (store.time_unit().unwrap(), deletions)
}

fn answers<S: Storage>(store: &Store<S>) -> Vec<String> {
    let mut answers = Vec::new();
    for account in store.accounts().unwrap() {
        for timestamp in (-5..120).step_by(5) {
            let answer = store.balance_at(&account.name, timestamp);
            answers.push(format!("{} {timestamp}: {answer:?}", account.name));
        }
        let head = store.head(&account.name).unwrap();
        answers.push(format!(
            "{:?} {:?} {:?}",
            head.policy, head.revision, head.totals
        ));
    }
    answers
}

#[test]
fn a_store_goes_to_the_server_and_back_with_all_that_it_holds() {
    for seed in 0..seeds(80) {
        let context = format!("seed {seed}");
        let file = filled(seed);
        let database = Database::new();
        let server = database.open();
        let mut steps = 0;
        let copied = file.copy_into(&server, |_| steps += 1).unwrap();
        assert!(steps > 0, "{context}");
        assert_eq!(content(&*server), content(&file), "{context}");
        assert_eq!(answers(&*server), answers(&file), "{context}");
        let kept_in_file = kept(&file, file.journal());
        assert_eq!(
            kept(&server, server.shared_journal()),
            kept_in_file,
            "{context}"
        );
        assert_eq!(
            copied.accounts,
            file.accounts().unwrap().len() as u64,
            "{context}"
        );
        assert_eq!(copied.deletions, kept_in_file.1.len() as u64, "{context}");
        assert_sound(&*server);

        let back = Store::in_memory().unwrap();
        assert_eq!(
            server.copy_into(&back, |_| ()).unwrap(),
            copied,
            "{context}"
        );
        assert_eq!(content(&back), content(&file), "{context}");
        assert_eq!(answers(&back), answers(&file), "{context}");
        assert_eq!(kept(&back, back.journal()), kept_in_file, "{context}");
        assert_sound(&back);

        // What goes on is the same, too: retries, deletions that are sent again, files that are known.
        for store in [&file, &back] {
            let retried = store.post(Posting::usage("file", "next", 3, 7)).unwrap();
            assert!(retried.is_new(), "{context}");
        }
        for account in file.accounts().unwrap() {
            let deleted = server.delete_account(&account.name, "gone");
            let expected = file.delete_account(&account.name, "gone");
            assert_eq!(format!("{deleted:?}"), format!("{expected:?}"), "{context}");
        }
    }
}

/// The id of a deletion is known in the copy: sent again it does nothing.
#[test]
fn a_deletion_that_is_sent_again_to_a_copy_is_known() {
    let store = Store::in_memory().unwrap();
    store.open_account("acme", Overdraft::Carry).unwrap();
    store.delete_account("acme", "gone").unwrap();
    let server = Database::new().open();
    let copied = store.copy_into(&server, |_| ()).unwrap();
    assert_eq!((copied.accounts, copied.deletions), (0, 1));
    assert_eq!(
        server.delete_account("acme", "gone").unwrap(),
        Outcome::AlreadyDeleted
    );
    let back = Store::in_memory().unwrap();
    let _ = server.copy_into(&back, |_| ()).unwrap();
    assert_eq!(
        back.delete_account("acme", "gone").unwrap(),
        Outcome::AlreadyDeleted
    );
}

#[test]
fn nothing_is_copied_into_what_holds_something() {
    let from = Store::in_memory().unwrap();
    from.open_account("acme", Overdraft::Carry).unwrap();
    let server = Database::new().open();
    let hold: [fn(&gpu_credit_postgres::PostgresStore); 3] = [
        |server| server.set_time_unit(TimeUnit::Seconds).unwrap(),
        |server| {
            server.open_account("bert", Overdraft::Carry).unwrap();
        },
        |server| {
            server.delete_account("bert", "gone").unwrap();
        },
    ];
    for hold in hold {
        hold(&server);
        let refused = from.copy_into(&server, |_| ()).unwrap_err();
        assert!(matches!(refused, Error::NotEmpty), "{refused}");
    }
    assert_eq!(server.accounts().unwrap(), []);
    let back = Store::in_memory().unwrap();
    back.open_account("bert", Overdraft::Carry).unwrap();
    let refused = server.copy_into(&back, |_| ()).unwrap_err();
    assert!(matches!(refused, Error::NotEmpty), "{refused}");
}

/// A copy is read again, and compared with what was copied.
#[test]
fn a_copy_that_is_not_what_was_copied_is_told() {
    let from = Store::in_memory().unwrap();
    from.open_account("acme", Overdraft::Carry).unwrap();
    from.post(Posting::usage("acme", "u", 20, 12)).unwrap();
    let database = Database::new();
    let server = database.open();
    let wrong = from.copy_into(&server, |step| {
        // The heads are written after the entries.
        if let gpu_credit_store::CopyStep::Written(2) = step {
            let spoil = "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS \
                $$ BEGIN NEW.used := 7; RETURN NEW; END $$; \
                CREATE TRIGGER spoil BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION spoil()";
            execute(&database.url, spoil);
        }
    });
    let wrong = wrong.unwrap_err().to_string();
    assert!(
        wrong.contains("the copy differs from what was copied: the head of account"),
        "{wrong}"
    );
}

/// Of what is written before somebody opens an account of the copy, nothing stays.
#[test]
fn a_copy_into_what_others_fill_meanwhile_leaves_nothing() {
    let from = Store::in_memory().unwrap();
    from.open_account("acme", Overdraft::Carry).unwrap();
    let database = Database::new();
    let (server, other) = (database.open(), database.open());
    let refused = from.copy_into(&server, |_| {
        let _ = other.open_account("acme", Overdraft::Forfeit);
    });
    let refused = refused.unwrap_err();
    assert!(matches!(refused, Error::NotEmpty), "{refused}");
    assert_eq!(server.head("acme").unwrap().policy, Overdraft::Forfeit);
    assert_sound(&*server);
}
