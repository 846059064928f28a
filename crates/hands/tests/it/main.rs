//! The hands on real things: files here, units and programs in a guest of their own.
#![expect(clippy::unwrap_used, reason = "a failed expectation is the test's own message")]

mod access;
mod backup;
mod cert;
mod command;
mod confined;
mod crash;
mod deadman;
mod files;
mod generation;
mod here;
mod inside;
mod journal;
mod killed;
mod network;
mod plain;
mod process_limit;
mod restore_test;
mod rig;
mod time_sync;
mod units;
