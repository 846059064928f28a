//! What detectors noticed in the machines' logs, by detector.

use std::collections::BTreeMap;

use contract::baseline::Severity;
use contract::ids::{DetectorId, HostId};
use contract::signal::SignalKind;
use serde::{Deserialize, Serialize};

use crate::claim::{Cite, Claim, Unmeasured};
use crate::input::Input;
use crate::standing::folded;

/// The detector of a new administrator.
const ADMINISTRATOR_ADDED: &str = "accounts.administrator-added";

/// What one detector noticed, over all machines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noticed {
    /// Which.
    pub detector: DetectorId,
    /// What it looks for.
    pub kind: SignalKind,
    /// How much it matters.
    pub severity: Severity,
    /// How often it fired.
    pub times: u32,
    /// How many lines it counted in all. Another detector may have counted the same ones.
    pub lines: u64,
    /// On which machines.
    pub hosts: Vec<HostId>,
    /// The records that say so.
    pub records: Vec<Cite>,
}

/// What each detector noticed, what matters most first.
pub(crate) fn noticed(input: &Input<'_>) -> Vec<Noticed> {
    let mut all: BTreeMap<DetectorId, Noticed> = BTreeMap::new();
    for logged in &input.machines {
        let host = &logged.machine.whose.host;
        for seen in &logged.machine.signals {
            let signal = &seen.signal;
            let one = all.entry(signal.detector.clone()).or_insert_with(|| Noticed {
                detector: signal.detector.clone(),
                kind: signal.kind,
                severity: signal.severity,
                times: 0,
                lines: 0,
                hosts: Vec::new(),
                records: Vec::new(),
            });
            one.times = one.times.saturating_add(1);
            one.lines = one.lines.saturating_add(u64::from(signal.count));
            if !one.hosts.contains(host) {
                one.hosts.push(host.clone());
            }
            one.records.push(Cite::one(host, seen.at.seq));
        }
    }
    let mut all: Vec<_> = all.into_values().collect();
    for one in &mut all {
        one.records = folded(std::mem::take(&mut one.records));
    }
    all.sort_by(|a, b| b.severity.cmp(&a.severity).then_with(|| a.detector.cmp(&b.detector)));
    all
}

/// How often detectors of failed log-ins fired.
pub(crate) fn failed_log_ins(input: &Input<'_>, noticed: &[Noticed]) -> Claim<u64> {
    counted(input, noticed.iter().filter(|one| one.kind == SignalKind::FailedLogins))
}

/// How often a new administrator was noticed.
pub(crate) fn new_administrators(input: &Input<'_>, noticed: &[Noticed]) -> Claim<u64> {
    counted(input, noticed.iter().filter(|one| one.detector.as_str() == ADMINISTRATOR_ADDED))
}

/// How many machines' logs tell of detectors, of all with a log.
pub(crate) fn told_by(input: &Input<'_>) -> (u32, u32) {
    let many = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let tell = input.machines.iter().filter(|logged| logged.machine.tells_signals);
    (many(tell.count()), many(input.machines.len()))
}

/// Of nought, all records of the machines that know how to tell of signals: one that never told of any says nothing by its silence.
fn counted<'n>(input: &Input<'_>, of: impl Iterator<Item = &'n Noticed>) -> Claim<u64> {
    let (mut times, mut records) = (0_u64, Vec::new());
    for one in of {
        times = times.saturating_add(u64::from(one.times));
        records.extend(one.records.iter().cloned());
    }
    if times == 0 {
        let tells = input.machines.iter().filter(|logged| logged.machine.tells_signals);
        let whole = tells.filter_map(|logged| {
            logged.machine.bounds.map(|(first, last)| Cite::range(&logged.machine.whose.host, first, last))
        });
        records.extend(whole);
    }
    if records.is_empty() { Claim::not(Unmeasured::NoKind) } else { Claim::of(times, folded(records)) }
}
