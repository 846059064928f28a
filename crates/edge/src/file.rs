//! Small files, written so that a power cut leaves the old or the new and nothing between, and read with a bound.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a file could not be read or written: which, and why.
#[derive(Debug, Error)]
#[error("{}: cannot {action}", path.display())]
pub struct FileError {
    /// Which file.
    pub path: PathBuf,
    /// What was tried.
    pub action: &'static str,
    /// Why it failed.
    #[source]
    pub source: io::Error,
}

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path, action, source }
}

/// Writes `bytes` to `path` with mode 0600: temporary file, fsync, rename, fsync of the directory.
pub fn write_durably(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_added_extension("tmp");
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed(&temporary, "create it"))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed(&temporary, "write it"))?;
    std::fs::rename(&temporary, path).map_err(failed(path, "replace it"))?;
    sync_directory(parent(path))
}

/// Flushes a directory's entries to the disk.
pub fn sync_directory(directory: &Path) -> Result<(), FileError> {
    File::open(directory).and_then(|d| d.sync_all()).map_err(failed(directory, "sync it"))
}

/// Removes a file and makes that durable.
pub fn remove_durably(path: &Path) -> Result<(), FileError> {
    std::fs::remove_file(path).map_err(failed(path, "remove it"))?;
    sync_directory(parent(path))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Reads a whole file of at most `max` bytes.
pub fn read(path: &Path, max: u64) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(failed(path, "open it"))?;
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(failed(path, "read it"))?;
    if bytes.len() as u64 > max {
        return Err(failed(path, "read it")(io::Error::other(format!("it is larger than {max} bytes"))));
    }
    Ok(bytes)
}

/// Reads a whole UTF-8 file of at most `max` bytes.
pub fn read_text(path: &Path, max: u64) -> Result<String, FileError> {
    String::from_utf8(read(path, max)?)
        .map_err(|_| failed(path, "read it")(io::Error::other("it is not UTF-8")))
}

/// The longest secret that a service is handed in a file.
pub const SECRET_BYTES_MAX: u64 = 4096;

/// Reads a secret of at most `max` bytes, without the white space around it. One that is empty, that others may read, or that its group may write, is
/// an error: its group may read it, since that is how secrets are handed to services.
pub fn read_secret(path: &Path, max: u64) -> Result<String, FileError> {
    let mode = std::fs::metadata(path).map_err(failed(path, "look at it"))?.mode() & 0o7777;
    let unfit = |why: String| {
        failed(path, "use it as a secret")(io::Error::new(io::ErrorKind::PermissionDenied, why))
    };
    if mode & 0o027 != 0 {
        return Err(unfit(format!(
            "its mode is {mode:04o}, so others can read or change it: replace it, and `chmod 640` it"
        )));
    }
    let text = read_text(path, max)?;
    if text.trim().is_empty() { Err(unfit("it is empty".to_owned())) } else { Ok(text.trim().to_owned()) }
}

/// Makes a directory that only its owner may enter, and its parents, durably; one that is there must belong to this user, and nobody else
/// may write to it: who can rename what lies in it can exchange it.
pub fn private_directory(path: &Path) -> Result<(), FileError> {
    make_durably(path)?;
    let owner = std::fs::symlink_metadata(path).map_err(failed(path, "look at it"))?;
    if !owner.is_dir() || owner.uid() != rustix::process::geteuid().as_raw() {
        return Err(failed(path, "use it")(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "it is not a directory of this user",
        )));
    }
    if owner.mode() & 0o022 != 0 {
        return Err(failed(path, "use it")(io::Error::new(
            io::ErrorKind::PermissionDenied,
            "others may write to it (chmod go-w)",
        )));
    }
    Ok(())
}

/// Makes the missing part of a path, from the top. A new directory is only there after a power cut if its parent was synced.
fn make_durably(path: &Path) -> Result<(), FileError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    make_durably(parent(path))?;
    std::fs::DirBuilder::new().mode(0o700).create(path).map_err(failed(path, "create it"))?;
    sync_directory(parent(path))
}

/// A lock on a file, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct Lock(#[expect(dead_code, reason = "held for its file descriptor")] File);

/// Takes the lock, or says that another process holds it (`ErrorKind::WouldBlock`).
pub fn lock(path: &Path) -> Result<Lock, FileError> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(failed(path, "open it"))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|e| failed(path, "lock it")(e.into()))?;
    Ok(Lock(file))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_written_file_is_private_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_durably(&path, b"one").unwrap();
        write_durably(&path, b"two").unwrap();
        assert_eq!(read_text(&path, 3).unwrap(), "two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(read(&path, 2).is_err(), "a file above its bound was read");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "the temporary file is left");
    }

    #[test]
    fn a_secret_is_read_where_only_its_owner_and_its_group_may() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        write_durably(&path, b" open sesame\n").unwrap();
        for (mode, fits) in
            [(0o600, true), (0o640, true), (0o400, true), (0o644, false), (0o660, false), (0o602, false)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let read = read_secret(&path, 100).ok();
            assert_eq!(read.as_deref(), fits.then_some("open sesame"), "{mode:o}");
        }
        write_durably(&path, b" \n").unwrap();
        let told = read_secret(&path, 100).unwrap_err();
        assert!(told.source.to_string().contains("empty"), "{told}");
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path).unwrap();
        assert_eq!(lock(&path).unwrap_err().source.kind(), io::ErrorKind::WouldBlock);
        drop(held);
        lock(&path).unwrap();
    }

    #[test]
    fn a_private_directory_is_0700() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x/y");
        private_directory(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(private_directory(&path).is_err(), "a directory that anyone may write to was used");
    }
}
