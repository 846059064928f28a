//! Reading the hub's own log, as anybody could who has its directory: from the published tiles, under the newest head.

use std::path::{Path, PathBuf};

use contract::record::Record;
use thiserror::Error;
use tlog::checkpoint;
use tlog::note::SignedNote;
use tlog::proof::Proof;
use tlog::tile::{bundle, entry_bundles};
use tlog::tree::{LeafIndex, TreeSize};
use tlog::{CompactRange, Hash, VerifierKey};

use super::own_log::{OwnLog, OwnLogError};
use crate::kit::Tiles;
use crate::mirror::{ArchiveError, Published};
use crate::view::audit::{self, AuditPage, AuditProof, AuditView, Beginning, Folding, Met};

/// Records on one page.
const PAGE: usize = 50;
/// An act's end stands so many records after its beginning at most, or each is listed by itself.
const APART_MAX: u64 = 256;
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
    /// The head is no note.
    #[error("the log's head is no signed note")]
    Note(#[source] tlog::note::NoteError),
    /// A file of it cannot be read.
    #[error("a file of the log")]
    Tile(#[source] evidence::kit::SourceError),
    /// The records do not lead to the head.
    #[error("the records do not lead to the log's head")]
    Root,
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

    /// One record, proven under the newest head; none where the log has no such record.
    pub(crate) async fn record(&self, seq: u64) -> Result<Option<Record>, OwnReadError> {
        self.publish().await?;
        self.read(move |log| {
            if seq >= log.size.get() {
                return Ok(None);
            }
            let (record, entry) = log.record(seq)?;
            let (index, hashes) = (LeafIndex::new(seq), log.published.inclusion(seq, log.size)?);
            let proof = Proof { index, extra: None, hashes, checkpoint: log.head.clone() };
            let head = log.head.text().parse().map_err(|_| OwnReadError::Root)?;
            proof.verify_leaf(&tlog::leaf_hash(&entry), &head).map_err(|_| OwnReadError::Root)?;
            Ok(Some(record))
        })
        .await
    }

    /// One record with its proof; none where the log has no such record.
    pub(crate) async fn prove(&self, seq: u64) -> Result<Option<AuditProof>, OwnReadError> {
        self.publish().await?;
        self.read(move |log| prove(log, seq)).await
    }

    /// What `keep` keeps of all records, from the first to the newest head, each held against that head.
    pub(crate) async fn walk<T: Send + 'static>(
        &self,
        keep: impl Fn(&Record) -> Option<T> + Send + 'static,
    ) -> Result<Vec<T>, OwnReadError> {
        self.publish().await?;
        let (directory, _) = self.whose();
        self.read(move |log| walk(log, &directory, &keep)).await
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
    head: SignedNote,
    size: TreeSize,
    root: Hash,
    key: String,
}

impl Log {
    fn open(directory: PathBuf, key: &VerifierKey) -> Result<Self, OwnReadError> {
        let published = Published::at(directory)?;
        let bytes = published.checkpoint()?;
        let verified = checkpoint::open(&bytes, key).map_err(OwnReadError::Head)?;
        let (size, root) = (verified.checkpoint().size, verified.checkpoint().root);
        let head = SignedNote::parse(&bytes).map_err(OwnReadError::Note)?;
        Ok(Self { published, head, size, root, key: key.to_string() })
    }

    /// A record with its bytes.
    fn record(&self, seq: u64) -> Result<(Record, Vec<u8>), OwnReadError> {
        let entry = self.published.entry(seq, self.size)?;
        let record = Record::parse(&entry).map_err(|e| OwnReadError::Record(seq, e))?;
        Ok((record, entry))
    }
}

fn walk<T>(
    log: &Log,
    directory: &Path,
    keep: &impl Fn(&Record) -> Option<T>,
) -> Result<Vec<T>, OwnReadError> {
    let tiles = Tiles::at(directory);
    let (mut tree, mut kept, mut seq) = (CompactRange::new(), Vec::new(), 0);
    for tile in entry_bundles(TreeSize::EMPTY, log.size) {
        let bytes = tiles.read(tile).map_err(OwnReadError::Tile)?;
        for entry in bundle::entries(&bytes, tile.width()) {
            let entry = entry.map_err(|e| OwnReadError::Tile(e.into()))?;
            let record = Record::parse(entry).map_err(|e| OwnReadError::Record(seq, e))?;
            kept.extend(keep(&record));
            tree.append(tlog::leaf_hash(entry));
            seq += 1;
        }
    }
    if tree.root() == log.root { Ok(kept) } else { Err(OwnReadError::Root) }
}

fn page(log: &Log, before: Option<u64>, words: &[String]) -> Result<AuditPage, OwnReadError> {
    let size = log.size.get();
    let mut at = before.unwrap_or(size).min(size);
    let (mut folding, mut records, mut looked_at) = (Folding::default(), Vec::new(), 0);
    // An act whose end is on the page before is listed there.
    for seq in (at..size.min(at.saturating_add(APART_MAX))).rev() {
        folding.meet(&log.record(seq)?.0);
    }
    while at > 0 && records.len() < PAGE && looked_at < LOOKED_AT_MAX {
        at -= 1;
        looked_at += 1;
        let (record, _) = log.record(at)?;
        match folding.meet(&record) {
            Met::Beginning { of } => begin(&mut records, of, &record),
            Met::Row => {
                let view = audit::one(&record);
                if view.holds(words) {
                    folding.is_row(&record, records.len());
                    records.push(view);
                }
            }
        }
    }
    // And one whose beginning is on the next page is listed here, with it.
    for seq in (at.saturating_sub(APART_MAX)..at).rev() {
        if !folding.awaits() {
            break;
        }
        let (record, _) = log.record(seq)?;
        if let Met::Beginning { of } = folding.meet(&record) {
            begin(&mut records, of, &record);
        }
    }
    Ok(AuditPage { size, records, next: (at > 0).then_some(at) })
}

fn begin(records: &mut [AuditView], of: Option<usize>, record: &Record) {
    if let Some(row) = of.and_then(|row| records.get_mut(row)) {
        row.begun = Some(Beginning { seq: record.seq, time: record.time });
    }
}

fn prove(log: &Log, seq: u64) -> Result<Option<AuditProof>, OwnReadError> {
    if seq >= log.size.get() {
        return Ok(None);
    }
    let (record, entry) = log.record(seq)?;
    let hashes = log.published.inclusion(seq, log.size)?;
    let checkpoint = log.head.clone();
    let proof = Proof { index: LeafIndex::new(seq), extra: None, hashes, checkpoint }.to_string();
    Ok(Some(AuditProof {
        record: audit::one(&record),
        leaf: tlog::leaf_hash(&entry).to_base64(),
        entry: String::from_utf8_lossy(&entry).into_owned(),
        origin: record.origin.clone(),
        size: log.size.get(),
        proof,
        key: log.key.clone(),
    }))
}
