//! Files as `sacct` prints them, and imports of files that grow, in any order.

use std::collections::{BTreeMap, BTreeSet};

use gpu_credit::MeteredUsage;
use gpu_credit_workload::random::Random;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::*;
use crate::{Change, ImportError, MeteredChange};

const HEADER: &str = "JobIDRaw|Cluster|Account|User|Submit|Start|End|Timelimit|AllocTRES|State";
/// 2026-01-31T12:00:00Z
const NOON: i64 = 1_769_860_800;

fn options() -> SacctOptions {
    SacctOptions {
        timezone: TimeZone::UTC,
        now: Timestamp::from_second(NOON).unwrap(),
        resource: Resource::default(),
        payer: Payer::Account,
    }
}

fn read(output: &str, options: &SacctOptions) -> Result<(Vec<SacctJob>, PassedOver), ImportError> {
    let mut reader = SacctReader::new(output.as_bytes(), options)?;
    let mut jobs = Vec::new();
    while let Some(job) = reader.read()? {
        jobs.push(job);
    }
    Ok((jobs, reader.passed_over()))
}

#[track_caller]
fn error(output: &str) -> String {
    read(output, &options()).unwrap_err().to_string()
}

/// A row of this start, end and limit.
fn row(start: &str, end: &str, limit: &str) -> String {
    let tres = "billing=8,cpu=8,gres/gpu:a100=4,gres/gpu=4,mem=64G,node=1";
    format!("{HEADER}\n17|tiger|acme|ada|2026-01-31T09:00:00|{start}|{end}|{limit}|{tres}|ANY\n")
}

#[test]
fn a_job_that_has_ended_is_final_and_one_that_runs_is_not() {
    let start = "2026-01-31T10:00:00";
    let cases = [
        (
            "2026-01-31T11:30:00",
            "08:00:00",
            NOON - 1_800,
            JobEnd::Final,
        ),
        ("Unknown", "08:00:00", NOON + 6 * 3_600, JobEnd::TimeLimit),
        ("Unknown", "UNLIMITED", NOON, JobEnd::Now),
    ];
    for (end, limit, until, why) in cases {
        let (jobs, _) = read(&row(start, end, limit), &options()).unwrap();
        let [job] = &jobs[..] else {
            panic!("{jobs:?}");
        };
        assert_eq!(
            (job.until.as_second(), job.end),
            (until, why),
            "{end} {limit}"
        );
        assert_eq!(job.start.as_second(), NOON - 7_200);
        assert_eq!((job.rate, job.account.as_str()), (4, "acme"));
        assert_eq!(job.id().as_str(), "tiger/17/2026-01-31T09:00:00Z");
        let usage = job.usage(TimeUnit::Milliseconds).unwrap();
        assert_eq!((usage.rate, usage.until), (4, until * 1_000));
    }
}

#[test]
fn columns_come_in_any_order_among_others_and_a_time_limit_may_be_missing() {
    let output = "State|End|JobName|User|JobIDRaw|Account|AllocTRES|Start|Cluster|Submit\r\n\
                  RUNNING|Unknown|train|ada|17|acme|gres/gpu=2|1769853600|tiger|1769850000\r\n";
    let by_user = SacctOptions {
        payer: Payer::User,
        ..options()
    };
    let (jobs, _) = read(output, &by_user).unwrap();
    assert_eq!((jobs[0].account.as_str(), jobs[0].rate), ("ada", 2));
    assert_eq!(
        (jobs[0].until.as_second(), jobs[0].end),
        (NOON, JobEnd::Now)
    );
    assert_eq!(jobs[0].id().as_str(), "tiger/17/2026-01-31T09:00:00Z");
}

#[test]
fn steps_and_jobs_that_have_not_started_are_passed_over_and_counted() {
    let submit = "2026-01-31T09:00:00";
    let output = format!(
        "{HEADER}\n\
         17|tiger|acme|ada|{submit}|{submit}|Unknown||gres/gpu=1|RUNNING\n\
         17.batch|tiger|acme||{submit}|{submit}|Unknown||gres/gpu=1|RUNNING\n\
         17.0|tiger|acme|||not a time|||x|RUNNING\n\
         18|tiger|acme|ada|{submit}|Unknown|Unknown|||PENDING\n\
         19|tiger|acme|ada|{submit}|2026-02-01T00:00:00|Unknown|||PENDING\n\
         20|tiger|acme|ada|{submit}|None|{submit}|||CANCELLED by 1000\n"
    );
    let (jobs, passed_over) = read(&output, &options()).unwrap();
    assert_eq!(jobs.len(), 1);
    let expected = PassedOver {
        steps: 2,
        not_started: 3,
    };
    assert_eq!(passed_over, expected);
}

#[test]
fn what_is_wrong_is_named_by_line_column_and_value() {
    let good =
        "17|tiger|acme|ada|2026-01-31T09:00:00|2026-01-31T10:00:00|Unknown|1:00|gres/gpu=4|R";
    let cases = [
        (
            "17|",
            "x7|",
            "column JobIDRaw: found \"x7\", expected the number of a job",
        ),
        (
            "17|",
            "-17|",
            "column JobIDRaw: found \"-17\", expected the number of a job",
        ),
        (
            "|tiger|",
            "||",
            "column Cluster: found \"\", expected a name",
        ),
        (
            "|acme|",
            "||",
            "column Account: found \"\", expected a name",
        ),
        (
            "|2026-01-31T10:00:00|",
            "|2026-01-31|",
            "column Start: found \"2026-01-31\", expected a time such as 2026-01-31T12:00:00, or Unknown",
        ),
        (
            "2026-01-31T09:00:00",
            "Unknown",
            "column Submit: found \"Unknown\", expected a time",
        ),
        // Such a job was posted, and used nothing.
        (
            "|Unknown|",
            "|2026-01-31T09:59:59|",
            "column End: found \"2026-01-31T09:59:59\", expected no time before Start, \
             2026-01-31T10:00:00",
        ),
        (
            "|1:00|",
            "|1h|",
            "column Timelimit: found \"1h\", expected a time limit such as 1-12:00:00, or UNLIMITED",
        ),
        (
            "|1:00|",
            "|999999999-00:00:00|",
            "column Timelimit: found \"999999999-00:00:00\", expected an end that the calendar reaches",
        ),
        (
            "gpu=4",
            "gpu=4K",
            "column AllocTRES: found \"gres/gpu=4K\", expected gres/gpu to be an integer from 0 to \
             9223372036854775807",
        ),
    ];
    for (from, to, expected) in cases {
        let bad = error(&format!("{HEADER}\n{good}\n{}\n", good.replace(from, to)));
        assert_eq!(bad, format!("line 3, {expected}"), "{from} as {to}");
    }
    let bad = error(&format!("{HEADER}\n{good}|x\n"));
    assert!(
        bad.starts_with("line 2: found 11 fields, expected 10 as in the header"),
        "{bad}"
    );
    let bad = error(&HEADER.replace("|End", ""));
    assert!(
        bad.starts_with("line 1: the column End is missing, found \"JobIDRaw|"),
        "{bad}"
    );
    assert!(error("").starts_with("line 1: the column JobIDRaw is missing"));
    let bad = error(&HEADER.replace("User", "End"));
    assert_eq!(bad, "line 1: the column End is there twice");
}

/// A store as far as jobs go: every entry by its id.
#[derive(Clone, Default)]
struct Store {
    entries: BTreeSet<String>,
    jobs: BTreeMap<String, PostedJob>,
}

impl Store {
    /// Imports jobs; how many entries that posted.
    fn import(&mut self, jobs: &[SacctJob]) -> Result<usize, MeteredUsage> {
        let before = self.entries.len();
        for job in jobs {
            let id = job.id();
            let posted = self.jobs.get(id.as_str());
            let usage = job.usage(TimeUnit::Seconds).unwrap();
            let is_known = |id: &RecordId| self.entries.contains(id.as_str());
            let decided = decide(job, usage, TimeUnit::Seconds, posted, is_known)?;
            let Decision::Post(steps) = decided else {
                continue;
            };
            for JobStep { id: entry, change } in steps {
                assert!(self.entries.insert(entry.to_string()), "{entry} again");
                match change {
                    JobChange::Post(usage) => {
                        self.jobs.insert(id.to_string(), PostedJob::new(usage));
                    }
                    JobChange::MoveEnd { until } | JobChange::Close { until } => {
                        self.correct(&id, entry.as_str(), until_alone(until));
                    }
                }
            }
        }
        Ok(self.entries.len() - before)
    }

    fn correct(&mut self, job: &RecordId, entry: &str, change: MeteredChange) {
        let MeteredChange { rate, from, until } = change;
        let change = Change::ChangeMeteredUsage {
            of: job.clone(),
            rate,
            from,
            until,
        };
        let corrected = self.jobs.get_mut(job.as_str()).unwrap();
        corrected.correct(job, &entry.into(), &change);
    }

    fn standing(&self, id: &str) -> Option<MeteredUsage> {
        self.jobs.get(id)?.standing
    }
}

fn until_alone(until: i64) -> MeteredChange {
    MeteredChange {
        until: Some(until),
        ..MeteredChange::default()
    }
}

fn job(number: u64, start: i64, until: i64, end: JobEnd) -> SacctJob {
    let instant = |second| Timestamp::from_second(second).unwrap();
    SacctJob {
        line: number,
        cluster: "tiger".to_owned(),
        number,
        submit: instant(start - 60),
        account: "acme".to_owned(),
        rate: 1 + number % 8,
        start: instant(start),
        until: instant(until),
        end,
    }
}

#[test]
fn the_ids_of_a_job_say_what_became_of_its_end() {
    let mut store = Store::default();
    let at = |until, end| [job(17, NOON, NOON + until, end)];
    let moves = [
        (3_600, JobEnd::TimeLimit, 2),
        (3_600, JobEnd::TimeLimit, 0),
        (7_200, JobEnd::TimeLimit, 1),
        (3_600, JobEnd::TimeLimit, 1),
        (7_200, JobEnd::Now, 1),
        (1_800, JobEnd::Final, 1),
        (1_800, JobEnd::Final, 0),
        (7_200, JobEnd::TimeLimit, 0),
        (9_999, JobEnd::Now, 0),
    ];
    for (until, end, posted) in moves {
        assert_eq!(store.import(&at(until, end)), Ok(posted), "{until} {end:?}");
    }
    let ids: Vec<&str> = store.entries.iter().map(String::as_str).collect();
    let expected = [
        "",
        "/end",
        "/until/2026-01-31T13:00:00Z",
        "/until/2026-01-31T13:00:00Z/2",
        "/until/2026-01-31T14:00:00Z",
        "/until/2026-01-31T14:00:00Z/2",
    ];
    assert_eq!(
        ids,
        expected.map(|end| format!("tiger/17/2026-01-31T11:59:00Z{end}"))
    );
    let standing = store.standing("tiger/17/2026-01-31T11:59:00Z");
    assert_eq!(standing.unwrap().until, NOON + 1_800);
}

#[test]
fn any_other_difference_is_an_error() {
    let ended = |until| job(17, NOON, NOON + until, JobEnd::Final);
    let running = job(17, NOON, NOON + 9_000, JobEnd::TimeLimit);
    for first in [ended(1_800), running.clone()] {
        let mut store = Store::default();
        store.import(std::slice::from_ref(&first)).unwrap();
        let other_rate = SacctJob {
            rate: 5,
            ..first.clone()
        };
        let other_start = SacctJob {
            start: Timestamp::from_second(NOON + 1).unwrap(),
            ..first
        };
        for other in [other_rate, other_start] {
            let posted = store.import(&[other]).unwrap_err();
            assert_eq!((posted.rate, posted.from), (2, NOON));
        }
    }
    let mut ended_at_first = Store::default();
    ended_at_first.import(&[ended(1_800)]).unwrap();
    let mut closed = Store::default();
    closed.import(&[running.clone(), ended(1_800)]).unwrap();
    for mut store in [ended_at_first, closed] {
        let posted = store.import(&[ended(1_801)]).unwrap_err();
        assert_eq!(posted.until, NOON + 1_800);
        assert_eq!(
            store.import(std::slice::from_ref(&running)),
            Ok(0),
            "it does not move"
        );
    }
}

/// A job that was stopped by hand was an error once `sacct` said another end, and all accounts waited.
#[test]
fn an_end_that_was_corrected_by_hand_is_left_whatever_the_file_says() {
    let id = RecordId::from("tiger/17/2026-01-31T11:59:00Z");
    let at = |until, end| job(17, NOON, NOON + until, end);
    let running = || at(3_600, JobEnd::TimeLimit);
    let closed = || at(1_800, JobEnd::Final);
    for first in [vec![running()], vec![closed()], vec![running(), closed()]] {
        let mut store = Store::default();
        store.import(&first).unwrap();
        store.correct(&id, "by hand", until_alone(NOON + 100));
        for (until, end) in [
            (7_200, JobEnd::TimeLimit),
            (9_000, JobEnd::Now),
            (50, JobEnd::Final),
            (1_800, JobEnd::Final),
            (100, JobEnd::Final),
        ] {
            let row = at(until, end);
            assert_eq!(store.import(std::slice::from_ref(&row)), Ok(0));
            let expected = match until {
                100 => Decision::Post(Vec::new()),
                _ => Decision::LeaveByHand,
            };
            assert_eq!(decided(&store, &row), Ok(expected), "{until}");
        }
        let retracted = store.jobs.get_mut(id.as_str()).unwrap();
        let retract = Change::RetractRecord { of: id.clone() };
        retracted.correct(&id, &"back".into(), &retract);
        assert_eq!(decided(&store, &closed()), Ok(Decision::LeaveByHand));
    }
}

/// By hand it was moved back to an end that an import had given it: imports moved it on.
#[test]
fn an_end_that_was_corrected_by_hand_to_an_earlier_provisional_one_is_left() {
    let id = RecordId::from("tiger/17/2026-01-31T11:59:00Z");
    let running = |until| [job(17, NOON, NOON + until, JobEnd::TimeLimit)];
    let mut store = Store::default();
    store.import(&running(3_600)).unwrap();
    store.import(&running(7_200)).unwrap();
    store.correct(&id, "by hand", until_alone(NOON + 3_600));
    let ended = job(17, NOON, NOON + 5_000, JobEnd::Final);
    for row in [&ended, &running(7_200)[0]] {
        assert_eq!(decided(&store, row), Ok(Decision::LeaveByHand));
    }
}

/// If `sacct` revises a rate, the operator who follows it with a correction must not see the error again.
#[test]
fn a_rate_or_a_start_that_was_corrected_by_hand_is_left_and_the_end_still_comes() {
    let id = RecordId::from("tiger/17/2026-01-31T11:59:00Z");
    let running = job(17, NOON, NOON + 3_600, JobEnd::TimeLimit);
    let revised = SacctJob {
        rate: 4,
        ..job(17, NOON, NOON + 1_800, JobEnd::Final)
    };
    let mut store = Store::default();
    store.import(std::slice::from_ref(&running)).unwrap();
    assert!(decided(&store, &revised).is_err());
    let rate = MeteredChange {
        rate: Some(4),
        ..MeteredChange::default()
    };
    store.correct(&id, "by hand", rate);
    assert_eq!(decided(&store, &running), Ok(Decision::LeaveByHand));
    assert_eq!(store.import(std::slice::from_ref(&revised)), Ok(1));
    assert_eq!(decided(&store, &revised), Ok(Decision::Post(Vec::new())));
    let standing = store.standing(id.as_str()).unwrap();
    assert_eq!((standing.rate, standing.until), (4, NOON + 1_800));
}

fn decided(store: &Store, job: &SacctJob) -> Result<Decision, MeteredUsage> {
    let usage = job.usage(TimeUnit::Seconds).unwrap();
    let posted = store.jobs.get(job.id().as_str());
    let is_known = |id: &RecordId| store.entries.contains(id.as_str());
    decide(job, usage, TimeUnit::Seconds, posted, is_known)
}

#[test]
fn books_that_were_closed_later_than_the_end_of_a_job_stay_closed() {
    let usage = MeteredUsage {
        rate: 2,
        from: NOON,
        until: NOON + 3_600,
    };
    let posted = PostedJob {
        end: PostedEnd::Provisional,
        is_fixed: true,
        ..PostedJob::new(usage)
    };
    let decided = |until, end| {
        let job = job(17, NOON, NOON + until, end);
        let usage = job.usage(TimeUnit::Seconds).unwrap();
        decide(&job, usage, TimeUnit::Seconds, Some(&posted), |_| true)
    };
    let nothing = Decision::Post(Vec::new());
    assert_eq!(decided(7_200, JobEnd::TimeLimit), Ok(nothing.clone()));
    assert_eq!(decided(3_600, JobEnd::Final), Ok(nothing));
    assert_eq!(decided(7_200, JobEnd::Final), Err(usage));
}

/// Files of one history, each as `sacct` would have printed it at some time, imported in any order:
/// what has ended in one of them has its end, whichever came last.
#[test]
fn grown_files_in_any_order_end_with_the_final_ends() {
    for seed in 0..2_000 {
        let mut random = Random::new(seed);
        // Number, start, final end, and time limit if there is one.
        let jobs: Vec<(u64, i64, i64, Option<i64>)> = (0..1 + random.below(12))
            .map(|number| {
                let start = NOON + random.between(0, 50);
                let limit = random.chance(1, 2).then(|| random.between(0, 30));
                (number, start, start + random.between(0, 30), limit)
            })
            .collect();
        let printed = |now: i64| -> Vec<SacctJob> {
            let started = jobs.iter().filter(|(_, start, ..)| *start <= now);
            let printed = started.map(|(number, start, ended, limit)| match limit {
                _ if *ended <= now => job(*number, *start, *ended, JobEnd::Final),
                Some(limit) => job(*number, *start, start + limit, JobEnd::TimeLimit),
                None => job(*number, *start, now, JobEnd::Now),
            });
            printed.collect()
        };
        let times: Vec<i64> = (0..1 + random.below(6))
            .map(|_| NOON + random.between(-5, 90))
            .collect();
        let mut store = Store::default();
        for now in &times {
            let imported = store.import(&printed(*now));
            imported.unwrap_or_else(|posted| panic!("seed {seed}: {posted:?} is posted"));
        }
        let again = store.import(&printed(*times.last().unwrap())).unwrap();
        assert_eq!(again, 0, "seed {seed}: the same file again");
        let latest = *times.iter().max().unwrap();
        for (number, start, ended, _) in &jobs {
            let job = job(*number, *start, *ended, JobEnd::Final);
            let standing = store.standing(job.id().as_str());
            assert_eq!(
                standing.is_some(),
                *start <= latest,
                "seed {seed}, job {number}"
            );
            if *ended <= latest {
                let until = standing.unwrap().until;
                assert_eq!(until, *ended, "seed {seed}, job {number}");
            }
        }
    }
}
