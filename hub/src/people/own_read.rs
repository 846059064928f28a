//! Reading the hub's own log, as anybody could who has its directory: from the published tiles, under the newest head.

use std::path::PathBuf;

use contract::record::Record;
use thiserror::Error;
use tlog::VerifierKey;
use tlog::checkpoint;
use tlog::tree::TreeSize;

use super::own_log::{OwnLog, OwnLogError};
use crate::mirror::{ArchiveError, Published};
use crate::view::audit::{self, AuditPage, AuditProof, AuditView};

/// Records on one page.
const PAGE: usize = 50;
/// Records that one search looks at; what is before them is asked for by the next.
const LOOKED_AT_MAX: usize = 5000;

/// Why the log could not be read. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum OwnReadError {
    /// A file is not there, or is not what was written.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The head is not the log's.
    #[error("the log's head does not verify")]
    Head(#[source] checkpoint::CheckpointError),
    /// A record is none.
    #[error("record {0} cannot be read")]
    Record(u64, #[source] contract::record::RecordError),
    /// The reading thread ended before its time.
    #[error("the hub's own log was not waited for")]
    Thread(#[source] tokio::task::JoinError),
    /// It cannot be published.
    #[error(transparent)]
    Log(#[from] OwnLogError),
}

impl OwnLog {
    /// A page of records before one of them, each of which holds all words.
    pub(crate) async fn page(
        &self,
        before: Option<u64>,
        words: Vec<String>,
    ) -> Result<AuditPage, OwnReadError> {
        self.publish().await?;
        self.read(move |log| page(log, before, &words)).await
    }

    /// One record with its proof; none where the log has no such record.
    pub(crate) async fn prove(&self, seq: u64) -> Result<Option<AuditProof>, OwnReadError> {
        self.publish().await?;
        self.read(move |log| prove(log, seq)).await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl Fn(&Log) -> Result<T, OwnReadError> + Send + 'static,
    ) -> Result<T, OwnReadError> {
        let (directory, key) = self.whose();
        let run = move || {
            // A tile that grows is put in another one's place while it is read: then it is read again, under the head that goes with it.
            Log::open(directory.clone(), &key)
                .and_then(|log| read(&log))
                .or_else(|_| Log::open(directory, &key).and_then(|log| read(&log)))
        };
        tokio::task::spawn_blocking(run).await.map_err(OwnReadError::Thread)?
    }
}

/// The log under one head.
struct Log {
    published: Published,
    head: String,
    size: TreeSize,
    key: String,
}

impl Log {
    fn open(directory: PathBuf, key: &VerifierKey) -> Result<Self, OwnReadError> {
        let published = Published::at(directory)?;
        let bytes = published.checkpoint()?;
        let verified = checkpoint::open(&bytes, key).map_err(OwnReadError::Head)?;
        let size = verified.checkpoint().size;
        Ok(Self { published, head: String::from_utf8_lossy(&bytes).into_owned(), size, key: key.to_string() })
    }

    fn view(&self, seq: u64) -> Result<(AuditView, Vec<u8>), OwnReadError> {
        let entry = self.published.entry(seq, self.size)?;
        let record = Record::parse(&entry).map_err(|e| OwnReadError::Record(seq, e))?;
        Ok((audit::one(&record), entry))
    }
}

fn page(log: &Log, before: Option<u64>, words: &[String]) -> Result<AuditPage, OwnReadError> {
    let size = log.size.get();
    let mut at = before.unwrap_or(size).min(size);
    let mut records = Vec::new();
    let mut looked_at = 0;
    while at > 0 && records.len() < PAGE && looked_at < LOOKED_AT_MAX {
        at -= 1;
        looked_at += 1;
        let (view, _) = log.view(at)?;
        if view.holds(words) {
            records.push(view);
        }
    }
    Ok(AuditPage { size, records, next: (at > 0).then_some(at) })
}

fn prove(log: &Log, seq: u64) -> Result<Option<AuditProof>, OwnReadError> {
    if seq >= log.size.get() {
        return Ok(None);
    }
    let (record, entry) = log.view(seq)?;
    let hex = |hash: &tlog::Hash| contract::digest::hex(hash.as_bytes());
    let path = log.published.inclusion(seq, log.size)?;
    Ok(Some(AuditProof {
        record,
        leaf: hex(&tlog::leaf_hash(&entry)),
        entry: String::from_utf8_lossy(&entry).into_owned(),
        checkpoint: log.head.clone(),
        path: path.iter().map(hex).collect(),
        key: log.key.clone(),
    }))
}
