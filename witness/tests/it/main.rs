//! The binary: real processes, real sockets, real files.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod arguments;
mod cosigning;
mod stage;
