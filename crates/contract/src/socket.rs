//! What agent and executor say to each other. The agent asks; the executor answers each question once, in order.
//!
//! The executor trusts nothing said here but signatures: findings and signals are written down as the agent's, orders are opened with the pinned key.

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::digest::Digest;
use crate::fact::{FactId, FactSet};
use crate::finding::Finding;
use crate::heartbeat::ExecutorCondition;
use crate::ids::{HostId, IncidentId, OrderId};
use crate::incident::What;
use crate::outcome::Outcome;
use crate::paper::PaperKind;
use crate::record::{LineLoss, Signalled, Trigger};
use crate::refusal::Refusal;
use crate::time::UtcTime;

/// The version of this protocol. Both sides must name the same.
pub const PROTOCOL: u32 = 9;

/// How long `await_change` waits for a change.
pub const CHANGE_WITHIN_MS: u64 = 20_000;

/// The agent's questions.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Question {
    /// First of all.
    Hello {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The agent's version.
        software: String,
    },
    /// Write these findings down as mine.
    Findings {
        /// Why they were taken.
        trigger: Trigger,
        /// What was found.
        findings: Vec<Finding>,
    },
    /// Write these signals down as mine: they stand in one record.
    Signals {
        /// At least one, and at most [`crate::record::SIGNALS_MAX`].
        signals: Vec<Signalled>,
    },
    /// How do you stand? It is asked again and again: a grant of people changes it.
    Condition,
    /// Look at these facts, which only root can see. Each must be one of [`crate::probe::PROBED`].
    Probe {
        /// Which.
        facts: Vec<FactId>,
    },
    /// Tell me when something has changed that root alone may watch. Answered at once where it has since you were last asked, else within
    /// [`CHANGE_WITHIN_MS`].
    AwaitChange,
    /// The hub sent this.
    Order {
        /// The DSSE envelope, as it came.
        envelope: Blob,
    },
    /// The hub cannot be told of this: decide here, if a standing order lets you.
    Decide {
        /// The incident, as it lies in the outbox.
        incident: IncidentId,
        /// What was found.
        what: What,
    },
    /// The hub sent a standing order, or took one back.
    StandingOrder {
        /// The DSSE envelope, as it came.
        envelope: Blob,
        /// The rule table that it names by its digest.
        rules: String,
    },
    /// The hub signed this paper: one of [`crate::paper::PaperKind`] that the executor makes use of.
    Paper {
        /// What it is handed over as.
        kind: PaperKind,
        /// The DSSE envelope, as it came.
        envelope: Blob,
    },
    /// A person broke the glass.
    BreakGlass {
        /// The DSSE envelope, as it came.
        envelope: Blob,
    },
    /// Give me what the hub has not got yet.
    Entries {
        /// From this index on.
        from: u64,
    },
    /// The hub holds the log so far.
    Receipt {
        /// The checkpoint, cosigned.
        note: String,
    },
    /// The hub holds more of the log than you do: this is what comes next. Its checkpoint is cosigned, and covers all that the hub holds.
    Restore(EntryPackage),
    /// The outbox was full and dropped incidents: write the gap down.
    Gap {
        /// When the first was dropped.
        from: UtcTime,
        /// When the last was dropped.
        until: UtcTime,
        /// How many.
        lost: u64,
    },
    /// Lines of the host's logs were not read: write the gap down.
    LinesLost {
        /// Why.
        why: LineLoss,
        /// When that was first seen.
        from: UtcTime,
        /// When it was last seen.
        until: UtcTime,
        /// So many lines, or times that it happened.
        lost: u64,
    },
}

/// The executor's answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Answer {
    /// To `hello`.
    Welcome {
        /// [`PROTOCOL`].
        protocol: u32,
        /// The executor's version.
        software: String,
        /// The host it acts for.
        host: HostId,
        /// The log's size.
        size: u64,
        /// True while the log lacks entries that the hub holds: nothing but `restore` is answered until it has them. Absent from
        /// what older executors say, which must be understood well enough to be told apart by their protocol.
        #[serde(default)]
        lacks: bool,
    },
    /// To `findings`, `signals`, `gap` and `lines_lost`: they are durable. To the last `restore`: the log has all that it lacked, and says so.
    Recorded {
        /// The log's size.
        size: u64,
    },
    /// To `condition`.
    Condition(ExecutorCondition),
    /// To `probe`: what was seen of each fact that was asked for. Nothing was written down: it is the agent that finds.
    Probed(FactSet),
    /// To `await_change`: look again at these facts, all of them of [`crate::probe::is_probed`]; none where nothing has changed.
    Changed {
        /// Which.
        facts: Vec<FactId>,
    },
    /// To `order` and `decide`: its end is durable, or that it waits or was refused is.
    Order(OrderAnswer),
    /// To `order` and `decide`: it is being carried out. Ask again, with the same bytes. To `paper`: this run is under way, and nothing is put in force
    /// until it has ended. Ask again, likewise.
    UnderWay {
        /// Which order.
        order: OrderId,
    },
    /// To `entries`: none of them where the log ends there.
    Entries(EntryPackage),
    /// To `receipt`, `standing_order`, `paper` and `break_glass`: it is kept.
    Kept,
    /// To `paper`: it is kept, and does not hold, since this site has not approved these bytes.
    NotApproved {
        /// The digest that the site would have to approve.
        digest: Digest,
    },
    /// To `paper`: it is not believed, or is older than what was taken before. The refusal is in the log, as far as many of them have a record.
    PaperRefused {
        /// Why.
        refusal: Refusal,
    },
    /// To any question while the log lacks entries that the hub holds: fetch them from this index on, and hand them over.
    Restoring {
        /// The index of the first that is wanted.
        from: u64,
    },
    /// To `entries`: those from the asked index on were dropped here, since the hub gave its receipt for them.
    Pruned {
        /// The index of the first entry that is still here.
        first: u64,
    },
    /// What was to be written down makes no record, now or later: it is not asked for again as it is.
    Unrecorded {
        /// Why, in words for a person.
        why: String,
    },
    /// The question could not be answered.
    Sorry {
        /// Why, in words for a person.
        why: String,
    },
}

/// How an order ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderAnswer {
    /// The order, where the bytes were worth reading.
    pub order: Option<OrderId>,
    /// How it ended.
    pub outcome: Outcome,
    /// Why it was not carried out, where it was not.
    pub refusal: Option<Refusal>,
    /// The record that says so.
    pub seq: u64,
}

/// A piece of the log: whole entries, and the checkpoint of the whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EntryPackage {
    /// The index of the first entry.
    pub from: u64,
    /// The entries' exact bytes, which are UTF-8. At most 256, and at most 1 MiB together.
    pub entries: Vec<String>,
    /// The signed checkpoint that covers exactly `from + entries.len()` entries where this is the last piece, and more otherwise.
    pub checkpoint: String,
}

/// The most entries in one package: one tile.
pub const PACKAGE_MAX_ENTRIES: usize = 256;
/// The most bytes of entries in one package.
pub const PACKAGE_MAX_BYTES: usize = 1 << 20;
