//! The unit of the store's times, which callers need to read and write them as integers.

use axum::extract::State as Shared;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::access::Caller;
use crate::reply::Reply;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(time_unit))
}

/// The unit of the store's times.
#[derive(Serialize, ToSchema)]
struct TimeUnit {
    /// `s`, `ms`, `us` or `ns`; null if nobody has said it: then times are integers without a meaning.
    #[schema(examples("s"))]
    time_unit: Option<&'static str>,
}

/// The unit in which the store counts time. Every token may ask for it.
#[utoipa::path(
    get,
    path = "/time-unit",
    tag = "questions",
    responses((status = 200, description = "The unit.", body = TimeUnit)),
)]
async fn time_unit(Shared(state): Shared<State>, _: Caller) -> Reply<TimeUnit> {
    let unit = state.time_unit();
    Reply::new(TimeUnit {
        time_unit: unit.map(gpu_credit_store::TimeUnit::as_str),
    })
}
