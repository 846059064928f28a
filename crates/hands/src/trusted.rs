//! Files that only root can have put where they are: reached without following any link, in a directory that is root's and that nobody else may
//! write to; and put in place so that a power cut leaves the old or the new and nothing between.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use contract::fact::FileMode;
use rustix::fs::{
    AtFlags, CWD, FileType, FlockOperation, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchmod, fchown,
    flock, fstat, fsync, openat, openat2, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use crate::HandError;

/// No file that is restored, declared or edited is near this long.
pub(crate) const FILE_BYTES_MAX: u64 = 8 << 20;

/// The endings of candidates: of what is new, and of what is put back. They differ, so that an act that is late never finds what its undoing writes.
const NEW: &str = ".suture-new";
const BACK: &str = ".suture-back";

/// What only root may do is not trusted where group or others may write.
const OTHERS_WRITE: u32 = 0o022;

/// Who owns a file, and what they may do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owned {
    pub(crate) mode: FileMode,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Owned {
    /// As the kernel tells it.
    pub(crate) const fn of(stat: &Stat) -> Self {
        Self { mode: FileMode::from_st_mode(stat.st_mode), uid: stat.st_uid, gid: stat.st_gid }
    }

    /// Gives a file this owner and then this mode: a change of owner takes the set-user bits away.
    pub(crate) fn give(self, file: impl AsFd) -> rustix::io::Result<()> {
        let file = file.as_fd();
        fchown(file, Some(Uid::from_raw(self.uid)), Some(Gid::from_raw(self.gid)))?;
        fchmod(file, Mode::from_raw_mode(u32::from(self.mode.bits())))
    }
}

/// A place for a file, in a directory that was opened once: whatever happens to names above it, it stays that directory.
#[derive(Debug)]
pub(crate) struct Spot {
    path: PathBuf,
    name: OsString,
    directory: OwnedFd,
}

/// A file that is there. It may be a key: nothing shows it.
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) owned: Owned,
    seen: Seen,
}

impl std::fmt::Debug for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Found").field("owned", &self.owned).field("seen", &self.seen).finish_non_exhaustive()
    }
}

/// Tells whether a file is still the one that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    device: u64,
    inode: u64,
    changed: (i64, u64),
}

impl Spot {
    /// Opens the directory that `path` is in, which has to be root's alone.
    pub(crate) fn open(path: &Path) -> Result<Self, HandError> {
        let spot = Self::open_anyones(path)?;
        let parent = path.parent().unwrap_or(path);
        let stat = fstat(&spot.directory).map_err(HandError::file(parent, "look at it"))?;
        if stat.st_uid != 0 || stat.st_mode & OTHERS_WRITE != 0 {
            return Err(HandError::file(parent, "trust it: it is not root's, or others may write to it")(
                Errno::PERM,
            ));
        }
        Ok(spot)
    }

    /// Opens the directory that `path` is in, which may be a service's own: what lies there is as the service has it.
    pub(crate) fn open_anyones(path: &Path) -> Result<Self, HandError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(HandError::file(path, "use it: it has no directory")(Errno::INVAL));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let directory = openat2(CWD, parent, flags, Mode::empty(), resolve)
            .map_err(HandError::file(parent, "open the directory without following a link"))?;
        Ok(Self { path: path.to_owned(), name: name.to_owned(), directory })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What is there: a regular file, or nothing. Anything else is refused.
    pub(crate) fn found(&self) -> Result<Option<Found>, HandError> {
        self.found_within(FILE_BYTES_MAX)
    }

    /// What is there, and not longer than `bytes_max`; see [`found`](Self::found).
    pub(crate) fn found_within(&self, bytes_max: u64) -> Result<Option<Found>, HandError> {
        let Some(file) = self.file()? else { return Ok(None) };
        let stat = fstat(&file).map_err(HandError::file(&self.path, "look at it"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(HandError::file(&self.path, "use it: it is no regular file")(Errno::INVAL));
        }
        let mut bytes = Vec::new();
        File::from(file).take(bytes_max + 1).read_to_end(&mut bytes).map_err(|source| HandError::File {
            path: self.path.clone(),
            action: "read it",
            source,
        })?;
        if bytes.len() as u64 > bytes_max {
            return Err(HandError::file(&self.path, "read it")(Errno::FBIG));
        }
        let seen =
            Seen { device: stat.st_dev, inode: stat.st_ino, changed: (stat.st_ctime, stat.st_ctime_nsec) };
        Ok(Some(Found { bytes, owned: Owned::of(&stat), seen }))
    }

    fn file(&self) -> Result<Option<OwnedFd>, HandError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(HandError::file(&self.path, "open it without following a link")(e)),
        }
    }

    /// Waits until the disk has what another program put there, and its name.
    pub(crate) fn make_durable(&self) -> Result<(), HandError> {
        if let Some(file) = self.file()? {
            fsync(&file).map_err(HandError::file(&self.path, "sync it"))?;
        }
        self.sync()
    }

    /// Refuses where what is there is not what was found before.
    pub(crate) fn is_still(&self, before: Option<&Found>) -> Result<(), HandError> {
        let now = self.found()?;
        if now.map(|f| f.seen) == before.map(|f| f.seen) {
            Ok(())
        } else {
            Err(HandError::Replaced(self.path.clone()))
        }
    }

    /// Writes a candidate beside it, durably, under a name that no program takes for a part of its configuration: hidden, and with another ending.
    ///
    /// Its writer holds a lock on it until it is in place or gone, in whichever thread or process: two that write for one place never take each
    /// other's for a leftover.
    pub(crate) fn candidate(&self, bytes: &[u8], owned: Owned) -> Result<Candidate<'_>, HandError> {
        self.written(self.beside(NEW), bytes, owned)
    }

    fn written(&self, name: OsString, bytes: &[u8], owned: Owned) -> Result<Candidate<'_>, HandError> {
        self.forget(&name)?;
        let path = self.path.with_file_name(&name);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.directory, &name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(HandError::file(&path, "create a candidate"))?;
        if !self.is_held(&name, &file)? {
            return Err(self.candidate_of_another(Errno::BUSY));
        }
        let mut candidate = Candidate { spot: self, name, path, file: File::from(file), placed: false };
        candidate.file.write_all(bytes).map_err(|source| HandError::File {
            path: candidate.path.clone(),
            action: "write a candidate",
            source,
        })?;
        let Candidate { file, path, .. } = &candidate;
        owned.give(file).map_err(HandError::file(path, "give a candidate its owner and mode"))?;
        fsync(file).map_err(HandError::file(path, "sync a candidate"))?;
        Ok(candidate)
    }

    /// Takes away a candidate that is not in place yet, also from whoever is writing it: what is undone must not come to its place afterwards.
    pub(crate) fn withdraw_candidate(&self) -> Result<(), HandError> {
        self.unlink(&self.beside(NEW))
    }

    /// Removes a candidate that a power cut left behind: it is nobody's. One that somebody is writing is theirs, and refused.
    fn forget(&self, name: &OsStr) -> Result<(), HandError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        // Held until the name is gone: who creates one of that name meanwhile finds out by its own lock.
        let _leftover = match openat(&self.directory, name, flags, Mode::empty()) {
            Err(Errno::NOENT) => return Ok(()),
            // A link or a socket is nobody's candidate.
            Err(Errno::LOOP | Errno::NXIO) => None,
            Err(e) => return Err(HandError::file(&self.path, "open an old candidate")(e)),
            Ok(file) => match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => Some(file),
                Err(e) => return Err(self.candidate_of_another(e)),
            },
        };
        self.unlink(name)
    }

    fn unlink(&self, name: &OsStr) -> Result<(), HandError> {
        match unlinkat(&self.directory, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(HandError::file(&self.path, "remove a candidate")(e)),
        }
    }

    /// Locks a candidate that was just created. False where somebody took it for a leftover before that.
    fn is_held(&self, name: &OsStr, file: &OwnedFd) -> Result<bool, HandError> {
        flock(file, FlockOperation::NonBlockingLockExclusive).map_err(|e| self.candidate_of_another(e))?;
        let created = fstat(file).map_err(HandError::file(&self.path, "look at a candidate"))?;
        match statat(&self.directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(there) => Ok((there.st_dev, there.st_ino) == (created.st_dev, created.st_ino)),
            Err(Errno::NOENT) => Ok(false),
            Err(e) => Err(HandError::file(&self.path, "look at a candidate")(e)),
        }
    }

    fn candidate_of_another(&self, source: Errno) -> HandError {
        HandError::file(&self.path, "write a candidate: somebody else is writing one")(source)
    }

    fn beside(&self, ending: &str) -> OsString {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(ending);
        name
    }

    /// Puts bytes in place at once: for putting back what was there.
    pub(crate) fn put(&self, bytes: &[u8], owned: Owned) -> Result<(), HandError> {
        self.written(self.beside(BACK), bytes, owned)?.put_in_place()
    }

    /// Removes what is there, durably. Nothing there is as good.
    pub(crate) fn remove(&self) -> Result<(), HandError> {
        match unlinkat(&self.directory, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(HandError::file(&self.path, "remove it")(e)),
        }
        self.sync()
    }

    fn sync(&self) -> Result<(), HandError> {
        fsync(&self.directory).map_err(HandError::file(&self.path, "sync its directory"))
    }
}

/// A file that is whole and durable, and not yet in its place. Removed again where it never comes there.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    spot: &'a Spot,
    name: OsString,
    path: PathBuf,
    /// Locked as long as this is here.
    file: File,
    placed: bool,
}

impl Candidate<'_> {
    /// Where it lies, for its validator.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Takes the place, in one step and durably.
    pub(crate) fn put_in_place(mut self) -> Result<(), HandError> {
        let spot = self.spot;
        let name: &OsStr = &self.name;
        renameat(&spot.directory, name, &spot.directory, &spot.name)
            .map_err(HandError::file(&spot.path, "put a candidate in place"))?;
        self.placed = true;
        spot.sync()
    }
}

impl Drop for Candidate<'_> {
    fn drop(&mut self) {
        if !self.placed {
            let _ = unlinkat(&self.spot.directory, &self.name, AtFlags::empty());
        }
    }
}

/// The bytes of a file that was declared by root and by nobody else.
pub(crate) fn read_declared(path: &Path) -> Result<Vec<u8>, HandError> {
    let found = Spot::open(path)?.found()?.ok_or_else(|| HandError::file(path, "open it")(Errno::NOENT))?;
    if found.owned.uid != 0 || u32::from(found.owned.mode.bits()) & OTHERS_WRITE != 0 {
        return Err(HandError::file(path, "trust it: it is not root's, or others may write to it")(
            Errno::PERM,
        ));
    }
    Ok(found.bytes)
}

#[cfg(test)]
mod tests;
