//! `kit.json` and the note over it.

use std::collections::BTreeMap;

use contract::digest::{Digest, hex};
use serde::{Deserialize, Serialize};
use tlog::note::SignedNote;
use tlog::{Checkpoint, SigningKey};

use super::{Cover, Log, SealError};

/// The largest cover that a reader accepts, in bytes.
const COVER_BYTES_MAX: usize = 4 << 20;

/// `kit.json`. Canonical form orders the keys.
#[derive(Serialize, Deserialize)]
struct Page {
    export: ExportPage,
    files: BTreeMap<String, Digest>,
    format: u32,
    kind: String,
    logs: Vec<LogPage>,
    period: PeriodPage,
    tenant: String,
}

#[derive(Serialize, Deserialize)]
struct ExportPage {
    by: String,
    id: String,
    time: String,
}

#[derive(Serialize, Deserialize)]
struct PeriodPage {
    from: String,
    to: String,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogPage {
    end: u64,
    first: u64,
    host: String,
    origin: String,
    root: String,
    site: String,
    size: u64,
}

pub(super) type Named = (Vec<LogPage>, BTreeMap<String, Digest>);

/// The bytes of `kit.json`.
pub(super) fn write(
    cover: &Cover,
    logs: &[(Log, Checkpoint)],
    documents: &BTreeMap<String, Vec<u8>>,
) -> Result<Vec<u8>, SealError> {
    let (logs, files) = expected(logs, documents);
    let Cover { tenant, period, export } = cover;
    let page = Page {
        export: ExportPage {
            by: export.by.to_string(),
            id: export.id.clone(),
            time: export.time.to_string(),
        },
        files,
        format: 1,
        kind: "suture-kit".to_owned(),
        logs,
        period: PeriodPage { from: period.from().to_string(), to: period.to().to_string() },
        tenant: tenant.to_string(),
    };
    let bytes = serde_json_canonicalizer::to_vec(&page)?;
    if bytes.len() > COVER_BYTES_MAX { Err(SealError::Cover { bytes: bytes.len() }) } else { Ok(bytes) }
}

/// What a cover says of these logs and documents.
pub(super) fn expected(logs: &[(Log, Checkpoint)], documents: &BTreeMap<String, Vec<u8>>) -> Named {
    let files = documents.iter().map(|(name, bytes)| (name.clone(), Digest::of(bytes))).collect();
    (logs.iter().map(|(log, head)| log_page(log, head)).collect(), files)
}

/// What a cover that was written before says of its logs and documents.
pub(super) fn logs_and_files(cover: &[u8]) -> Result<Named, SealError> {
    let page: Page = serde_json::from_slice(cover)?;
    Ok((page.logs, page.files))
}

fn log_page(log: &Log, head: &Checkpoint) -> LogPage {
    LogPage {
        end: log.end,
        first: log.first,
        host: log.host.to_string(),
        origin: head.origin.to_string(),
        root: head.root.to_base64(),
        site: log.site.to_string(),
        size: head.size.get(),
    }
}

/// The note over a cover: `kit.note`.
pub(super) fn sign(cover: &[u8], key: &SigningKey) -> Result<String, SealError> {
    let text = format!("suture kit v1\n{}\n", hex(Digest::of(cover).as_bytes()));
    Ok(SignedNote::sign(&text, key)?.to_string())
}
