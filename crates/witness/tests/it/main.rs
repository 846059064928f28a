//! A witness from the outside: every status of the specification, and a model of a log that forks.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod files;
mod model;
mod race;
mod statuses;
