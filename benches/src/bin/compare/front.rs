//! The first table of the page, and where it loses, in the words of those who would use it.

use std::fmt::Write;

use anyhow::Result;

use crate::names::ANSWER_TABLE;
use crate::outcome::{Case, human_time, thousands, two_digits};

/// One line: what is done, which case measured it, and what one might do instead.
struct Line {
    what: &'static str,
    row: &'static str,
    series: &'static str,
    /// In words, and the party that did it.
    instead: &'static [(&'static str, &'static str)],
    shown: fn(f64) -> String,
}

/// The first six of which there are figures make the table.
const LINES: [Line; 9] = [
    Line {
        what: "the balance of an account at a past instant",
        row: "P2",
        series: "balance of an account at a past instant, two_years",
        instead: &[
            ("a table in SQLite, replayed", SQLITE_REPLAY),
            ("a function in PostgreSQL", POSTGRES_REPLAY),
            ("a pandas script", PANDAS_REPLAY),
        ],
        shown: human_time,
    },
    Line {
        what: "the balances of many small accounts in a batch, each",
        row: "B3",
        series: "batch of questions across accounts",
        instead: &[(
            "a hash map of one ready answer for each account",
            "HashMap of ready answers by name",
        )],
        shown: human_time,
    },
    Line {
        what: "the month's statement of all accounts",
        row: "P3",
        series: "month-end statement of all accounts, servegen_tokens",
        instead: &[
            ("SQLite", SQLITE_REPLAY),
            ("PostgreSQL", POSTGRES_REPLAY),
            ("DuckDB", "DuckDB"),
            ("Polars", "Polars"),
            ("pandas", PANDAS_REPLAY),
        ],
        shown: human_time,
    },
    Line {
        what: "a correction a year back, on the disk, and the balance now",
        row: "P4",
        series: "correction a year back, and the balance now, two_years",
        instead: &[
            ("SQLite, by a replay", SQLITE_REPLAY),
            ("PostgreSQL, by a replay", POSTGRES_REPLAY),
            ("pandas, in memory", PANDAS_REPLAY),
        ],
        shown: human_time,
    },
    Line {
        what: "usage posted by many writers, on the disk when it returns",
        row: "P5",
        series: "durable posting of usage",
        instead: &[("SQLite", "SQLite"), ("PostgreSQL", "PostgreSQL")],
        shown: a_second,
    },
    Line {
        what: "a file imported, to a balance of every account",
        row: "P6",
        series: "import to a balance of every account, servegen_tokens",
        instead: &[
            ("SQLite", "SQLite"),
            ("PostgreSQL", "PostgreSQL"),
            ("Polars, in memory", "Polars, in memory"),
            ("pandas, in memory", "pandas, in memory"),
        ],
        shown: a_second,
    },
    Line {
        what: "the balance of an account at a random instant",
        row: "Q1",
        series: "single queries",
        instead: &[(
            "a binary search in ready answers, until a record is late",
            ANSWER_TABLE,
        )],
        shown: human_time,
    },
    Line {
        what: "one record of a bulk load, to the first answer",
        row: "W3",
        series: "bulk load to the first answer",
        instead: &[(
            "sorting the records, which answers nothing",
            "sort_unstable of raw records",
        )],
        shown: human_time,
    },
    Line {
        what: "a file of events through the program, parsing included",
        row: "E1",
        series: "servegen_tokens, whole process",
        instead: &[("splitting the file into fields", "csv into fields")],
        shown: human_time,
    },
];

const SQLITE_REPLAY: &str = "SQLite, a replay";
const POSTGRES_REPLAY: &str = "PostgreSQL, a function that replays";
const PANDAS_REPLAY: &str = "pandas, a replay";

fn a_second(nanoseconds: f64) -> String {
    format!("{} a second", two_digits(1e9 / nanoseconds))
}

/// The table, from the cases of one machine, and how long a late record takes.
pub(crate) fn summary(page: &mut String, cases: &[&Case], machine: &str) -> Result<()> {
    writeln!(page, "\n## In short\n")?;
    writeln!(
        page,
        "On {machine}; each is the median of the rounds. [TigerBeetle, OpenMeter and others](comparison.md) cannot be run \
         here; that page has what their documents say.\n"
    )?;
    writeln!(page, "| | size | gpu-credit | instead |")?;
    writeln!(page, "|---|---|---:|---|")?;
    let lines = LINES.iter().filter_map(|line| {
        let of_series = |case: &&&Case| case.row == line.row && case.series == line.series;
        let case = cases
            .iter()
            .filter(of_series)
            .max_by_key(|case| case.size)?;
        Some((line, *case))
    });
    for (line, case) in lines.take(6) {
        summary_line(page, line, case)?;
    }
    let late = |case: &&&Case| case.row == "S1" && case.series == "Carry, 50 live, load 0.90";
    if let Some(case) = cases.iter().filter(late).max_by_key(|case| case.size) {
        let (size, size_of) = (thousands(case.size), &case.size_of);
        writeln!(
            page,
            "\nA late record and every balance after it, in an account of {size} {size_of}, takes {}.",
            takes(case)
        )?;
    }
    Ok(())
}

fn summary_line(page: &mut String, line: &Line, case: &Case) -> Result<()> {
    let Line {
        what,
        instead,
        shown,
        ..
    } = line;
    let median = |name: &str| {
        let party = case.parties.iter().find(|party| party.name == name)?;
        Some(shown(party.summary().median))
    };
    let others = instead.iter().filter_map(|(words, name)| {
        let figure = median(name)?;
        Some(format!("{words}: {figure}"))
    });
    let others: Vec<String> = others.collect();
    let (size, size_of) = (thousands(case.size), &case.size_of);
    let ours = shown(case.parties[0].summary().median);
    writeln!(
        page,
        "| {what} | {size} {size_of} | {ours} | {} |",
        others.join("; ")
    )?;
    Ok(())
}

/// How long an operation takes, and what the second party needs.
fn takes(case: &Case) -> String {
    let [ours, theirs] = [&case.parties[0], &case.parties[1]];
    let [mean, other] = [ours, theirs].map(|party| human_time(party.summary().median));
    let spread = ours.spread().map_or_else(String::new, |spread| {
        let [p50, p99, max] = [spread.p50, spread.p99, spread.max].map(human_time);
        format!("{p50} (p50), {p99} (p99), at most {max}, and ")
    });
    format!(
        "{spread}{mean} on average; a {} takes {other}",
        case.parties[1].name
    )
}

/// Whom it serves badly, from the cases of one machine.
pub(crate) fn losses(page: &mut String, cases: &[&Case]) -> Result<()> {
    writeln!(page, "\n## Whom it serves badly\n")?;
    let small = cases.iter().find(|case| {
        (case.row.as_str(), case.series.as_str(), case.size) == ("X1", "single queries", 1_000)
    });
    if let Some(case) = small {
        let [ours, theirs] = [0, 1].map(|party| human_time(case.parties[party].summary().median));
        writeln!(
            page,
            "* **Customers with few records.** With 1,000 usage records a balance takes {ours}, and a binary search in \
             ready answers {theirs}. Any method is fast enough there: use this one because it is right about late \
             records.",
        )?;
    }
    if let Some(case) = slowest(cases, "S3") {
        writeln!(
            page,
            "* **Customers who use about what they are granted**, with many grants active at a time. A late record takes \
             {} ({}).",
            takes(case),
            case.title(),
        )?;
    }
    if let Some(case) = slowest(cases, "S4") {
        writeln!(
            page,
            "* **Customers with a few long grants among many short ones.** A late record takes {} ({}).",
            takes(case),
            case.title(),
        )?;
    }
    Ok(())
}

/// The case of a row in which the first party takes longest.
fn slowest<'c>(cases: &[&'c Case], row: &str) -> Option<&'c Case> {
    let of_row = cases.iter().filter(|case| case.row == row).copied();
    let mean = |case: &&Case| case.parties[0].summary().median;
    of_row.max_by(|one, other| mean(one).total_cmp(&mean(other)))
}
