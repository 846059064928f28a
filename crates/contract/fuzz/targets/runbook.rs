//! See `properties/runbook.rs`; the committed corpus in `crates/contract/corpus/runbook` is replayed by the crate's own tests, too.
#![no_main]

#[path = "../properties/runbook.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
