//! One packet: gathered, written down in all its forms, kept, and told of in the hub's own log. Or a preview, of which nothing is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use contract::baseline::Baseline;
use contract::blob::Blob;
use contract::digest::Digest;
use contract::ids::{ControlId, HostId, RunbookId, TenantId};
use contract::packet::{PacketKind, PacketTook};
use contract::score::Counted;
use contract::time::UtcTime;
use packet::{
    Attached, Cite, Corrects, Cover, Document, Input, LogName, Month, Packet, Rule, Sheet, Span,
    assessment_results, document, html, incidents_csv, ocsf, plan_of_action, postcard,
};
use serde::Serialize;
use thiserror::Error;
use tlog::proof::Proof;
use tlog::tree::LeafIndex;

use super::gather::{GatherError, Gathered, Progress, Wanted, gather};
use super::profiles::Profile;
use super::typeset::{SetError, Typesetter};
use crate::hub::Hub;
use crate::mirror::{ArchiveError, Published};
use crate::people::Scope;

/// The shipped table of the Security Rule.
const RULE: &str = include_str!("../../../baseline/hipaa-security-rule.csv");
/// Months of the trend, the packet's own included.
const TREND: usize = 12;
/// Records that a packet carries with their proofs at most: those that its first pages name come first.
const PROOFS_MAX: usize = 1000;

/// Why there is no packet.
#[derive(Debug, Error)]
pub(crate) enum MakeError {
    /// Something that it is made of does not verify, or cannot be had.
    #[error(transparent)]
    Gather(#[from] GatherError),
    /// The shipped table of the rule makes no sense. Ours.
    #[error(transparent)]
    Rule(#[from] packet::RuleError),
    /// It cannot be written down. Ours.
    #[error(transparent)]
    Page(#[from] packet::PageError),
    /// No machine has a record from before the end of the time.
    #[error("no machine of the tenant has a record from before the end of this time")]
    NoEvidence,
    /// The typesetter failed in a way that may pass.
    #[error("the packet cannot be printed now")]
    Print(#[source] SetError),
    /// It cannot be written as JSON.
    #[error("the packet cannot be written as JSON")]
    Json(#[from] serde_json::Error),
    /// A record that it names cannot be proven.
    #[error("a record that the packet names cannot be had with its proof")]
    Proof(#[source] ArchiveError),
}

/// What to make.
#[derive(Debug, Clone)]
pub(super) struct What {
    pub(super) kind: PacketKind,
    pub(super) month: Month,
    pub(super) span: Span,
    pub(super) preview: bool,
    pub(super) number: u32,
    pub(super) corrects: Option<Corrects>,
}

/// A packet in all its forms.
#[derive(Debug)]
pub(super) struct Written {
    /// The digest of its JSON.
    pub(super) digest: Digest,
    pub(super) files: BTreeMap<&'static str, Vec<u8>>,
    pub(super) no_pdf: Option<String>,
    pub(super) took: PacketTook,
}

/// Makes it.
pub(super) async fn make(
    hub: &Arc<Hub>,
    tenant: Scope<TenantId>,
    what: What,
    profile: Profile,
    progress: Arc<Progress>,
) -> Result<Written, MakeError> {
    let began = Instant::now();
    let controls: BTreeSet<ControlId> =
        hub.library.baseline.controls().iter().map(|control| control.id.clone()).collect();
    let marks = if what.kind == PacketKind::Month { marks(what.month, &profile) } else { Vec::new() };
    let wanted = Wanted { span: what.span, controls, marks: marks.clone() };
    let gathered = gather(hub, tenant.clone(), wanted, progress).await?;
    // A preview says that there is nothing; a packet of nothing is not made.
    let has_evidence =
        gathered.machines.iter().any(|logged| logged.machine.sizes.last().is_some_and(|size| *size > 0));
    if !has_evidence && !what.preview {
        return Err(MakeError::NoEvidence);
    }
    let verified_ms = millis(began);
    let runbooks = hub
        .library
        .catalogue
        .iter()
        .map(|approved| (approved.runbook.id.clone(), approved.runbook.title.clone()))
        .collect();
    let (baseline, typesetter, tenant) =
        (hub.library.baseline.clone(), hub.packets.typesetter.clone(), (*tenant).clone());
    let writing = tokio::task::spawn_blocking(move || {
        let began = Instant::now();
        let records = gathered.records;
        let (digest, files, no_pdf) =
            Writing { tenant, what, profile, marks, baseline: &baseline, runbooks, typesetter }
                .write(gathered)?;
        Ok(Written {
            digest,
            files,
            no_pdf,
            took: PacketTook { records, verified_ms, written_ms: millis(began) },
        })
    });
    match writing.await {
        Ok(written) => written,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// The ends of the months before, the earliest first.
fn marks(month: Month, profile: &Profile) -> Vec<(Month, UtcTime)> {
    let mut months: Vec<Month> =
        std::iter::successors(Some(month.before()), |month| Some(month.before())).take(TREND - 1).collect();
    months.reverse();
    months.into_iter().map(|month| (month, month.span(&profile.zone).to())).collect()
}

/// The digest of the JSON, all files, and why there is no PDF.
type Files = (Digest, BTreeMap<&'static str, Vec<u8>>, Option<String>);

struct Writing<'b> {
    tenant: TenantId,
    what: What,
    profile: Profile,
    marks: Vec<(Month, UtcTime)>,
    baseline: &'b Baseline,
    runbooks: BTreeMap<RunbookId, String>,
    typesetter: Typesetter,
}

impl Writing<'_> {
    fn write(self, gathered: Gathered) -> Result<Files, MakeError> {
        let Self { tenant, what, profile, marks, baseline, runbooks, typesetter } = self;
        let rule = Rule::parse("baseline/hipaa-security-rule.csv", RULE)?;
        let Gathered { machines, silent, exceptions, acts, acts_since, directories, records: _ } = gathered;
        let cover = Cover {
            tenant,
            client: profile.client.clone(),
            month: what.month,
            zone: profile.zone.clone(),
            span: what.span,
            preview: what.preview,
            number: what.number,
            corrects: what.corrects,
            marks,
        };
        let packet = Packet::of(Input {
            cover,
            baseline,
            rule: &rule,
            machines,
            silent,
            exceptions,
            runbooks,
            acts,
            acts_since,
        });
        let json = packet.to_json()?;
        let digest = Digest::of(&json);
        let written = match what.kind {
            PacketKind::Month => document(&packet, &profile.brand)?,
            PacketKind::Week => postcard(&packet, &profile.brand)?,
        };
        let proofs = match what.kind {
            PacketKind::Month => Some(proofs(&packet, &directories)?),
            PacketKind::Week => None,
        };
        let attached = attachments(&packet, &json, proofs.as_deref());
        let sheet = Sheet { document: written, paper: profile.paper, attached };
        // It is another process that prints: the other forms are written meanwhile.
        let (print, files) = std::thread::scope(|scope| {
            let printing = scope.spawn(|| typesetter.set(&sheet));
            let files = others(&packet, &sheet.document, what.kind, digest);
            (printing.join(), files)
        });
        let mut files = files?;
        files.insert("packet.json", json);
        files.extend(proofs.map(|proofs| ("proofs.ndjson", proofs)));
        let no_pdf = match print {
            Ok(print) => printed(print, &mut files)?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        Ok((digest, files, no_pdf))
    }
}

/// What is put into the PDF: the packet, the heads, and the proofs where there are any.
fn attachments(packet: &Packet, json: &[u8], proofs: Option<&[u8]>) -> Vec<Attached> {
    let mut all =
        vec![attached("packet.json", "application/json", "The packet for machines", true, json.to_vec())];
    for log in &packet.logs {
        let (name, head) = (format!("{}.checkpoint", log.host), log.checkpoint.clone().into_bytes());
        all.push(attached(&name, "text/plain", "The signed head of the log", true, head));
        if let Some(outside) = &log.outside {
            let (name, proof) = (format!("{}.head.tlog-proof", log.host), outside.proof.clone().into_bytes());
            let words = "That a head of the log is in the log of heads, which witnesses outside cosign";
            all.push(attached(&name, "text/plain", words, false, proof));
        }
    }
    all.extend(proofs.map(|proofs| {
        let words = "Cited records, each with its tlog-proof";
        attached("proofs.ndjson", "application/x-ndjson", words, false, proofs.to_vec())
    }));
    all
}

/// The page; and the forms of a month that other programs read. A week has none.
fn others(
    packet: &Packet,
    document: &Document,
    kind: PacketKind,
    digest: Digest,
) -> Result<BTreeMap<&'static str, Vec<u8>>, MakeError> {
    let mut files = BTreeMap::from([("packet.html", html(document).into_bytes())]);
    if kind == PacketKind::Month {
        files.insert("incidents.csv", incidents_csv(packet).into_bytes());
        files.insert("ocsf.ndjson", ocsf(packet).into_bytes());
        files.insert("assessment-results.json", serde_json::to_vec(&assessment_results(packet, digest))?);
        if let Some(plan) = plan_of_action(packet, digest) {
            files.insert("plan-of-action-and-milestones.json", serde_json::to_vec(&plan)?);
        }
    }
    Ok(files)
}

/// Adds the PDF; where there is none, says why. A packet without one is a packet: the page and the JSON say the same.
fn printed(
    print: Result<Vec<u8>, SetError>,
    files: &mut BTreeMap<&'static str, Vec<u8>>,
) -> Result<Option<String>, MakeError> {
    match print {
        Ok(pdf) => {
            files.insert("packet.pdf", pdf);
            Ok(None)
        }
        // The next try may print it: a packet that is kept without would stay so for ever.
        Err(e @ (SetError::Run(_) | SetError::Late | SetError::Ended(_))) => Err(MakeError::Print(e)),
        Err(e) => {
            if !matches!(e, SetError::NotThere) {
                tracing::error!(cause = crate::problem::chain(&e), "a packet was not printed");
            }
            Ok(Some(e.to_string()))
        }
    }
}

fn attached(name: &str, media_type: &str, description: &str, is_source: bool, bytes: Vec<u8>) -> Attached {
    let (name, media_type, description) = (name.to_owned(), media_type.to_owned(), description.to_owned());
    Attached { name, media_type, description, is_source, bytes: Blob(bytes) }
}

/// A cited record with its proof, one line of `proofs.ndjson`.
#[derive(Serialize)]
struct ProvenLine<'p> {
    host: &'p HostId,
    seq: u64,
    /// The record's exact bytes: what is hashed.
    record: String,
    /// A C2SP tlog-proof under the head that the packet prints.
    proof: String,
}

/// The cited records with their proofs under the packet's own heads, a line each.
fn proofs(packet: &Packet, directories: &BTreeMap<HostId, std::path::PathBuf>) -> Result<Vec<u8>, MakeError> {
    let cited = cited(packet);
    let mut lines = Vec::new();
    for log in &packet.logs {
        let Some(directory) = directories.get(&log.host) else { continue };
        let published = Published::at(directory.clone()).map_err(MakeError::Proof)?;
        let Ok(checkpoint) = tlog::note::SignedNote::parse(log.checkpoint.as_bytes()) else { continue };
        let size = tlog::TreeSize::new(log.size);
        for (_, seq) in cited.iter().filter(|(host, _)| *host == log.host) {
            let entry = published.entry(*seq, size).map_err(MakeError::Proof)?;
            let hashes = published.inclusion(*seq, size).map_err(MakeError::Proof)?;
            let proof =
                Proof { index: LeafIndex::new(*seq), extra: None, hashes, checkpoint: checkpoint.clone() };
            let record = String::from_utf8_lossy(&entry).into_owned();
            let line = ProvenLine { host: &log.host, seq: *seq, record, proof: proof.to_string() };
            serde_json::to_writer(&mut lines, &line)?;
            lines.push(b'\n');
        }
    }
    Ok(lines)
}

/// Records that the packet names one by one, at most so many: those of what fails first, then of incidents and repairs, then of all other looks.
fn cited(packet: &Packet) -> BTreeSet<(HostId, u64)> {
    let seen = || packet.controls.iter().flat_map(|standing| &standing.machines);
    let failing = seen().filter(|seen| seen.state == Counted::Fails).filter_map(packet::Seen::cite);
    let incidents = packet.incidents.iter().flat_map(packet::Incident::cites);
    let repairs = packet.repairs.iter().flat_map(packet::Repair::cites);
    let mut all = BTreeSet::new();
    for Cite { log, first, last } in
        failing.chain(incidents).chain(repairs).chain(seen().filter_map(packet::Seen::cite))
    {
        if all.len() == PROOFS_MAX {
            break;
        }
        if let (LogName::Host(host), true) = (log, first == last) {
            all.insert((host, first));
        }
    }
    all
}
