//! The documents, and their prose: what stands outside code.

use std::fs;
use std::path::{Path, PathBuf};

/// A document for users.
pub(crate) struct Document {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// A paragraph, list or table: lines without an empty one between them.
pub(crate) struct Paragraph {
    /// The number of its first line, from 1 on.
    pub(crate) line: usize,
    /// Code is blanked out.
    pub(crate) text: String,
}

/// All documents: README, those beside it, those in `docs`, and the README of each crate.
pub(crate) fn documents() -> Vec<Document> {
    let mut paths = Vec::new();
    add_markdown(&root(), &mut paths);
    add_markdown(&root().join("docs"), &mut paths);
    add_markdown(&root().join("docs/recipes"), &mut paths);
    for folder in fs::read_dir(root().join("crates")).unwrap() {
        add_markdown(&folder.unwrap().path(), &mut paths);
    }
    assert!(paths.len() > 10, "{paths:?}");
    let read = |path: PathBuf| Document {
        text: fs::read_to_string(&path).unwrap(),
        path,
    };
    paths.into_iter().map(read).collect()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn add_markdown(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let found = entries.map(|entry| entry.unwrap().path());
    paths.extend(found.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
}

impl Document {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.path.ends_with(name)
    }

    /// Its paragraphs, without fenced blocks, and with `code` blanked out.
    pub(crate) fn prose(&self) -> Vec<Paragraph> {
        let mut paragraphs: Vec<Paragraph> = Vec::new();
        let (mut is_code, mut begins) = (false, true);
        for (place, line) in self.text.lines().enumerate() {
            let is_fence = line.trim_start().starts_with("```");
            if is_fence {
                is_code = !is_code;
            }
            if is_fence || is_code || line.trim().is_empty() {
                begins = true;
                continue;
            }
            if begins {
                let (line, text) = (place + 1, String::new());
                paragraphs.push(Paragraph { line, text });
            }
            begins = false;
            let text = &mut paragraphs.last_mut().unwrap().text;
            text.push_str(line);
            text.push('\n');
        }
        for paragraph in &mut paragraphs {
            let parts = paragraph.text.split('`').enumerate();
            let outside = parts.map(|(place, part)| if place % 2 == 0 { part } else { "X" });
            paragraph.text = outside.collect::<Vec<_>>().join("`");
        }
        paragraphs
    }
}
