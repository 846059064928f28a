//! What the outbox could not hold: counted, durable, and told to the hub as a signal of its own.

use std::io::ErrorKind;
use std::path::Path;

use contract::baseline::Severity;
use contract::ids::{DetectorId, IncidentId};
use contract::incident::{Incident, What};
use contract::signal::{About, Signal, SignalKind};
use contract::time::UtcTime;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};

/// The detector under which lost incidents are told.
const DETECTOR: &str = "agent.outbox-gap";

/// Incidents that were lost before the hub took them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    incident: IncidentId,
    /// How many.
    pub lost: u64,
    /// When the first was lost.
    pub first: UtcTime,
    /// When the last was lost.
    pub last: UtcTime,
}

impl Gap {
    /// `gap` and one more incident, lost `now`.
    pub(super) fn one_more(gap: Option<&Self>, now: UtcTime) -> Result<Self, FileError> {
        match gap {
            // Under another id: the hub may know the first one with its own numbers already.
            Some(gap) => Ok(Self { incident: draw()?, lost: gap.lost + 1, last: now, first: gap.first }),
            None => Ok(Self { incident: draw()?, lost: 1, first: now, last: now }),
        }
    }

    /// What came after `told`.
    pub(super) fn since(self, told: &Self) -> Option<Self> {
        let lost = self.lost.saturating_sub(told.lost);
        // Under another id: the hub has settled the first. Where none can be drawn the old one is told again.
        let incident = draw().unwrap_or(self.incident);
        (lost > 0).then_some(Self { incident, lost, first: told.last, last: self.last })
    }

    /// How the hub is told.
    pub fn incident(&self) -> Incident {
        #[expect(clippy::expect_used, reason = "the text is a constant that a test parses")]
        let detector: DetectorId = DETECTOR.parse().expect("a detector's id");
        let seconds = self.last.ms_since(self.first).div_ceil(1_000).max(1);
        let what = What::Signal(Signal {
            detector,
            kind: SignalKind::LogLoss,
            severity: Severity::High,
            count: u32::try_from(self.lost).unwrap_or(u32::MAX),
            window_s: u32::try_from(seconds).unwrap_or(u32::MAX),
            about: About::default(),
        });
        Incident { incident: self.incident.clone(), found: self.last, what }
    }
}

fn draw() -> Result<IncidentId, FileError> {
    crate::incident_id().map_err(|source| FileError {
        path: "/dev/random".into(),
        action: "draw an incident's id",
        source,
    })
}

pub(super) fn load(path: &Path) -> Result<Option<Gap>, FileError> {
    let bytes = match file::read(path, 4096) {
        Ok(bytes) => bytes,
        Err(e) if e.source.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    match serde_json::from_slice(&bytes) {
        Ok(gap) => Ok(Some(gap)),
        // That something was lost is still known; how much is not. It must not read as "nothing".
        Err(_) => {
            tracing::error!(path = %path.display(), "the outbox's gap is unreadable; it counts as one");
            let epoch = UtcTime::from_unix_ms(0).map_err(|e| FileError {
                path: path.to_owned(),
                action: "date it",
                source: std::io::Error::other(e),
            })?;
            Gap::one_more(None, epoch).map(Some)
        }
    }
}

pub(super) fn store(path: &Path, gap: Option<&Gap>) -> Result<(), FileError> {
    match gap {
        Some(gap) => file::write_durably(path, &serde_json::to_vec(gap).unwrap_or_default()),
        None => super::remove(path),
    }
}
