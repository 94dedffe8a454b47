//! What is answered instead of what was asked for, as RFC 9457 has it.

pub mod kinds;
mod of_store;
mod page;

use std::borrow::Cow;

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::form::Form;

pub(crate) use page::*;

/// A kind of problem: what all problems of one type have in common.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The last part of its address, `/problems/{slug}`.
    pub slug: &'static str,
    /// The status of the response.
    pub status: StatusCode,
    /// What it is, in a few words, the same for all of the kind.
    pub title: &'static str,
    /// What to do about it, for its page.
    pub advice: &'static str,
}

/// Why a request was not done: a response of its own type, `application/problem+json`.
#[derive(Clone, Debug)]
#[must_use = "a problem is an answer"]
pub struct Problem {
    kind: &'static Kind,
    detail: Cow<'static, str>,
    /// Boxed, so that a result of a problem is small.
    more: Option<Box<More>>,
}

#[derive(Clone, Debug, Default)]
struct More {
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// The document of a problem. Kinds have members besides, which their pages name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemDocument {
    /// The kind: the address of a page about it.
    #[serde(rename = "type")]
    kind: String,
    /// What it is, the same for all of the kind.
    title: &'static str,
    /// The status of the response.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What it is in this case.
    detail: String,
    #[serde(flatten)]
    #[schema(inline, value_type = std::collections::HashMap<String, Value>)]
    members: Map<String, Value>,
}

impl Problem {
    /// A problem of a kind: `detail` says what is wrong in this case.
    pub fn new(kind: &'static Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        Problem {
            kind,
            detail: detail.into(),
            more: None,
        }
    }

    /// The same with a member besides those that all have.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        let more = self.more.get_or_insert_default();
        more.members.insert(name.to_owned(), value.into());
        self
    }

    /// The same with a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        let more = self.more.get_or_insert_default();
        more.headers.push((name, value));
        self
    }

    /// The same with how long to wait before the request is sent again.
    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, seconds.into())
    }

    /// The same with the place of what is wrong in the body, as RFC 6901 has it.
    pub(crate) fn at(self, pointer: impl Into<String>) -> Self {
        self.with("pointer", pointer.into())
    }

    /// What kind of problem it is.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// What is wrong in this case.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The document, as it stands in the body of a response or of one outcome of many.
    pub(crate) fn document(&self) -> ProblemDocument {
        let members = self.more.as_ref().map(|more| more.members.clone());
        let mut members = members.unwrap_or_default();
        if Form::current().strings {
            for (name, value) in &mut members {
                // Places in what was sent are small.
                if value.is_number() && !matches!(&**name, "line" | "column") {
                    *value = Value::String(value.to_string());
                }
            }
        }
        ProblemDocument {
            kind: format!("/problems/{}", self.kind.slug),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: self.detail.clone().into_owned(),
            members,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Form::write(&self.document());
        let mut response = (self.kind.status, body).into_response();
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.more.map(|more| more.headers).unwrap_or_default() {
            headers.append(name, value);
        }
        response
    }
}
