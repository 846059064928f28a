//! The on-site observer: looks at the machine and its logs, tells the hub what drifted, and carries signed orders and evidence between hub and
//! executor.
//!
//! - It runs unprivileged and listens on no socket. It reaches out to one hub, whose authority was pinned at enrolment, and to one executor,
//!   whose user it checks before it says a word.
//! - It has no authority of its own: it cannot act, sign an order or write evidence in the executor's name. At worst it is silent, and that shows.
//! - What leaves the machine is typed fields from closed sets. Log lines are read, counted and forgotten.
//! - Findings are evidence before an incident leaves; what a detector tells is evidence beside it, whenever the executor is there; an incident is on the disk until the hub says that it has it. What is lost is counted.
//!
//! - While the hub is away the site may heal itself under a standing order: the executor decides that, the agent only asks.
//!
//! Decisions are pure and are handed clocks and randomness: [`episodes`], the crate [`mod@detectors`], the crate [`mod@changes`], [`backoff`]. The rest is a thin shell.
#![forbid(unsafe_code)]

pub mod alone;
pub mod backoff;
pub mod config;
pub mod deliver;
pub mod detectors;
pub mod enrol;
pub mod episodes;
pub mod executor;
pub mod hub;
pub mod in_force;
pub mod keystore;
pub mod logs;
pub mod look;
pub mod lookout;
pub mod looks;
pub mod observe;
pub mod orders;
pub mod outbox;
pub mod papers;
pub mod pulse;
pub mod renew;
pub mod room;
pub mod run;
pub mod scan;
pub mod ship;
pub mod signals;
pub mod site;
pub mod standing;
pub mod table;
pub mod thread;
pub mod trends;
pub mod unwritten;
pub mod watch;
pub mod watchdog;

use std::error::Error;

use contract::ids::IncidentId;

/// A fresh incident's id.
pub(crate) fn incident_id() -> std::io::Result<IncidentId> {
    format!("inc-{}", edge::random::opaque()?).parse().map_err(std::io::Error::other)
}

/// An error with all its causes, for a trace.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        // A transparent error says what its source says.
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
