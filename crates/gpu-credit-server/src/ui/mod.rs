//! The page at `/ui/`: a few files that are part of the binary.
//!
//! The page has no data of its own: its script asks the resources with the token that somebody types in. Nothing in it comes from
//! elsewhere, and its policy lets nothing in.

use axum::Router;
use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;

use crate::State;

/// A file of the page: its name, its type, and what is in it.
type File = (&'static str, &'static str, &'static str);

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const FILES: [File; 12] = [
    ("", HTML, include_str!("files/index.html")),
    ("style.css", STYLE, include_str!("files/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("files/icon.svg")),
    ("app.js", SCRIPT, include_str!("files/app.js")),
    ("api.js", SCRIPT, include_str!("files/api.js")),
    ("elements.js", SCRIPT, include_str!("files/elements.js")),
    ("time.js", SCRIPT, include_str!("files/time.js")),
    ("accounts.js", SCRIPT, include_str!("files/accounts.js")),
    ("account.js", SCRIPT, include_str!("files/account.js")),
    ("picture.js", SCRIPT, include_str!("files/picture.js")),
    ("records.js", SCRIPT, include_str!("files/records.js")),
    ("questions.js", SCRIPT, include_str!("files/questions.js")),
];

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(crate) fn routes() -> Router<State> {
    Router::new()
        .route("/ui", get(async || Redirect::permanent("/ui/")))
        .route("/ui/", get(async || file("")))
        .route(
            "/ui/{name}",
            get(async |Path(name): Path<String>| file(&name)),
        )
}

fn file(name: &str) -> Response {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    let Some((_, content_type, text)) = found else {
        return (
            StatusCode::NOT_FOUND,
            guards("text/plain"),
            "there is no such file\n",
        )
            .into_response();
    };
    (guards(content_type), *text).into_response()
}

/// What a browser is told about a file of the page.
fn guards(content_type: &'static str) -> [(HeaderName, HeaderValue); 6] {
    let said = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        // The files change with the binary, and are small.
        (header::CACHE_CONTROL, "no-cache"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
    ];
    said.map(|(name, value)| (name, HeaderValue::from_static(value)))
}
