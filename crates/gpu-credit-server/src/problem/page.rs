//! The page of each kind of problem, and of all.

use std::fmt::Write;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};

use super::{Kind, Problem, kinds};

/// Says what a kind of problem is: what `type` of a problem leads to.
#[utoipa::path(
    get,
    path = "/problems/{slug}",
    tag = "service",
    params(("slug" = String, Path, description = "The kind.")),
    responses(
        (status = 200, description = "What it is, and what to do about it.", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such kind.", body = super::ProblemDocument, content_type = "application/problem+json"),
    ),
    security(()),
)]
pub(crate) async fn page(Path(slug): Path<String>) -> Response {
    match kinds::ALL.iter().find(|kind| kind.slug == slug) {
        Some(kind) => text(kind).into_response(),
        None => Problem::new(&kinds::NOT_FOUND, "there is no such kind of problem").into_response(),
    }
}

fn text(kind: &Kind) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "{}\n", kind.title);
    let _ = writeln!(text, "Type:   /problems/{}", kind.slug);
    let _ = writeln!(text, "Status: {}\n", kind.status);
    let _ = writeln!(text, "{}", kind.advice);
    text
}
