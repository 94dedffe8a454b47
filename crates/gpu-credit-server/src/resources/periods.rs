//! Questions about a stretch of time, and about each grant.

mod lapses;
mod low;
mod named;
mod remainders;
mod series;
mod statement;
mod steps;

use gpu_credit_store::Revision;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::form::Count;
use crate::problem::kinds;
use crate::{Problem, State};
pub(super) use named::Named;

/// Instants of a series, and rows of an answer, at most.
pub(super) const ROWS_MAX: usize = 10_000;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(series::series))
        .routes(routes!(steps::steps))
        .routes(routes!(statement::statement))
        .routes(routes!(remainders::remainders))
        .routes(routes!(lapses::lapses))
        .routes(routes!(low::low))
}

/// That an answer has more rows than it may have.
pub(super) fn too_large() -> Problem {
    let detail = format!("the answer has more than {ROWS_MAX} rows");
    Problem::new(&kinds::TOO_LARGE_ANSWER, detail)
}

pub(super) fn recorded(revision: Option<Count>) -> Option<Revision> {
    revision.map(|Count(revision)| Revision::new(revision))
}
