//! Answers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gpu_credit_store::Revision;
use serde::Serialize;

use crate::form::Form;

/// An answer in JSON, with the revision of the account that it is about as its ETag.
pub(crate) struct Reply<T> {
    status: StatusCode,
    headers: HeaderMap,
    body: T,
}

impl<T: Serialize> Reply<T> {
    /// An answer with status 200.
    pub(crate) fn new(body: T) -> Self {
        Reply {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body,
        }
    }

    /// The same with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with the revision of the account.
    pub(crate) fn revision(self, revision: Revision) -> Self {
        let tag = HeaderValue::try_from(format!("\"{revision}\""));
        match tag {
            Ok(tag) => self.header(header::ETAG, tag),
            Err(_) => self,
        }
    }

    /// The same with the address of the next page, if there is one.
    pub(crate) fn next_page(self, address: Option<String>) -> Self {
        let link = address
            .and_then(|address| HeaderValue::try_from(format!("<{address}>; rel=\"next\"")).ok());
        match link {
            Some(link) => self.header(header::LINK, link),
            None => self,
        }
    }

    /// The same with a header.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(mut self) -> Response {
        let json = HeaderValue::from_static("application/json");
        self.headers.insert(header::CONTENT_TYPE, json);
        let no_store = HeaderValue::from_static("no-store");
        self.headers.insert(header::CACHE_CONTROL, no_store);
        (self.status, self.headers, Form::write(&self.body)).into_response()
    }
}
