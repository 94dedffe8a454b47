//! The gpu-credit program.
fn main() {}
