//! What the documents of a kit take from a log's own records: gaps, the history of its baseline and of its keys.
//!
//! A record of a kind that this release does not know is counted and left alone: a log that a later release wrote can still be exported.

use std::collections::BTreeMap;

use contract::digest::Digest;
use contract::ids::{HostId, SiteId};
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Period;

/// The kinds that say that something was not observed or not kept.
const GAPS: [&str; 3] = ["gap", "recovered", "restored"];
/// The kinds that carry keys.
const KEYS: [&str; 3] = ["opened", "key_named", "key_taken"];

/// How a finding that was excused is written.
const EXCEPTED: &[u8] = b"\"verdict\":{\"excepted\":";

/// What one log says of itself.
#[derive(Debug, Clone)]
pub struct Found {
    host: HostId,
    site: SiteId,
    period: Period,
    /// Gaps recorded in the period, in the order of the log.
    pub(super) gaps: Vec<GapSeen>,
    /// Each change of the baseline in the whole log, so that the one in force at the beginning of the period is there.
    pub(super) baselines: Vec<BaselineSeen>,
    /// Each record that carries a key, in the whole log.
    pub(super) keys: Vec<KeySeen>,
    /// The times of the first and last records of the period, as they stand in the log.
    pub(super) times: Option<(UtcTime, UtcTime)>,
    /// The time of the first record of the whole log, and the latest time in it.
    pub(super) span: Option<(UtcTime, UtcTime)>,
    /// Controls that failed under an exception in the period.
    pub(super) excepted: BTreeMap<String, ExceptedSeen>,
    /// Entries whose frame could not be read.
    pub(super) unread: u64,
}

/// Findings of a control that a person's exception excused.
#[derive(Debug, Clone, Serialize)]
pub(super) struct ExceptedSeen {
    first_record: u64,
    last_record: u64,
    findings: u64,
}

/// A record that tells of a gap.
#[derive(Debug, Clone, Serialize)]
pub(super) struct GapSeen {
    index: u64,
    recorded: UtcTime,
    kind: String,
    details: Value,
}

/// From which record on a baseline was in force.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BaselineSeen {
    /// None where the records name none.
    pub(super) baseline: Option<Digest>,
    pub(super) first_record: u64,
    pub(super) time: UtcTime,
}

/// A record that carries a key.
#[derive(Debug, Clone, Serialize)]
pub(super) struct KeySeen {
    index: u64,
    time: UtcTime,
    kind: String,
    key: Value,
}

/// The part of a record's frame that is looked at here.
#[derive(Deserialize)]
struct Frame<'a> {
    kind: &'a str,
    digests: Digests<'a>,
}

#[derive(Deserialize)]
struct Digests<'a> {
    #[serde(borrow, default)]
    baseline: Option<&'a str>,
}

#[derive(Deserialize)]
struct Detailed {
    details: Value,
}

impl Found {
    /// Nothing found yet.
    pub const fn new(host: HostId, site: SiteId, period: Period) -> Self {
        Self {
            host,
            site,
            period,
            gaps: Vec::new(),
            baselines: Vec::new(),
            keys: Vec::new(),
            times: None,
            span: None,
            excepted: BTreeMap::new(),
            unread: 0,
        }
    }

    /// Whose log it is.
    pub const fn host(&self) -> &HostId {
        &self.host
    }

    /// Where.
    pub const fn site(&self) -> &SiteId {
        &self.site
    }

    /// The baselines that were in force in the period: the last one before it, and those that came into force within.
    pub fn baselines_in_force(&self) -> Vec<Digest> {
        let before = self.baselines.iter().rfind(|b| b.time < self.period.from());
        let within = self.baselines.iter().filter(|b| self.period.holds(b.time));
        before.into_iter().chain(within).filter_map(|b| b.baseline).collect()
    }

    /// The time of the log's first record, and the latest in it.
    pub const fn span(&self) -> Option<(UtcTime, UtcTime)> {
        self.span
    }

    /// Looks at one entry of the log, in order.
    pub fn visit(&mut self, index: u64, time: UtcTime, entry: &[u8]) {
        let in_period = self.period.holds(time);
        if in_period {
            self.times = Some((self.times.map_or(time, |(first, _)| first), time));
        }
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first, last.max(time))));
        let Ok(frame) = serde_json::from_slice::<Frame<'_>>(entry) else {
            self.unread += 1;
            return;
        };
        let baseline = frame.digests.baseline.and_then(|d| d.parse::<Digest>().ok());
        if self.baselines.last().is_none_or(|last| last.baseline != baseline) {
            self.baselines.push(BaselineSeen { baseline, first_record: index, time });
        }
        let kind = frame.kind.to_owned();
        if in_period && GAPS.contains(&frame.kind) {
            let details = details(entry);
            self.gaps.push(GapSeen { index, recorded: time, kind, details });
        } else if in_period && frame.kind == "findings" {
            self.visit_findings(index, entry);
        } else if KEYS.contains(&frame.kind) {
            let key = details(entry).get("key").cloned().unwrap_or(Value::Null);
            self.keys.push(KeySeen { index, time, kind, key });
        }
    }
}

impl Found {
    /// Counts the findings that an exception excused.
    fn visit_findings(&mut self, index: u64, entry: &[u8]) {
        // Most records hold none, and are not worth reading whole.
        if !entry.windows(EXCEPTED.len()).any(|part| part == EXCEPTED) {
            return;
        }
        let Value::Array(findings) = details(entry)["findings"].take() else { return };
        for finding in findings.iter().filter(|f| f["verdict"].get("excepted").is_some()) {
            let control = finding["control"].as_str().unwrap_or_default().to_owned();
            let fresh = ExceptedSeen { first_record: index, last_record: index, findings: 0 };
            let seen = self.excepted.entry(control).or_insert(fresh);
            (seen.last_record, seen.findings) = (index, seen.findings + 1);
        }
    }
}

/// A record's details; null where they cannot be read, which the verifier will say better.
fn details(entry: &[u8]) -> Value {
    serde_json::from_slice::<Detailed>(entry).map_or(Value::Null, |d| d.details)
}
