//! The immutable flag of a file (`FS_IMMUTABLE_FL`, `ioctl_iflags(2)`): set, read back, and tried out.

use std::fs::{self, File};
use std::path::Path;

use edge::file::{FileError, write_durably};
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};
use rustix::io::Errno;

use super::file_error;
use crate::store::NoLock;

/// Makes the file immutable: nobody writes, renames, links or removes it until the flag is taken off.
pub(super) fn seal(path: &Path) -> Result<(), FileError> {
    let file = File::open(path).map_err(file_error(path, "open it"))?;
    set(&file, true).map_err(|e| file_error(path, "make it immutable")(e.into()))
}

/// Whether the flag is really there.
pub(super) fn is_sealed(file: &File) -> bool {
    ioctl_getflags(file).is_ok_and(|flags| flags.contains(IFlags::IMMUTABLE))
}

fn set(file: &File, immutable: bool) -> Result<(), Errno> {
    let mut flags = ioctl_getflags(file)?;
    flags.set(IFlags::IMMUTABLE, immutable);
    ioctl_setflags(file, flags)
}

/// Tries the flag on a file of our own: set, read back, taken off.
pub(super) fn probe(root: &Path) -> Result<Result<(), NoLock>, FileError> {
    let path = root.join(".probe");
    // A power cut may have left it sealed.
    if let Ok(file) = File::open(&path) {
        let _ = set(&file, false);
    }
    write_durably(&path, b"whether files here can be made immutable\n")?;
    let file = File::open(&path).map_err(file_error(&path, "open it"))?;
    let can = match set(&file, true) {
        Ok(()) if is_sealed(&file) => Ok(()),
        Err(Errno::PERM | Errno::ACCESS) => Err(NoLock::Privilege),
        // It does not know the flag, or took it and did not keep it.
        Ok(()) | Err(_) => Err(NoLock::FileSystem),
    };
    let _ = set(&file, false);
    fs::remove_file(&path).map_err(file_error(&path, "remove it"))?;
    Ok(can)
}
