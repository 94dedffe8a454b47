//! What the libraries say of their public items.

use std::fs;
use std::path::Path;

use crate::markdown::{Document, root};

/// The comments of public items, a document for each file of the engine and the store.
pub(crate) fn rustdoc() -> Vec<Document> {
    let mut found = Vec::new();
    for source in ["crates/gpu-credit/src", "crates/gpu-credit-store/src"] {
        add_sources(&root().join(source), &mut found);
    }
    assert!(found.len() > 50, "{}", found.len());
    found
}

fn add_sources(folder: &Path, found: &mut Vec<Document>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add_sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let is_page = path.ends_with("src/lib.rs");
            let text = comments(&fs::read_to_string(&path).unwrap(), is_page);
            found.push(Document { path, text });
        }
    }
}

/// The comments of public items, and the page of a crate, in their lines; all else is blank.
fn comments(source: &str, is_page: bool) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut begins = None;
    for (place, line) in source.lines().enumerate() {
        let line = line.trim_start();
        let page = line.strip_prefix("//!").filter(|_| is_page);
        let comment = line.strip_prefix("///");
        match comment {
            Some(_) => begins = begins.or(Some(place)),
            None if line.starts_with("#[") => {}
            None => {
                if let Some(begins) = begins.take()
                    && !line.starts_with("pub ")
                {
                    lines[begins..].fill("");
                }
            }
        }
        lines.push(page.or(comment).unwrap_or(""));
    }
    lines.join("\n")
}

#[test]
fn only_comments_of_public_items_are_looked_at() {
    let source =
        "//! Page.\n/// One.\n#[must_use]\npub fn one() {}\n    /// Two.\n    fn two() {}\n";
    assert_eq!(comments(source, true), " Page.\n One.\n\n\n\n");
    assert_eq!(comments(source, false), "\n One.\n\n\n\n");
}
