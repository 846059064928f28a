//! See `properties/order.rs`; the committed corpus in `crates/contract/corpus/order` is replayed by the crate's own tests, too.
#![no_main]

#[path = "../properties/order.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
