//! The monthly packet: what a clinic reads, an auditor trusts and a machine can check, out of evidence that was verified and nothing else.
//!
//! ```text
//! Walk (each entry of a machine's log, to its signed head) ─▶ Machine (what its month came to) ─▶ the packet
//! ```
//! [`Walk`] is the only way to a [`Machine`], and gives none where the entries do not lead to the head: no number can come from a log that was altered. Every
//! fact names the records that it is from. What no record says is a typed reason, never a zero.
//!
//! Nothing here reads a clock, a file, a time zone of this machine or a random number: the same evidence makes the same bytes.
#![forbid(unsafe_code)]

mod cell;
mod chart;
mod claim;
mod clocks;
mod document;
mod episodes;
mod exports;
mod fold;
mod gaps;
mod hands;
mod html;
mod incidents;
mod input;
mod machine;
mod missing;
mod month;
mod needs;
mod packet;
mod pages;
mod rule;
mod runs;
#[cfg(feature = "sample")]
pub mod sample;
mod signals;
mod standing;
mod template;
mod upkeep;
mod walk;
mod witnessed;
mod words;

pub use claim::{Cite, Claim, LogName, Unmeasured};
pub use clocks::Clocks;
pub use document::{
    Attached, Block, Brand, Column, Document, Field, FieldKind, Figure, Inline, Paper, Picture, Sheet, Table,
    Tone,
};
pub use episodes::{Episode, Over};
pub use exports::{assessment_results, incidents_csv, ocsf, plan_of_action};
pub use gaps::{Broken, Silence};
pub use hands::{Accepted, Broken as BrokenGlass, ByHand, Deed};
pub use html::html;
pub use incidents::{BUCKETS_MS, EndedBy, Ending, HealTimes, Incident, NotDone, Repair, RepairEnd};
pub use input::{Act, Corrects, Cosigned, Cover, Input, Logged, Outside, Silent, SilentReason};
pub use machine::{At, Glass, Machine, PaperSeen, SignalSeen, Week, Whose};
pub use missing::{Attestation, Missing, MissingWhat, OutOfScope, Quiet};
pub use month::{BadMonth, BadZone, Month, Span, Zone};
pub use needs::Need;
pub use packet::{Access, BaselineNamed, FORMAT, LogSeen, Packet, Point, Summary};
pub use pages::{PageError, document, postcard};
pub use rule::{Paragraph, ParagraphKind, Rule, RuleError, Safeguard};
pub use runs::{End, Run, TurnedAway};
pub use signals::Noticed;
pub use standing::{Observed, Seen, Standing, Unchecked};
pub use template::TemplateError;
pub use upkeep::{Clock, Looks, RestoreTest, Weeks};
pub use walk::{Walk, WalkError};
pub use witnessed::{Witnessed, WitnessedHead};
