//! What a backup holds: every file with its length and digest, and where the hub's own logs stood.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use contract::digest::Digest;
use contract::time::UtcTime;
use edge::file::{FileError, read, write_durably};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::copying;

/// Its name in a backup's directory.
pub(super) const FILE: &str = "MANIFEST.json";
const FORMAT: u32 = 1;
const BYTES_MAX: u64 = 1 << 30;

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The hub's name.
    pub name: String,
    /// What made it.
    pub software: String,
    /// The instant that it is of.
    pub made: UtcTime,
    /// The databases' versions.
    pub databases: BTreeMap<String, i32>,
    /// The head of the hub's own log: three lines. None where it was empty.
    pub own_log: Option<String>,
    /// The head of the log of heads.
    pub heads: Option<String>,
    /// How many hosts' logs are in it.
    pub hosts: usize,
    files: BTreeMap<String, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    bytes: u64,
    digest: Digest,
}

/// Why a backup cannot be believed.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It does not parse.
    #[error("{FILE}: line {line}, column {column}: it is no manifest of this version", line = .0.line(), column = .0.column())]
    Malformed(#[source] serde_json::Error),
    /// Another version wrote it.
    #[error("{FILE}: its format is {0}, and this program knows {FORMAT}")]
    Format(u32),
    /// It is not the one that somebody kept the digest of.
    #[error(
        "{FILE}: its digest is {found}, and {expected} was asked for: this is another backup, or somebody changed it"
    )]
    Other {
        /// What it is.
        found: Digest,
        /// What it should be.
        expected: Digest,
    },
    /// It names a file that lies outside of the backup.
    #[error(
        "{FILE}: it names {file:?}, which is no path within a backup: no hub wrote this, and nothing was copied"
    )]
    Outside {
        /// What it names.
        file: String,
    },
    /// A file is not the one that was written.
    #[error("{file}: it has {bytes} bytes and {digest}, not what stands in {FILE}: this backup is damaged")]
    Differs {
        /// Which.
        file: String,
        /// Its length.
        bytes: u64,
        /// Its digest.
        digest: Digest,
    },
}

/// Where the hub stood.
#[derive(Debug)]
pub(super) struct Stood {
    pub(super) name: String,
    pub(super) made: UtcTime,
    pub(super) databases: BTreeMap<String, i32>,
    pub(super) own_log: Option<String>,
    pub(super) heads: Option<String>,
    pub(super) hosts: usize,
}

impl Manifest {
    /// Measures everything in `directory`, and writes down what it is.
    pub(super) fn write(directory: &Path, stood: Stood) -> Result<(Self, Digest), FileError> {
        let mut files = BTreeMap::new();
        for path in copying::files(directory)? {
            let (bytes, digest) = copying::measure(&directory.join(&path))?;
            files.insert(path.to_string_lossy().into_owned(), Entry { bytes, digest });
        }
        let Stood { name, made, databases, own_log, heads, hosts } = stood;
        let software = format!("suture-hub {}", env!("CARGO_PKG_VERSION"));
        let manifest = Self { format: FORMAT, name, software, made, databases, own_log, heads, hosts, files };
        let mut text = serde_json::to_vec_pretty(&manifest).unwrap_or_default();
        text.push(b'\n');
        write_durably(&directory.join(FILE), &text)?;
        let digest = Digest::of(&text);
        Ok((manifest, digest))
    }

    /// Reads what stands in a backup's directory, which whoever could write there may have chosen; where its digest was kept, only what has that.
    pub fn read(directory: &Path, expected: Option<Digest>) -> Result<Self, ManifestError> {
        let bytes = read(&directory.join(FILE), BYTES_MAX)?;
        let found = Digest::of(&bytes);
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            return Err(ManifestError::Other { found, expected });
        }
        let manifest: Self = serde_json::from_slice(&bytes).map_err(ManifestError::Malformed)?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format(manifest.format));
        }
        match manifest.files.keys().find(|file| !is_within(file)) {
            Some(file) => Err(ManifestError::Outside { file: file.clone() }),
            None => Ok(manifest),
        }
    }

    /// Copies every file that stands here, and compares what was written with what should be. What does not stand here is left behind.
    pub(super) fn fetch(&self, from: &Path, to: &Path) -> Result<(), ManifestError> {
        for (file, entry) in &self.files {
            let written = to.join(file);
            copying::file(&from.join(file), &written)?;
            let (bytes, digest) = copying::measure(&written)?;
            if (Entry { bytes, digest }) != *entry {
                return Err(ManifestError::Differs { file: file.clone(), bytes, digest });
            }
        }
        Ok(())
    }

    /// Compares every file with what it should be.
    pub fn verify(&self, directory: &Path) -> Result<(), ManifestError> {
        for (file, entry) in &self.files {
            let (bytes, digest) = copying::measure(&directory.join(file))?;
            if (Entry { bytes, digest }) != *entry {
                return Err(ManifestError::Differs { file: file.clone(), bytes, digest });
            }
        }
        Ok(())
    }

    /// How many files, and how many bytes in them.
    pub fn measure(&self) -> (usize, u64) {
        (self.files.len(), self.files.values().map(|entry| entry.bytes).sum())
    }
}

/// Whether a path leads to a file below the directory that it is joined to, and nowhere else.
fn is_within(file: &str) -> bool {
    !file.is_empty() && Path::new(file).components().all(|part| matches!(part, Component::Normal(_)))
}
