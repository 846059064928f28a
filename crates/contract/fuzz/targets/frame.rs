//! See `properties/frame.rs`; the committed corpus in `crates/contract/corpus/frame` is replayed by the crate's own tests, too.
#![no_main]

#[path = "../properties/frame.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
