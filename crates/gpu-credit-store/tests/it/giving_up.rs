//! An import that its caller gives up, wherever it is.

use std::ops::ControlFlow;

use gpu_credit_store::sacct::SacctOptions;
use gpu_credit_store::{
    Error, ImportError, ImportMode, ImportOptions, ImportStep, Imported, SacctImport, Store,
};

const HEADER: &str = "kind,account,credit_id,amount,timestamp,expiration,id\n";

fn events(rows: std::ops::Range<u32>) -> String {
    let rows = rows.map(|row| format!("usage,account {},,{row},{row},,row-{row}\n", row % 3));
    HEADER.to_owned() + &rows.collect::<String>()
}

type Tell<'a> = &'a mut dyn FnMut(ImportStep) -> ControlFlow<()>;

/// Steps told before one at which it is given up.
fn given_up_after(
    steps: u64,
    import: &dyn Fn(Tell<'_>) -> Result<Imported, Error>,
) -> Result<Imported, (Error, ImportStep)> {
    let (mut told, mut last) = (0, None);
    let imported = import(&mut |step| {
        assert!(told <= steps, "it went on after it had been given up");
        told += 1;
        last = Some(step);
        match told > steps {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    });
    imported.map_err(|error| (error, last.expect("it was told something")))
}

fn is_given_up(error: &Error) -> bool {
    matches!(error, Error::Import(error) if matches!(**error, ImportError::GivenUp))
}

#[test]
fn an_import_that_is_given_up_at_any_step_posts_nothing_and_can_be_repeated() {
    let there = Store::in_memory().unwrap();
    let file = events(0..20);
    let _ = there
        .import_events(file.as_bytes(), &ImportOptions::default(), |_| {
            ControlFlow::Continue(())
        })
        .unwrap();
    let mut journal = Vec::new();
    there.export_journal(&mut journal, |_| ()).unwrap();
    let options = ImportOptions::default();
    for is_journal in [false, true] {
        let mut kinds = Vec::new();
        for steps in 0.. {
            let store = Store::in_memory().unwrap();
            let import = |tell: Tell<'_>| match is_journal {
                true => store.import_journal(&journal[..], &options, tell),
                false => store.import_events(file.as_bytes(), &options, tell),
            };
            match given_up_after(steps, &import) {
                Ok(imported) => {
                    assert_eq!(imported.posted, 23);
                    break;
                }
                Err((error, step)) => {
                    assert!(is_given_up(&error), "{error}");
                    let kind = std::mem::discriminant(&step);
                    if !kinds.contains(&kind) {
                        kinds.push(kind);
                    }
                }
            }
            assert_eq!(store.accounts().unwrap(), [], "after {steps} steps");
            assert_eq!(
                import(&mut |_| ControlFlow::Continue(())).unwrap().posted,
                23
            );
            assert!(store.check(3, |_| ()).unwrap().is_sound());
        }
        assert_eq!(kinds.len(), 4, "read, checked, prepared and written");
    }
}

#[test]
fn an_import_in_batches_that_is_given_up_keeps_what_was_posted_until_then() {
    let options = ImportOptions {
        batch_rows: std::num::NonZeroU64::new(4),
        ..ImportOptions::default()
    };
    let file = events(0..20);
    let mut stopped_after = Vec::new();
    for steps in 0.. {
        let store = Store::in_memory().unwrap();
        let import = |tell: Tell<'_>| store.import_events(file.as_bytes(), &options, tell);
        let posted = match given_up_after(steps, &import) {
            Ok(_) => break,
            Err((error, _)) if is_given_up(&error) => 0,
            Err((error, _)) => {
                let Error::Import(stopped) = &error else {
                    panic!("{error}");
                };
                let ImportError::Stopped { posted, error, .. } = &**stopped else {
                    panic!("{stopped}");
                };
                assert!(is_given_up(error), "{error}");
                *posted
            }
        };
        assert_eq!(store.last_sequence().get(), posted);
        stopped_after.push(posted);
        let imported = import(&mut |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(imported.posted, 23 - posted);
        assert!(store.check(3, |_| ()).unwrap().is_sound());
    }
    stopped_after.dedup();
    assert_eq!(stopped_after.first(), Some(&0));
    assert!(stopped_after.len() > 3, "{stopped_after:?}");
}

#[test]
fn an_import_of_jobs_that_is_given_up_posts_nothing() {
    let output = "JobIDRaw|Cluster|Account|User|Submit|Start|End|AllocTRES|State\n\
        1|c|lab|ada|2026-01-01T00:00:00|2026-01-01T00:00:00|2026-01-01T01:00:00|gres/gpu=2|COMPLETED\n\
        2|c|lab|ada|2026-01-01T00:00:00|2026-01-01T00:00:00|2026-01-01T02:00:00|gres/gpu=1|COMPLETED\n";
    let options = SacctImport {
        read: SacctOptions {
            timezone: jiff::tz::TimeZone::UTC,
            now: jiff::Timestamp::UNIX_EPOCH,
            resource: "gpu".parse().unwrap(),
            payer: gpu_credit_store::sacct::Payer::Account,
        },
        mode: ImportMode::Post,
        skip_refused: false,
        opens_accounts: true,
        policy: gpu_credit::Overdraft::Carry,
        unit: gpu_credit_store::TimeUnit::Seconds,
        memory_bytes_max: 1 << 20,
    };
    for steps in 0..4 {
        let (store, mut told) = (Store::in_memory().unwrap(), 0);
        let error = store.import_sacct(output.as_bytes(), &options, |_| {
            told += 1;
            match told > steps {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        assert!(is_given_up(&error.unwrap_err()));
        assert_eq!((told, store.last_sequence().get()), (steps + 1, 0));
        assert_eq!(store.time_unit().unwrap(), None);
    }
}
