//! The guarded executor and recorder.
//!
//! It has no network, trusts nothing but signatures, and is the only writer of the evidence log and the only holder of its key. Rooms:
//!
//! - `guard`: the ten guardrails, pure. Signed bytes go in; a `Permit` or a typed refusal comes out.
//! - `ledger`: what the log says about counters, cooldowns, flapping, grants and unfinished runs, pure. Every restart rebuilds it from the evidence.
//! - `schedule`: which run goes next, pure.
//! - `run`: orders in, the transaction (measure, write the intent, act, verify by the same check, hold down, or undo), grants.
//! - `machine`: what runs work with: the log, the eyes, the hands' place, the clocks.
//! - `verbs`: the one door to the hands. Only an armed step, made from a permit and a ground, goes through it.
//! - `ground`: on what ground a step may be armed: a failing check, or a step that an interruption left without an end. Pure.
//! - `confinement`: what the kernel offers to confine programs with. `opponent`: who else changes what does not stay repaired.
//! - `recorder`: the log and the ledger together, so that neither can move without the other.
//! - `receipt`: the hub's word for how far the log goes.
//! - `fsck`, `rotate`: reading everything, and changing the key, while the executor is stopped.
//! - `memory`: no core dump holds the key.
//! - `keystore`: the evidence key, sealed by the machine's TPM where it has one.
//! - `restore`, `succession`: what happens where the log is shorter than it was: entries fetched back, or another log that says so.
//! - `start`: from the configuration to an executor that stands.
//! - `policy_verb`, `policy_command`: which policy holds, and the only way to another one.
//! - `publish`: what the world reads, by timer.
//! - `serve`: the socket.
#![forbid(unsafe_code)]

pub mod config;
pub mod confinement;
pub mod fsck;
pub mod ground;
pub mod guard;
pub mod init;
pub mod keystore;
pub mod ledger;
mod links;
pub mod lookout;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod opponent;
pub mod papers;
pub mod policy_command;
pub mod policy_verb;
pub mod publish;
pub mod receipt;
pub mod recorder;
pub mod restore;
pub mod rotate;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod start;
pub mod store;
pub mod succession;
pub mod verbs;

/// Exit status where the evidence log cannot be written or opened (`EX_IOERR` of sysexits).
pub const EXIT_EVIDENCE: i32 = 74;
/// Exit status where the configuration or signed input is refused (`EX_CONFIG` of sysexits).
pub const EXIT_CONFIG: i32 = 78;
