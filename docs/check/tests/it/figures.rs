//! A figure that was measured has a link to its record or test in its paragraph.

use regex::Regex;

use crate::markdown::documents;

/// A number, perhaps a range, with a unit of time, size or ratio. Spans of days and hours are examples.
const FIGURE: &str = r"(?x)
    \b \d[\d,.]* (\s(to|and)\s\d[\d,.]*)? \s?
    ( (ns|us|µs|ms|s|seconds?|minutes?|KB|MB|GB|KiB|MiB|GiB|bytes?|times) \b | % | \s?(a|per)\ second \b )";

/// A link to a record, to the page made of records, or to a test or bench.
const SOURCE: &str =
    r"\]\([^)]*(benchmarks\.md|benches/record/|/tests/|/bench/|\.ci/|/src/|#[a-z])[^)]*\)";

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
