//! The hub from the outside: a real hub in this process, over real sockets, with real certificates.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is the test's own message")]

mod door;
mod enrolment;
mod evidence;
mod incidents;
mod log;
mod operator;
mod process;
mod stage;
