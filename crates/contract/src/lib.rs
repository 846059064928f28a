//! The words all parts of Suture share.
//!
//! Everything that crosses a boundary (a file, the socket between agent and executor, the network, the evidence log) is parsed once, here, into
//! types that cannot hold nonsense. Nothing in this crate does I/O, reads a clock or draws randomness; decisions made from these types can be
//! replayed from the log. Unknown keys are errors everywhere.
#![forbid(unsafe_code)]

pub mod allowlist;
pub mod attest;
pub mod baseline;
pub mod blob;
pub mod call;
pub mod canonical;
pub mod decision;
pub mod digest;
pub mod dsse;
pub mod event;
pub mod exception;
pub mod fact;
pub mod finding;
pub mod frame;
pub mod grant;
pub mod heartbeat;
pub mod ids;
pub mod incident;
pub mod kit;
pub mod learnt;
pub mod order;
pub mod outcome;
pub mod packet;
pub mod paper;
pub mod people;
pub mod plane;
pub mod policy;
pub mod probe;
pub mod record;
pub mod refusal;
pub mod resource;
pub mod runbook;
mod schema;
pub mod score;
pub mod signal;
pub mod socket;
pub mod time;
pub mod window;
pub mod yaml;
