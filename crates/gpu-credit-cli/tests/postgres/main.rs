//! The program with its store on PostgreSQL: what is particular to that, and what tests of the program on a
//! file say of stores. A binary of its own: if there is no PostgreSQL it ends here.

#![cfg(all(unix, feature = "postgres"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../it/program.rs"]
#[allow(dead_code, reason = "some is for the tests of files of events")]
mod program;
#[path = "../../../gpu-credit-postgres/tests/it/support/server.rs"]
#[allow(dead_code, reason = "some is for the tests of the store")]
mod server;

#[path = "../it/store/folder.rs"]
#[allow(dead_code, reason = "some is for the tests of stores on files")]
mod folder;

mod database;
#[cfg(feature = "server")]
mod serving;

#[path = "../it/store/import.rs"]
mod import;
#[path = "../it/store/import_sacct.rs"]
mod import_sacct;
#[path = "../it/store/jobs.rs"]
mod jobs;
#[path = "../it/store/mistakes.rs"]
mod mistakes;
#[path = "../it/store/plans.rs"]
mod plans;
#[path = "../it/store/posting.rs"]
mod posting;
#[path = "../it/store/questions.rs"]
mod questions;
#[path = "../it/store/spendable.rs"]
mod spendable;
#[path = "../it/store/statements.rs"]
mod statements;

use folder::Folder;
use program::{file, gpu_credit, stderr, stdout};

/// The store of a folder is on a server.
pub(crate) struct Place {
    pub(crate) url: String,
}

impl Place {
    fn new() -> Self {
        let url = server::server().url();
        Place { url }
    }

    fn variables(&self, _: &str) -> Vec<(&'static str, String)> {
        vec![("GPU_CREDIT_DB", self.url.clone())]
    }

    #[allow(clippy::unused_self, reason = "other places have another name")]
    fn with_name_of_file(&self, said: &str) -> String {
        let named = || {
            let (before, after) = said.split_once("PostgreSQL at ")?;
            let (_, after) = after.split_once(", database postgres")?;
            Some(format!("{before}gpu-credit.redb{after}"))
        };
        named().unwrap_or_else(|| said.to_owned())
    }
}
