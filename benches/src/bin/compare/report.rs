//! The page: in short, plots, losses, targets and verdicts, all figures, and their sources.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::front;
use crate::outcome::{Case, Party, Ratio, Spread, Verdict, three_digits};
use crate::plots;
use crate::printed::Printed;
use crate::record::Record;
use crate::table::{self, Row};

/// Renders the page from the newest figures of each row, machine by machine.
///
/// # Errors
/// If a file cannot be written.
pub(crate) fn write(records: &[Record], others: &[Printed], docs: &Path) -> Result<PathBuf> {
    let newest = Newest::of(records);
    let mut page = include_str!("opening.md").to_owned();
    std::fs::create_dir_all(docs)?;
    if let Some(machine) = newest.machines.first() {
        front::summary(&mut page, &machine.cases, &machine.name)?;
        front::losses(&mut page, &machine.cases)?;
        plots(&mut page, machine, docs)?;
    }
    targets(&mut page, &newest)?;
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

/// The newest figures of each row on each machine.
struct Newest<'a> {
    records: Vec<&'a Record>,
    /// That of which most is known first.
    machines: Vec<Machine<'a>>,
}

struct Machine<'a> {
    name: String,
    cases: Vec<&'a Case>,
}

impl<'a> Newest<'a> {
    /// Quick figures are shown only if there are no others.
    fn of(records: &'a [Record]) -> Self {
        let all_quick = records.iter().all(|record| record.is_quick);
        let records = records
            .iter()
            .filter(|record| all_quick || !record.is_quick);
        let mut records: Vec<&Record> = records.collect();
        let mut names: Vec<String> = records.iter().map(|record| record.machine()).collect();
        names.sort_unstable();
        names.dedup();
        let machine = |name| Machine::of(name, &records);
        let mut machines: Vec<Machine> = names.into_iter().map(machine).collect();
        machines.sort_by_key(|machine| std::cmp::Reverse(machine.cases.len()));
        let used = |record: &Record| {
            let mut used = machines.iter().flat_map(|machine| &machine.cases);
            used.any(|used| record.cases.iter().any(|case| std::ptr::eq(*used, case)))
        };
        records.retain(|record| used(record));
        Self { records, machines }
    }
}

impl<'a> Machine<'a> {
    fn of(name: String, records: &[&'a Record]) -> Self {
        let mut cases = Vec::new();
        for row in table::all() {
            let has_row = |record: &&&Record| {
                record.machine() == name && record.cases.iter().any(|case| case.row == row.id)
            };
            if let Some(record) = records.iter().rev().find(has_row) {
                cases.extend(record.cases.iter().filter(|case| case.row == row.id));
            }
        }
        Self { name, cases }
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
    let machines = newest.machines.iter();
    let names: String = machines
        .map(|machine| format!(" {} | |", machine.name))
        .collect();
    writeln!(page, "| | work | against | at most |{names}")?;
    writeln!(
        page,
        "|---|---|---|---|{}",
        "---|---|".repeat(newest.machines.len())
    )?;
    for row in table::all() {
        let Row {
            id,
            work,
            against,
            at_most,
        } = row;
        write!(page, "| {id} | {work} | {against} | {at_most} |")?;
        for machine in &newest.machines {
            let cases = machine.of_row(row);
            write!(page, " {} | {} |", measured(&cases), verdict(&cases))?;
        }
        page.push('\n');
    }
    Ok(())
}

/// The ratio of the only case, or of the best and the worst of all, with and without a target.
fn measured(cases: &[&Case]) -> String {
    let mut cases = cases.to_vec();
    cases.sort_by(|one, other| {
        let ratios = [one, other].map(|case| case.ratio(0).of_medians);
        ratios[0].total_cmp(&ratios[1])
    });
    match cases[..] {
        [] => "-".to_owned(),
        [case] => shown(case.ratio(0)),
        [best, .., worst] => {
            let (least, greatest) = (
                three_digits(best.ratio(0).of_medians),
                shown(worst.ratio(0)),
            );
            format!("{least} to {greatest}; worst: {}", worst.title())
        }
    }
}

fn verdict(cases: &[&Case]) -> String {
    let targeted = cases.iter().filter(|case| case.target.is_some());
    let targeted: Vec<_> = targeted.collect();
    let missed = targeted
        .iter()
        .filter(|case| case.verdict() == Verdict::Missed)
        .count();
    match (cases.len(), targeted.len(), missed) {
        (0, ..) => "not measured".to_owned(),
        (_, 0, _) => Verdict::NoTarget.to_string(),
        (_, 1, 1) => "**missed**".to_owned(),
        (_, all, missed) if missed > 0 => format!("**missed** in {missed} of {all}"),
        _ => Verdict::Met.to_string(),
    }
}

/// That of the medians, and the least and the greatest of a round.
fn shown(ratio: Ratio) -> String {
    let figures = [ratio.of_medians, ratio.min, ratio.max];
    let [of_medians, min, max] = figures.map(three_digits);
    if min == max {
        of_medians
    } else {
        format!("{of_medians} ({min} to {max})")
    }
}

fn plots(page: &mut String, machine: &Machine, docs: &Path) -> Result<()> {
    writeln!(page, "\n## How it grows")?;
    for plot in plots::all(&machine.cases) {
        plot.draw(&docs.join("plots"))?;
        let (title, file) = (&plot.title, &plot.file);
        writeln!(page, "\n![{title}](plots/{file})")?;
    }
    Ok(())
}

/// The rows that compare an account with itself: a ratio above 1 is no loss, a missed target is.
const AGAINST_ITSELF: [&str; 7] = ["Q4", "S2", "C1", "C5", "C6", "B1", "B2"];
/// What is no peer in other rows.
const NO_PEER: [&str; 1] = ["as memory_used says"];

fn losses(page: &mut String, newest: &Newest) -> Result<()> {
    writeln!(page, "\n## Where it loses\n")?;
    writeln!(
        page,
        "Every case in which one of the peers did better, and every target that was missed. The blocks that other benches \
         print, below, have losses of their own: an import into the store takes longer than one into bare `redb`.\n"
    )?;
    writeln!(page, "| machine | | case | ratio | at most | of |")?;
    writeln!(page, "|---|---|---|---|---|---|")?;
    for machine in &newest.machines {
        for case in &machine.cases {
            for party in lost_to(case) {
                let target = case.target.filter(|_| party == 1);
                let at_most = target.map_or_else(|| "-".to_owned(), |target| target.to_string());
                let (name, row, title) = (&machine.name, &case.row, case.title());
                let (ratio, against) = (case.ratio_to(0, party), &case.parties[party].name);
                writeln!(
                    page,
                    "| {name} | {row} | {title} | {} | {at_most} | {against} |",
                    shown(ratio)
                )?;
            }
        }
    }
    Ok(())
}

/// The parties that did better than the first, and the one against which it missed its target.
fn lost_to(case: &Case) -> Vec<usize> {
    let has_peers = !AGAINST_ITSELF.contains(&case.row.as_str());
    let is_peer = |party: usize| {
        let name = case.parties[party].name.as_str();
        has_peers && !name.starts_with("gpu-credit") && !NO_PEER.contains(&name)
    };
    let lost = |&party: &usize| {
        let is_slower = is_peer(party) && case.ratio_to(0, party).of_medians > 1.0;
        is_slower || (party == 1 && case.verdict() == Verdict::Missed)
    };
    (1..case.parties.len()).filter(lost).collect()
}

fn figures(page: &mut String, newest: &Newest) -> Result<()> {
    writeln!(page, "\n## Every figure")?;
    for row in table::all() {
        let machines = newest.machines.iter();
        let has_row = machines.filter(|machine| !machine.of_row(row).is_empty());
        for (place, machine) in has_row.enumerate() {
            if place == 0 {
                writeln!(page, "\n### {}: {}", row.id, row.work)?;
            }
            if newest.machines.len() > 1 {
                writeln!(page, "\nOn {}:", machine.name)?;
            }
            figures_of(page, &machine.of_row(row))?;
        }
    }
    Ok(())
}

/// The cases of a row; how single operations are spread only if each was timed.
fn figures_of(page: &mut String, cases: &[&Case]) -> Result<()> {
    let mut parties = cases.iter().flat_map(|case| &case.parties);
    let has_spread = parties.any(|party| party.spread().is_some());
    let (names, rule) = match has_spread {
        true => (" p50 | p99 | max |", "---:|---:|---:|"),
        false => ("", ""),
    };
    writeln!(page, "\n| case | party | median | unit | ratio |{names}")?;
    writeln!(page, "|---|---|---:|---|---|{rule}")?;
    for case in cases {
        for (place, party) in case.parties.iter().enumerate() {
            let title = if place == 0 {
                case.title()
            } else {
                String::new()
            };
            let name = &party.name;
            if let Some(words) = &party.says {
                writeln!(page, "| {title} | {name} | {words} | | |")?;
                continue;
            }
            let median = three_digits(party.summary().median);
            let ratio = if place == 1 {
                "1".to_owned()
            } else {
                shown(case.ratio(place))
            };
            write!(
                page,
                "| {title} | {name} | {median} | {} | {ratio} |",
                case.unit
            )?;
            if has_spread {
                write!(page, "{}", spread(party))?;
            }
            page.push('\n');
        }
    }
    Ok(())
}

/// Three cells.
fn spread(party: &Party) -> String {
    let Some(Spread { p50, p99, max }) = party.spread() else {
        return " - | - | - |".to_owned();
    };
    let cells = [p50, p99, max].map(|figure| format!(" {} |", three_digits(figure)));
    cells.concat()
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

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::outcome::Case;
    use crate::paths::Places;
    use crate::{printed, record};

    #[test]
    fn a_party_without_a_figure_says_why_in_its_cell() {
        let case: Case = serde_json::from_str(
            r#"{"row": "P2", "series": "balance", "size": 9, "size_of": "usage", "unit": "ns a query", "target": null,
                "parties": [{"name": "gpu-credit", "samples": [10, 30, 20]}, {"name": "SQLite", "samples": [40, 50, 10]},
                            {"name": "a column", "samples": [], "says": "knows what remains now"}]}"#,
        )
        .unwrap();
        let mut page = String::new();
        super::figures_of(&mut page, &[&case]).unwrap();
        let lines: Vec<&str> = page.lines().skip(3).collect();
        assert_eq!(
            lines,
            [
                "| balance, 9 usage | gpu-credit | 20.0 | ns a query | 0.500 (0.250 to 2.00) |",
                "|  | SQLite | 40.0 | ns a query | 1 |",
                "|  | a column | knows what remains now | | |",
            ]
        );
        assert!(super::lost_to(&case).is_empty());
    }

    #[test]
    fn the_page_and_its_plots_are_rendered_from_the_records() {
        let kept = Places::kept();
        let records = record::read_all(&kept.records).unwrap();
        let others = printed::read_all(&kept.printed()).unwrap();
        let folder = std::env::temp_dir().join(format!("gpu-credit-page-{}", std::process::id()));
        super::write(&records, &others, &folder).unwrap();
        let mut files = vec!["benchmarks.md".to_owned()];
        for plot in fs::read_dir(folder.join("plots")).unwrap() {
            let name = plot.unwrap().file_name().into_string().unwrap();
            files.push(format!("plots/{name}"));
        }
        for file in files {
            let rendered = fs::read_to_string(folder.join(&file)).unwrap();
            let page = fs::read_to_string(kept.docs.join(&file)).unwrap();
            assert!(
                rendered == page,
                "docs/{file} is not what the records give: run compare render"
            );
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
