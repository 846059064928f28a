//! One export: every log surveyed, the documents written, the cover sealed, and the zip written once into nothing, to know its length and digest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use contract::digest::Digest;
use contract::ids::{HostId, TenantId};
use contract::kit::{KitRequest, KitView};
use contract::time::UtcTime;
use edge::file::FileError;
use evidence::kit::found::Found;
use evidence::kit::pages::{LogFacts, of_records};
use evidence::kit::{Cover, Export, Kit, Log, Period, SealError, SurveyError, WriteError, survey};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::KitFault;
use super::copy::Copies;
use super::documents::{Known, of_hub};
use super::exports::{LogKept, Made};
use super::pin::Pinned;
use crate::keys::Keys;

/// The verifier that is put into each kit.
const VERIFIER: &[u8] = include_bytes!("../../../verify/html/verify.html");

/// Why a kit cannot be made.
#[derive(Debug, Error)]
pub(crate) enum MakeError {
    /// The period is none.
    #[error("the period ends before it begins: `from` must be earlier than `to`")]
    Backwards,
    /// The hub holds no evidence of the tenant at all.
    #[error("the hub holds no evidence of this tenant yet: look at `suture status`")]
    NoEvidence,
    /// The hub holds evidence, and none of it is of the period.
    #[error(
        "no machine of this tenant has a record of this period: the evidence that the hub holds goes from {first} to {last}"
    )]
    NoRecords {
        /// The time of the first record.
        first: UtcTime,
        /// The latest time of a record.
        last: UtcTime,
    },
    /// It would be larger than a kit can be.
    #[error("{0}")]
    TooLarge(String),
    /// A file of the copy cannot be read.
    #[error(transparent)]
    File(FileError),
    /// A head in the copy is not one that this hub cosigned.
    #[error(
        "the head of host {host} in the archive is not one that this hub cosigned: restore this host's directory from a copy"
    )]
    Head {
        /// Whose.
        host: HostId,
    },
    /// The copy's entries do not lead to the head that was cosigned over them.
    #[error(
        "the entries of host {host} in the archive do not lead to the head over them: restore this host's directory from a copy"
    )]
    Root {
        /// Whose.
        host: HostId,
    },
    /// A log cannot be read.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// A document cannot be written.
    #[error("a document of the kit")]
    Document(#[from] serde_json::Error),
    /// The kit cannot be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The zip cannot be written.
    #[error(transparent)]
    Write(WriteError),
    /// No random id could be drawn.
    #[error("this machine's random generator does not answer")]
    Random(#[source] io::Error),
}

/// What an export is made of.
pub(super) struct Work {
    pub(super) tenant: TenantId,
    pub(super) request: KitRequest,
    pub(super) now: UtcTime,
    pub(super) pinned: Vec<Pinned>,
    pub(super) proofs: BTreeMap<String, Vec<u8>>,
    pub(super) known: Known,
    pub(super) held: BTreeMap<Digest, Vec<u8>>,
}

/// Makes an export on a thread that may block. Nothing is kept yet.
pub(super) async fn make(keys: Arc<Keys>, work: Work) -> Result<Made, KitFault> {
    blocking(move || Ok(made(&keys, work)?)).await
}

/// Runs `work` where it may block.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KitFault> + Send + 'static,
) -> Result<T, KitFault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(e) => std::panic::resume_unwind(e.into_panic()),
    }
}

fn made(keys: &Keys, work: Work) -> Result<Made, MakeError> {
    let Work { tenant, request, now, pinned, proofs, known, held } = work;
    let KitRequest { from, to, by, dry_run: _ } = request;
    let period = Period::new(from, to).ok_or(MakeError::Backwards)?;
    let opaque = edge::random::opaque().map_err(MakeError::Random)?;
    let cover = Cover { tenant, period, export: Export { id: format!("e-{opaque}"), by, time: now } };

    let places = pinned.iter().map(|p| (p.host.holder.host.clone(), p.directory.clone()));
    let mut source = Copies(places.collect());
    let facts = pinned.iter().map(|p| facts(&mut source, p, period)).collect::<Result<Vec<_>, _>>()?;
    something_there(&facts)?;
    let logs: Vec<LogKept> = pinned.into_iter().zip(&facts).map(|(p, f)| chosen(p, f, period)).collect();

    let mut documents = of_records(&cover, &facts, &held)?;
    documents.extend(of_hub(&known, &facts)?);
    documents.extend(proofs);
    documents.insert("verify.html".to_owned(), VERIFIER.to_vec());
    let kit = Kit::seal(&cover, logs.iter().map(|l| l.log.clone()).collect(), documents, &keys.kits)?;
    let mut digesting = Digesting::default();
    let bytes = kit.write(&mut source, &mut digesting).map_err(|e| match e {
        WriteError::Zip(e) => MakeError::TooLarge(e.to_string()),
        e @ (WriteError::Source { .. } | WriteError::Damaged { .. }) => MakeError::Write(e),
    })?;
    Ok(Made { cover, kit, logs, bytes, digest: digesting.digest() })
}

/// Walks one log, and compares what it leads to with the pinned head.
fn facts(source: &mut Copies, pinned: &Pinned, period: Period) -> Result<LogFacts, MakeError> {
    let Pinned { host, head, .. } = pinned;
    let id = &host.holder.host;
    let mut found = Found::new(id.clone(), host.holder.site.clone(), period);
    let survey = survey(source, id, head.size, period, |index, time, entry| found.visit(index, time, entry))?;
    if survey.root != head.root {
        return Err(MakeError::Root { host: id.clone() });
    }
    Ok(LogFacts { found, survey, origin: host.origin.clone(), size: head.size.get() })
}

/// Whether there is a kit to make at all.
fn something_there(facts: &[LogFacts]) -> Result<(), MakeError> {
    let spans = || facts.iter().filter_map(|f| f.found.span());
    let (first, last) = (spans().map(|s| s.0).min(), spans().map(|s| s.1).max());
    let (Some(first), Some(last)) = (first, last) else { return Err(MakeError::NoEvidence) };
    if facts.iter().all(|f| f.survey.records == 0) {
        return Err(MakeError::NoRecords { first, last });
    }
    Ok(())
}

fn chosen(pinned: Pinned, facts: &LogFacts, period: Period) -> LogKept {
    let Pinned { host, note, head, directory: _ } = pinned;
    let survey = &facts.survey;
    let settled = facts.found.span().is_some_and(|(_, last)| last >= period.to());
    let (host, site) = (host.holder.host, host.holder.site);
    let log = Log { host, site, note, first: survey.first, end: survey.end };
    LogKept { log, size: head.size.get(), records: survey.records, settled }
}

impl Made {
    /// What is answered.
    pub(super) fn view(&self) -> KitView {
        let Self { cover: Cover { tenant, period, export }, kit: _, logs, bytes, digest } = self;
        KitView {
            id: Some(export.id.clone()),
            tenant: tenant.clone(),
            from: period.from(),
            to: period.to(),
            by: export.by.clone(),
            time: export.time,
            again: false,
            bytes: *bytes,
            digest: *digest,
            logs: logs.iter().map(LogKept::view).collect(),
        }
    }
}

/// Takes bytes and keeps their digest.
#[derive(Default)]
pub(super) struct Digesting(Sha256);

impl Digesting {
    pub(super) fn digest(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }
}

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
