//! The stamp: a file whose time of change says when a restore was last found whole.

use std::os::fd::OwnedFd;
use std::path::Path;

use contract::resource::AbsolutePath;
use rustix::fs::{
    CWD, FileType, Mode, OFlags, ResolveFlags, Timespec, Timestamps, UTIME_NOW, fstat, fsync, futimens,
    openat2,
};

use crate::HandError;

/// Opens its directory, through no link. Looked for before a long test, so that a missing one is not found after it.
pub(super) fn directory(stamp: &AbsolutePath) -> Result<OwnedFd, HandError> {
    let path = Path::new(stamp.as_str());
    let parent = path.parent().unwrap_or(path);
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(CWD, parent, flags, Mode::empty(), resolve).map_err(HandError::file(parent, "open it"))
}

/// Touches it, durably. It is made where it is missing; its directory is not.
pub(super) fn touch(stamp: &AbsolutePath) -> Result<(), HandError> {
    let path = Path::new(stamp.as_str());
    let directory = directory(stamp)?;
    let name = path.file_name().unwrap_or_default();
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
    let file = openat2(&directory, name, flags, mode, resolve).map_err(HandError::file(path, "open it"))?;
    let stat = fstat(&file).map_err(HandError::file(path, "look at it"))?;
    if !FileType::from_raw_mode(stat.st_mode).is_file() {
        return Err(HandError::unfit(path, "touch it", "it is no regular file"));
    }
    let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
    futimens(&file, &Timestamps { last_access: now, last_modification: now })
        .and_then(|()| fsync(&file))
        .and_then(|()| fsync(&directory))
        .map_err(HandError::file(path, "touch it"))
}
