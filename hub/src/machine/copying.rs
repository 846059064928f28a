//! Copying trees of files that are only ever added to or replaced whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use edge::file::{FileError, private_directory, sync_directory};
use sha2::{Digest as _, Sha256};

/// A head is far shorter.
const HEAD_BYTES_MAX: u64 = 1 << 20;

fn failed(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_owned();
    move |source| FileError { path, action, source }
}

/// The files below a directory, by their paths within it, sorted. Locks and what is half written are not among them; no directory has none.
pub(super) fn files(root: &Path) -> Result<Vec<PathBuf>, FileError> {
    fn walk(root: &Path, within: &Path, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
        let directory = root.join(within);
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(failed(&directory, "list it")(e)),
        };
        for entry in entries {
            let entry = entry.map_err(failed(&directory, "list it"))?;
            let (kind, path) = (entry.file_type(), within.join(entry.file_name()));
            if kind.map_err(failed(&path, "look at it"))?.is_dir() {
                walk(root, &path, found)?;
            } else if path.extension().is_none_or(|e| e != "tmp")
                && path.file_name().is_some_and(|n| n != "lock")
            {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    walk(root, Path::new(""), &mut found)?;
    found.sort();
    Ok(found)
}

/// Copies everything below `from`, which others may be adding to. The `heads`, in their order, are read before all else and written after it, so that what
/// they cover is in the copy. Where the copy does not hold even so, a file was tidied away in between: it is made again.
pub(super) fn tree(from: &Path, to: &Path, heads: &[&str]) -> Result<(), FileError> {
    let mut read = Vec::new();
    for head in heads {
        match edge::file::read(&from.join(head), HEAD_BYTES_MAX) {
            Ok(bytes) => read.push((head, bytes)),
            Err(e) if e.source.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(e),
        }
    }
    private_directory(to)?;
    for path in files(from)? {
        if heads.iter().any(|head| Path::new(head) == path) {
            continue;
        }
        match file(&from.join(&path), &to.join(&path)) {
            // What a wider one has replaced.
            Err(e) if e.source.kind() == io::ErrorKind::NotFound => {}
            other => other?,
        }
    }
    for (head, bytes) in read {
        let to = to.join(head);
        private_directory(parent(&to))?;
        edge::file::write_durably(&to, &bytes)?;
    }
    sync_directory(to)
}

/// Copies one file, private and durable.
pub(super) fn file(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut source = File::open(from).map_err(failed(from, "open it"))?;
    private_directory(parent(to))?;
    let mut made = OpenOptions::new();
    let made = made.write(true).create(true).truncate(true).mode(0o600).open(to);
    let mut copy = made.map_err(failed(to, "create it"))?;
    io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all()).map_err(failed(to, "write it"))
}

/// Length and digest of a file.
pub(super) fn measure(path: &Path) -> Result<(u64, Digest), FileError> {
    let mut file = File::open(path).map_err(failed(path, "open it"))?;
    let (mut hash, mut buffer, mut bytes) = (Sha256::new(), vec![0; 1 << 16], 0);
    loop {
        match file.read(&mut buffer).map_err(failed(path, "read it"))? {
            0 => return Ok((bytes, Digest::from_bytes(hash.finalize().into()))),
            n => {
                bytes += n as u64;
                hash.update(buffer.get(..n).unwrap_or_default());
            }
        }
    }
}

/// A directory that is not there yet, or is empty, is where something can be put; and where it is put together first.
pub(super) fn beside(to: &Path, what: &str) -> Result<PathBuf, FileError> {
    let taken = match fs::read_dir(to) {
        Ok(mut entries) => entries.next().is_some(),
        Err(e) if e.kind() == io::ErrorKind::NotFound => false,
        Err(e) => return Err(failed(to, "look at it")(e)),
    };
    if taken {
        return Err(failed(to, "use it")(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it is not empty, and nothing is written over: name a directory that is not there",
        )));
    }
    let making = to.with_added_extension(what);
    if making.exists() {
        return Err(failed(&making, "use it")(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "it is left of an earlier try: look at it and remove it",
        )));
    }
    private_directory(&making)?;
    Ok(making)
}

/// Gives what was put together its name: whole, or not there.
pub(super) fn put_in_place(made: &Path, to: &Path) -> Result<(), FileError> {
    fs::rename(made, to).map_err(failed(to, "put it in place"))?;
    sync_directory(parent(to))
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
