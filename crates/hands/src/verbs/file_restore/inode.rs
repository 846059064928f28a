//! Owner and mode of one inode.
//!
//! The target is opened once, without following any link on the way (openat2, `RESOLVE_NO_SYMLINKS`), and everything is done through that
//! descriptor: what is measured, noted and changed is one inode, whatever happens to its name meanwhile.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use contract::fact::FileMode;
use contract::record::Before;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, fsync, openat2};
use rustix::io::Errno;

use crate::trusted::Owned;
use crate::{Armed, Done, Hand, HandError, Place};

/// An opened target, and what it is to have.
#[derive(Debug)]
struct Target {
    path: PathBuf,
    file: OwnedFd,
    before: Owned,
    device: u64,
    inode: u64,
}

#[derive(Debug)]
struct Restored {
    target: Target,
    mode: FileMode,
    owner: Option<(u32, u32)>,
}

pub(super) fn arm(
    path: PathBuf,
    mode: Option<FileMode>,
    uid: Option<u32>,
    gid: Option<u32>,
) -> Result<Armed, HandError> {
    let target = Target::open(path)?;
    let Target { before: old, device, inode, .. } = target;
    let owner = (uid.is_some() || gid.is_some()).then(|| (uid.unwrap_or(old.uid), gid.unwrap_or(old.gid)));
    let before = match owner {
        None => Before::FileMode { mode: old.mode, device, inode },
        Some(_) => Before::Permissions { mode: old.mode, uid: old.uid, gid: old.gid, device, inode },
    };
    Ok(Armed::new(before, Restored { target, mode: mode.unwrap_or(old.mode), owner }))
}

impl Hand for Restored {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        place.go_on()?;
        self.target.set(self.mode, self.owner)?;
        Ok(Done::default())
    }
}

pub(super) fn undo(
    path: PathBuf,
    mode: FileMode,
    owner: Option<(u32, u32)>,
    noted: (u64, u64),
) -> Result<(), HandError> {
    let target = Target::open(path)?;
    if (target.device, target.inode) != noted {
        return Err(HandError::Replaced(target.path));
    }
    target.set(mode, owner)
}

impl Target {
    fn open(path: PathBuf) -> Result<Self, HandError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let file = openat2(CWD, &path, flags, Mode::empty(), resolve)
            .map_err(HandError::file(&path, "open it without following links"))?;
        let stat = fstat(&file).map_err(HandError::file(&path, "look at it"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            FileType::Symlink
            | FileType::Fifo
            | FileType::Socket
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown => {
                return Err(HandError::file(&path, "restore it: it is neither a file nor a directory")(
                    Errno::INVAL,
                ));
            }
        }
        Ok(Self { path, file, before: Owned::of(&stat), device: stat.st_dev, inode: stat.st_ino })
    }

    /// Sets mode and owner, and makes that durable: a repair that a power cut undoes is none.
    fn set(&self, mode: FileMode, owner: Option<(u32, u32)>) -> Result<(), HandError> {
        match owner {
            Some((uid, gid)) => {
                Owned { mode, uid, gid }
                    .give(&self.file)
                    .map_err(HandError::file(&self.path, "set its owner"))?;
            }
            None => fchmod(&self.file, Mode::from_raw_mode(u32::from(mode.bits())))
                .map_err(HandError::file(&self.path, "set its mode"))?,
        }
        fsync(&self.file).map_err(HandError::file(&self.path, "sync it"))
    }
}
