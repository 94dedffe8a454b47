//! Output of `sacct` that is imported into a store, grown and older.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use gpu_credit::{MeteredUsage, Overdraft};
use gpu_credit_store::sacct::SacctOptions;
use gpu_credit_store::{
    Error, ImportError, ImportMode, MeteredChange, Posting, SacctImport, SacctImported, Store,
    TimeUnit,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::support::{TestStore, assert_sound, entry_count, store_in_memory};

const FIRST: &str = include_str!("../../../../examples/sacct-2026-01-13.txt");
const GROWN: &str = include_str!("../../../../examples/sacct-2026-01-14.txt");

fn options() -> SacctImport {
    SacctImport {
        read: SacctOptions {
            timezone: TimeZone::UTC,
            now: "2026-01-14T16:00:00Z".parse().unwrap(),
            resource: Default::default(),
            payer: Default::default(),
        },
        mode: ImportMode::Post,
        skip_refused: false,
        opens_accounts: true,
        policy: Overdraft::Carry,
        unit: TimeUnit::Seconds,
        memory_bytes_max: 1 << 30,
    }
}

fn import(store: &Store<impl gpu_credit_store::Storage>, output: &str) -> SacctImported {
    store
        .import_sacct(output.as_bytes(), &options(), |_| ControlFlow::Continue(()))
        .unwrap()
}

/// What has ended, by id, as the rows of the file say.
fn ended(output: &str) -> BTreeMap<String, MeteredUsage> {
    let seconds = |local: &str| {
        let time: Timestamp = format!("{local}Z").parse().unwrap();
        time.as_second()
    };
    let rows = output
        .lines()
        .skip(1)
        .map(|row| row.split('|').collect::<Vec<_>>());
    let jobs = rows.filter(|row| !row[0].contains('.') && !row[5].starts_with(['U', 'N']));
    let ended = jobs.filter(|row| row[6] != "Unknown");
    let gpus = |tres: &str| {
        let gpus = tres
            .split(',')
            .filter_map(|item| item.strip_prefix("gres/gpu="));
        gpus.map(|gpus| gpus.parse::<u64>().unwrap()).sum()
    };
    ended
        .map(|row| {
            let usage = MeteredUsage {
                rate: gpus(row[8]),
                from: seconds(row[5]),
                until: seconds(row[6]),
            };
            (
                format!("{}/{}/{}/{}Z", row[2], row[1], row[0], row[4]),
                usage,
            )
        })
        .collect()
}

/// The jobs as they stand, by account and id.
fn standing(store: &Store<impl gpu_credit_store::Storage>) -> BTreeMap<String, MeteredUsage> {
    let mut jobs = BTreeMap::new();
    for account in store.accounts().unwrap() {
        let ids: BTreeMap<_, _> = (store.history(&account.name).unwrap().into_iter())
            .map(|entry| (entry.revision, entry.id))
            .collect();
        store
            .with_account(&account.name, |held| {
                for (id, usage) in held.ledger().metered(..) {
                    let revision = held.metered_revision(id).unwrap();
                    jobs.insert(format!("{}/{}", account.name, ids[&revision]), usage);
                }
            })
            .unwrap();
    }
    jobs
}

#[test]
fn a_grown_output_posts_what_is_new_and_moves_and_closes_ends() {
    let (_folder, store) = store_in_memory();
    let first = import(&store, FIRST);
    assert_eq!(first.opened, ["climate", "speech", "vision"]);
    assert_eq!((first.moved, first.closed, first.known), (0, 0, 0));
    assert!(first.posted > 250 && first.running > 3, "{first:?}");
    assert!(
        first.passed_over.steps > 30 && first.passed_over.not_started > 3,
        "{first:?}"
    );
    assert_eq!(store.time_unit().unwrap(), Some(TimeUnit::Seconds));

    let entries = entry_count(&store);
    assert_eq!(entries, first.posted + first.running + 3);
    let again = import(&store, FIRST);
    assert_eq!((again.posted, again.known), (0, first.posted));
    assert_eq!(entry_count(&store), entries);

    let grown = import(&store, GROWN);
    assert_eq!(grown.opened, [""; 0]);
    assert_eq!(grown.known + grown.closed, first.posted);
    assert!(grown.posted > 20 && grown.closed > 2, "{grown:?}");
    let all = standing(&store);
    for (id, usage) in ended(GROWN) {
        assert_eq!(all.get(&id), Some(&usage), "{id}");
    }
    assert_eq!(all.len() as u64, first.posted + grown.posted);

    // The older one comes last: no final end moves.
    let entries = entry_count(&store);
    let older = import(&store, FIRST);
    assert_eq!((older.posted, older.moved, older.closed), (0, 0, 0));
    assert_eq!((entry_count(&store), standing(&store)), (entries, all));
    assert_sound(&store);
}

#[test]
fn in_either_order_the_ends_that_are_known_are_the_same() {
    let (_folder, grown_last) = store_in_memory();
    let _ = import(&grown_last, FIRST);
    let _ = import(&grown_last, GROWN);
    let (_other, grown_first) = store_in_memory();
    let _ = import(&grown_first, GROWN);
    let _ = import(&grown_first, FIRST);
    assert_eq!(standing(&grown_first), standing(&grown_last));
}

#[test]
fn a_dry_run_says_the_same_and_posts_nothing() {
    let (_folder, store) = store_in_memory();
    let trial = SacctImport {
        mode: ImportMode::DryRun,
        ..options()
    };
    let would_be = store
        .import_sacct(FIRST.as_bytes(), &trial, |_| ControlFlow::Continue(()))
        .unwrap();
    assert_eq!(entry_count(&store), 0);
    assert_eq!(store.time_unit().unwrap(), None);
    let imported = import(&store, FIRST);
    assert_eq!(format!("{imported:?}"), format!("{would_be:?}"));
}

const HEADER: &str = "JobIDRaw|Cluster|Account|User|Submit|Start|End|Timelimit|AllocTRES|State";

fn row(end: &str, gpus: u64) -> String {
    let day = "2026-01-05T";
    let end = match end {
        "Unknown" => end.to_owned(),
        end => format!("{day}{end}"),
    };
    format!(
        "17|tiger|acme|ada|{day}09:00:00|{day}10:00:00|{end}|04:00:00|gres/gpu={gpus}|RUNNING\n"
    )
}

#[test]
fn any_other_difference_is_refused_and_shows_both() {
    let (_folder, store) = store_in_memory();
    let id = "tiger/17/2026-01-05T09:00:00Z";
    let _ = import(&store, &format!("{HEADER}\n{}", row("12:00:00", 4)));
    let ten = 1_767_607_200;
    for (other, row, posted) in [
        (row("12:00:00", 8), 8, ten + 7_200),
        (row("12:00:01", 4), 4, ten + 7_201),
    ]
    .map(|(row, rate, until)| (row, (rate, until), (4, ten + 7_200)))
    {
        let before = entry_count(&store);
        let new = other.replace("17|tiger", "18|tiger");
        let error = store.import_sacct(
            format!("{HEADER}\n{new}{other}").as_bytes(),
            &options(),
            |_| ControlFlow::Continue(()),
        );
        let error = error.unwrap_err().to_string();
        let say =
            |(rate, until)| format!("metered usage of {rate} a tick from {ten} until {until}");
        let expected = format!(
            "line 3: account \"acme\", id \"{id}\": the row is {}, but by revision 2 the job is {}",
            say(row),
            say(posted),
        );
        assert_eq!(error, expected);
        assert_eq!(
            entry_count(&store),
            before,
            "not even the new one is posted"
        );
    }
    // One file may say it twice: as it grew.
    let twice = format!("{HEADER}\n{}{}", row("Unknown", 4), row("13:00:00", 4));
    let twice = import(&store, &twice.replace("17|tiger", "19|tiger"));
    assert_eq!((twice.posted, twice.running, twice.closed), (1, 1, 1));
    let differing = format!("{HEADER}\n{}{}", row("13:00:00", 1), row("13:00:00", 2));
    let differing = differing.replace("17|tiger", "20|tiger");
    let error = store
        .import_sacct(differing.as_bytes(), &options(), |_| {
            ControlFlow::Continue(())
        })
        .unwrap_err();
    assert!(
        error.to_string().contains("but by line 2 the job is"),
        "{error}"
    );
}

#[test]
fn the_ids_of_entries_say_what_became_of_an_end() {
    let (_folder, store) = store_in_memory();
    let file = |end| format!("{HEADER}\n{}", row(end, 4));
    let _ = import(&store, &file("Unknown"));
    let longer = file("Unknown").replace("04:00:00", "1-00:00:00");
    assert_eq!(import(&store, &longer).moved, 1);
    assert_eq!(import(&store, &file("11:30:00")).closed, 1);
    assert_eq!(import(&store, &longer).known, 1);
    let history = store.history("acme").unwrap();
    let ids: Vec<&str> = history.iter().map(|entry| entry.id.as_str()).collect();
    let expected = [
        "open",
        "tiger/17/2026-01-05T09:00:00Z",
        "tiger/17/2026-01-05T09:00:00Z/until/2026-01-05T14:00:00Z",
        "tiger/17/2026-01-05T09:00:00Z/until/2026-01-06T10:00:00Z",
        "tiger/17/2026-01-05T09:00:00Z/end",
    ];
    assert_eq!(ids, expected);
}

/// What is refused, with the store as it was.
#[track_caller]
fn refused(store: &TestStore, output: &str) -> String {
    let before = entry_count(store);
    let imported = store.import_sacct(output.as_bytes(), &options(), |_| ControlFlow::Continue(()));
    assert_eq!(entry_count(store), before);
    imported.unwrap_err().to_string()
}

fn left(imported: &SacctImported) -> Vec<&str> {
    let corrected = imported.corrected.iter();
    corrected.map(|job| job.id.as_str()).collect()
}

/// The next file with another end was refused, with all jobs of all accounts, until the job was in no file.
#[test]
fn a_job_that_was_stopped_by_hand_does_not_keep_others_from_being_posted() {
    let (_folder, store) = store_in_memory();
    let file = |end| format!("{HEADER}\n{}", row(end, 4));
    let _ = import(&store, &file("Unknown"));
    let id = "tiger/17/2026-01-05T09:00:00Z";
    let ten = 1_767_607_200;
    let _ = store.stop("acme", &id.into(), ten + 600).unwrap();
    assert_eq!(left(&import(&store, &file("Unknown"))), [id]);
    assert_eq!(import(&store, &file("10:10:00")).known, 1);
    let other = row("11:00:00", 2).replace("17|tiger|acme", "18|tiger|bert");
    let imported = import(&store, &format!("{}{other}", file("11:00:00")));
    assert_eq!((left(&imported), imported.posted), (vec![id], 1));
    assert_eq!(standing(&store)[&format!("acme/{id}")].until, ten + 600);
    store.post(Posting::retract("acme", "back", id)).unwrap();
    assert_eq!(left(&import(&store, &file("11:00:00"))), [id]);
    assert_sound(&store);
}

/// The entry under the id of the job was named, which had another end than the one that was shown.
#[test]
fn the_entry_that_moved_an_end_is_named_if_a_file_differs() {
    let (_folder, store) = store_in_memory();
    let file = |end| format!("{HEADER}\n{}", row(end, 4));
    let _ = import(&store, &file("Unknown"));
    let _ = import(&store, &file("13:00:00"));
    let last = store.history("acme").unwrap().pop().unwrap();
    assert!(last.id.as_str().ends_with("/end"));
    let said = refused(&store, &file("13:30:00"));
    let expected = format!("but by revision {} the job is", last.revision);
    assert!(said.contains(&expected), "{said}");
}

/// The operator followed what `sacct` said, and was refused as before.
#[test]
fn a_correction_to_what_the_file_has_settles_it() {
    let (_folder, store) = store_in_memory();
    let file = |end, gpus| format!("{HEADER}\n{}", row(end, gpus));
    let id = "tiger/17/2026-01-05T09:00:00Z";
    let _ = import(&store, &file("12:00:00", 4));
    refused(&store, &file("12:00:00", 2));
    let change = MeteredChange {
        rate: Some(2),
        ..MeteredChange::default()
    };
    let change = Posting::change_metered_usage("acme", "revised", id, change);
    store.post(change).unwrap();
    assert_eq!(import(&store, &file("12:00:00", 2)).known, 1);
    assert_eq!(left(&import(&store, &file("12:00:00", 4))), [id]);
    refused(&store, &file("12:30:00", 2));
}

#[test]
fn closed_books_keep_what_had_ended_and_let_the_rest_move() {
    let (_folder, store) = store_in_memory();
    let file = |end| format!("{HEADER}\n{}", row(end, 4));
    let _ = import(&store, &file("Unknown"));
    let noon = 1_767_614_400;
    // It ends at 14:00 for now.
    store
        .post(Posting::close_books("acme", "noon", noon))
        .unwrap();
    assert_eq!(import(&store, &file("13:00:00")).closed, 1);
    store
        .post(Posting::close_books("acme", "evening", noon + 20_000))
        .unwrap();
    assert_eq!(import(&store, &file("13:00:00")).known, 1);
    assert_eq!(import(&store, &file("Unknown")).known, 1);
}

#[test]
fn times_are_in_the_unit_of_the_store() {
    let (_folder, store) = store_in_memory();
    store.set_time_unit(TimeUnit::Milliseconds).unwrap();
    let _ = import(&store, &format!("{HEADER}\n{}", row("12:00:00", 4)));
    let usage = *standing(&store).values().next().unwrap();
    assert_eq!(
        (usage.from, usage.until),
        (1_767_607_200_000, 1_767_614_400_000)
    );
    let (_folder, store) = store_in_memory();
    store.set_time_unit(TimeUnit::Nanoseconds).unwrap();
    let far = format!("{HEADER}\n{}", row("12:00:00", 4)).replace("2026-", "2500-");
    let error = store
        .import_sacct(far.as_bytes(), &options(), |_| ControlFlow::Continue(()))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("line 2: the job begins or ends out of range"),
        "{error}"
    );
}

#[test]
fn memory_is_bounded() {
    let (_folder, store) = store_in_memory();
    let small = SacctImport {
        memory_bytes_max: 100_000,
        ..options()
    };
    let error = store
        .import_sacct(FIRST.as_bytes(), &small, |_| ControlFlow::Continue(()))
        .unwrap_err();
    let Error::Import(error) = error else {
        panic!("{error}");
    };
    assert!(
        matches!(*error, ImportError::Memory { rows: 101, .. }),
        "{error}"
    );
    assert_eq!(entry_count(&store), 0);
}
