//! Records about what a site was granted, decided for itself, or had done to it: standing orders, break-glass, policies, confinement, hostile peers.

use serde::{Deserialize, Serialize};

use crate::blob::Blob;
use crate::digest::Digest;
use crate::ids::{GrantId, OperatorId};
use crate::paper::PaperKind;
use crate::resource::{AbsolutePath, Resource};
use crate::runbook::Confinement;
use crate::time::UtcTime;

/// A standing order was taken: it replaces the one before. One without runbooks takes the grant back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingTaken {
    /// Its id.
    pub grant: GrantId,
    /// Its counter: no lower one is ever taken again.
    pub counter: u64,
    /// When it stops being good.
    pub expires: UtcTime,
    /// How many runbooks it grants.
    pub runbooks: u32,
    /// The DSSE envelope, as it came.
    pub envelope: Blob,
}

/// What became of a break-glass grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GlassState {
    /// It is in force from now on.
    Broken,
    /// Its time is over.
    Ended,
}

/// Break-glass began or ended. Each run that makes use of it names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreakGlass {
    /// The grant.
    pub grant: GrantId,
    /// What became of it.
    pub state: GlassState,
    /// Who asked for it.
    pub person: OperatorId,
    /// Why, in that person's words: at least 20 characters.
    pub reason: crate::grant::Reason,
    /// When it ends by itself: at most four hours after it began.
    pub until: UtcTime,
    /// Its counter: no lower one is ever taken again.
    pub counter: u64,
    /// How many runs made use of it; 0 when it begins.
    pub uses: u32,
}

/// What becomes of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyState {
    /// It is about to be put in place.
    Announced,
    /// It holds.
    InForce,
}

/// A policy is about to hold, or holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyTaken {
    /// What becomes of it.
    pub state: PolicyState,
    /// The digest of its bytes.
    pub policy: Digest,
    /// The one before; none for the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Digest>,
    /// How many earlier decisions were asked again.
    pub replayed: u32,
    /// How many of them it answers otherwise.
    pub changed: u32,
    /// How many of those were allowed and are denied now.
    pub breaking: u32,
}

/// What became of a paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaperState {
    /// It holds from now on.
    InForce,
    /// It is kept, and does not hold: this site has not approved it.
    NotApproved,
    /// An older one lies in its place, since the disk was put back to an earlier state: that one holds until the newer is brought again.
    Outdated,
}

/// A paper came: the baseline, the catalogue or the allowlist, signed anew by the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperTaken {
    /// What it is.
    pub paper: PaperKind,
    /// What became of it.
    pub state: PaperState,
    /// The highest number that ever came: no lower one is ever taken again.
    pub number: u64,
    /// The digest of the text that came, or that is found in its place where it is outdated; none where what was before is taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Digest>,
}

/// What this machine's kernel offers to confine programs with, at a start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confined {
    /// What is there.
    pub available: Vec<Confinement>,
    /// What is not.
    pub unavailable: Vec<Confinement>,
}

/// What somebody tried at the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intrusion {
    /// A user who is not the agent connected.
    WrongUser,
    /// A frame longer than any may be.
    Oversize,
    /// A frame that is not understood.
    NotUnderstood,
    /// A frame that never ended.
    Slow,
    /// More connections than an agent has use for.
    Flood,
    /// A connection that said nothing for so long that another got its place.
    Idle,
    /// Orders and grants that were refused and spend no counter, so that they can come again and again: those beyond the first few of a minute, each
    /// of which has a record of its own.
    Refused,
    /// Signals beyond those that a minute has records for, by the times that some were turned away. Which, is not said: they may be brought again.
    Signals,
}

/// Attempts at the socket, counted: the first at once, the others of an hour together; refused orders those of a minute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intruded {
    /// What was tried.
    pub what: Intrusion,
    /// How often since the last record of this kind.
    pub count: u64,
    /// The user that the kernel named, where it was another than the agent's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// Who else changes a thing that does not stay repaired, as far as the machine tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Opponent {
    /// A unit of a configuration tool that runs.
    Unit(crate::resource::UnitName),
    /// A program of this name, by the audit trail.
    Program(crate::fact::Word),
    /// The system's timetable names the file.
    Timetable,
    /// The file belongs to a package whose tools rewrite it.
    Package,
    /// Nobody that could be named.
    Unknown,
}

/// A dead-man timer put the old state back, because nobody confirmed that people still get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadManFired {
    /// The run's order.
    pub order: crate::ids::OrderId,
    /// What was put back.
    pub target: Resource,
}

/// A `NixOS` generation ran, and every check that applies to the machine passed on it, by the executor's own measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationHealthy {
    /// Its number.
    pub number: u64,
    /// Its system closure in the store: numbers are given again after a deletion.
    pub closure: AbsolutePath,
}
