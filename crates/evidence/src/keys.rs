//! The keys that a log has had. The list is a hint and no trust: the newest head must be signed by the key that the writer was opened with.

use std::path::PathBuf;

use tlog::checkpoint::{self, CheckpointError, VerifiedCheckpoint};
use tlog::note::VerifierKey;

use crate::disk::Disk;
use crate::error::OpenError;
use crate::files::Files;
use crate::layout::Layout;

/// A log's keys, the oldest first.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<VerifierKey>);

impl Keys {
    /// Reads the list. A log that has nothing yet begins one with `key`, before anything is signed: so a wrong key is never taken for
    /// the log's own while there is no head to tell.
    pub(crate) fn open<D: Disk>(
        files: &mut Files<D>,
        layout: &Layout,
        key: &VerifierKey,
    ) -> Result<Self, OpenError> {
        let path = layout.keys();
        let Some(bytes) = files.read(&path, 1 << 16)? else {
            let used = [layout.head(), layout.checkpoint(), layout.tiles(), layout.tail(0)];
            if used.iter().any(|path| files.disk.exists(path)) {
                return Err(OpenError::KeysMissing(path));
            }
            let keys = Self(vec![key.clone()]);
            keys.write(files, layout)?;
            return Ok(keys);
        };
        Self::parse(&bytes).ok_or(OpenError::KeysMissing(path))
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let lines = str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split('\n');
        lines.map(|line| line.parse().ok()).collect::<Option<Vec<_>>>().map(Self)
    }

    /// Reads the list and adds keys that are trusted anyway.
    pub(crate) fn trusted<D: Disk>(
        files: &Files<D>,
        layout: &Layout,
        trusted: &[VerifierKey],
    ) -> Result<Self, OpenError> {
        let path = layout.keys();
        let bytes = files.read(&path, 1 << 16)?.ok_or_else(|| OpenError::KeysMissing(path.clone()))?;
        let Self(mut keys) = Self::parse(&bytes).ok_or(OpenError::KeysMissing(path))?;
        keys.extend(trusted.iter().filter(|key| !keys.contains(key)).cloned().collect::<Vec<_>>());
        Ok(Self(keys))
    }

    pub(crate) fn write<D: Disk>(&self, files: &mut Files<D>, layout: &Layout) -> Result<(), OpenError> {
        let lines = self.0.iter().fold(String::new(), |lines, key| format!("{lines}{key}\n"));
        Ok(files.write(&layout.keys(), lines.as_bytes())?)
    }

    pub(crate) fn contains(&self, key: &VerifierKey) -> bool {
        self.0.contains(key)
    }

    /// The newest key.
    pub(crate) fn newest(&self) -> Option<&VerifierKey> {
        self.0.last()
    }

    /// The key that signed a head.
    pub(crate) fn signer(&self, head: &VerifiedCheckpoint) -> Option<&VerifierKey> {
        self.0.iter().find(|key| signed_by(head, key).is_ok())
    }

    /// With one key more, the newest.
    pub(crate) fn with(&self, key: &VerifierKey) -> Self {
        let mut keys = self.0.clone();
        keys.push(key.clone());
        Self(keys)
    }

    /// Without the keys after `key`: they were announced and never signed.
    pub(crate) fn up_to(&self, key: &VerifierKey) -> Self {
        let end = self.0.iter().position(|k| k == key).map_or(self.0.len(), |at| at + 1);
        Self(self.0[..end].to_vec())
    }

    /// Opens a head that any of the keys signed; the newest is tried first. `None` where none did.
    pub(crate) fn head(&self, note: &[u8]) -> Option<VerifiedCheckpoint> {
        self.0.iter().rev().find_map(|key| checkpoint::open(note, key).ok())
    }

    /// The head in a file, by any of the keys.
    pub(crate) fn read_head<D: Disk>(
        &self,
        files: &Files<D>,
        path: PathBuf,
        key: &VerifierKey,
    ) -> Result<Option<VerifiedCheckpoint>, OpenError> {
        let Some(note) = files.read(&path, 4096)? else { return Ok(None) };
        let why = match checkpoint::open(&note, key) {
            Ok(head) => return Ok(Some(head)),
            Err(why) => why,
        };
        // A log that was opened with a stranger's key says so by that key, not by its own list.
        let own = self.head(&note).filter(|_| self.contains(key));
        own.map(Some).ok_or(OpenError::HeadNotOurs { path, source: why })
    }
}

/// Whether `head` was signed by `key`.
pub(crate) fn signed_by(head: &VerifiedCheckpoint, key: &VerifierKey) -> Result<(), CheckpointError> {
    VerifiedCheckpoint::from_note(head.note().clone(), key).map(|_| ())
}
