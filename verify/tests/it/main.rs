//! The verifier against logs written by the real writer, honest and tampered with in every way we know.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod binary;
mod flips;
mod honest;
mod kits;
mod logs;
mod outsiders;
mod reasons;
mod rotation;
mod tampered;
mod zip;
