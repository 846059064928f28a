//! Trace events: what a process says of itself on standard output, one JSON object a line, when it is started with `--events`.
//!
//! They are diagnostics, not evidence: whoever starts the processes may watch the loop go round. Times are monotonic and comparable across
//! the processes of one machine only.

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Tally};
use crate::ids::{ControlId, IncidentId, OrderId, RunbookId};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::time::MonoNs;

/// One line.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traced {
    /// When it happened.
    pub at: MonoNs,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// Hub: both planes listen.
    HubReady {
        /// Device plane, `address:port`.
        device: String,
        /// Operator plane, `address:port`.
        operator: String,
    },
    /// Hub: nobody has an account yet, and this invitation makes the first one. It is said once, and works once.
    FirstRun {
        /// The link.
        link: String,
    },
    /// Executor: the log is open, unfinished runs are settled, the socket is there.
    ExecutorReady {
        /// The log's size.
        size: u64,
        /// Runs that were taken up again.
        resumed: u32,
    },
    /// Agent: connected to its executor.
    AgentReady,
    /// Agent: one control was evaluated in a full scan.
    Found(Finding),
    /// Agent: a full scan is over.
    Scanned {
        /// Its numbers.
        tally: Tally,
        /// How long it took, in milliseconds.
        took_ms: u64,
        /// Fact sources that took longer than 50 ms, with their milliseconds, slowest first.
        slow: Vec<(String, u64)>,
    },
    /// Agent: following logs.
    Tailing {
        /// `journal`, or the number of files.
        what: String,
        /// How many streams.
        streams: u32,
    },
    /// Agent: lines read so far.
    Tailed {
        /// Lines.
        lines: u64,
        /// Lines on which a detector matched.
        matched: u64,
    },
    /// Agent: a watched thing changed and its control now fails.
    Drifted {
        /// The control.
        control: ControlId,
    },
    /// Agent: an incident is in the outbox.
    IncidentKept {
        /// The incident.
        incident: IncidentId,
        /// The control, where it is a drift.
        control: Option<ControlId>,
    },
    /// Hub: the incident is on the tenant's queue.
    Queued {
        /// The incident.
        incident: IncidentId,
    },
    /// Hub: the planner chose.
    Decided {
        /// The incident.
        incident: IncidentId,
        /// The runbook; none where a person has to look.
        runbook: Option<RunbookId>,
    },
    /// Hub: the order is signed and durable.
    Ordered {
        /// The incident.
        incident: IncidentId,
        /// The order.
        order: OrderId,
    },
    /// Executor: all guardrails passed.
    Permitted {
        /// The order.
        order: OrderId,
    },
    /// Executor: an order was not carried out.
    Refused {
        /// The order, where the bytes were worth reading.
        order: Option<OrderId>,
        /// Why.
        refusal: Refusal,
    },
    /// Executor: the steps are done.
    Acted {
        /// The order.
        order: OrderId,
    },
    /// Executor: the check that failed was measured again.
    Verified {
        /// The order.
        order: OrderId,
        /// Whether it passes.
        passes: bool,
    },
    /// Executor: the run's end is durable.
    Ended {
        /// The order.
        order: OrderId,
        /// How it ended.
        outcome: Outcome,
        /// The record that says so.
        seq: u64,
    },
    /// Hub: the log is mirrored and cosigned up to here.
    Cosigned {
        /// Entries held.
        size: u64,
    },
    /// Agent: the executor keeps the hub's receipt.
    Receipted {
        /// Entries covered.
        size: u64,
    },
}
