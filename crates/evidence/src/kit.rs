//! The kit: one zip for one tenant and one period, from which an outsider can check the evidence (`docs/evidence-format.md` §8).
//!
//! ```text
//! survey each log ─▶ write the documents ─▶ Kit::seal ─▶ Kit::write
//! ```
//! [`survey`] finds the range of a log that a period needs, [`Kit::seal`] fixes everything but the tiles, and [`Kit::write`] streams the zip, taking
//! each tile from a [`Source`] as it goes. Nothing here reads a clock, a random number or a file: the same sealed kit over the same log makes the
//! same bytes, whenever and wherever it is written. What is kept in memory is the documents, one file, and a line for each file before it.

mod contents;
mod cover;
mod error;
pub mod found;
pub mod pages;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
mod source;
mod survey;
#[cfg(test)]
mod tests;
mod zip;

use std::collections::BTreeMap;
use std::io::Write;

use contract::exception::Person;
use contract::ids::{HostId, SiteId, TenantId};
use contract::time::UtcTime;
use tlog::note::SignedNote;
use tlog::{Checkpoint, SigningKey};

pub use error::{SealError, WriteError};
pub use source::{Source, SourceError, narrowed};
pub use survey::{Period, Survey, SurveyError, survey};
pub use zip::{FILE_BYTES_MAX, FILES_MAX, KIT_BYTES_MAX, ZipError};

/// The name of the hub's kit key, after its domain.
pub const KEY_NAME: &str = "kits";

/// Who asked for a kit, when, and under which id the exporter keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// The export's id: 1 to 48 characters of `[a-z0-9-]`.
    pub id: String,
    /// Who.
    pub by: Person,
    /// When, by the exporter's clock.
    pub time: UtcTime,
}

/// What the kit says it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cover {
    /// Whose evidence.
    pub tenant: TenantId,
    /// Of when.
    pub period: Period,
    /// On whose word.
    pub export: Export,
}

/// One log of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// Whose it is.
    pub host: HostId,
    /// Where that machine stands.
    pub site: SiteId,
    /// The pinned head, with its cosignatures: the exact bytes of the file `checkpoint`.
    pub note: String,
    /// The first entry in the kit: [`Survey::first`].
    pub first: u64,
    /// The entry after the last: [`Survey::end`].
    pub end: u64,
}

/// A kit in which everything is fixed: what is missing are the tiles, and those follow from the heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    cover: Vec<u8>,
    note: String,
    documents: BTreeMap<String, Vec<u8>>,
    logs: Vec<(Log, Checkpoint)>,
}

impl Kit {
    /// Fixes a kit and signs its cover. `documents` are all files but the tiles, the checkpoints and the cover itself, by name.
    pub fn seal(
        cover: &Cover,
        logs: Vec<Log>,
        documents: BTreeMap<String, Vec<u8>>,
        key: &SigningKey,
    ) -> Result<Self, SealError> {
        let logs = with_heads(logs)?;
        if let Some(name) = documents.keys().find(|name| !is_document(name, &logs)) {
            return Err(SealError::Document { name: name.clone() });
        }
        let cover = cover::write(cover, &logs, &documents)?;
        let note = cover::sign(&cover, key)?;
        Ok(Self { cover, note, documents, logs })
    }

    /// A kit that was sealed before, from its parts. The cover must be the one that these parts make.
    pub fn restore(
        cover: Vec<u8>,
        note: String,
        logs: Vec<Log>,
        documents: BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, SealError> {
        let logs = with_heads(logs)?;
        if cover::logs_and_files(&cover)? != cover::expected(&logs, &documents) {
            return Err(SealError::OtherCover);
        }
        Ok(Self { cover, note, documents, logs })
    }

    /// The bytes of `kit.json`.
    pub fn cover(&self) -> &[u8] {
        &self.cover
    }

    /// The signed note over it: `kit.note`.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// The files that the cover names, by name.
    pub const fn documents(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.documents
    }

    /// The logs, in ascending order of their hosts.
    pub fn logs(&self) -> impl Iterator<Item = (&Log, &Checkpoint)> {
        self.logs.iter().map(|(log, head)| (log, head))
    }

    /// Writes the zip and returns its length in bytes. Every bundle is compared with its hash tile on the way.
    pub fn write(&self, source: &mut dyn Source, out: impl Write) -> Result<u64, WriteError> {
        contents::write(self, source, out)
    }
}

/// Orders the logs, and reads their heads.
fn with_heads(mut logs: Vec<Log>) -> Result<Vec<(Log, Checkpoint)>, SealError> {
    logs.sort_by(|a, b| a.host.cmp(&b.host));
    if logs.is_empty() {
        return Err(SealError::NoLogs);
    }
    if let Some([twice, _]) = logs.array_windows().find(|[a, b]| a.host == b.host) {
        return Err(SealError::Twice { host: twice.host.clone() });
    }
    logs.into_iter().map(with_head).collect()
}

fn with_head(log: Log) -> Result<(Log, Checkpoint), SealError> {
    let refused = |why: String| SealError::Head { host: log.host.clone(), why };
    let note = SignedNote::parse(log.note.as_bytes()).map_err(|e| refused(e.to_string()))?;
    let head: Checkpoint =
        note.text().parse().map_err(|e: tlog::checkpoint::CheckpointParseError| refused(e.to_string()))?;
    let size = head.size.get();
    let aligned = log.first.is_multiple_of(256) && (log.end.is_multiple_of(256) || log.end == size);
    if !aligned || log.first >= log.end || log.end > size {
        return Err(SealError::Range { host: log.host.clone(), first: log.first, end: log.end, size });
    }
    Ok((log, head))
}

/// Whether a file of this name is the exporter's to add.
fn is_document(name: &str, logs: &[(Log, Checkpoint)]) -> bool {
    let ours = matches!(name, "README.txt" | "custodian.txt" | "verify.html")
        || name.starts_with("documents/")
        || name.starts_with("heads/");
    let proof = || logs.iter().any(|(log, _)| name == format!("logs/{}/head.tlog-proof", log.host));
    zip::is_name(name) && (ours || proof())
}
