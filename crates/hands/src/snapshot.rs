//! Snapshots: what a run keeps on the machine so that it can be undone, even by the next process. One directory for each run, one below it for
//! each step; bytes are durable before the intent names their digest, and are believed again only if they still have it.

use std::fs;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::ids::OrderId;
use edge::file::{self, FileError};
use thiserror::Error;

/// The longest that one kept file may be: 64 MiB.
const KEPT_MAX_BYTES: u64 = 64 << 20;

/// Why a snapshot cannot be kept or read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    /// The disk.
    #[error("the snapshot cannot be kept or read")]
    File(#[from] FileError),
    /// The bytes are not those that the intent names.
    #[error("{}: it is not what was kept: it has {found} and not {wanted}", path.display())]
    Altered {
        /// The kept file.
        path: PathBuf,
        /// Its digest.
        found: Digest,
        /// The digest that the intent names.
        wanted: Digest,
    },
}

/// Where all snapshots are: a private directory of the executor.
#[derive(Debug, Clone)]
pub struct Snapshots {
    directory: PathBuf,
}

/// Where one step keeps what it needs.
#[derive(Debug, Clone)]
pub struct Snapshot {
    directory: PathBuf,
}

impl Snapshots {
    /// Below `directory`, which need not be there yet.
    pub fn below(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Their directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// That of one step of one run.
    pub fn of(&self, order: &OrderId, step: u32) -> Snapshot {
        Snapshot { directory: self.directory.join(order.as_str()).join(step.to_string()) }
    }

    /// Forgets a run's: it was undone, or is so old that nobody will.
    pub fn forget(&self, order: &OrderId) -> Result<(), FileError> {
        let path = self.directory.join(order.as_str());
        match fs::remove_dir_all(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(source) => Err(FileError { path, action: "remove a snapshot", source }),
        }
    }

    /// Forgets what nobody will undo any more: the oldest, as far as there are more than `keep` of them, except those that `needed` says are. Returns
    /// how many went.
    pub fn prune(&self, keep: usize, needed: impl Fn(&str) -> bool) -> Result<usize, FileError> {
        let failed = |source| FileError { path: self.directory.clone(), action: "list it", source };
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(0),
            Err(e) => return Err(failed(e)),
        };
        let mut runs = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed)?;
            let changed = entry.metadata().and_then(|m| m.modified()).map_err(failed)?;
            runs.push((changed, entry.path()));
        }
        runs.sort();
        let surplus = runs.len().saturating_sub(keep);
        let mut gone = 0;
        for (_, path) in runs.into_iter().take(surplus) {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if !needed(name) {
                fs::remove_dir_all(&path).map_err(|source| FileError {
                    path: path.clone(),
                    action: "remove a snapshot",
                    source,
                })?;
                gone += 1;
            }
        }
        Ok(gone)
    }

    /// Whether there is one of this run.
    pub fn holds(&self, order: &OrderId) -> bool {
        self.directory.join(order.as_str()).is_dir()
    }
}

impl Snapshot {
    /// The one in `directory`, as a dead-man's plan names it.
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Keeps `bytes` under `name`, durably and privately. Returns their digest. What was kept under that name before stays: a step that is done again
    /// after a crash must not put its own work in the place of what it found at first.
    pub fn keep(&self, name: &str, bytes: &[u8]) -> Result<Digest, SnapshotError> {
        file::private_directory(&self.directory)?;
        let digest = Digest::of(bytes);
        file::write_durably(&self.kept(name, &digest), bytes)?;
        Ok(digest)
    }

    /// Where bytes lie: each under their own digest.
    pub fn kept(&self, name: &str, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{name}.{}", digest.short(32)))
    }

    /// The bytes kept under `name`, if they still have this digest.
    pub fn read(&self, name: &str, wanted: &Digest) -> Result<Vec<u8>, SnapshotError> {
        let path = self.kept(name, wanted);
        let bytes = file::read(&path, KEPT_MAX_BYTES)?;
        let found = Digest::of(&bytes);
        if found == *wanted {
            Ok(bytes)
        } else {
            Err(SnapshotError::Altered { path, found, wanted: *wanted })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_stay_and_what_is_needed_stays_however_old_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::below(directory.path());
        for n in 0..5 {
            let order: OrderId = format!("o-{n}").parse().unwrap();
            snapshots.of(&order, 0).keep("x", b"x").unwrap();
            let path = directory.path().join(order.as_str());
            let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000 + n);
            std::fs::File::open(path).unwrap().set_modified(at).unwrap();
        }
        assert_eq!(snapshots.prune(2, |name| name == "o-1").unwrap(), 2);
        let left = |n: u32| snapshots.holds(&format!("o-{n}").parse().unwrap());
        assert_eq!([0, 1, 2, 3, 4].map(left), [false, true, false, true, true]);
    }
}
