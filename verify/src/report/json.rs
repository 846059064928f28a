//! The report for machines: one object, whose keys are always all there and never change their meaning.

use serde::Serialize;

use super::{Remark, Report, TrustUsed, WitnessSeen};
use crate::kit::{Cover, KitReport};
use crate::verdict::Verdict;

/// One log. Stands by itself, or in the list of a kit's logs.
#[derive(Serialize)]
struct LogView<'a> {
    verdict: &'static str,
    exit_code: u8,
    reason: Option<&'static str>,
    explanation: String,
    index: Option<u64>,
    host: Option<&'a str>,
    site: Option<&'a str>,
    origin: Option<String>,
    size: Option<u64>,
    first: Option<u64>,
    end: Option<u64>,
    root: Option<String>,
    head_signed: bool,
    head_key: Option<String>,
    witnessed_size: u64,
    unwitnessed: Option<u64>,
    trust: Vec<Trusted>,
    witnesses: Vec<Witness>,
    records_by_kind: Option<&'a std::collections::BTreeMap<String, u64>>,
    first_time: Option<String>,
    last_time: Option<String>,
    clock_steps_back: Option<u64>,
    uncovered_files: u64,
    uncovered_names: &'a [String],
    remarks: Vec<&'static str>,
}

/// A kit.
#[derive(Serialize)]
struct KitView<'a> {
    verdict: &'static str,
    exit_code: u8,
    reason: Option<&'static str>,
    explanation: String,
    index: Option<u64>,
    host: Option<&'a str>,
    cover: Option<CoverView<'a>>,
    logs: Vec<LogView<'a>>,
}

#[derive(Serialize)]
struct CoverView<'a> {
    tenant: &'a str,
    from: &'a str,
    to: &'a str,
    exported_by: &'a str,
    exported_at: &'a str,
    export: &'a str,
    signed: bool,
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Trusted {
    Key { name: String },
    KeyLog { keys: u64 },
    EarlierHead { origin: String, size: u64, root: String, signed_by_key: bool },
    Witness { name: String },
    HeadsKey { name: String },
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
        serde_json::to_string(&view(self, None))
    }
}

impl KitReport {
    /// The report as one JSON object on one line.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(&KitView {
            verdict: self.verdict.name(),
            exit_code: self.verdict.exit_code(),
            reason: self.verdict.reason(),
            explanation: self.verdict.explanation(),
            index: self.verdict.index(),
            host: self.host.as_deref(),
            cover: self.cover.as_ref().map(cover),
            logs: self.logs.iter().map(|log| view(&log.report, Some((&log.host, &log.site)))).collect(),
        })
    }
}

fn view<'a>(report: &'a Report, place: Option<(&'a str, &'a str)>) -> LogView<'a> {
    let head = report.head.as_ref().map(|head| &head.checkpoint);
    let key = report.head.as_ref().and_then(|head| head.key.as_ref());
    let summary = report.summary.as_ref();
    let size = head.map(|head| head.size.get());
    let verdict: &Verdict = &report.verdict;
    LogView {
        verdict: verdict.name(),
        exit_code: verdict.exit_code(),
        reason: verdict.reason(),
        explanation: verdict.explanation(),
        index: verdict.index(),
        host: place.map(|(host, _)| host),
        site: place.map(|(_, site)| site),
        origin: head.map(|head| head.origin.to_string()),
        size,
        first: report.extent.map(crate::Extent::first),
        end: report.extent.map(crate::Extent::end),
        root: head.map(|head| head.root.to_base64()),
        head_signed: key.is_some(),
        head_key: key.map(ToString::to_string),
        witnessed_size: report.witnessed_size,
        unwitnessed: size.map(|size| size.saturating_sub(report.witnessed_size)),
        trust: report.trust.iter().map(trusted).collect(),
        witnesses: report.witnesses.iter().map(witness).collect(),
        records_by_kind: summary.map(|summary| &summary.kinds),
        first_time: summary.and_then(|summary| summary.first_time).map(|time| time.to_string()),
        last_time: summary.and_then(|summary| summary.last_time).map(|time| time.to_string()),
        clock_steps_back: summary.map(|summary| summary.steps_back),
        uncovered_files: report.uncovered.count,
        uncovered_names: &report.uncovered.names,
        remarks: report.remarks.iter().map(Remark::code).collect(),
    }
}

fn cover(cover: &Cover) -> CoverView<'_> {
    CoverView {
        tenant: &cover.tenant,
        from: &cover.from,
        to: &cover.to,
        exported_by: &cover.exported_by,
        exported_at: &cover.exported_at,
        export: &cover.export,
        signed: cover.signed,
    }
}

fn trusted(trust: &TrustUsed) -> Trusted {
    match trust {
        TrustUsed::Key(label) => Trusted::Key { name: label.to_string() },
        TrustUsed::KeyLog { keys } => Trusted::KeyLog { keys: *keys },
        TrustUsed::Witness(label) => Trusted::Witness { name: label.to_string() },
        TrustUsed::HeadsKey(label) => Trusted::HeadsKey { name: label.to_string() },
        TrustUsed::Head { checkpoint, signed_by_key } => Trusted::EarlierHead {
            origin: checkpoint.origin.to_string(),
            size: checkpoint.size.get(),
            root: checkpoint.root.to_base64(),
            signed_by_key: *signed_by_key,
        },
    }
}

fn witness(seen: &WitnessSeen) -> Witness {
    Witness {
        name: seen.witness.to_string(),
        size: seen.size,
        unix_seconds: seen.time.map(tlog::cosignature::CosignatureTime::unix_seconds),
    }
}
