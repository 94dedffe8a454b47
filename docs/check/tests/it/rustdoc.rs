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

/// The comments of public items, what public enums and traits have included, and the page of a crate, in
/// their lines; all else is blank.
fn comments(source: &str, is_page: bool) -> String {
    let mut lines: Vec<&str> = Vec::new();
    let mut begins = None;
    // How the public enum or trait ends that a line is in.
    let mut end: Option<String> = None;
    for (place, whole) in source.lines().enumerate() {
        let line = whole.trim_start();
        let page = line.strip_prefix("//!").filter(|_| is_page);
        let comment = line.strip_prefix("///");
        match comment {
            Some(_) => begins = begins.or(Some(place)),
            None if line.starts_with("#[") => {}
            None => {
                if let Some(begins) = begins.take()
                    && !line.starts_with("pub ")
                    && end.is_none()
                {
                    lines[begins..].fill("");
                }
            }
        }
        let has_parts = ["pub enum ", "pub trait "];
        if has_parts.iter().any(|kind| line.starts_with(kind)) && line.ends_with('{') {
            end = Some(format!("{}}}", &whole[..whole.len() - line.len()]));
        } else if end.as_deref() == Some(whole) {
            end = None;
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

/// What variants say was not looked at.
#[test]
fn variants_of_public_enums_are_looked_at() {
    let source = "/// One.\npub enum One {\n    /// Two.\n    #[error(\"two\")]\n    Two {\n        /// Three.\n        \
                  three: u8,\n    },\n}\n/// Four.\nenum Four {\n    /// Five.\n    Five,\n}\n";
    let expected = " One.\n\n Two.\n\n\n Three.\n\n\n\n\n\n\n\n";
    assert_eq!(comments(source, false), expected);
}
