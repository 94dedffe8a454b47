//! The page: targets and verdicts, plots, losses, every figure, and where they come from.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::outcome::{Case, Verdict, three_digits};
use crate::plots;
use crate::printed::Printed;
use crate::record::Record;
use crate::table::{ROWS, Row};

/// Renders the page from the newest figures of each row.
///
/// # Errors
/// Where a file cannot be written.
pub(crate) fn write(records: &[Record], others: &[Printed], docs: &Path) -> Result<PathBuf> {
    let newest = Newest::of(records);
    let mut page = include_str!("opening.md").to_owned();
    std::fs::create_dir_all(docs)?;
    targets(&mut page, &newest)?;
    plots(&mut page, &newest, docs)?;
    losses(&mut page, &newest)?;
    figures(&mut page, &newest)?;
    for other in others {
        let Printed { title, lines, .. } = other;
        writeln!(page, "\n## {title}\n\n```text\n{}\n```", lines.join("\n"))?;
    }
    page.push('\n');
    page.push_str(include_str!("bias.md"));
    sources(&mut page, &newest, others)?;
    let path = docs.join("benchmarks.md");
    std::fs::write(&path, page)?;
    Ok(path)
}

/// The newest figures of each row.
struct Newest<'a> {
    records: Vec<&'a Record>,
    cases: Vec<&'a Case>,
}

impl<'a> Newest<'a> {
    /// Quick figures stand only where there are no others.
    fn of(records: &'a [Record]) -> Self {
        let all_quick = records.iter().all(|record| record.is_quick);
        let records = records
            .iter()
            .filter(|record| all_quick || !record.is_quick);
        let mut newest = Self {
            records: records.collect(),
            cases: Vec::new(),
        };
        for row in ROWS {
            let has_row = |record: &&&Record| record.cases.iter().any(|case| case.row == row.id);
            if let Some(record) = newest.records.iter().rev().find(has_row) {
                let cases = record.cases.iter().filter(|case| case.row == row.id);
                newest.cases.extend(cases);
            }
        }
        let used = |record: &Record| {
            let mut cases = record.cases.iter();
            cases.any(|case| newest.cases.iter().any(|used| std::ptr::eq(*used, case)))
        };
        newest.records.retain(|record| used(record));
        newest
    }

    fn of_row(&self, row: &Row) -> Vec<&'a Case> {
        let cases = self.cases.iter().copied();
        cases.filter(|case| case.row == row.id).collect()
    }
}

fn targets(page: &mut String, newest: &Newest) -> Result<()> {
    writeln!(page, "\n## Targets, and what was measured\n")?;
    if newest.records.iter().any(|record| record.is_quick) {
        writeln!(
            page,
            "**From a quick run: the sizes are far too small for these targets.**\n"
        )?;
    }
    writeln!(page, "| | work | against | at most | measured | |")?;
    writeln!(page, "|---|---|---|---|---|---|")?;
    for row in ROWS {
        let cases = newest.of_row(row);
        let Row {
            id,
            work,
            against,
            at_most,
        } = row;
        let (measured, verdict) = (measured(&cases), verdict(&cases));
        writeln!(
            page,
            "| {id} | {work} | {against} | {at_most} | {measured} | {verdict} |"
        )?;
    }
    Ok(())
}

/// The only case, or the best and the worst of those that have a target, or of all.
fn measured(cases: &[&Case]) -> String {
    let mut cases = judged(cases);
    cases.sort_by(|one, other| {
        let medians = [one, other].map(|case| case.ratio(0).median);
        medians[0].total_cmp(&medians[1])
    });
    match cases[..] {
        [] => "-".to_owned(),
        [case] => ratio(case, 0),
        [best, .., worst] => {
            let (best, worst_ratio) = (three_digits(best.ratio(0).median), ratio(worst, 0));
            format!("{best} to {worst_ratio}; worst: {}", worst.title())
        }
    }
}

fn judged<'a>(cases: &[&'a Case]) -> Vec<&'a Case> {
    let targeted = cases.iter().copied().filter(|case| case.target.is_some());
    match targeted.collect::<Vec<_>>() {
        none if none.is_empty() => cases.to_vec(),
        targeted => targeted,
    }
}

fn verdict(cases: &[&Case]) -> String {
    let cases = judged(cases);
    let missed = cases
        .iter()
        .filter(|case| case.verdict() == Verdict::Missed)
        .count();
    match (cases.len(), missed) {
        (0, _) => "not measured".to_owned(),
        (1, 1) => "**missed**".to_owned(),
        (all, missed) if missed > 0 => format!("**missed** in {missed} of {all}"),
        _ => cases[0].verdict().to_string(),
    }
}

/// Median, least and greatest.
fn ratio(case: &Case, party: usize) -> String {
    let ratio = case.ratio(party);
    let [median, min, max] = [ratio.median, ratio.min, ratio.max].map(three_digits);
    if min == max {
        median
    } else {
        format!("{median} ({min} to {max})")
    }
}

fn plots(page: &mut String, newest: &Newest, docs: &Path) -> Result<()> {
    writeln!(page, "\n## How it grows")?;
    for plot in plots::all(&newest.cases) {
        plot.draw(&docs.join("plots"))?;
        let (title, file) = (&plot.title, &plot.file);
        writeln!(page, "\n![{title}](plots/{file})")?;
    }
    Ok(())
}

/// The rows that compare an account with itself: a ratio above 1 is no loss, a missed target is.
const AGAINST_ITSELF: [&str; 4] = ["S2", "C1", "C5", "C6"];

fn losses(page: &mut String, newest: &Newest) -> Result<()> {
    writeln!(page, "\n## Where it loses\n")?;
    let loses = |case: &&&Case| {
        let has_peer = !AGAINST_ITSELF.contains(&case.row.as_str());
        let is_slower = has_peer && case.ratio(0).median > 1.0;
        is_slower || case.verdict() == Verdict::Missed
    };
    let losses: Vec<_> = newest.cases.iter().filter(loses).collect();
    if losses.is_empty() {
        writeln!(page, "Nowhere in these figures.")?;
        return Ok(());
    }
    writeln!(
        page,
        "Every case in which a peer did better, or a target was missed:\n"
    )?;
    writeln!(page, "| | case | ratio | at most | of |")?;
    writeln!(page, "|---|---|---|---|---|")?;
    for case in losses {
        let at_most = case
            .target
            .map_or_else(|| "-".to_owned(), |target| target.to_string());
        let (row, title, against) = (&case.row, case.title(), &case.parties[1].name);
        writeln!(
            page,
            "| {row} | {title} | {} | {at_most} | {against} |",
            ratio(case, 0)
        )?;
    }
    Ok(())
}

fn figures(page: &mut String, newest: &Newest) -> Result<()> {
    writeln!(page, "\n## Every figure")?;
    for row in ROWS {
        let cases = newest.of_row(row);
        if cases.is_empty() {
            continue;
        }
        writeln!(page, "\n### {}: {}\n", row.id, row.work)?;
        writeln!(page, "| case | party | median | unit | ratio |")?;
        writeln!(page, "|---|---|---:|---|---|")?;
        for case in cases {
            for (place, party) in case.parties.iter().enumerate() {
                let title = if place == 0 {
                    case.title()
                } else {
                    String::new()
                };
                let name = &party.name;
                let median = three_digits(party.summary().median);
                let ratio = if place == 1 {
                    "1".to_owned()
                } else {
                    ratio(case, place)
                };
                writeln!(
                    page,
                    "| {title} | {name} | {median} | {} | {ratio} |",
                    case.unit
                )?;
            }
        }
    }
    Ok(())
}

fn sources(page: &mut String, newest: &Newest, others: &[Printed]) -> Result<()> {
    writeln!(page, "\n## Where the figures come from\n")?;
    writeln!(page, "| date | commit | machine | seed | command |")?;
    writeln!(page, "|---|---|---|---|---|")?;
    for record in &newest.records {
        let Record {
            date,
            commit,
            processor,
            cores,
            seed,
            command,
            ..
        } = record;
        writeln!(
            page,
            "| {date} | `{commit}` | {processor}, {cores} cores | {seed} | `{command}` |",
        )?;
    }
    for other in others {
        let Printed {
            date,
            commit,
            processor,
            cores,
            command,
            ..
        } = other;
        writeln!(
            page,
            "| {date} | `{commit}` | {processor}, {cores} cores | - | `{command}` |",
        )?;
    }
    Ok(())
}
