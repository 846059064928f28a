//! Logs that are written record by record and signed, and whole months of them: for tests and benchmarks, here and of those who make packets.
#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    clippy::return_self_not_must_use,
    reason = "what is written here is known to make sense"
)]

mod scene;

use std::collections::BTreeSet;

use contract::decision::Provenance;
use contract::digest::Digest;
use contract::fact::{Absence, FactValue};
use contract::finding::{Finding, Tally, Verdict};
use contract::ids::ControlId;
use contract::outcome::Outcome;
use contract::policy::{PolicyAnswer, PolicyDecided};
use contract::record::{
    Accepted, Authority, Body, Digests, Ended, FindingsTaken, Opened, PreviousLeaf, Record, Resolution,
    Signalled, SignalsTaken, Trigger,
};
use contract::signal::SignalKind;
use contract::time::{ClockOffset, UtcTime};

pub use scene::Scene;

use crate::{Machine, Month, Span, Walk, WalkError, Whose, Zone};
use tlog::note::SignatureType;
use tlog::{Checkpoint, CompactRange, Origin, SigningKey, TreeSize, VerifiedCheckpoint, leaf_hash};

/// An instant, from a day or a whole time.
pub fn at(text: &str) -> UtcTime {
    let text = if text.contains('T') { text.to_owned() } else { format!("{text}T00:00:00.000Z") };
    text.parse().unwrap()
}

/// October 2026, by UTC.
pub fn october() -> Span {
    "2026-10".parse::<Month>().unwrap().span(&Zone::named("UTC").unwrap())
}

/// A machine.
pub fn whose() -> Whose {
    Whose { tenant: "t-1".parse().unwrap(), site: "s-1".parse().unwrap(), host: "h-1".parse().unwrap() }
}

/// A control of this name.
pub fn control(id: &str) -> ControlId {
    id.parse().unwrap()
}

/// Entries as they were written.
#[derive(Debug, Clone)]
pub struct Log {
    /// Whose.
    pub whose: Whose,
    /// The bytes of each.
    pub entries: Vec<Vec<u8>>,
}

impl Log {
    /// One that was opened then, of the machine `h-1`.
    pub fn opened(time: &str) -> Self {
        Self::of(whose(), at(time))
    }

    /// One of this machine, opened then.
    pub fn of(whose: Whose, time: UtcTime) -> Self {
        let opened = Opened {
            tenant: whose.tenant.clone(),
            site: whose.site.clone(),
            host: whose.host.clone(),
            key: format!("hub.example/{}+00000000+AQ==", whose.host),
            software: "0.1.0".into(),
            succeeds: None,
        };
        let mut log = Self { whose, entries: Vec::new() };
        log.add(time, ClockOffset::SynchronisedWithinMs(3), Body::Opened(opened));
        log
    }

    /// The log's name.
    pub fn origin(&self) -> Origin {
        format!("hub.example/{}", self.whose.host).parse().unwrap()
    }

    /// A further record.
    pub fn then(self, time: &str, body: Body) -> Self {
        self.by_clock(time, ClockOffset::SynchronisedWithinMs(3), body)
    }

    /// A further record, by such a clock.
    pub fn by_clock(mut self, time: &str, clock: ClockOffset, body: Body) -> Self {
        self.add(at(time), clock, body);
        self
    }

    /// Adds a record.
    pub fn add(&mut self, time: UtcTime, clock: ClockOffset, body: Body) {
        let record = Record {
            origin: self.origin().to_string(),
            seq: self.entries.len() as u64,
            time,
            clock,
            prev: self.entries.last().map(|entry| PreviousLeaf(*leaf_hash(entry).as_bytes())),
            subject: "log".into(),
            digests: Digests::default(),
            body,
        };
        self.entries.push(canonical(&record.to_value().unwrap()));
    }

    /// What was seen of controls.
    pub fn found(self, time: &str, seen: &[(&str, Verdict)]) -> Self {
        let seen: Vec<_> = seen.iter().map(|(id, verdict)| (control(id), verdict.clone())).collect();
        self.then(time, findings(&seen))
    }

    /// A repair that begins, by order of the hub.
    pub fn accepted(self, time: &str, order: &str, id: &str) -> Self {
        self.then(time, accepted(order, &control(id), "RB-TIME-001-sync"))
    }
    /// And ends.
    pub fn ended(self, time: &str, order: &str, id: &str, outcome: Outcome, resolution: Resolution) -> Self {
        self.then(time, ended(order, &control(id), outcome, resolution))
    }

    /// The head over all of it, signed by the log's key.
    pub fn head(&self) -> VerifiedCheckpoint {
        let mut tree = CompactRange::new();
        for entry in &self.entries {
            tree.append(leaf_hash(entry));
        }
        let origin = self.origin();
        let key = SigningKey::from_seed(origin.key_name().clone(), SignatureType::Ed25519, &[7; 32]).unwrap();
        Checkpoint { origin, size: TreeSize::new(self.entries.len() as u64), root: tree.root() }
            .sign(&key)
            .unwrap()
    }

    /// October of it, with scores over these controls.
    pub fn october(&self, controls: &[&str]) -> Machine {
        self.walk(controls, &[], &self.head()).unwrap()
    }

    /// The same, with scores at these instants, under a head that may be another's.
    pub fn walk(
        &self,
        controls: &[&str],
        marks: &[&str],
        head: &VerifiedCheckpoint,
    ) -> Result<Machine, WalkError> {
        let controls: BTreeSet<_> = controls.iter().map(|id| control(id)).collect();
        let marks = marks.iter().map(|mark| at(mark)).collect();
        let mut walk = Walk::new(self.whose.clone(), self.origin(), october(), controls, marks);
        self.entries.iter().try_for_each(|entry| walk.entry(entry))?;
        walk.end(head)
    }
}

/// What was seen of controls.
pub fn findings(seen: &[(ControlId, Verdict)]) -> Body {
    let one = |(control, verdict): &(ControlId, Verdict)| Finding {
        control: control.clone(),
        fact: "time:synchronised".parse().unwrap(),
        verdict: verdict.clone(),
    };
    let findings: Vec<_> = seen.iter().map(one).collect();
    let tally = Tally::of(&findings);
    Body::Findings(FindingsTaken { trigger: Trigger::Change, part: 1, parts: 1, tally, findings })
}

/// A detector that fired.
pub fn signal(incident: &str, detector: &str, kind: SignalKind, count: u32, found: UtcTime) -> Body {
    let signal = Signalled {
        incident: incident.parse().unwrap(),
        found,
        detector: detector.parse().unwrap(),
        kind,
        severity: contract::baseline::Severity::High,
        count,
        window_s: 60,
        about: None,
    };
    Body::Signals(SignalsTaken { signals: vec![signal] })
}

/// A repair that begins, by order of the hub.
pub fn accepted(order: &str, control: &ControlId, runbook: &str) -> Body {
    let digest = Digest::of(b"");
    let provenance = Provenance::Rules { table: digest, rule: Some("time-sync".into()) };
    let policy =
        PolicyDecided { policy: digest, asked: Vec::new(), answer: PolicyAnswer::Allow, rules: Vec::new() };
    Body::Accepted(Box::new(Accepted {
        order: order.parse().unwrap(),
        incident: "inc-1".parse().unwrap(),
        control: control.clone(),
        runbook: runbook.parse().unwrap(),
        targets: Vec::new(),
        counter: 1,
        authority: Authority::Hub,
        approvals: Vec::new(),
        break_glass: None,
        provenance,
        guardrails: Vec::new(),
        policy,
        measured: FactValue::Flag(false),
        envelope: contract::blob::Blob(Vec::new()),
    }))
}

/// And ends.
pub fn ended(order: &str, control: &ControlId, outcome: Outcome, resolution: Resolution) -> Body {
    let ended = Ended {
        order: order.parse().unwrap(),
        incident: "inc-1".parse().unwrap(),
        control: control.clone(),
        resolution,
        resumed: false,
        acted_ms: 320,
        verified_ms: 2004,
        counts: Vec::new(),
    };
    Body::Ended(outcome, ended)
}

/// The form of RFC 8785.
pub fn canonical(value: &serde_json::Value) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).unwrap()
}

/// It passes.
pub const PASS: Verdict = Verdict::Pass(FactValue::Flag(true));
/// It fails.
pub const FAIL: Verdict = Verdict::Fail(FactValue::Flag(false));
/// It fails, and somebody accepted that.
pub const EXCEPTED: Verdict = Verdict::Excepted(FactValue::Flag(false));
/// Nothing was seen.
pub const UNSEEN: Verdict = Verdict::NotAssessed(Absence::TimedOut);
