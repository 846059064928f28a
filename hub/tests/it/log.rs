//! A host's evidence log, as an executor would write it, and as one never would.

use contract::finding::{Finding, Tally, Verdict};
use contract::ids::OrderId;
use contract::outcome::Outcome;
use contract::plane::EnrolmentSheet;
use contract::record::{
    Body, Digests, Ended, Escalated, FindingsTaken, KeyNamed, KeyTaken, Opened, PreviousLeaf, Record,
    Recovered, Refused, Resolution, Trigger, Trouble, Waiting, WaitingFor,
};
use contract::refusal::Refusal;
use contract::socket::EntryPackage;
use contract::time::ClockOffset;
use tlog::note::SignatureType;
use tlog::tree::TreeSize;
use tlog::{Checkpoint, CompactRange, SigningKey, leaf_hash};

pub(crate) struct Log {
    origin: String,
    opened: Opened,
    key: SigningKey,
    /// What the machine's clock shows.
    pub(crate) clock: contract::time::UtcTime,
    pub(crate) entries: Vec<String>,
}

impl Log {
    pub(crate) fn new(sheet: &EnrolmentSheet) -> Self {
        let key =
            SigningKey::from_seed(sheet.origin.parse().unwrap(), SignatureType::Ed25519, &[9; 32]).unwrap();
        let opened = Opened {
            tenant: sheet.tenant.clone(),
            site: sheet.site.clone(),
            host: sheet.host.clone(),
            key: key.verifier().to_string(),
            software: "0.1.0".to_owned(),
            succeeds: None,
        };
        let mut log = Self {
            origin: sheet.origin.clone(),
            opened: opened.clone(),
            key,
            clock: noon(),
            entries: Vec::new(),
        };
        log.write("log", Body::Opened(opened));
        log
    }

    /// The same key and origin, and nothing written yet.
    pub(crate) fn twin(&self) -> Self {
        let key =
            SigningKey::from_seed(self.origin.parse().unwrap(), SignatureType::Ed25519, &[9; 32]).unwrap();
        Self {
            origin: self.origin.clone(),
            opened: self.opened.clone(),
            key,
            clock: noon(),
            entries: Vec::new(),
        }
    }

    /// The same entries, signed by the key of that seed. The seed of the first key is 9.
    pub(crate) fn copy(&self, seed: u8) -> Self {
        let key =
            SigningKey::from_seed(self.origin.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]).unwrap();
        Self { key, entries: self.entries.clone(), ..self.twin() }
    }

    pub(crate) fn open_as(&mut self, change: impl FnOnce(&mut Opened)) {
        let mut opened = self.opened.clone();
        change(&mut opened);
        self.write("log", Body::Opened(opened));
    }

    pub(crate) fn key(&self) -> String {
        self.key.verifier().to_string()
    }

    pub(crate) fn write(&mut self, subject: &str, body: Body) {
        let last = self.entries.last().map(|e| PreviousLeaf(*leaf_hash(e.as_bytes()).as_bytes()));
        let record = Record {
            origin: self.origin.clone(),
            seq: self.entries.len() as u64,
            time: self.clock,
            clock: ClockOffset::Unsynchronised,
            prev: last,
            subject: subject.to_owned(),
            digests: Digests::default(),
            body,
        };
        self.entries.push(serde_json_canonicalizer::to_string(&record.to_value().unwrap()).unwrap());
    }

    /// Names another key, and lets it take over: two records. Heads are signed by it from then on.
    pub(crate) fn rotate(&mut self, seed: u8) {
        let next =
            SigningKey::from_seed(self.origin.parse().unwrap(), SignatureType::Ed25519, &[seed; 32]).unwrap();
        let key = next.verifier().to_string();
        self.write("log", Body::KeyNamed(KeyNamed { key: key.clone() }));
        let handover = self.checkpoint(self.entries.len());
        self.write("log", Body::KeyTaken(KeyTaken { handover, key }));
        self.key = next;
    }

    /// A record that changes nothing.
    pub(crate) fn write_filler(&mut self) {
        self.write("log", Body::Recovered(Recovered { torn_bytes: 0, unfinished: vec![] }));
    }

    pub(crate) fn write_ended(&mut self, order: &OrderId, incident: &str, outcome: Outcome) {
        let ended = Ended {
            order: order.clone(),
            incident: incident.parse().unwrap(),
            control: "suture.evidence-directory".parse().unwrap(),
            resolution: Resolution::Passes(contract::fact::FactValue::Flag(true)),
            resumed: false,
            acted_ms: 1,
            verified_ms: 1,
            counts: vec![],
        };
        self.write("order", Body::Ended(outcome, ended));
    }

    pub(crate) fn write_refused(&mut self, order: &OrderId, refusal: &Refusal) {
        let refused = Refused {
            order: Some(order.clone()),
            incident: None,
            runbook: None,
            counter: None,
            envelope: contract::digest::Digest::of(b"envelope"),
            refusal: refusal.clone(),
            policy: None,
        };
        self.write("order", Body::Refused(refusal.outcome(), refused));
    }

    /// All guardrails let the order pass.
    pub(crate) fn write_accepted(&mut self, order: &OrderId, incident: &str) {
        let accepted = serde_json::from_value(serde_json::json!({
            "order": order, "incident": incident, "control": "suture.evidence-directory",
            "runbook": "RB-FILE-001-own-directories", "targets": [], "counter": 1, "authority": "hub",
            "provenance": { "person": "ada" }, "guardrails": [],
            "policy": { "policy": contract::digest::Digest::of(b"policy"), "asked": [], "answer": "allow", "rules": [] },
            "measured": { "flag": false }, "envelope": "",
        }));
        self.write("order", Body::Accepted(accepted.unwrap()));
    }

    /// The order waits on its host, for a week from now on.
    pub(crate) fn write_waiting(&mut self, order: &OrderId, incident: &str, waiting_for: WaitingFor) {
        let waiting = Waiting {
            order: order.clone(),
            incident: incident.parse().unwrap(),
            control: "suture.evidence-directory".parse().unwrap(),
            runbook: "RB-FILE-001-own-directories".parse().unwrap(),
            counter: 1,
            waiting_for,
            until: edge::clock::utc().plus_ms(7 * 24 * 3_600_000),
            envelope: contract::blob::Blob(vec![]),
        };
        self.write("order", Body::Waiting(Box::new(waiting)));
    }

    pub(crate) fn write_escalated(&mut self, order: &OrderId, incident: &str) {
        let escalated =
            Escalated { order: order.clone(), incident: incident.parse().unwrap(), trouble: Trouble::Stuck };
        self.write("order", Body::Escalated(escalated));
    }

    pub(crate) fn write_finding(&mut self, control: &str, verdict: Verdict) {
        let findings = vec![Finding {
            control: control.parse().unwrap(),
            fact: "own:evidence".parse().unwrap(),
            verdict,
        }];
        let taken = FindingsTaken {
            trigger: Trigger::FullScan,
            part: 1,
            parts: 1,
            tally: Tally::of(&findings),
            findings,
        };
        self.write("scan", Body::Findings(taken));
    }

    /// The signed checkpoint over the first `size` entries.
    pub(crate) fn checkpoint(&self, size: usize) -> String {
        let mut range = CompactRange::new();
        for entry in &self.entries[..size] {
            range.append(leaf_hash(entry.as_bytes()));
        }
        let checkpoint = Checkpoint {
            origin: self.origin.parse().unwrap(),
            size: TreeSize::new(size as u64),
            root: range.root(),
        };
        checkpoint.sign(&self.key).unwrap().note().to_string()
    }

    /// Everything from `from` on, under the newest checkpoint.
    pub(crate) fn package(&self, from: u64) -> EntryPackage {
        self.part(from, self.entries.len())
    }

    /// The entries from `from` up to `to`, under the newest checkpoint.
    pub(crate) fn part(&self, from: u64, to: usize) -> EntryPackage {
        EntryPackage {
            from,
            entries: self.entries[usize::try_from(from).unwrap()..to].to_vec(),
            checkpoint: self.checkpoint(self.entries.len()),
        }
    }
}

/// What every clock shows, unless a test sets it.
fn noon() -> contract::time::UtcTime {
    "2026-11-21T07:00:00.000Z".parse().unwrap()
}
