//! Bodies in JSON.

use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use crate::problem::kinds;
use crate::{Problem, State};

/// A body in JSON, of the type `application/json`.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<State> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &State) -> Result<Self, Problem> {
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        if !is_json(content_type.unwrap_or_default()) {
            let detail = "expected a body of type application/json";
            return Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = Bytes::from_request(request, state).await;
        let bytes = bytes.map_err(|rejection| {
            use axum::extract::rejection::{BytesRejection, FailedToBufferBody};
            match rejection {
                BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
                    Problem::new(&kinds::BODY_TOO_LARGE, "the body has more than 16 MiB")
                }
                _ => Problem::new(&kinds::BAD_JSON, "the body cannot be read to its end"),
            }
        })?;
        parse(&bytes).map(Json)
    }
}

fn is_json(content_type: &str) -> bool {
    let (essence, _) = content_type.split_once(';').unwrap_or((content_type, ""));
    essence.trim().eq_ignore_ascii_case("application/json")
}

/// Reads a JSON document, whole.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let pointer = pointer(error.path());
        problem(&error.into_inner(), Some(pointer))
    })?;
    deserializer.end().map_err(|error| problem(&error, None))?;
    Ok(read)
}

fn problem(error: &serde_json::Error, pointer: Option<String>) -> Problem {
    let kind = match error.classify() {
        Category::Data => &kinds::INVALID_BODY,
        Category::Io | Category::Syntax | Category::Eof => &kinds::BAD_JSON,
    };
    let problem = Problem::new(kind, error.to_string())
        .with("line", error.line())
        .with("column", error.column());
    match pointer.filter(|_| error.classify() == Category::Data) {
        Some(pointer) => problem.with("pointer", pointer),
        None => problem,
    }
}

/// The place in a document, as RFC 6901 has it.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        pointer.push('/');
        match segment {
            Segment::Seq { index } => pointer.push_str(&index.to_string()),
            Segment::Map { key } | Segment::Enum { variant: key } => {
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Unknown => pointer.push('?'),
        }
    }
    pointer
}
