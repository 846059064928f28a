//! Placeholder until its crate is written.
fn main() {}
