//! Records of what detectors told: as the agent's word, in types that hold no text of a log line, no name of a person and no pseudonym.

use serde::{Deserialize, Serialize};

use crate::baseline::Severity;
use crate::ids::{DetectorId, IncidentId};
use crate::incident::{Incident, What};
use crate::signal::{About, Device, KnownMount, KnownUnit, Mount, Signal, SignalKind, Unit};
use crate::time::UtcTime;

/// So many signals are taken over at once: they fit in one record, whatever they are.
pub const SIGNALS_MAX: usize = 32;

/// Signals as the agent tells them: the record attributes them to the agent, not to the executor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalsTaken {
    /// At least one, and at most [`SIGNALS_MAX`], in the order in which the detectors fired. After an interruption one may stand in two records: its
    /// incident is the same in both.
    pub signals: Vec<Signalled>,
}

/// One signal, as far as it is kept for years. Where it came from, and what else its lines named, the hub alone is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signalled {
    /// The incident under which the hub is told of it.
    pub incident: IncidentId,
    /// When the detector fired, by the host's clock: the record may be later, where the executor was away.
    pub found: UtcTime,
    /// The detector.
    pub detector: DetectorId,
    /// What it is about.
    pub kind: SignalKind,
    /// How much it matters.
    pub severity: Severity,
    /// How many lines matched within the window.
    pub count: u32,
    /// The window, in seconds.
    pub window_s: u32,
    /// The thing that its lines named, where everybody knows its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<Named>,
}

/// A thing with a name of a closed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Named {
    /// A unit.
    Unit(KnownUnit),
    /// Where a file system is mounted.
    Mount(KnownMount),
    /// A block device, by the kernel's own name.
    Device(Device),
}

impl Signalled {
    /// What may be kept of an incident, where a detector told it.
    pub fn of(incident: &Incident) -> Option<Self> {
        let Incident { incident, found, what } = incident;
        match what {
            What::Drift { .. } => None,
            What::Signal(Signal { detector, kind, severity, count, window_s, about }) => Some(Self {
                incident: incident.clone(),
                found: *found,
                detector: detector.clone(),
                kind: *kind,
                severity: *severity,
                count: *count,
                window_s: *window_s,
                about: Named::of(about),
            }),
        }
    }
}

impl Named {
    /// The first that has such a name, in the order in which signals are told apart.
    fn of(about: &About) -> Option<Self> {
        // Numbers were read from the lines, too, and may mean a person.
        let About { unit, mount, device, from: _, percent: _, port: _, amount: _, days: _ } = about;
        let unit = unit.and_then(Unit::known_to_all).map(Self::Unit);
        let mount = || mount.and_then(Mount::known_to_all).map(Self::Mount);
        unit.or_else(mount).or_else(|| device.map(Self::Device))
    }
}
