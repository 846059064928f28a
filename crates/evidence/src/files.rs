//! Small files and directories, made so that a power cut leaves the old or the new and nothing between.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use edge::file::FileError;

use crate::disk::Disk;

/// A disk, and which directories on it are known to be there after a power cut.
#[derive(Debug)]
pub(crate) struct Files<D> {
    pub(crate) disk: D,
    root: PathBuf,
    known: BTreeSet<PathBuf>,
}

/// A closure that says which file and what was tried.
pub(crate) fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path, action, source }
}

impl<D: Disk> Files<D> {
    /// `root` is the log's directory: what lies above it is somebody else's to sync once it is there.
    pub(crate) fn new(disk: D, root: &Path) -> Self {
        Self { disk, root: root.to_owned(), known: BTreeSet::new() }
    }

    /// Reads a whole file; none where there is none.
    pub(crate) fn read(&self, path: &Path, max: u64) -> Result<Option<Vec<u8>>, FileError> {
        match self.disk.read(path, max) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed(path, "read it")(e)),
        }
    }

    /// Writes a file: temporary file, fsync, rename, fsync of the directory, which is made where it is missing.
    pub(crate) fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), FileError> {
        self.make_directory(parent(path))?;
        let temporary = path.with_added_extension("tmp");
        let file = self.disk.open(&temporary).map_err(failed(&temporary, "create it"))?;
        self.disk
            .truncate(&file, 0)
            .and_then(|()| self.disk.write_at(&file, 0, bytes))
            .and_then(|()| self.disk.sync_all(&file))
            .map_err(failed(&temporary, "write it"))?;
        self.disk.rename(&temporary, path).map_err(failed(path, "replace it"))?;
        self.sync_directory(parent(path))
    }

    /// Removes a file, durably.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), FileError> {
        self.disk.remove(path).map_err(failed(path, "remove it"))?;
        self.sync_directory(parent(path))
    }

    pub(crate) fn sync_directory(&self, directory: &Path) -> Result<(), FileError> {
        self.disk.sync_directory(directory).map_err(failed(directory, "sync it"))
    }

    /// Makes the missing part of a path, from the top. A directory is there after a power cut only if its parent was synced: one that
    /// an earlier process made may have missed that, so the first use of each is synced, too.
    pub(crate) fn make_directory(&mut self, path: &Path) -> Result<(), FileError> {
        if self.known.contains(path) {
            return Ok(());
        }
        let above = parent(path).to_owned();
        let made = !self.disk.exists(path);
        if made {
            self.make_directory(&above)?;
            self.disk.make_directory(path).map_err(failed(path, "create it"))?;
        }
        if made || above.starts_with(&self.root) {
            self.sync_directory(&above)?;
        }
        self.known.insert(path.to_owned());
        Ok(())
    }
}

pub(crate) fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
