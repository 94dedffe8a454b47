//! What all documents, and the comments of public items, have in common: words, figures with their sources, links that lead somewhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod figures;
mod links;
mod markdown;
mod rustdoc;
mod words;
