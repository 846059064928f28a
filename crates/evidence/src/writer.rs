//! The single writer.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use contract::record::{Body, Digests, PreviousLeaf, RECORD_MAX_BYTES, Record, RecordError};
use contract::socket::{PACKAGE_MAX_BYTES, PACKAGE_MAX_ENTRIES};
use contract::time::{ClockOffset, UtcTime};
use edge::file::{self, FileError, Lock};
use tlog::checkpoint::{Checkpoint, VerifiedCheckpoint};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::SigningKey;
use tlog::tile::{TILE_WIDTH, bundle};
use tlog::tree::CompactRange;

use crate::error::{AppendError, OpenError};
use crate::layout::{BUNDLE, Layout};
use crate::recover::{self, FILE_MAX_BYTES, Recovery};

/// A record before the log gives it its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// When it is written.
    pub time: UtcTime,
    /// How far that clock can be trusted.
    pub clock: ClockOffset,
    /// What it is about.
    pub subject: String,
    /// What it was made under.
    pub digests: Digests,
    /// What happened.
    pub body: Body,
}

/// Proof that these records are durable under a signed head. Only the writer makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    records: Vec<Record>,
    size: u64,
}

impl Appended {
    /// The records, with the places that they were given.
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The index of the last of them.
    pub const fn seq(&self) -> u64 {
        self.size.saturating_sub(1)
    }

    /// The log's size.
    pub const fn size(&self) -> u64 {
        self.size
    }
}

/// A piece of the log for the mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Index of the first entry.
    pub from: u64,
    /// The entries' exact bytes.
    pub entries: Vec<Vec<u8>>,
    /// The last signed head, as a note.
    pub head: String,
}

/// The only thing that writes a log. Holds the log's lock while it lives.
#[derive(Debug)]
pub struct LogWriter {
    pub(crate) layout: Layout,
    key: SigningKey,
    pub(crate) range: CompactRange,
    last_leaf: Option<Hash>,
    pub(crate) partial: Vec<Vec<Hash>>,
    pub(crate) tail: Vec<u8>,
    tail_file: Option<File>,
    pub(crate) head: Option<VerifiedCheckpoint>,
    pub(crate) published: u64,
    pub(crate) stopped: bool,
    _lock: Lock,
}

impl LogWriter {
    /// Opens the log in `directory`, or begins one there. The key's name is the log's origin. Every record is handed to `visit`, so that
    /// whoever keeps state can rebuild it from the evidence alone.
    pub fn open(
        directory: &Path,
        key: SigningKey,
        visit: impl FnMut(&Record),
    ) -> Result<(Self, Recovery), OpenError> {
        Self::open_receipted(directory, key, None, visit)
    }

    /// Opens the log as [`open`](Self::open) does, and refuses it where it does not hold what `receipt` says that it held: a head of this log that
    /// was kept elsewhere, such as the hub's receipt.
    pub fn open_receipted(
        directory: &Path,
        key: SigningKey,
        receipt: Option<&Checkpoint>,
        visit: impl FnMut(&Record),
    ) -> Result<(Self, Recovery), OpenError> {
        let layout = Layout::new(directory);
        file::private_directory(&layout.writer())?;
        let lock = file::lock(&layout.lock()).map_err(|e| match e.source.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::InUse(directory.to_owned()),
            _ => OpenError::File(e),
        })?;
        let found = recover::recover(&layout, key.verifier(), receipt, visit)?;
        let recovery = Recovery { size: found.range.size().get(), torn_bytes: found.torn_bytes };
        let mut writer = Self {
            layout,
            key,
            range: found.range,
            last_leaf: found.last_leaf,
            partial: found.partial,
            tail: found.tail,
            tail_file: None,
            head: found.head,
            published: 0,
            stopped: false,
            _lock: lock,
        };
        writer.settle_tails()?;
        writer.publish()?;
        Ok((writer, recovery))
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.range.size().get()
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        self.key.verifier().label().name.as_str()
    }

    /// Appends records and returns once they are durable under a signed head. On any I/O error the writer stops for good.
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<Appended, AppendError> {
        if self.stopped {
            return Err(AppendError::Stopped);
        }
        // Everything is encoded first: a record that does not fit leaves the log as it was.
        let (records, entries) = self.encode(drafts)?;
        let done = self.commit(&entries);
        self.stopped = done.is_err();
        done.map(|()| Appended { records, size: self.size() })
    }

    /// Gives each record its place, and the bytes that will stand there.
    fn encode(&self, drafts: Vec<Draft>) -> Result<(Vec<Record>, Vec<Vec<u8>>), RecordError> {
        let mut records = Vec::with_capacity(drafts.len());
        let mut prev = self.last_leaf;
        let mut entries = Vec::with_capacity(drafts.len());
        for (seq, draft) in (self.size()..).zip(drafts) {
            let Draft { time, clock, subject, digests, body } = draft;
            let prev_leaf = prev.map(|h| PreviousLeaf(*h.as_bytes()));
            let origin = self.origin().to_owned();
            let record = Record { origin, seq, time, clock, prev: prev_leaf, subject, digests, body };
            let bytes = canonical(&record)?;
            prev = Some(leaf_hash(&bytes));
            records.push(record);
            entries.push(bytes);
        }
        Ok((records, entries))
    }

    /// Writes in pieces that do not cross a bundle's end; each ends in a durable signed head.
    fn commit(&mut self, mut entries: &[Vec<u8>]) -> Result<(), AppendError> {
        while !entries.is_empty() {
            let room = usize::try_from(BUNDLE - self.size() % BUNDLE).unwrap_or(usize::MAX);
            let (now, later) = entries.split_at(entries.len().min(room));
            self.write_tail(now)?;
            self.sign_head()?;
            if self.size().is_multiple_of(BUNDLE) {
                self.roll_over()?;
            }
            entries = later;
        }
        Ok(())
    }

    /// Append → fdatasync → read back → hash again. Only then does the tree grow.
    fn write_tail(&mut self, entries: &[Vec<u8>]) -> Result<(), AppendError> {
        let path = self.layout.tail(self.size() / BUNDLE);
        let failed = |action| {
            let path = path.clone();
            move |source| FileError { path, action, source }
        };
        let mut framed = Vec::new();
        for entry in entries {
            // Cannot fail: an entry of at most 16 KiB fits a bundle.
            bundle::append(&mut framed, entry).map_err(|_| RecordError::TooLong(entry.len()))?;
        }
        let at = self.tail.len() as u64;
        let mut tail = self.open_tail(&path)?;
        tail.seek(SeekFrom::Start(at)).map_err(failed("find its end"))?;
        tail.write_all(&framed).map_err(failed("write it"))?;
        tail.sync_data().map_err(failed("sync it"))?;
        let mut back = vec![0; framed.len()];
        tail.seek(SeekFrom::Start(at)).map_err(failed("find its end"))?;
        tail.read_exact(&mut back).map_err(failed("read it back"))?;
        self.grow(entries, &back)?;
        self.tail.extend_from_slice(&framed);
        self.tail_file = Some(tail);
        Ok(())
    }

    fn open_tail(&mut self, path: &Path) -> Result<File, FileError> {
        if let Some(open) = self.tail_file.take() {
            return Ok(open);
        }
        let failed = |source| FileError { path: path.to_owned(), action: "open it", source };
        let tail = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        file::sync_directory(&self.layout.writer())?;
        Ok(tail)
    }

    /// Takes what was read back into the tree, if it is what was written.
    fn grow(&mut self, entries: &[Vec<u8>], back: &[u8]) -> Result<(), AppendError> {
        // At most 256 entries: see `commit`.
        let width = u16::try_from(entries.len()).unwrap_or(TILE_WIDTH);
        let mut full_tiles = Vec::new();
        for (read, written) in bundle::entries(back, width).zip(entries) {
            let index = self.size();
            let read = read.ok().filter(|r| r == written).ok_or(AppendError::ReadBack { index })?;
            let leaf = leaf_hash(read);
            recover::append_leaf(&mut self.range, &mut self.partial, leaf, |level, hashes| {
                full_tiles.push((level, index, hashes));
            });
            self.last_leaf = Some(leaf);
        }
        for (level, index, hashes) in full_tiles {
            self.write_full_hash_tile(level, index, &hashes)?;
        }
        Ok(())
    }

    fn sign_head(&mut self) -> Result<(), AppendError> {
        // The key's name is a valid origin: it was one when the key was made.
        let origin = self
            .origin()
            .parse()
            .map_err(|e| AppendError::Sign(tlog::checkpoint::CheckpointError::Text(e)))?;
        let checkpoint = Checkpoint { origin, size: self.range.size(), root: self.range.root() };
        let signed = checkpoint.sign(&self.key).map_err(AppendError::Sign)?;
        file::write_durably(&self.layout.head(), signed.note().to_string().as_bytes())?;
        self.head = Some(signed);
        Ok(())
    }

    /// Up to a package of entries from `from` on, with the last signed head: an empty one where `from` is the log's size, so that a lost receipt
    /// can be asked for again. None beyond that.
    pub fn package(&self, from: u64) -> Result<Option<Package>, FileError> {
        let Some(head) = self.head.as_ref().filter(|_| from <= self.size()) else { return Ok(None) };
        let index = from / BUNDLE;
        let bytes = if index == self.size() / BUNDLE {
            self.tail.clone()
        } else {
            file::read(&recover::full_bundle(&self.layout, index), FILE_MAX_BYTES)?
        };
        let count = BUNDLE.min(self.size() - index * BUNDLE);
        let skip = usize::try_from(from % BUNDLE).unwrap_or(0);
        let mut entries: Vec<Vec<u8>> = Vec::new();
        let mut total = 0;
        for entry in bundle::entries(&bytes, u16::try_from(count).unwrap_or(TILE_WIDTH)).skip(skip) {
            let Ok(entry) = entry else { break };
            total += entry.len();
            if entries.len() == PACKAGE_MAX_ENTRIES || (total > PACKAGE_MAX_BYTES && !entries.is_empty()) {
                break;
            }
            entries.push(entry.to_vec());
        }
        Ok(Some(Package { from, entries, head: head.note().to_string() }))
    }

    pub(crate) fn tail_rolled_over(&mut self) {
        self.tail.clear();
        self.tail_file = None;
    }
}

/// The record's bytes, in RFC 8785 form, checked to be what a verifier will accept.
fn canonical(record: &Record) -> Result<Vec<u8>, RecordError> {
    let value = record.to_value()?;
    let bytes =
        serde_json_canonicalizer::to_vec(&value).map_err(|e| RecordError::NotARecord(e.to_string()))?;
    if bytes.len() > RECORD_MAX_BYTES {
        return Err(RecordError::TooLong(bytes.len()));
    }
    // What we could not read again must never be signed.
    Record::parse(&bytes)?;
    Ok(bytes)
}
