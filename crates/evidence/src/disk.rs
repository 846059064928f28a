//! What the log asks of a disk, one operation at a time, so that each can be made to fail, and a disk can be made to forget.
//!
//! [`SystemDisk`] is the one that counts. Nothing here retries: what a failed sync left behind, nobody knows.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use edge::file::{self, FileError};

/// The operations that a log is made of.
pub trait Disk: fmt::Debug {
    /// An open file.
    type File: fmt::Debug;
    /// A lock, held while it lives.
    type Lock: fmt::Debug;

    /// Takes the lock file, or says that another process holds it (`ErrorKind::WouldBlock`).
    fn lock(&self, path: &Path) -> Result<Self::Lock, FileError>;

    /// Whether anything has this name.
    fn exists(&self, path: &Path) -> bool;

    /// Reads a whole file of at most `max` bytes.
    fn read(&self, path: &Path, max: u64) -> io::Result<Vec<u8>>;

    /// The paths of what lies in a directory, in no order.
    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>>;

    /// Opens a file for reading and writing, for its owner alone; one that is not there is made, empty.
    fn open(&self, path: &Path) -> io::Result<Self::File>;

    /// Reads exactly as many bytes as `bytes` has room for.
    fn read_at(&self, file: &Self::File, at: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Writes all bytes; they are there after a power cut only once a sync said so.
    fn write_at(&self, file: &Self::File, at: u64, bytes: &[u8]) -> io::Result<()>;

    /// Sets the length.
    fn truncate(&self, file: &Self::File, length: u64) -> io::Result<()>;

    /// Flushes content and what is needed to find it (`fdatasync`).
    fn sync_data(&self, file: &Self::File) -> io::Result<()>;

    /// Flushes content and attributes (`fsync`).
    fn sync_all(&self, file: &Self::File) -> io::Result<()>;

    /// Flushes a directory's entries.
    fn sync_directory(&self, directory: &Path) -> io::Result<()>;

    /// Gives a file another name, in place of what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Takes an empty directory away.
    fn remove_directory(&self, path: &Path) -> io::Result<()>;

    /// Makes one directory that only its owner may enter.
    fn make_directory(&self, path: &Path) -> io::Result<()>;

    /// Refuses a directory that is not this user's, or that others may write to.
    fn check_private(&self, directory: &Path) -> Result<(), FileError>;
}

/// The file system of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    type File = File;
    type Lock = file::Lock;

    fn lock(&self, path: &Path) -> Result<Self::Lock, FileError> {
        file::lock(path)
    }

    fn exists(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    fn read(&self, path: &Path, max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        File::open(path)?.take(max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > max {
            return Err(io::Error::other(format!("it is larger than {max} bytes")));
        }
        Ok(bytes)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(directory)?.map(|entry| entry.map(|e| e.path())).collect()
    }

    fn open(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
    }

    fn read_at(&self, file: &File, at: u64, bytes: &mut [u8]) -> io::Result<()> {
        file.read_exact_at(bytes, at)
    }

    fn write_at(&self, file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, at)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync_data(&self, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_all(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_directory(&self, directory: &Path) -> io::Result<()> {
        File::open(directory)?.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn make_directory(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)
    }

    fn check_private(&self, directory: &Path) -> Result<(), FileError> {
        file::private_directory(directory)
    }
}
