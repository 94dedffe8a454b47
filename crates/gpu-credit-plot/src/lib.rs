//! Draws an account over time, as SVG.
//!
//! A [`Picture`] is what is to be seen of an account in a range of time; [`Picture::to_svg`] draws it. Nothing here
//! reads a file or a clock: the caller brings the account, and from the journal the [`Marks`] of records that came late or were
//! corrected.
//!
//! ```
//! use gpu_credit::Overdraft;
//! use gpu_credit_plot::{Marks, Picture, extent};
//! use gpu_credit_store::{Posting, Store};
//!
//! let store = Store::in_memory()?;
//! store.open_account("acme", Overdraft::Carry)?;
//! store.post(Posting::grant("acme", "invoice-1", "march", 100, 0, 30))?;
//! store.post(Posting::usage("acme", "job-17", 20, 12))?;
//! store.post(Posting::usage("acme", "job-9", 5, 3))?; // late
//!
//! let mut marks = Marks::default();
//! for entry in store.history("acme")? {
//!     marks.see(&entry);
//! }
//! marks.resolve(|of| store.entry("acme", of))?;
//! let picture = store.with_account("acme", |account| {
//!     let range = extent(account).unwrap();
//!     Picture::new(account, range).with_marks(&marks)
//! })?;
//! let svg = picture.to_svg(None);
//! assert!(svg.contains("Balance of acme") && svg.contains("1 late record"));
//! # Ok::<(), gpu_credit_store::Error>(())
//! ```
//!
//! # Size and cost
//!
//! Where there are more changes than pixels, the picture has one span of time for each pixel, with what the balance begins and
//! ends with, and its lowest and highest value in between: nothing that would be seen is lost. The text stays below 1 MB whatever the
//! account, and so do the steps: O(m) for the m grants, jobs and holds, and O(log n) for each pixel.
//!
//! # Looks
//!
//! Elements have fixed colours as attributes, for viewers of files, and classes (`paper`, `ink`, `quiet`, `line`, `deficit`,
//! `grant-0` to `grant-7` and so on) that a page's style sheet can give others. There is no script, no style element and no link in
//! it. Names are shown by [`printable`], and escaped.

mod bars;
mod draw;
mod labels;
mod marks;
mod picture;
mod printable;
mod span;
mod svg;
mod ticks;

pub use marks::Marks;
pub use picture::{Picture, extent};
pub use printable::printable;
