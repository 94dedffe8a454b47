//! What all documents have in common: words, figures with their sources, links that lead somewhere.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod figures;
mod links;
mod markdown;
mod words;
