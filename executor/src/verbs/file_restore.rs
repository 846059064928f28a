//! `file.restore`: give a file or directory its declared mode. Inverse: the mode it had.
//!
//! The target is opened once, without following any link on the way (openat2, `RESOLVE_NO_SYMLINKS`), and everything is done through that
//! descriptor: what is measured, noted and changed is one inode, whatever happens to its name meanwhile.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use contract::fact::FileMode;
use contract::record::Before;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fchmod, fstat, openat2};
use rustix::io::Errno;

use super::StepError;

/// An opened target and the mode it is to have.
#[derive(Debug)]
pub(super) struct Hand {
    path: PathBuf,
    target: OwnedFd,
    mode: FileMode,
    before: FileMode,
    device: u64,
    inode: u64,
}

impl Hand {
    /// Opens the target and notes how it stands.
    pub(super) fn open(path: PathBuf, mode: FileMode) -> Result<Self, StepError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let target = openat2(CWD, &path, flags, Mode::empty(), resolve).map_err(failed(&path, "open it"))?;
        let stat = fstat(&target).map_err(failed(&path, "look at it"))?;
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile | FileType::Directory => {}
            _ => return Err(failed(&path, "restore it: it is neither a file nor a directory")(Errno::INVAL)),
        }
        let before = FileMode::from_st_mode(stat.st_mode);
        Ok(Self { path, target, mode, before, device: stat.st_dev, inode: stat.st_ino })
    }

    /// How the target stood when it was opened.
    pub(super) const fn before(&self) -> Before {
        Before::FileMode { mode: self.before, device: self.device, inode: self.inode }
    }

    /// Checks that the target is the one that was noted.
    pub(super) fn is_inode(&self, device: u64, inode: u64) -> Result<(), StepError> {
        if (self.device, self.inode) == (device, inode) {
            Ok(())
        } else {
            Err(StepError::Replaced(self.path.clone()))
        }
    }

    /// Sets the mode, and makes that durable: a repair that a power cut undoes is none.
    pub(super) fn act(self) -> Result<(), StepError> {
        fchmod(&self.target, Mode::from_raw_mode(u32::from(self.mode.bits())))
            .map_err(failed(&self.path, "set its mode"))?;
        rustix::fs::fsync(&self.target).map_err(failed(&self.path, "sync it"))
    }
}

fn failed(path: &std::path::Path, action: &'static str) -> impl FnOnce(Errno) -> StepError {
    let path = path.to_owned();
    move |errno| StepError::File { path, action, source: errno.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn mode_of(path: &std::path::Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    fn private() -> FileMode {
        FileMode::try_from("0700".to_owned()).unwrap()
    }

    #[test]
    fn it_restores_and_its_inverse_gives_the_old_mode_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("keys");
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let hand = Hand::open(path.clone(), private()).unwrap();
        let Before::FileMode { mode, device, inode } = hand.before();
        hand.act().unwrap();
        assert_eq!(mode_of(&path), 0o700);
        let back = Hand::open(path.clone(), mode).unwrap();
        back.is_inode(device, inode).unwrap();
        back.act().unwrap();
        assert_eq!(mode_of(&path), 0o755);
    }

    #[test]
    fn no_link_is_followed_anywhere_on_the_way() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("real/keys")).unwrap();
        symlink(root.join("real"), root.join("link")).unwrap();
        symlink(root.join("real/keys"), root.join("keys")).unwrap();
        assert!(Hand::open(root.join("keys"), private()).is_err(), "a link at the end was followed");
        assert!(Hand::open(root.join("link/keys"), private()).is_err(), "a link on the way was followed");
    }

    #[test]
    fn another_inode_under_the_same_name_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().canonicalize().unwrap().join("keys");
        fs::create_dir(&path).unwrap();
        let Before::FileMode { device, inode, .. } = Hand::open(path.clone(), private()).unwrap().before();
        fs::rename(&path, dir.path().join("old")).unwrap();
        fs::create_dir(&path).unwrap();
        let replaced = Hand::open(path, private()).unwrap().is_inode(device, inode);
        assert!(matches!(replaced, Err(StepError::Replaced(_))));
    }
}
