//! What is posted to one account: grants, usage, runs, corrections, and the close of its books.

use axum::extract::State as Shared;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::posted::{Posted, post};
use crate::access::{Caller, Verb};
use crate::entry::{Closing, Correction, NewGrant, NewRun, NewUsage};
use crate::read::{IdempotencyKey, IfMatch, InPath, Json};
use crate::reply::Reply;
use crate::{Problem, State};

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(grant))
        .routes(routes!(use_credit))
        .routes(routes!(run))
        .routes(routes!(correct))
        .routes(routes!(close))
}

/// Makes the handler of one kind of record.
macro_rules! handlers {
    ($(
        $(#[doc = $doc:literal])*
        $name:ident($path:literal, $tag:literal, $body:ident, $verb:ident);
    )*) => { $(
        $(#[doc = $doc])*
        #[utoipa::path(
            post,
            path = $path,
            tag = $tag,
            params(
                ("account" = String, Path, description = "The name, percent-encoded."),
                ("Idempotency-Key" = Option<String>, Header, description = "The id of the record, if the body has none."),
                ("If-Match" = Option<String>, Header, description = "The revision that the account has to have, in quotes."),
            ),
            request_body = $body,
            responses(
                (status = 200, description = "It was posted before.", body = Posted),
                (status = 201, description = "It is posted, and durable.", body = Posted),
            ),
        )]
        async fn $name(
            Shared(state): Shared<State>,
            caller: Caller,
            InPath { account, .. }: InPath,
            key: IdempotencyKey,
            if_match: IfMatch,
            Json(mut new): Json<$body>,
        ) -> Result<Reply<Posted>, Problem> {
            caller.may(Verb::$verb, &account)?;
            let id = key.or(new.id.take())?;
            post(&state, account, id, new.change()?, if_match).await
        }
    )* };
}

handlers! {
    /// Posts a grant.
    grant("/accounts/{account}/grants", "records", NewGrant, Grant);
    /// Posts usage at an instant. It is never refused for lack of credit.
    use_credit("/accounts/{account}/usage", "records", NewUsage, Use);
    /// Posts metered usage: a job that runs, or has run.
    run("/accounts/{account}/runs", "records", NewRun, Use);
    /// Closes the books up to an instant, for good.
    close("/accounts/{account}/close", "records", Closing, Admin);
}

/// Corrects a record, or takes it back.
#[utoipa::path(
    post,
    path = "/accounts/{account}/corrections",
    tag = "records",
    params(
        ("account" = String, Path, description = "The name, percent-encoded."),
        ("Idempotency-Key" = Option<String>, Header, description = "The id of the correction, if the body has none."),
        ("If-Match" = Option<String>, Header, description = "The revision that the account has to have, in quotes."),
    ),
    request_body = Correction,
    responses(
        (status = 200, description = "It was posted before.", body = Posted),
        (status = 201, description = "It is posted, and durable.", body = Posted),
    ),
)]
async fn correct(
    Shared(state): Shared<State>,
    caller: Caller,
    InPath { account, .. }: InPath,
    key: IdempotencyKey,
    if_match: IfMatch,
    Json(correction): Json<Correction>,
) -> Result<Reply<Posted>, Problem> {
    caller.may(Verb::Correct, &account)?;
    let (id, change) = correction.parts()?;
    post(&state, account, key.or(id)?, change, if_match).await
}
