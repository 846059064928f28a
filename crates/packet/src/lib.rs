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

mod clocks;
mod document;
mod episodes;
mod fold;
mod gaps;
mod machine;
mod month;
mod rule;
mod runs;
mod walk;

pub use clocks::Clocks;
pub use document::{
    Attached, Block, Brand, Column, Document, Figure, Inline, Paper, Picture, Sheet, Table, Tone,
};
pub use episodes::{Episode, Over};
pub use gaps::{Broken, Silence};
pub use machine::{At, Glass, Machine, PaperSeen, Whose};
pub use month::{BadMonth, BadZone, Month, Span, Zone};
pub use rule::{Paragraph, ParagraphKind, Rule, RuleError, Safeguard};
pub use runs::{End, Run, TurnedAway};
pub use walk::{Walk, WalkError};
