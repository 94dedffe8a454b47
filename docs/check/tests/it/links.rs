//! Links within the repository lead to files and headings that are there.

use std::fs;
use std::path::Path;

use regex::Regex;

use crate::markdown::documents;

#[test]
fn links_lead_to_files_and_headings() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").unwrap();
    let mut missing = String::new();
    for document in documents() {
        let path = document.path.display();
        for found in link.captures_iter(&document.text) {
            let target = &found[1];
            if target.contains("://") {
                continue;
            }
            let (file, heading) = target.split_once('#').unwrap_or((target, ""));
            let file = match file {
                "" => document.path.clone(),
                file => document.path.parent().unwrap().join(file),
            };
            if !file.exists() || !(heading.is_empty() || has_heading(&file, heading)) {
                missing += &format!("{path}: {target}\n");
            }
        }
    }
    assert!(missing.is_empty(), "links that lead nowhere:\n{missing}");
}

/// Whether a document has a heading of this anchor, made as GitHub makes it.
fn has_heading(file: &Path, anchor: &str) -> bool {
    let text = fs::read_to_string(file).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings.into_iter().any(|line| anchor_of(line) == anchor)
}

/// The anchor of a heading.
pub(crate) fn anchor_of(heading: &str) -> String {
    let words = heading.trim_start_matches('#').trim().to_lowercase();
    let kept = words
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}
