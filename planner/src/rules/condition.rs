//! What a rule speaks of: names that are written out, and conditions that narrow them. Nothing here can be empty, and none of it can contradict itself:
//! what could never match for a reason that stands in the rule alone is refused when it is read.

use std::collections::BTreeSet;

use contract::baseline::Severity;
use contract::fact::{FactValue, Word};
use contract::ids::{ControlId, DetectorId};
use contract::incident::What;
use contract::signal::{Mount, Signal, SignalKind, Unit};
use serde::Deserialize;
use thiserror::Error;

use super::within::{Hollow, NonEmpty, Within};

/// What a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "When")]
pub enum Condition {
    /// Controls that fail.
    Drifts(Drifts),
    /// Detectors that fire.
    Signals(Box<Signals>),
}

/// Drifts of named controls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drifts {
    /// Which controls.
    pub controls: NonEmpty<ControlId>,
    /// Only where this was seen; anything where there is none.
    pub observed: Option<Seen>,
}

/// What must have been seen. A value of another kind than is asked for does not match.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Seen {
    /// A switch that stands so.
    Flag(bool),
    /// A number within bounds.
    Number(Within<i64>),
    /// One of these words.
    Words(NonEmpty<Word>),
}

/// Signals of named detectors or kinds, as far as all conditions hold. A signal that does not say what a condition asks for does not match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signals {
    /// Which.
    pub of: Named,
    /// Only these and worse.
    pub severity_at_least: Option<Severity>,
    /// Only where so many lines matched within the detector's window.
    pub count_at_least: Option<u32>,
    /// Only for these units.
    pub units: Option<NonEmpty<Unit>>,
    /// Only for these mounts.
    pub mounts: Option<NonEmpty<Mount>>,
    /// Only this full, hot or worn, of a hundred.
    pub percent: Option<Within<u8>>,
    /// Only with so many days left or gone by.
    pub days: Option<Within<u16>>,
}

/// By what a rule names signals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// By detector.
    Detectors(NonEmpty<DetectorId>),
    /// By kind, whatever detector they are of.
    Kinds(NonEmpty<SignalKind>),
}

/// A condition as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct When {
    controls: Option<NonEmpty<ControlId>>,
    detectors: Option<NonEmpty<DetectorId>>,
    kinds: Option<NonEmpty<SignalKind>>,
    observed: Option<Seen>,
    severity_at_least: Option<Severity>,
    count_at_least: Option<u32>,
    units: Option<NonEmpty<Unit>>,
    mounts: Option<NonEmpty<Mount>>,
    percent_at_least: Option<u8>,
    percent_at_most: Option<u8>,
    days_at_least: Option<u16>,
    days_at_most: Option<u16>,
}

/// Why a condition makes no sense by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ConditionFault {
    /// Neither, or several.
    #[error("`when` must have exactly one of controls, detectors and kinds")]
    NotOneOf,
    /// A drift has no count, no unit and no days.
    #[error("{0} is about signals, and a rule of controls has none")]
    OfSignals(&'static str),
    /// A signal has no observed value.
    #[error("`observed` is about controls, and a signal has none")]
    OfDrifts,
    /// It holds for every signal.
    #[error("{0} holds for every signal there is: it says nothing")]
    SaysNothing(&'static str),
    /// Nothing lies within these bounds.
    #[error("{what}: {fault}")]
    Bounds {
        /// Of what.
        what: &'static str,
        /// What is wrong with them.
        fault: Hollow,
    },
}

impl TryFrom<When> for Condition {
    type Error = ConditionFault;
    fn try_from(when: When) -> Result<Self, ConditionFault> {
        let of = match (&when.controls, &when.detectors, &when.kinds) {
            (Some(controls), None, None) => return drifts(controls.clone(), when),
            (None, Some(detectors), None) => Named::Detectors(detectors.clone()),
            (None, None, Some(kinds)) => Named::Kinds(kinds.clone()),
            (Some(_), Some(_), _) | (Some(_) | None, _, Some(_)) | (None, None, None) => {
                return Err(ConditionFault::NotOneOf);
            }
        };
        signals(of, when)
    }
}

fn drifts(controls: NonEmpty<ControlId>, when: When) -> Result<Condition, ConditionFault> {
    let stray = [
        ("severity_at_least", when.severity_at_least.is_some()),
        ("count_at_least", when.count_at_least.is_some()),
        ("units", when.units.is_some()),
        ("mounts", when.mounts.is_some()),
        ("percent", when.percent_at_least.is_some() || when.percent_at_most.is_some()),
        ("days", when.days_at_least.is_some() || when.days_at_most.is_some()),
    ];
    match stray.iter().find(|(_, is_there)| *is_there) {
        Some((name, _)) => Err(ConditionFault::OfSignals(name)),
        None => Ok(Condition::Drifts(Drifts { controls, observed: when.observed })),
    }
}

fn signals(of: Named, when: When) -> Result<Condition, ConditionFault> {
    if when.observed.is_some() {
        return Err(ConditionFault::OfDrifts);
    }
    if when.severity_at_least == Some(Severity::Low) {
        return Err(ConditionFault::SaysNothing("severity_at_least: low"));
    }
    if when.count_at_least.is_some_and(|count| count <= 1) {
        return Err(ConditionFault::SaysNothing("count_at_least: 1 or less"));
    }
    let bounds = |what| move |fault| ConditionFault::Bounds { what, fault };
    let percent = Within::of(when.percent_at_least, when.percent_at_most).map_err(bounds("percent"))?;
    if percent.as_ref().and_then(Within::at_least).is_some_and(|least| *least > 100) {
        return Err(ConditionFault::Bounds { what: "percent", fault: Hollow::Beyond });
    }
    let days = Within::of(when.days_at_least, when.days_at_most).map_err(bounds("days"))?;
    Ok(Condition::Signals(Box::new(Signals {
        of,
        severity_at_least: when.severity_at_least,
        count_at_least: when.count_at_least,
        units: when.units,
        mounts: when.mounts,
        percent,
        days,
    })))
}

impl Condition {
    /// Whether it speaks of `what`.
    pub fn matches(&self, what: &What) -> bool {
        match (self, what) {
            (Self::Drifts(drifts), What::Drift { control, fact: _, observed }) => {
                drifts.match_drift(control, observed)
            }
            (Self::Signals(signals), What::Signal(signal)) => signals.match_signal(signal),
            (Self::Drifts(_), What::Signal(_)) | (Self::Signals(_), What::Drift { .. }) => false,
        }
    }

    /// True where nothing narrows what it names.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Drifts(drifts) => drifts.observed.is_none(),
            Self::Signals(s) => {
                s.severity_at_least.is_none()
                    && s.count_at_least.is_none()
                    && s.units.is_none()
                    && s.mounts.is_none()
                    && s.percent.is_none()
                    && s.days.is_none()
            }
        }
    }

    /// The first name that stands in a list twice.
    pub(super) fn repeated(&self) -> Option<String> {
        fn twice<T: Ord + ToString>(list: &NonEmpty<T>) -> Option<String> {
            let mut seen = BTreeSet::new();
            list.members().iter().find(|name| !seen.insert(*name)).map(T::to_string)
        }
        match self {
            Self::Drifts(drifts) => twice(&drifts.controls).or_else(|| match drifts.observed.as_ref()? {
                Seen::Words(words) => twice(words),
                Seen::Flag(_) | Seen::Number(_) => None,
            }),
            Self::Signals(signals) => {
                let named = match &signals.of {
                    Named::Detectors(list) => twice(list),
                    Named::Kinds(list) => twice(list),
                };
                let units = || signals.units.as_ref().and_then(twice);
                named.or_else(units).or_else(|| signals.mounts.as_ref().and_then(twice))
            }
        }
    }
}

impl Drifts {
    pub(crate) fn match_drift(&self, control: &ControlId, observed: &FactValue) -> bool {
        self.controls.members().contains(control)
            && self.observed.as_ref().is_none_or(|seen| seen.holds(observed))
    }
}

impl Seen {
    /// Whether `value` is what must have been seen.
    pub fn holds(&self, value: &FactValue) -> bool {
        match (self, value) {
            (Self::Flag(want), FactValue::Flag(got)) => want == got,
            (Self::Number(within), FactValue::Number(got)) => within.holds(got),
            (Self::Words(words), FactValue::Word(got)) => words.members().contains(got),
            (
                Self::Flag(_) | Self::Number(_) | Self::Words(_),
                FactValue::Flag(_)
                | FactValue::Number(_)
                | FactValue::Word(_)
                | FactValue::Ports(_)
                | FactValue::Permissions(_),
            ) => false,
        }
    }

    /// Whether all that `other` lets through is let through here, too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flag(one), Self::Flag(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one.covers(other),
            (Self::Words(one), Self::Words(other)) => {
                other.members().iter().all(|word| one.members().contains(word))
            }
            (Self::Flag(_) | Self::Number(_) | Self::Words(_), _) => false,
        }
    }
}

impl Signals {
    pub(crate) fn match_signal(&self, signal: &Signal) -> bool {
        let named = match &self.of {
            Named::Detectors(list) => list.members().contains(&signal.detector),
            Named::Kinds(list) => list.members().contains(&signal.kind),
        };
        let about = &signal.about;
        named
            && self.severity_at_least.is_none_or(|least| signal.severity >= least)
            && self.count_at_least.is_none_or(|least| signal.count >= least)
            && one_of(self.units.as_ref(), about.unit.as_ref())
            && one_of(self.mounts.as_ref(), about.mount.as_ref())
            && within(self.percent.as_ref(), about.percent.as_ref())
            && within(self.days.as_ref(), about.days.as_ref())
    }

    /// Whether all that `other` lets through, of a signal that both name, is let through here, too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let listed = |mine: Option<bool>| mine.unwrap_or(false);
        self.severity_at_least.is_none_or(|mine| other.severity_at_least.is_some_and(|o| o >= mine))
            && self.count_at_least.is_none_or(|mine| other.count_at_least.is_some_and(|o| o >= mine))
            && self.units.as_ref().is_none_or(|mine| listed(other.units.as_ref().map(|o| mine.holds_all(o))))
            && self
                .mounts
                .as_ref()
                .is_none_or(|mine| listed(other.mounts.as_ref().map(|o| mine.holds_all(o))))
            && self.percent.as_ref().is_none_or(|mine| listed(other.percent.as_ref().map(|o| mine.covers(o))))
            && self.days.as_ref().is_none_or(|mine| listed(other.days.as_ref().map(|o| mine.covers(o))))
    }
}

fn one_of<T: PartialEq>(list: Option<&NonEmpty<T>>, value: Option<&T>) -> bool {
    list.is_none_or(|list| value.is_some_and(|value| list.members().contains(value)))
}

fn within<T: PartialOrd>(bounds: Option<&Within<T>>, value: Option<&T>) -> bool {
    bounds.is_none_or(|bounds| value.is_some_and(|value| bounds.holds(value)))
}
