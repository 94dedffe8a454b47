//! Imports: streams of entries or of events, posted chunk by chunk as they come.

mod importing;
mod lines;
mod rows;

use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use gpu_credit::Overdraft;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::access::Caller;
use crate::form::{Count, Form};
use crate::problem::{ProblemDocument, kinds};
use crate::read::{NoIfMatch, Query};
use crate::stream::Incoming;
use crate::{Problem, State};
use importing::Importing;

/// Things that wait to be told.
const WAITING: usize = 16;

pub(crate) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(import))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    /// Whether each chunk is posted whole or not at all, and the import ends where one is refused; otherwise each entry is
    /// by itself, and those that are refused are told and left out.
    #[serde(default = "whole")]
    atomic: bool,
    /// The policy with which accounts that are not there are opened; if it is left out, their entries are refused.
    #[param(value_type = Option<String>)]
    open: Option<Overdraft>,
}

fn whole() -> bool {
    true
}

/// A line of the answer: how far the import is; what is refused; and at last, how it ended.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Told {
    /// So far it is durable.
    Progress(Progress),
    /// An entry is left out.
    Refused {
        #[schema(value_type = ProblemDocument)]
        problem: ProblemDocument,
    },
    /// All of it is posted, but for what is refused.
    Done(Progress),
    /// It ended early: something in it is wrong, or the token is no longer accepted. What was told before is posted; the
    /// same import again posts the rest, once it is mended.
    Failed {
        #[schema(value_type = ProblemDocument)]
        problem: ProblemDocument,
        #[serde(flatten)]
        progress: Progress,
    },
}

/// How far an import is.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
struct Progress {
    /// The last line that is part of it, counted from 1.
    line: Count,
    /// Entries that are new, openings of accounts among them.
    posted: Count,
    /// Entries that were there already.
    posted_before: Count,
    /// Entries that are refused, and left out.
    refused: Count,
}

/// Imports entries, one JSON document a line as in the batch resource, or an events file in CSV in which each row has an
/// id, for what is imported twice is to be posted once. The body may be compressed by gzip or zstd. After decompression a line
/// has at most 1 MiB, and so have blank lines that follow one another. Chunks of at most 10,000 entries are
/// posted as they come; the answer tells how far it is, one JSON document a line, and ends with `done` or `failed`. If the
/// token is revoked meanwhile, the import fails before its next chunk.
#[utoipa::path(
    post,
    path = "/imports",
    tag = "records",
    params(
        ("Content-Encoding" = Option<String>, Header, description = "gzip or zstd, if it is compressed."),
        ImportQuery,
    ),
    request_body(content((String = "application/x-ndjson"), (String = "text/csv"))),
    responses((status = 200, description = "How far it is, and how it ended.", body = Told, content_type = "application/x-ndjson")),
)]
async fn import(
    Shared(state): Shared<State>,
    caller: Caller,
    _: NoIfMatch,
    Query(query): Query<ImportQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let format = Format::of(request.headers())?;
    let encoding = Encoding::of(request.headers())?;
    let incoming = Incoming::new(request.into_body());
    let (sender, mut told) = mpsc::channel(WAITING);
    let form = Form::current();
    let importing = Importing::new(state, caller, &query, sender);
    task::spawn_blocking(move || {
        form.within(|| importing.run(format, encoding, incoming));
    });
    // What is wrong from the beginning is no import.
    let first = match told.recv().await {
        Some(Message::Failed(problem, progress)) if progress.posted.0 == 0 => return Err(problem),
        Some(first) => first,
        None => {
            let detail = "the import came to an unexpected end";
            return Err(Problem::new(&kinds::INTERNAL, detail));
        }
    };
    let told = tokio_stream::once(first).chain(ReceiverStream::new(told));
    let lines = told.map(move |message| Ok::<_, std::convert::Infallible>(line(form, message)));
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(lines)).into_response())
}

/// What a thread that imports has to say.
#[derive(Debug)]
enum Message {
    Progress(Progress),
    Refused(Problem),
    Done(Progress),
    Failed(Problem, Progress),
}

fn line(form: Form, message: Message) -> Bytes {
    let told = match message {
        Message::Progress(progress) => Told::Progress(progress),
        Message::Refused(problem) => Told::Refused {
            problem: problem.document(),
        },
        Message::Done(progress) => Told::Done(progress),
        Message::Failed(problem, progress) => Told::Failed {
            problem: problem.document(),
            progress,
        },
    };
    let mut line = Vec::from(form.within(|| Form::write(&told)));
    line.push(b'\n');
    line.into()
}

/// What the lines of an import are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Entries,
    Events,
}

impl Format {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let content_type = headers.get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let essence = content_type.unwrap_or_default().split(';').next();
        match essence
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/x-ndjson" | "application/jsonl" => Ok(Format::Entries),
            "text/csv" => Ok(Format::Events),
            _ => {
                let detail = "expected a body of type application/x-ndjson or text/csv";
                Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, detail))
            }
        }
    }
}

/// How the body of an import is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let Some(encoding) = headers.get(header::CONTENT_ENCODING) else {
            return Ok(Encoding::Plain);
        };
        let encoding = encoding.to_str().unwrap_or_default().trim();
        match encoding.to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Plain),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "zstd" => Ok(Encoding::Zstd),
            _ => {
                let detail = "Content-Encoding: expected gzip or zstd, or none";
                Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE, detail))
            }
        }
    }
}
