//! `suture try`, driven as a process and checked from the outside, step by step.
//!
//! These tests start the programs of the whole workspace: build it first (`./test` does).
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod alone;
mod bad_weather;
mod crash;
mod detectors;
mod first_light;
mod login;
mod papers;
mod planner;
mod policy;
mod runbooks;
mod secrets;
mod signing;
mod sockets;
mod stage;
