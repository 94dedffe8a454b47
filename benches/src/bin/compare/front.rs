//! The first table of the page, and where it loses, in the words of those who would use it.

use std::fmt::Write;

use anyhow::Result;

use crate::names::{ANSWER_TABLE, BARE_REPLAY};
use crate::outcome::{Case, human_time, thousands};

/// One line: what is done, which case measured it, and what one might do instead.
struct Line {
    what: &'static str,
    row: &'static str,
    series: &'static str,
    instead: &'static str,
    party: &'static str,
}

const LINES: [Line; 6] = [
    Line {
        what: "the balance of an account at a random instant",
        row: "Q1",
        series: "single queries",
        instead: "a binary search in answers that are computed beforehand, until a record is late",
        party: ANSWER_TABLE,
    },
    Line {
        what: "the same, of any of many small accounts, in a batch",
        row: "B3",
        series: "batch of questions across accounts",
        instead: "a hash map of one answer for each account",
        party: "HashMap of ready answers by name",
    },
    Line {
        what: "a late record and every balance after it (mean)",
        row: "S1",
        series: "Carry, 50 live, load 0.90",
        instead: "replay from the record to the end",
        party: BARE_REPLAY,
    },
    Line {
        what: "one record, posted in random order",
        row: "W1",
        series: "writes in random order",
        instead: "an insertion into a B-tree that answers nothing",
        party: "BTreeMap of raw records",
    },
    Line {
        what: "one record of a bulk load, to the first answer",
        row: "W3",
        series: "bulk load to the first answer",
        instead: "sorting the records, which answers nothing",
        party: "sort_unstable of raw records",
    },
    Line {
        what: "a file of events through the program, parsing included",
        row: "E1",
        series: "servegen_tokens, whole process",
        instead: "splitting the file into fields",
        party: "csv into fields",
    },
];

/// The table, from the cases of one machine.
pub(crate) fn summary(page: &mut String, cases: &[&Case], machine: &str) -> Result<()> {
    writeln!(page, "\n## In short\n")?;
    writeln!(page, "On {machine}; each is the median of the rounds.\n")?;
    writeln!(page, "| | size | takes | instead | takes |")?;
    writeln!(page, "|---|---|---:|---|---:|")?;
    for line in &LINES {
        let of_series = |case: &&&Case| case.row == line.row && case.series == line.series;
        let Some(case) = cases.iter().filter(of_series).max_by_key(|case| case.size) else {
            continue;
        };
        let is_instead = |party: &&crate::outcome::Party| party.name == line.party;
        let Some(instead) = case.parties.iter().find(is_instead) else {
            continue;
        };
        let [ours, theirs] =
            [&case.parties[0], instead].map(|party| human_time(party.summary().median));
        let Line { what, instead, .. } = line;
        let (size, size_of) = (thousands(case.size), &case.size_of);
        writeln!(
            page,
            "| {what} | {size} {size_of} | {ours} | {instead} | {theirs} |"
        )?;
    }
    Ok(())
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
    if let Some((case, mean)) = slowest(cases, "S3") {
        writeln!(
            page,
            "* **Customers who use about what they are granted**, with many grants active at a time. A late record takes \
             up to {} on average ({}).",
            human_time(mean),
            case.title(),
        )?;
    }
    if let Some((case, mean)) = slowest(cases, "S4") {
        writeln!(
            page,
            "* **Customers with a few long grants among many short ones.** A late record takes up to {} on average ({}), \
             no less than a replay of everything after it.",
            human_time(mean),
            case.title(),
        )?;
    }
    Ok(())
}

/// The case of a row in which the first party takes longest.
fn slowest<'c>(cases: &[&'c Case], row: &str) -> Option<(&'c Case, f64)> {
    let of_row = cases.iter().filter(|case| case.row == row);
    let takes = of_row.map(|case| (*case, case.parties[0].summary().median));
    takes.max_by(|one, other| one.1.total_cmp(&other.1))
}
