//! Through one directory and those below it: what may go, oldest first, and its removal.

use std::cmp::Reverse;
use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use contract::resource::Suffix;
use contract::runbook::FilesPrune;
use contract::time::UtcTime;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, fsync, openat, openat2, statat, unlinkat,
};
use rustix::io::Errno;

use crate::{HandError, Place};

/// How deep it goes at most, whatever is asked for: each level holds a descriptor.
const DEPTH_MAX: u32 = 32;
/// Entries of one directory that are looked at. Those beyond it stay; the next run meets them.
const ENTRIES_MAX: usize = 200_000;
/// How often it looks whether it is to go on.
const GO_ON_EVERY: u64 = 64;

/// What went.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Removed {
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// A file that the rule may be about.
struct Candidate {
    modified: (i64, u64),
    name: CString,
    inode: (u64, u64),
}

/// One pruning.
struct Walk<'a> {
    rule: &'a FilesPrune,
    path: &'a Path,
    now: UtcTime,
    device: u64,
    place: &'a Place<'a>,
    removed: Removed,
}

/// Removes what the rule lets go from `directory`, as of `now`.
pub(super) fn remove(
    rule: &FilesPrune,
    directory: &OwnedFd,
    now: UtcTime,
    place: &Place<'_>,
) -> Result<Removed, HandError> {
    let path = Path::new(rule.directory.as_str());
    let device = fstat(directory).map_err(HandError::file(path, "look at it"))?.st_dev;
    let mut walk = Walk { rule, path, now, device, place, removed: Removed::default() };
    walk.directory(directory.as_fd(), rule.depth_max.min(DEPTH_MAX))?;
    Ok(walk.removed)
}

/// Whether anybody at all can put another file under a name in this directory.
pub(super) fn anybody_may_exchange(stat: &Stat) -> bool {
    let mode = Mode::from_raw_mode(stat.st_mode);
    mode.contains(Mode::WOTH) && !mode.contains(Mode::SVTX)
}

impl Walk<'_> {
    fn directory(&mut self, directory: BorrowedFd<'_>, depth: u32) -> Result<(), HandError> {
        self.place.go_on()?;
        let (mut candidates, below) = self.entries(directory)?;
        // The newest first, so that those which stay are the first; and the oldest go first.
        candidates.sort_by_key(|c| Reverse(c.modified));
        let stay = usize::try_from(self.rule.keep).unwrap_or(usize::MAX).min(candidates.len());
        let before = self.removed.files;
        let (now, hours) = (self.now, self.rule.older_than_h);
        let cleared = candidates
            .drain(stay..)
            .rev()
            .filter(|c| is_older(c.modified.0, now, hours))
            .try_for_each(|c| self.file(directory, &c));
        if self.removed.files > before {
            fsync(directory).map_err(HandError::file(self.path, "sync it"))?;
        }
        cleared?;
        if depth > 0 {
            for name in below {
                if let Some(inner) = self.below(directory, &name)? {
                    self.directory(inner.as_fd(), depth - 1)?;
                }
            }
        }
        Ok(())
    }

    /// What may go, apart from its age, and the directories.
    fn entries(&self, directory: BorrowedFd<'_>) -> Result<(Vec<Candidate>, Vec<CString>), HandError> {
        let failed = || HandError::file(self.path, "list it");
        let (mut candidates, mut below) = (Vec::new(), Vec::new());
        for entry in Dir::read_from(directory).map_err(failed())?.take(ENTRIES_MAX) {
            let entry = entry.map_err(failed())?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let Some(stat) = look(directory, name).map_err(failed())? else { continue };
            if FileType::from_raw_mode(stat.st_mode).is_dir() {
                below.push(name.to_owned());
            } else if self.may_go(name, &stat) {
                let modified = (stat.st_mtime, stat.st_mtime_nsec);
                candidates.push(Candidate {
                    modified,
                    name: name.to_owned(),
                    inode: (stat.st_dev, stat.st_ino),
                });
            }
        }
        Ok((candidates, below))
    }

    /// A plain file of this file system, under one name only, named as the rule says, and not from the future.
    fn may_go(&self, name: &CStr, stat: &Stat) -> bool {
        FileType::from_raw_mode(stat.st_mode).is_file()
            && stat.st_dev == self.device
            && stat.st_nlink == 1
            && self.rule.suffixes.iter().any(|suffix| ends(name, suffix))
            && stat.st_mtime <= self.now.unix_ms() / 1000
    }

    /// Removes one, if it still is what was listed.
    fn file(&mut self, directory: BorrowedFd<'_>, candidate: &Candidate) -> Result<(), HandError> {
        if self.removed.files >= u64::from(self.rule.count_max) {
            return Ok(());
        }
        if self.removed.files.is_multiple_of(GO_ON_EVERY) {
            self.place.go_on()?;
        }
        let name = candidate.name.as_c_str();
        // Held open, the inode cannot go and come back as another file with its number.
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let held = match openat(directory, name, flags, Mode::empty()) {
            Ok(held) => held,
            Err(Errno::NOENT) => return Ok(()),
            Err(e) => return Err(HandError::file(self.path, "open a file in it")(e)),
        };
        let stat = fstat(&held).map_err(HandError::file(self.path, "look at a file in it"))?;
        let named = look(directory, name).map_err(HandError::file(self.path, "look at a file in it"))?;
        let same = |s: &Stat| {
            (s.st_dev, s.st_ino) == candidate.inode && (s.st_mtime, s.st_mtime_nsec) == candidate.modified
        };
        if !same(&stat) || !named.is_some_and(|s| same(&s)) || !self.may_go(name, &stat) {
            return Ok(());
        }
        match unlinkat(directory, name, AtFlags::empty()) {
            Ok(()) => {
                self.removed.files += 1;
                self.removed.bytes += u64::try_from(stat.st_blocks).unwrap_or(0) * 512;
                Ok(())
            }
            Err(Errno::NOENT) => Ok(()),
            Err(e) => Err(HandError::file(self.path, "remove a file from it")(e)),
        }
    }

    /// A directory below, unless it is a mount, a link by now, gone, or one where anybody may exchange files.
    fn below(&self, directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<OwnedFd>, HandError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let resolve = ResolveFlags::BENEATH
            | ResolveFlags::NO_SYMLINKS
            | ResolveFlags::NO_MAGICLINKS
            | ResolveFlags::NO_XDEV;
        match openat2(directory, name, flags, Mode::empty(), resolve) {
            Ok(inner) => {
                let stat = fstat(&inner).map_err(HandError::file(self.path, "look at a directory in it"))?;
                Ok((stat.st_dev == self.device && !anybody_may_exchange(&stat)).then_some(inner))
            }
            Err(Errno::XDEV | Errno::LOOP | Errno::NOENT | Errno::NOTDIR) => Ok(None),
            Err(e) => Err(HandError::file(self.path, "open a directory in it")(e)),
        }
    }
}

fn look(directory: BorrowedFd<'_>, name: &CStr) -> Result<Option<Stat>, Errno> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(e) => Err(e),
    }
}

fn ends(name: &CStr, suffix: &Suffix) -> bool {
    let (name, suffix) = (name.to_bytes(), suffix.as_str().as_bytes());
    // A name that is nothing but the suffix, such as `.gz`, is a hidden file and no compressed one.
    name.len() > suffix.len() && name.ends_with(suffix)
}

fn is_older(modified_s: i64, now: UtcTime, hours: u32) -> bool {
    now.unix_ms() / 1000 - modified_s > i64::from(hours) * 3600
}
