//! The place that a snapshot is restored to: private, with room enough, and gone afterwards.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};

use crate::{HandError, Place};

/// Its name below the place's own scratch directory.
const NAME: &str = "restored";

/// Removed when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    directory: OwnedFd,
}

impl Scratch {
    /// Removes what an earlier one left.
    pub(super) fn clear(place: &Place<'_>) -> Result<(), HandError> {
        let path = place.scratch.join(NAME);
        match fs::remove_dir_all(&path) {
            Ok(()) => Ok(()),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(HandError::file(&path, "remove what was restored")(e)),
        }
    }

    /// A new, empty one.
    pub(super) fn make(place: &Place<'_>) -> Result<Self, HandError> {
        Self::clear(place)?;
        edge::file::private_directory(&place.scratch)
            .map_err(|e| HandError::file(&place.scratch, "restore into it")(e.source))?;
        // The sandbox asks for the way without links.
        let path =
            place.scratch.canonicalize().map_err(HandError::file(&place.scratch, "look at it"))?.join(NAME);
        edge::file::private_directory(&path)
            .map_err(|e| HandError::file(&path, "restore into it")(e.source))?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(&path, flags, Mode::empty()).map_err(HandError::file(&path, "open it"))?;
        Ok(Self { path, directory })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Refuses where the file system has less than `bytes` to give.
    pub(super) fn has_room(&self, bytes: u64) -> Result<(), HandError> {
        let fs = rustix::fs::statvfs(&self.path).map_err(HandError::file(&self.path, "look at its room"))?;
        if fs.f_bavail.saturating_mul(fs.f_frsize) < bytes {
            Err(HandError::unfit(&self.path, "restore into it", "there is too little room"))
        } else {
            Ok(())
        }
    }

    /// Where the live path `live` was restored to.
    pub(super) fn at(&self, live: &Path) -> PathBuf {
        self.path.join(live.strip_prefix("/").unwrap_or(live))
    }

    /// Opens what was restored of the live path `live`; a link on the way is none of ours.
    pub(super) fn open(&self, live: &Path) -> Result<OwnedFd, HandError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        openat2(&self.directory, live.strip_prefix("/").unwrap_or(live), flags, Mode::empty(), resolve)
            .map_err(HandError::file(&self.at(live), "open it"))
    }

    /// Removes it, and says so where that fails: what lies there must not stay.
    pub(super) fn remove(self) -> Result<(), HandError> {
        fs::remove_dir_all(&self.path).map_err(HandError::file(&self.path, "remove what was restored"))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_dir_all(&self.path)
            && e.kind() != ErrorKind::NotFound
        {
            // The next restore test removes it, or says that it cannot.
            tracing::warn!(kind = %e.kind(), "what was restored could not be removed");
        }
    }
}
