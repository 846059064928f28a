//! What a record says happened, by kind. The details of each are in `run`, `signals`, `site` and `log`.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::finding::{Finding, Tally};
use crate::outcome::Outcome;

use super::device::DeviceNoted;
use super::log::{Gap, KeyNamed, KeyTaken, Opened, Recovered, Restored, Standing};
use super::packet::PacketNoted;
use super::people::{Acted, LoggedIn};
use super::run::{Accepted, Connection, Ended, Escalated, Intent, Moved, Refused, Resumed, Waiting};
use super::signals::SignalsTaken;
use super::site::{
    BreakGlass, Confined, DeadManFired, GenerationHealthy, Intruded, PaperTaken, PolicyTaken, StandingTaken,
};

/// The kinds of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Kind {
    /// The log was opened.
    Opened,
    /// Findings were taken over from the agent.
    Findings,
    /// Signals of detectors were taken over from the agent.
    Signals,
    /// An order passed all guardrails.
    Accepted,
    /// An order was not carried out.
    Refused,
    /// An order waits.
    Waiting,
    /// A step is about to act.
    Intent,
    /// A run went over to another state.
    Moved,
    /// A run that was interrupted is taken up again.
    Resumed,
    /// A run ended.
    Ended,
    /// A person is asked to look.
    Escalated,
    /// A step's program made a connection.
    Connection,
    /// A standing order was taken.
    StandingTaken,
    /// Break-glass began or ended.
    BreakGlass,
    /// A policy took hold.
    PolicyTaken,
    /// The hub signed the baseline, the catalogue or the allowlist anew.
    PaperTaken,
    /// What the kernel offers to confine programs with.
    Confined,
    /// Somebody tried something at the socket.
    Intruded,
    /// A dead-man timer put the old state back.
    DeadManFired,
    /// Every check passed on a generation.
    GenerationHealthy,
    /// The executor came back after it was interrupted.
    Recovered,
    /// Where the executor stands: replay may begin here.
    Standing,
    /// Something was not observed or not kept.
    Gap,
    /// Entries were fetched back from the mirror.
    Restored,
    /// The key in force names the next one.
    KeyNamed,
    /// The next key takes over.
    KeyTaken,
    /// Somebody acted at the hub's operator plane, or was kept from it.
    Acted,
    /// Somebody came in there, or tried to.
    LoggedIn,
    /// Something about a device at the hub's device plane.
    Device,
    /// Something about a packet that the hub made.
    Packet,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// [`Kind::Opened`].
    Opened(Opened),
    /// [`Kind::Findings`].
    Findings(FindingsTaken),
    /// [`Kind::Signals`].
    Signals(SignalsTaken),
    /// [`Kind::Accepted`].
    Accepted(Box<Accepted>),
    /// [`Kind::Refused`], with its outcome.
    Refused(Outcome, Refused),
    /// [`Kind::Waiting`].
    Waiting(Box<Waiting>),
    /// [`Kind::Intent`].
    Intent(Intent),
    /// [`Kind::Moved`].
    Moved(Moved),
    /// [`Kind::Resumed`].
    Resumed(Resumed),
    /// [`Kind::Ended`], with its outcome.
    Ended(Outcome, Ended),
    /// [`Kind::Escalated`].
    Escalated(Escalated),
    /// [`Kind::Connection`].
    Connection(Connection),
    /// [`Kind::StandingTaken`].
    StandingTaken(Box<StandingTaken>),
    /// [`Kind::BreakGlass`].
    BreakGlass(BreakGlass),
    /// [`Kind::PolicyTaken`].
    PolicyTaken(PolicyTaken),
    /// [`Kind::PaperTaken`].
    PaperTaken(PaperTaken),
    /// [`Kind::Confined`].
    Confined(Confined),
    /// [`Kind::Intruded`].
    Intruded(Intruded),
    /// [`Kind::DeadManFired`].
    DeadManFired(DeadManFired),
    /// [`Kind::GenerationHealthy`].
    GenerationHealthy(GenerationHealthy),
    /// [`Kind::Recovered`].
    Recovered(Recovered),
    /// [`Kind::Standing`].
    Standing(Standing),
    /// [`Kind::Gap`].
    Gap(Gap),
    /// [`Kind::Restored`].
    Restored(Restored),
    /// [`Kind::KeyNamed`].
    KeyNamed(KeyNamed),
    /// [`Kind::KeyTaken`].
    KeyTaken(KeyTaken),
    /// [`Kind::Acted`].
    Acted(Acted),
    /// [`Kind::LoggedIn`].
    LoggedIn(LoggedIn),
    /// [`Kind::Device`].
    Device(DeviceNoted),
    /// [`Kind::Packet`].
    Packet(PacketNoted),
}

/// Why findings were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The whole baseline was looked at.
    FullScan,
    /// Something changed, and what depends on it was looked at again.
    Change,
}

/// Findings as the agent reports them: the record attributes them to the agent, not to the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FindingsTaken {
    /// Why they were taken.
    pub trigger: Trigger,
    /// Which part of a long list this record is, from 1.
    pub part: u32,
    /// Of how many.
    pub parts: u32,
    /// The numbers of the whole list.
    pub tally: Tally,
    /// This part of the list.
    pub findings: Vec<Finding>,
}

impl Body {
    /// Its kind.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Opened(_) => Kind::Opened,
            Self::Findings(_) => Kind::Findings,
            Self::Signals(_) => Kind::Signals,
            Self::Accepted(_) => Kind::Accepted,
            Self::Refused(..) => Kind::Refused,
            Self::Intent(_) => Kind::Intent,
            Self::Waiting(_) => Kind::Waiting,
            Self::Moved(_) => Kind::Moved,
            Self::Resumed(_) => Kind::Resumed,
            Self::Escalated(_) => Kind::Escalated,
            Self::Connection(_) => Kind::Connection,
            Self::StandingTaken(_) => Kind::StandingTaken,
            Self::BreakGlass(_) => Kind::BreakGlass,
            Self::PolicyTaken(_) => Kind::PolicyTaken,
            Self::PaperTaken(_) => Kind::PaperTaken,
            Self::Confined(_) => Kind::Confined,
            Self::Intruded(_) => Kind::Intruded,
            Self::DeadManFired(_) => Kind::DeadManFired,
            Self::GenerationHealthy(_) => Kind::GenerationHealthy,
            Self::Ended(..) => Kind::Ended,
            Self::Recovered(_) => Kind::Recovered,
            Self::Standing(_) => Kind::Standing,
            Self::Gap(_) => Kind::Gap,
            Self::Restored(_) => Kind::Restored,
            Self::KeyNamed(_) => Kind::KeyNamed,
            Self::KeyTaken(_) => Kind::KeyTaken,
            Self::Acted(_) => Kind::Acted,
            Self::LoggedIn(_) => Kind::LoggedIn,
            Self::Device(_) => Kind::Device,
            Self::Packet(_) => Kind::Packet,
        }
    }

    pub(super) fn to_parts(&self) -> Result<(Kind, Option<Outcome>, Value), serde_json::Error> {
        let (outcome, details) = match self {
            Self::Opened(d) => (None, serde_json::to_value(d)?),
            Self::Findings(d) => (None, serde_json::to_value(d)?),
            Self::Signals(d) => (None, serde_json::to_value(d)?),
            Self::Accepted(d) => (None, serde_json::to_value(d)?),
            Self::Refused(o, d) => (Some(*o), serde_json::to_value(d)?),
            Self::Intent(d) => (None, serde_json::to_value(d)?),
            Self::Waiting(d) => (None, serde_json::to_value(d)?),
            Self::Moved(d) => (None, serde_json::to_value(d)?),
            Self::Resumed(d) => (None, serde_json::to_value(d)?),
            Self::Escalated(d) => (None, serde_json::to_value(d)?),
            Self::Connection(d) => (None, serde_json::to_value(d)?),
            Self::StandingTaken(d) => (None, serde_json::to_value(d)?),
            Self::BreakGlass(d) => (None, serde_json::to_value(d)?),
            Self::PolicyTaken(d) => (None, serde_json::to_value(d)?),
            Self::PaperTaken(d) => (None, serde_json::to_value(d)?),
            Self::Confined(d) => (None, serde_json::to_value(d)?),
            Self::Intruded(d) => (None, serde_json::to_value(d)?),
            Self::DeadManFired(d) => (None, serde_json::to_value(d)?),
            Self::GenerationHealthy(d) => (None, serde_json::to_value(d)?),
            Self::Ended(o, d) => (Some(*o), serde_json::to_value(d)?),
            Self::Recovered(d) => (None, serde_json::to_value(d)?),
            Self::Standing(d) => (None, serde_json::to_value(d)?),
            Self::Gap(d) => (None, serde_json::to_value(d)?),
            Self::Restored(d) => (None, serde_json::to_value(d)?),
            Self::KeyNamed(d) => (None, serde_json::to_value(d)?),
            Self::KeyTaken(d) => (None, serde_json::to_value(d)?),
            Self::Acted(d) => (None, serde_json::to_value(d)?),
            Self::LoggedIn(d) => (None, serde_json::to_value(d)?),
            Self::Device(d) => (None, serde_json::to_value(d)?),
            Self::Packet(d) => (None, serde_json::to_value(d)?),
        };
        Ok((self.kind(), outcome, details))
    }

    pub(super) fn from_parts(
        kind: Kind,
        outcome: Option<Outcome>,
        details: &RawValue,
    ) -> Result<Self, String> {
        fn read<T: serde::de::DeserializeOwned>(details: &RawValue) -> Result<T, String> {
            serde_json::from_str(details.get()).map_err(|e| e.to_string())
        }
        match (kind, outcome) {
            (Kind::Opened, None) => read(details).map(Self::Opened),
            (Kind::Findings, None) => read(details).map(Self::Findings),
            (Kind::Signals, None) => read(details).map(Self::Signals),
            (Kind::Accepted, None) => read(details).map(|d| Self::Accepted(Box::new(d))),
            (Kind::Refused, Some(o)) => read(details).map(|d| Self::Refused(o, d)),
            (Kind::Intent, None) => read(details).map(Self::Intent),
            (Kind::Waiting, None) => read(details).map(|d| Self::Waiting(Box::new(d))),
            (Kind::Moved, None) => read(details).map(Self::Moved),
            (Kind::Resumed, None) => read(details).map(Self::Resumed),
            (Kind::Escalated, None) => read(details).map(Self::Escalated),
            (Kind::Connection, None) => read(details).map(Self::Connection),
            (Kind::StandingTaken, None) => read(details).map(|d| Self::StandingTaken(Box::new(d))),
            (Kind::BreakGlass, None) => read(details).map(Self::BreakGlass),
            (Kind::PolicyTaken, None) => read(details).map(Self::PolicyTaken),
            (Kind::PaperTaken, None) => read(details).map(Self::PaperTaken),
            (Kind::Confined, None) => read(details).map(Self::Confined),
            (Kind::Intruded, None) => read(details).map(Self::Intruded),
            (Kind::DeadManFired, None) => read(details).map(Self::DeadManFired),
            (Kind::GenerationHealthy, None) => read(details).map(Self::GenerationHealthy),
            (Kind::Ended, Some(o)) => read(details).map(|d| Self::Ended(o, d)),
            (Kind::Recovered, None) => read(details).map(Self::Recovered),
            (Kind::Standing, None) => read(details).map(Self::Standing),
            (Kind::Gap, None) => read(details).map(Self::Gap),
            (Kind::Restored, None) => read(details).map(Self::Restored),
            (Kind::KeyNamed, None) => read(details).map(Self::KeyNamed),
            (Kind::KeyTaken, None) => read(details).map(Self::KeyTaken),
            (Kind::Acted, None) => read(details).map(Self::Acted),
            (Kind::LoggedIn, None) => read(details).map(Self::LoggedIn),
            (Kind::Device, None) => read(details).map(Self::Device),
            (Kind::Packet, None) => read(details).map(Self::Packet),
            (Kind::Refused | Kind::Ended, None) => Err("a record of this kind has an outcome".to_owned()),
            (
                Kind::Opened
                | Kind::Findings
                | Kind::Signals
                | Kind::Accepted
                | Kind::Intent
                | Kind::Waiting
                | Kind::Moved
                | Kind::Resumed
                | Kind::Escalated
                | Kind::Connection
                | Kind::StandingTaken
                | Kind::BreakGlass
                | Kind::PolicyTaken
                | Kind::PaperTaken
                | Kind::Confined
                | Kind::Intruded
                | Kind::DeadManFired
                | Kind::GenerationHealthy
                | Kind::Recovered
                | Kind::Standing
                | Kind::Gap
                | Kind::Restored
                | Kind::KeyNamed
                | Kind::KeyTaken
                | Kind::Acted
                | Kind::LoggedIn
                | Kind::Device
                | Kind::Packet,
                Some(_),
            ) => Err("a record of this kind has no outcome".to_owned()),
        }
    }
}
