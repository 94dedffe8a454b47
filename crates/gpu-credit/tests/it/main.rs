//! The engine against the replay reference, and the laws it must keep.

mod differential;
