//! The executor as a process: its socket, its log, its refusals, and what it does when it is killed.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod bad_input;
mod crash;
mod guest;
mod healing;
mod hostile;
mod killed;
mod network;
mod papers;
mod policy;
mod repairs;
mod restoring;
mod rig;
mod sealing;
mod secrets;
mod signals;
mod socket;
mod storage;
mod succession;
mod unended;
mod upkeep;
mod urgent;
mod way_in;
