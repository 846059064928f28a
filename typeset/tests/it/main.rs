//! The program: real processes, and what readers of PDF that are not ours make of what they write.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod archive;
mod form;
mod pages;
mod refused;
mod same;
mod sample;
mod scenes;
mod stage;
mod words;
