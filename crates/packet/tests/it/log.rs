//! A log that is written record by record, and signed.

use std::collections::BTreeSet;

use contract::digest::Digest;
use contract::fact::{Absence, FactValue};
use contract::finding::{Finding, Tally, Verdict};
use contract::ids::ControlId;
use contract::outcome::Outcome;
use contract::policy::{PolicyAnswer, PolicyDecided};
use contract::record::{
    Accepted, Authority, Body, Digests, Ended, FindingsTaken, Opened, PreviousLeaf, Record, Resolution,
    Trigger,
};
use contract::time::{ClockOffset, UtcTime};
use packet::{Machine, Month, Span, Walk, WalkError, Whose, Zone};
use tlog::note::SignatureType;
use tlog::{Checkpoint, CompactRange, Origin, SigningKey, TreeSize, VerifiedCheckpoint, leaf_hash};

pub(crate) const ORIGIN: &str = "hub.example/h-1";

pub(crate) fn at(text: &str) -> UtcTime {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00.000Z") };
    text.parse().unwrap()
}

pub(crate) fn october() -> Span {
    "2026-10".parse::<Month>().unwrap().span(&Zone::named("UTC").unwrap())
}

pub(crate) fn whose() -> Whose {
    Whose { tenant: "t-1".parse().unwrap(), site: "s-1".parse().unwrap(), host: "h-1".parse().unwrap() }
}

pub(crate) fn control(id: &str) -> ControlId {
    id.parse().unwrap()
}

/// Entries as they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<Vec<u8>>,
}

impl Log {
    /// One that was opened then.
    pub(crate) fn opened(time: &str) -> Self {
        let opened = Opened {
            tenant: whose().tenant,
            site: whose().site,
            host: whose().host,
            key: "hub.example/h-1+00000000+AQ==".into(),
            software: "0.1.0".into(),
            succeeds: None,
        };
        Self::default().then(time, Body::Opened(opened))
    }

    /// A further record.
    pub(crate) fn then(self, time: &str, body: Body) -> Self {
        self.by_clock(time, ClockOffset::SynchronisedWithinMs(3), body)
    }

    pub(crate) fn by_clock(mut self, time: &str, clock: ClockOffset, body: Body) -> Self {
        let record = Record {
            origin: ORIGIN.into(),
            seq: self.entries.len() as u64,
            time: at(time),
            clock,
            prev: self.entries.last().map(|entry| PreviousLeaf(*leaf_hash(entry).as_bytes())),
            subject: "log".into(),
            digests: Digests::default(),
            body,
        };
        self.entries.push(canonical(&record.to_value().unwrap()));
        self
    }

    /// What was seen of controls.
    pub(crate) fn found(self, time: &str, seen: &[(&str, Verdict)]) -> Self {
        let findings: Vec<_> = seen
            .iter()
            .map(|(id, verdict)| Finding {
                control: control(id),
                fact: "time:synchronised".parse().unwrap(),
                verdict: verdict.clone(),
            })
            .collect();
        let tally = Tally::of(&findings);
        self.then(
            time,
            Body::Findings(FindingsTaken { trigger: Trigger::Change, part: 1, parts: 1, tally, findings }),
        )
    }

    /// A repair that begins, by order of the hub.
    pub(crate) fn accepted(self, time: &str, order: &str, id: &str) -> Self {
        let digest = Digest::of(b"");
        let accepted = Accepted {
            order: order.parse().unwrap(),
            incident: "inc-1".parse().unwrap(),
            control: control(id),
            runbook: "RB-TIME-001-sync".parse().unwrap(),
            targets: Vec::new(),
            counter: 1,
            authority: Authority::Hub,
            approvals: Vec::new(),
            break_glass: None,
            provenance: contract::decision::Provenance::Rules {
                table: digest,
                rule: Some("time-sync".into()),
            },
            guardrails: Vec::new(),
            policy: PolicyDecided {
                policy: digest,
                asked: Vec::new(),
                answer: PolicyAnswer::Allow,
                rules: Vec::new(),
            },
            measured: FactValue::Flag(false),
            envelope: contract::blob::Blob(Vec::new()),
        };
        self.then(time, Body::Accepted(Box::new(accepted)))
    }

    /// And ends.
    pub(crate) fn ended(
        self,
        time: &str,
        order: &str,
        id: &str,
        outcome: Outcome,
        resolution: Resolution,
    ) -> Self {
        let ended = Ended {
            order: order.parse().unwrap(),
            incident: "inc-1".parse().unwrap(),
            control: control(id),
            resolution,
            resumed: false,
            acted_ms: 320,
            verified_ms: 2004,
            counts: Vec::new(),
        };
        self.then(time, Body::Ended(outcome, ended))
    }

    /// The head over all of it, signed by the log's key.
    pub(crate) fn head(&self) -> VerifiedCheckpoint {
        let mut tree = CompactRange::new();
        for entry in &self.entries {
            tree.append(leaf_hash(entry));
        }
        let origin: Origin = ORIGIN.parse().unwrap();
        let key = SigningKey::from_seed(origin.key_name().clone(), SignatureType::Ed25519, &[7; 32]).unwrap();
        Checkpoint { origin, size: TreeSize::new(self.entries.len() as u64), root: tree.root() }
            .sign(&key)
            .unwrap()
    }

    /// October of it, with scores over these controls.
    pub(crate) fn october(&self, controls: &[&str]) -> Machine {
        self.walk(controls, &[], &self.head()).unwrap()
    }

    pub(crate) fn walk(
        &self,
        controls: &[&str],
        marks: &[&str],
        head: &VerifiedCheckpoint,
    ) -> Result<Machine, WalkError> {
        let controls: BTreeSet<_> = controls.iter().map(|id| control(id)).collect();
        let marks = marks.iter().map(|mark| at(mark)).collect();
        let mut walk = Walk::new(whose(), ORIGIN.parse().unwrap(), october(), controls, marks);
        self.entries.iter().try_for_each(|entry| walk.entry(entry))?;
        walk.end(head)
    }
}

pub(crate) fn canonical(value: &serde_json::Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

pub(crate) const PASS: Verdict = Verdict::Pass(FactValue::Flag(true));
pub(crate) const FAIL: Verdict = Verdict::Fail(FactValue::Flag(false));
pub(crate) const EXCEPTED: Verdict = Verdict::Excepted(FactValue::Flag(false));
pub(crate) const UNSEEN: Verdict = Verdict::NotAssessed(Absence::TimedOut);
