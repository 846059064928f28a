//! Months of machines, out of logs that are written and signed here as an executor does it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed expectation is the test's own message, in what tests share too"
)]

mod document;
mod month;
mod tampered;
