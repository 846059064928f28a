//! How far a log file was read, in a way that a rotated, truncated or replaced file cannot be mistaken for it: device, inode, offset, and a
//! fingerprint of how it begins.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use edge::file::{self, FileError};
use serde::{Deserialize, Serialize};

/// So much of a file's beginning is its fingerprint: a syslog line with its time.
const HEAD_BYTES: usize = 256;
const FILE_BYTES_MAX: u64 = 1 << 20;

/// How far one file was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Bytes read.
    pub(super) offset: u64,
    /// So many of the first bytes, all of them read, have this digest.
    head_bytes: usize,
    head: Digest,
}

/// What became of a file since it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is still itself, perhaps longer.
    Same,
    /// Another file has its name.
    Replaced,
    /// It was cut and written anew, under the same inode.
    Truncated,
}

impl Place {
    pub(super) fn new(metadata: &Metadata, offset: u64) -> Self {
        let (device, inode) = (metadata.dev(), metadata.ino());
        Self { device, inode, offset, head_bytes: 0, head: Digest::of(b"") }
    }

    /// The same place in a copy.
    pub(super) fn moved_to(self, metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino(), ..self }
    }

    /// Lengthens the fingerprint to what was read by now.
    pub(super) fn fingerprint(&mut self, file: &File) -> io::Result<()> {
        let bytes = usize::try_from(self.offset).unwrap_or(usize::MAX).min(HEAD_BYTES);
        if bytes > self.head_bytes
            && let Some(head) = head(file, bytes)?
        {
            (self.head_bytes, self.head) = (bytes, head);
        }
        Ok(())
    }

    /// True where `file` begins as the one that was read, and is at least as long as what was read of it.
    pub(super) fn begins(&self, file: &File) -> io::Result<bool> {
        Ok(file.metadata()?.len() >= self.offset && head(file, self.head_bytes)? == Some(self.head))
    }

    /// True where something of it was read, so that its beginning can tell it from others.
    pub(super) const fn has_fingerprint(&self) -> bool {
        self.head_bytes > 0
    }

    /// What became of it: `named` is what has its name now, `file` what was read. An equal length proves nothing: content is compared.
    pub(super) fn fate(&self, named: &Metadata, file: &File) -> io::Result<Fate> {
        if (named.dev(), named.ino()) != (self.device, self.inode) {
            return Ok(Fate::Replaced);
        }
        Ok(if self.begins(file)? { Fate::Same } else { Fate::Truncated })
    }
}

/// The digest of the first `bytes`; nothing where the file is shorter.
fn head(file: &File, bytes: usize) -> io::Result<Option<Digest>> {
    let mut buffer = [0; HEAD_BYTES];
    match file.read_exact_at(&mut buffer[..bytes], 0) {
        Ok(()) => Ok(Some(Digest::of(&buffer[..bytes]))),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

/// What was written down of all files.
#[derive(Debug)]
pub(super) enum Remembered {
    /// Nothing: this is the first time.
    FirstTime,
    /// These.
    Places(BTreeMap<PathBuf, Place>),
    /// Something that cannot be read any more.
    Unreadable,
}

pub(super) fn load(path: &Path) -> Remembered {
    match file::read(path, FILE_BYTES_MAX) {
        Ok(bytes) => serde_json::from_slice(&bytes).map_or(Remembered::Unreadable, Remembered::Places),
        Err(e) if e.source.kind() == io::ErrorKind::NotFound => Remembered::FirstTime,
        Err(_) => Remembered::Unreadable,
    }
}

pub(super) fn store(path: &Path, places: &BTreeMap<PathBuf, Place>) -> Result<(), FileError> {
    file::write_durably(path, &serde_json::to_vec(places).unwrap_or_default())
}
