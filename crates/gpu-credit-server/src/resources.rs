//! The resources, each with its routes.

pub(crate) mod accounts;
pub(crate) mod balances;
pub(crate) mod batches;
pub(crate) mod changes;
pub(crate) mod draws;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod holds;
pub(crate) mod imports;
pub(crate) mod periods;
pub(crate) mod picture;
pub(crate) mod posted;
pub(crate) mod records;
pub(crate) mod stops;
pub(crate) mod time_unit;
pub(crate) mod what_if;

use crate::State;
use utoipa_axum::router::OpenApiRouter;

/// All that take a token.
pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .merge(accounts::routes())
        .merge(records::routes())
        .merge(stops::routes())
        .merge(holds::routes())
        .merge(batches::routes())
        .merge(balances::routes())
        .merge(periods::routes())
        .merge(draws::routes())
        .merge(what_if::routes())
        .merge(history::routes())
        .merge(changes::routes())
        .merge(export::routes())
        .merge(imports::routes())
        .merge(picture::routes())
        .merge(time_unit::routes())
}
