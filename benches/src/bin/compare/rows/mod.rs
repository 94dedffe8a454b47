//! How the rows of the table are measured.

mod account;
mod book;
mod book_writes;
mod bulk;
mod costs;
mod grants;
mod index;
mod jobs;
mod late;
mod lateness;
mod ledger;
mod queries;
mod replays;
mod worst;
mod writes;

#[cfg(feature = "heavy")]
mod dataflow;
pub(crate) mod program;

use anyhow::Result;

use crate::runner::Runner;

/// Measures every row that is wanted.
pub(crate) fn run(runner: &mut Runner) -> Result<()> {
    index::run(runner)?;
    bulk::run(runner)?;
    grants::run(runner)?;
    late::run(runner)?;
    lateness::run(runner)?;
    worst::run(runner)?;
    costs::run(runner)?;
    jobs::run(runner)?;
    book::run(runner)?;
    book_writes::run(runner)?;
    #[cfg(feature = "heavy")]
    dataflow::run(runner)?;
    #[cfg(not(feature = "heavy"))]
    if runner.wants("D1") {
        runner.skip("D1", "built without --features heavy");
    }
    program::run(runner)
}
