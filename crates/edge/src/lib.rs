//! The effects that every process shares: clocks, durable small files, locks, randomness, trace events.
//!
//! Cores are handed what these read. Nothing here decides anything.
#![forbid(unsafe_code)]

pub mod binary;
pub mod clock;
pub mod file;
pub mod random;
pub mod trace;
pub mod user;
