//! The single writer.

use std::path::Path;

use contract::record::{Body, Kind, Record, RecordError};
use edge::file::FileError;
use tlog::checkpoint::{Checkpoint, CheckpointError, VerifiedCheckpoint};
use tlog::hash::{Hash, leaf_hash};
use tlog::note::SigningKey;
use tlog::tile::{TILE_WIDTH, bundle};

use crate::disk::{Disk, SystemDisk};
use crate::draft::{self, Appended, Draft, Encoded};
use crate::error::{AppendError, OpenError};
use crate::files::Files;
use crate::frontier::Frontier;
use crate::keys::Keys;
use crate::layout::{BUNDLE, Layout};
use crate::recover::{self, FullTiles, Recovered, Recovery};
use crate::seal;
use crate::tail::TailFile;

/// The only thing that writes a log. Holds the log's lock while it lives.
#[derive(Debug)]
pub struct LogWriter<D: Disk = SystemDisk> {
    pub(crate) files: Files<D>,
    pub(crate) layout: Layout,
    pub(crate) key: SigningKey,
    pub(crate) keys: Keys,
    pub(crate) frontier: Frontier,
    pub(crate) last_leaf: Option<Hash>,
    /// The entries of the bundle that is not full yet.
    pub(crate) tail: Vec<u8>,
    tail_file: Option<TailFile<D::File>>,
    /// Hash tiles that the tail completed and that are not written yet.
    pub(crate) full_tiles: FullTiles,
    /// The newest durable head.
    pub(crate) head: Option<VerifiedCheckpoint>,
    pub(crate) published: u64,
    /// The first entry that was not pruned.
    pub(crate) first: u64,
    /// The last standing record.
    pub(crate) standing: Option<u64>,
    /// The key that the last record names, where it does.
    pub(crate) named: Option<String>,
    pub(crate) stopped: bool,
    _lock: D::Lock,
}

impl LogWriter {
    /// Opens the log in `directory`, or begins one there. The key's name is the log's origin. The records from the last standing one on, that
    /// one first, are handed to `visit`, so that whoever keeps state can rebuild it from the evidence alone; all of them where there is none.
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
        Self::open_on(SystemDisk, directory, key, receipt, visit)
    }
}

impl<D: Disk> LogWriter<D> {
    /// Opens a log that lies on `disk`; see [`open_receipted`](LogWriter::open_receipted).
    pub fn open_on(
        disk: D,
        directory: &Path,
        key: SigningKey,
        receipt: Option<&Checkpoint>,
        mut visit: impl FnMut(&Record),
    ) -> Result<(Self, Recovery), OpenError> {
        let layout = Layout::new(directory);
        let mut files = Files::new(disk, directory);
        files.make_directory(&layout.writer())?;
        files.disk.check_private(&layout.writer())?;
        let lock = files.disk.lock(&layout.lock()).map_err(|e| match e.source.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::InUse(directory.to_owned()),
            _ => OpenError::File(e),
        })?;
        let (mut standing, mut named) = (None, None);
        let mut seen = |record: &Record| {
            (standing, named) = kind_of(record, standing);
            visit(record);
        };
        let found = recover::recover(&mut files, &layout, key.verifier(), receipt, &mut seen)?;
        let recovery = Recovery { size: found.frontier.size(), torn_bytes: found.torn_bytes };
        let Recovered {
            keys,
            frontier,
            last_leaf,
            tail,
            frames,
            full_tiles,
            head,
            published,
            first,
            torn_bytes: _,
        } = found;
        let mut writer = Self {
            files,
            layout,
            key,
            keys,
            frontier,
            last_leaf,
            tail,
            tail_file: None,
            full_tiles,
            head,
            // The last bundle is published again: its older widths may not have been removed.
            published: published.saturating_sub(BUNDLE),
            first,
            standing,
            named,
            stopped: false,
            _lock: lock,
        };
        writer.settle(&frames)?;
        Ok((writer, recovery))
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        self.key.verifier().label().name.as_str()
    }

    /// The newest durable head; none in an empty log.
    pub const fn head(&self) -> Option<&VerifiedCheckpoint> {
        self.head.as_ref()
    }

    /// Appends records and returns once they are durable under a signed head. On any I/O error the writer stops for good.
    pub fn append(&mut self, drafts: Vec<Draft>) -> Result<Appended, AppendError> {
        match &self.named {
            // What follows a naming record must be the taking over, or no verifier accepts the log any more.
            Some(key) => Err(AppendError::KeyNamed { key: key.clone() }),
            None => self.append_any(drafts),
        }
    }

    pub(crate) fn append_any(&mut self, drafts: Vec<Draft>) -> Result<Appended, AppendError> {
        if self.stopped {
            return Err(AppendError::Stopped);
        }
        // Everything is encoded first: a record that does not fit leaves the log as it was.
        let Encoded { records, entries, leaves } =
            draft::encode(self.origin(), self.size(), self.last_leaf, drafts)?;
        let done = self.commit(&entries, &leaves);
        self.stopped = done.is_err();
        done.map(|()| self.appended(records))
    }

    /// The proof for records that are durable, and what pruning and rotation need to remember of them.
    pub(crate) fn appended(&mut self, records: Vec<Record>) -> Appended {
        for record in &records {
            (self.standing, self.named) = kind_of(record, self.standing);
        }
        Appended::new(records, self.size())
    }

    /// Writes in pieces that do not cross a bundle's end; each is durable with a signed head of its own.
    fn commit(&mut self, mut entries: &[Vec<u8>], mut leaves: &[Hash]) -> Result<(), AppendError> {
        while !entries.is_empty() {
            let room = usize::try_from(BUNDLE - self.size() % BUNDLE).unwrap_or(usize::MAX);
            let at = entries.len().min(room);
            let (now, later) = entries.split_at(at);
            let (now_leaves, later_leaves) = leaves.split_at(at);
            let head = self.sign(now_leaves)?;
            self.write_group(now, head)?;
            (entries, leaves) = (later, later_leaves);
        }
        Ok(())
    }

    /// Signs the head that the log has with these leaves. It is shown to nobody before they are durable.
    pub(crate) fn sign(&self, leaves: &[Hash]) -> Result<VerifiedCheckpoint, AppendError> {
        // The key's name is a valid origin: it was one when the key was made.
        let origin = self.origin().parse().map_err(|e| AppendError::Sign(CheckpointError::Text(e)))?;
        let (size, root) = self.frontier.after(leaves);
        Checkpoint { origin, size, root }.sign(&self.key).map_err(AppendError::Sign)
    }

    /// Writes a group and its head as one frame: write → fdatasync → read back → hash again. Only if that leads to the root that was signed does the
    /// log grow and the head become its newest.
    pub(crate) fn write_group(
        &mut self,
        entries: &[Vec<u8>],
        head: VerifiedCheckpoint,
    ) -> Result<(), AppendError> {
        let index = self.size() / BUNDLE;
        let mut framed = Vec::new();
        for entry in entries {
            // Cannot fail: an entry of at most 16 KiB fits a bundle.
            bundle::append(&mut framed, entry).map_err(|_| RecordError::TooLong(entry.len()))?;
        }
        // At most 256 entries: see `commit`.
        let count = u16::try_from(entries.len()).unwrap_or(TILE_WIDTH);
        let frame = seal::encode(count, &framed, &head.note().to_string());
        let path = self.layout.tail(index);
        let mut file = match self.tail_file.take() {
            Some(open) => open,
            None => TailFile::open(&mut self.files, &self.layout, index, 0)?,
        };
        let back = file.append(&self.files.disk, &path, &frame)?;
        self.grow(&back, count, &head)?;
        self.tail.extend_from_slice(&framed);
        self.tail_file = Some(file);
        self.head = Some(head);
        if self.size().is_multiple_of(BUNDLE) {
            self.roll_over()?;
        }
        Ok(())
    }

    /// Takes what was read back into the tree, if it is what was signed.
    fn grow(&mut self, back: &[u8], count: u16, head: &VerifiedCheckpoint) -> Result<(), AppendError> {
        let index = self.size();
        let differs = || AppendError::ReadBack { index };
        let frame = seal::decode(back).ok_or_else(differs)?;
        let mut entries = 0;
        for entry in bundle::entries(frame.entries, count) {
            let leaf = leaf_hash(entry.map_err(|_| differs())?);
            self.frontier.append(leaf, |level, hashes| self.full_tiles.push((level, hashes)));
            self.last_leaf = Some(leaf);
            entries += 1;
        }
        let signed = head.checkpoint();
        let same = entries == count
            && (self.frontier.tree_size(), self.frontier.root()) == (signed.size, signed.root)
            && frame.note() == head.note().to_string().as_bytes();
        if same { Ok(()) } else { Err(differs()) }
    }

    /// Goes on in a tail that holds `frames`, or begins one.
    pub(crate) fn reopen_tail(&mut self, frames: &[u8]) -> Result<(), FileError> {
        let index = self.size() / BUNDLE;
        let end = frames.len() as u64;
        self.tail_file = Some(TailFile::open(&mut self.files, &self.layout, index, end)?);
        Ok(())
    }

    pub(crate) fn tail_rolled_over(&mut self) {
        self.tail.clear();
        self.tail_file = None;
    }
}

/// The last standing record with this one, and the key that this one names.
fn kind_of(record: &Record, standing: Option<u64>) -> (Option<u64>, Option<String>) {
    let named = if let Body::KeyNamed(named) = &record.body { Some(named.key.clone()) } else { None };
    let standing = if record.body.kind() == Kind::Standing { Some(record.seq) } else { standing };
    (standing, named)
}
