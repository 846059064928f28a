//! The cases inside a rule: an incident in short form, the host's system, and whether the rule speaks of it.

use contract::baseline::Severity;
use contract::fact::FactValue;
use contract::ids::{ControlId, DetectorId};
use contract::runbook::TargetOs;
use contract::signal::{About, Mount, Signal, SignalKind, Unit};
use serde::Deserialize;

use super::condition::Condition;
use super::rule::{Rule, serves};

/// One case of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct RuleCase {
    /// What was found.
    pub of: Short,
    /// The host's system.
    pub on: TargetOs,
    /// Whether the rule speaks of it there.
    pub matches: bool,
}

/// What was found, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Short {
    /// A control that fails, and what was seen of it.
    Drift(ControlId, FactValue),
    /// A detector that fired.
    Signal(Box<Signal>),
}

/// How long the detector's window is in a case: no rule asks for it.
const WINDOW_S: u32 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    drift: Option<ControlId>,
    observed: Option<FactValue>,
    signal: Option<DetectorId>,
    kind: Option<SignalKind>,
    severity: Option<Severity>,
    count: Option<u32>,
    unit: Option<Unit>,
    mount: Option<Mount>,
    percent: Option<u8>,
    days: Option<u16>,
    on: TargetOs,
    matches: bool,
}

impl TryFrom<Written> for RuleCase {
    type Error = &'static str;
    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written {
            drift,
            observed,
            signal,
            kind,
            severity,
            count,
            unit,
            mount,
            percent,
            days,
            on,
            matches,
        } = written;
        let of = match (drift, observed, signal, kind, severity, count) {
            (Some(control), Some(observed), None, None, None, None)
                if unit.is_none() && mount.is_none() && percent.is_none() && days.is_none() =>
            {
                Short::Drift(control, observed)
            }
            (None, None, Some(detector), Some(kind), Some(severity), Some(count)) => {
                let about = About { unit, mount, percent, days, ..About::default() };
                Short::Signal(Box::new(Signal { detector, kind, severity, count, window_s: WINDOW_S, about }))
            }
            _ => {
                return Err("a case has `drift` and `observed`, or `signal`, `kind`, `severity` and `count`");
            }
        };
        Ok(Self { of, on, matches })
    }
}

impl RuleCase {
    /// Whether `rule` does what the case says.
    pub fn holds(&self, rule: &Rule) -> bool {
        let speaks = match (&rule.when, &self.of) {
            (Condition::Drifts(drifts), Short::Drift(control, observed)) => {
                drifts.match_drift(control, observed)
            }
            (Condition::Signals(signals), Short::Signal(signal)) => signals.match_signal(signal),
            (Condition::Drifts(_), Short::Signal(_)) | (Condition::Signals(_), Short::Drift(..)) => false,
        };
        (serves(rule.os, self.on) && speaks) == self.matches
    }
}
