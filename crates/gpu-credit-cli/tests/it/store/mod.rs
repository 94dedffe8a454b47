//! The commands on a store, each in a folder of its own.

mod confirm;
mod faults;
mod folder;
mod holds;
mod import;
mod import_sacct;
mod jobs;
mod mistakes;
mod names;
mod next_step;
mod output;
mod plans;
mod posting;
mod questions;
mod spendable;
mod statements;

pub(crate) use folder::Folder;

/// The store is a file of the folder.
pub(crate) struct Place;

impl Place {
    fn new() -> Self {
        Place
    }

    #[allow(clippy::unused_self, reason = "other places have some")]
    fn variables(&self, _: &str) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    #[allow(clippy::unused_self, reason = "other places have another name")]
    fn with_name_of_file(&self, said: &str) -> String {
        said.to_owned()
    }
}

#[test]
fn the_store_may_be_named_before_the_command_and_behind_it() {
    let folder = Folder::new();
    folder.ok("--db one.redb account create acme");
    folder.ok("account create bert --db two.redb");
    assert!(folder.ok("accounts --db one.redb").contains("acme"));
    assert!(folder.ok("--db two.redb accounts").contains("bert"));
    assert!(!folder.path().join("gpu-credit.redb").exists());
}
