//! The places of this repository to which a run writes, and those of a run that is not kept.

use std::path::{Path, PathBuf};

use anyhow::Result;

/// The folders of the records and of the page.
pub(crate) struct Places {
    pub(crate) records: PathBuf,
    pub(crate) docs: PathBuf,
}

impl Places {
    /// In the repository.
    pub(crate) fn kept() -> Self {
        Self {
            records: workspace().join("benches/record"),
            docs: workspace().join("docs"),
        }
    }

    /// What other benches have printed.
    pub(crate) fn printed(&self) -> PathBuf {
        self.records.join("printed")
    }

    /// A temporary folder, for figures that mean nothing. It is emptied first.
    pub(crate) fn passing() -> Result<Self> {
        let folder = std::env::temp_dir().join("gpu-credit-compare");
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        Ok(Self {
            records: folder.join("record"),
            docs: folder.join("docs"),
        })
    }
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
    benches.parent().unwrap_or(benches)
}
