//! The Rust of the documents, run as tests of this crate's documentation.
//!
//! Their shell is run by the tests of the program, and their Python by those of the Python package.
//! The tests of this crate look at words, figures and links.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../recipes/rust-service.md")]
struct RustService;
