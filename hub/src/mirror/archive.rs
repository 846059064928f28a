//! One host's directory in the archive: bundles, tiles, the cosigned checkpoint, and what is staged.
//!
//! ```text
//! <archive>/<tenant>/<host>/checkpoint            the newest head, cosigned
//!                          /tile/entries/000      full and partial bundles of entries
//!                          /tile/0/000            hashes
//!                          /keys                  the key log, where the key was changed: where to look in the entries, no more
//!                          /staged                entries that no verified checkpoint covers yet, written like a bundle
//! ```
//! The checkpoint is written last, so everything that it covers is on the disk before it is.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use edge::file::{FileError, private_directory, read, remove_durably, sync_directory, write_durably};
use thiserror::Error;
use tlog::tile::bundle;

/// The largest file of an archive that is read: a full bundle of the longest records, with room.
pub(crate) const FILE_MAX_BYTES: u64 = 32 << 20;
/// The most that may be staged.
pub(super) const STAGED_MAX_BYTES: u64 = 256 << 20;

/// Why the archive did not take or give something. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
pub(crate) enum ArchiveError {
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is not what the hub wrote.
    #[error("{}: {what}: the archive is damaged; restore this host's directory from a copy", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
}

/// One host's directory.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    pub(super) directory: PathBuf,
}

impl Archive {
    pub(super) fn open(directory: PathBuf) -> Result<Self, ArchiveError> {
        private_directory(&directory)?;
        Ok(Self { directory })
    }

    pub(super) fn damaged(&self, file: &str, what: &dyn std::fmt::Display) -> ArchiveError {
        ArchiveError::Damaged { path: self.directory.join(file), what: what.to_string() }
    }

    pub(super) fn checkpoint(&self) -> Result<Option<Vec<u8>>, ArchiveError> {
        read_or_none(&self.directory.join("checkpoint"), FILE_MAX_BYTES)
    }

    /// The key log; nothing where the key was never changed.
    pub(super) fn keys(&self) -> Result<String, ArchiveError> {
        let bytes = read_or_none(&self.directory.join("keys"), FILE_MAX_BYTES)?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Replaces the key log.
    pub(super) fn set_keys(&self, text: &str) -> Result<(), ArchiveError> {
        Ok(write_durably(&self.directory.join("keys"), text.as_bytes())?)
    }

    /// The entries that are staged. What a power cut left of a last entry was never acknowledged, and is not among them.
    pub(super) fn staged(&self) -> Result<Vec<Vec<u8>>, ArchiveError> {
        let bytes = read_or_none(&self.directory.join("staged"), STAGED_MAX_BYTES + FILE_MAX_BYTES)?
            .unwrap_or_default();
        let mut entries = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((length, tail)) = rest.split_first_chunk::<2>()
            && let Some((entry, tail)) = tail.split_at_checked(u16::from_be_bytes(*length).into())
        {
            entries.push(entry.to_vec());
            rest = tail;
        }
        Ok(entries)
    }

    /// Appends entries to what is staged, after its first `kept` bytes.
    pub(super) fn stage(&self, kept: u64, entries: &[String]) -> Result<u64, ArchiveError> {
        let path = self.directory.join("staged");
        let bytes =
            bundle_of(entries.iter().map(String::as_bytes)).map_err(|e| self.damaged("staged", &e))?;
        let failed = |source| FileError { path: path.clone(), action: "append to it", source };
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let write = |file: &mut std::fs::File| {
            file.set_len(kept)?;
            io::Seek::seek(file, io::SeekFrom::End(0))?;
            file.write_all(&bytes)?;
            file.sync_all()
        };
        write(&mut file).map_err(failed)?;
        sync_directory(&self.directory)?;
        Ok(kept + bytes.len() as u64)
    }

    /// Throws away what is staged.
    pub(super) fn clear_staged(&self) -> Result<(), ArchiveError> {
        let path = self.directory.join("staged");
        if path.exists() {
            remove_durably(&path)?;
        }
        Ok(())
    }

    /// Makes `note` the newest head.
    pub(super) fn set_checkpoint(&self, note: &str) -> Result<(), ArchiveError> {
        Ok(write_durably(&self.directory.join("checkpoint"), note.as_bytes())?)
    }

    /// Makes a directory and what is missing above it, each one durable in its parent.
    pub(super) fn make(&self, directory: &Path) -> Result<(), ArchiveError> {
        if directory.is_dir() {
            return Ok(());
        }
        let parent = directory.parent().unwrap_or(&self.directory);
        self.make(parent)?;
        private_directory(directory)?;
        Ok(sync_directory(parent)?)
    }
}

pub(super) fn bundle_of<'a>(
    entries: impl Iterator<Item = &'a [u8]>,
) -> Result<Vec<u8>, bundle::EntryTooLong> {
    let mut bytes = Vec::new();
    for entry in entries {
        bundle::append(&mut bytes, entry)?;
    }
    Ok(bytes)
}

fn read_or_none(path: &Path, max: u64) -> Result<Option<Vec<u8>>, ArchiveError> {
    match read(path, max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e.into()),
    }
}
