//! A figure that was measured has a link to its record or test in its paragraph, and the README's are those of the
//! records.

use std::fs;

use regex::Regex;

use crate::links::anchor_of;
use crate::markdown::{documents, root};

/// A number, perhaps a range, with a unit of time, size or ratio. Spans of days and hours are examples.
const FIGURE: &str = r"(?x)
    \b \d[\d,.]* (\s(to|and)\s\d[\d,.]*)? \s?
    ( (ns|us|µs|ms|s|seconds?|minutes?|KB|MB|GB|KiB|MiB|GiB|bytes?|times) \b | % | \s?(a|per)\ second \b )";

/// A link to a record, to the page made of records, or to a test or bench.
const SOURCE: &str =
    r"\]\([^)]*(benchmarks\.md|benches/record/|/tests/|/bench(es)?/|\.ci/|/src/|#[a-z])[^)]*\)";

/// Made of records as a whole: it names them at its end.
const MADE_OF_RECORDS: &str = "docs/benchmarks.md";

#[test]
fn figures_have_their_source_in_their_paragraph() {
    let (figure, source) = (Regex::new(FIGURE).unwrap(), Regex::new(SOURCE).unwrap());
    let mut bare = String::new();
    for document in documents() {
        if document.is(MADE_OF_RECORDS) {
            continue;
        }
        let path = document.path.display();
        for paragraph in document.prose() {
            let Some(found) = figure.find(&paragraph.text) else {
                continue;
            };
            if !source.is_match(&paragraph.text) {
                let (line, found) = (paragraph.line, found.as_str());
                bare += &format!("{path}:{line}: {found}\n");
            }
        }
    }
    assert!(bare.is_empty(), "figures without a source:\n{bare}");
}

#[test]
fn a_figure_is_told_from_an_example() {
    let figure = Regex::new(FIGURE).unwrap();
    for text in [
        "takes 0.3 us",
        "6 to 27 us",
        "4,000 a second",
        "87 %",
        "1,024 bytes",
        "2.5 times",
        "in 3 s.",
    ] {
        assert!(figure.is_match(text), "{text}");
    }
    for text in [
        "a job of 40 hours",
        "30 days",
        "10 million records",
        "Python 3.11 or later",
        "8 GPUs",
    ] {
        assert!(!figure.is_match(text), "{text}");
    }
}

/// The README rounds, so a tenth is let pass.
const ROUNDED: f64 = 0.1;

#[test]
fn figures_of_the_readme_are_those_of_the_records() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let records = fs::read_to_string(root().join(MADE_OF_RECORDS)).unwrap();
    let linked = Regex::new(
        r"\[(up to )?([\d.,]+)(?: (?:to|and) ([\d.,]+))? (ns|us|ms|a second)\]\(docs/benchmarks\.md#([^)]+)\)",
    )
    .unwrap();
    let (mut others, mut count) = (String::new(), 0);
    for found in linked.captures_iter(&readme) {
        count += 1;
        let measured = measured(&records, &found[5], &found[4]);
        let least = measured.iter().copied().fold(f64::INFINITY, f64::min);
        let most = measured.iter().copied().fold(0.0, f64::max);
        let first = number(&found[2]);
        let is_there = |number: f64| measured.iter().any(|figure| is_near(number, *figure));
        let agrees = match (found.get(1), found.get(3)) {
            (Some(_), _) => is_near(first, most),
            (None, Some(last)) if &found[4] != "a second" => {
                is_near(first, least) && is_near(number(last.as_str()), most)
            }
            (None, last) => {
                is_there(first) && last.is_none_or(|last| is_there(number(last.as_str())))
            }
        };
        if !agrees {
            others += &format!("{}: measured {least} to {most} {}\n", &found[0], &found[4]);
        }
    }
    assert!(count >= 5, "the README has figures");
    assert!(
        others.is_empty(),
        "figures that the records do not have:\n{others}"
    );
}

/// What a section of the records has for this project, in a unit: times of the largest size.
fn measured(records: &str, anchor: &str, unit: &str) -> Vec<f64> {
    let lines = records.lines();
    let section = lines.skip_while(|line| !line.starts_with('#') || anchor_of(line) != anchor);
    let section = section.skip(1).take_while(|line| !line.starts_with('#'));
    let divisor = match unit {
        "ns" => 1.0,
        "us" => 1e3,
        "ms" => 1e6,
        _ => return section.flat_map(rates).collect(),
    };
    // The case ends with its size.
    let row = Regex::new(r"^\| .*?([\d,]+) \w+ \| gpu-credit[^|]*\| ([\d.,]+) \| ns ").unwrap();
    let rows = section.filter_map(|line| row.captures(line));
    let rows: Vec<(f64, f64)> = rows.map(|row| (number(&row[1]), number(&row[2]))).collect();
    let largest = rows.iter().map(|(size, _)| *size).fold(0.0, f64::max);
    let largest = rows.into_iter().filter(|(size, _)| *size >= largest);
    largest.map(|(_, median)| median / divisor).collect()
}

/// The numbers of a line that tells of rates.
fn rates(line: &str) -> Vec<f64> {
    let Some((_, rates)) = line.split_once(" a second of ") else {
        return Vec::new();
    };
    let digits = Regex::new(r"[\d,]+").unwrap();
    digits
        .find_iter(rates)
        .filter_map(|found| found.as_str().replace(',', "").parse().ok())
        .collect()
}

fn number(text: &str) -> f64 {
    text.replace(',', "").parse().unwrap()
}

fn is_near(number: f64, measured: f64) -> bool {
    (number - measured).abs() <= ROUNDED * measured
}
