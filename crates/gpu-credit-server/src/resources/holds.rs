//! Holds: may this be spent, and will it be kept? And what becomes of them.

mod closed;
mod give;
mod list;
mod release;
mod settle;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::problem::kinds;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(give::hold))
        .routes(routes!(settle::settle))
        .routes(routes!(release::release))
        .routes(routes!(list::holds))
}

/// That a body asks for something that cannot be.
fn wrong(detail: &'static str) -> Problem {
    Problem::new(&kinds::INVALID_BODY, detail)
}
