//! The report for machines: one object, whose keys are always all there and never change their meaning.

use serde::Serialize;

use super::{Report, TrustUsed};

#[derive(Serialize)]
struct View<'a> {
    verdict: &'static str,
    exit_code: u8,
    reason: Option<&'static str>,
    explanation: String,
    index: Option<u64>,
    origin: Option<String>,
    size: Option<u64>,
    root: Option<String>,
    head_signed: bool,
    witnessed_size: u64,
    unwitnessed: Option<u64>,
    trust: Vec<Trusted>,
    witnesses: Vec<Witness>,
    records_by_kind: Option<&'a std::collections::BTreeMap<&'static str, u64>>,
    first_time: Option<String>,
    last_time: Option<String>,
    clock_steps_back: Option<u64>,
    uncovered_files: u64,
    uncovered_names: &'a [String],
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Trusted {
    Key { name: String },
    EarlierHead { origin: String, size: u64, root: String, signed_by_key: bool },
    Witness { name: String },
}

#[derive(Serialize)]
struct Witness {
    name: String,
    size: u64,
    unix_seconds: Option<u64>,
}

impl Report {
    /// The report as one JSON object on one line.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        let head = self.head.as_ref().map(|head| &head.checkpoint);
        let summary = self.summary.as_ref();
        let size = head.map(|head| head.size.get());
        serde_json::to_string(&View {
            verdict: self.verdict.name(),
            exit_code: self.verdict.exit_code(),
            reason: self.reason(),
            explanation: self.explanation(),
            index: self.verdict.index(),
            origin: head.map(|head| head.origin.to_string()),
            size,
            root: head.map(|head| head.root.to_base64()),
            head_signed: self.head.as_ref().is_some_and(|head| head.signed),
            witnessed_size: self.witnessed_size(),
            unwitnessed: size.map(|size| size.saturating_sub(self.witnessed_size())),
            trust: self.trust.iter().map(trusted).collect(),
            witnesses: self.witnesses.iter().map(witness).collect(),
            records_by_kind: summary.map(|summary| &summary.kinds),
            first_time: summary.and_then(|summary| summary.first_time).map(|time| time.to_string()),
            last_time: summary.and_then(|summary| summary.last_time).map(|time| time.to_string()),
            clock_steps_back: summary.map(|summary| summary.steps_back),
            uncovered_files: self.uncovered.count,
            uncovered_names: &self.uncovered.names,
        })
    }
}

fn trusted(trust: &TrustUsed) -> Trusted {
    match trust {
        TrustUsed::Key(label) => Trusted::Key { name: label.to_string() },
        TrustUsed::Witness(label) => Trusted::Witness { name: label.to_string() },
        TrustUsed::Head { checkpoint, signed_by_key } => Trusted::EarlierHead {
            origin: checkpoint.origin.to_string(),
            size: checkpoint.size.get(),
            root: checkpoint.root.to_base64(),
            signed_by_key: *signed_by_key,
        },
    }
}

fn witness(seen: &super::WitnessSeen) -> Witness {
    Witness {
        name: seen.witness.to_string(),
        size: seen.size,
        unix_seconds: seen.time.map(tlog::cosignature::CosignatureTime::unix_seconds),
    }
}
