//! Files below a root, read with a bound and a typed reason.

use std::fs::{File, Metadata};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use contract::fact::{Absence, FactValue, FileKind, FileMode, Observation, Permissions};
use contract::time::UtcTime;
use rustix::fs::{Mode, OFlags};

/// No file that we read is near this long; one that is, is not what we took it for.
const FILE_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// Where the system's files lie. Symbolic links within it are followed as the kernel does, so a test's tree uses relative ones.
#[derive(Debug, Clone)]
pub struct Root {
    at: PathBuf,
    is_superuser: bool,
}

impl Root {
    /// Files below `at`, read as the user that this process runs as.
    pub fn new(at: impl Into<PathBuf>) -> Self {
        Self { at: at.into(), is_superuser: rustix::process::geteuid().is_root() }
    }

    /// Where the absolute `path` lies.
    pub fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        self.at.join(path.strip_prefix("/").unwrap_or(path))
    }

    /// True where this process runs as root.
    pub(crate) const fn is_superuser(&self) -> bool {
        self.is_superuser
    }

    /// Why something could not be had, from what the kernel said.
    pub(crate) fn absence(&self, error: &io::Error) -> Absence {
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Absence::NotInstalled,
            ErrorKind::PermissionDenied if !self.is_superuser => Absence::NeedsRoot,
            _ => Absence::Unreadable,
        }
    }

    /// A regular file's bytes.
    pub(crate) fn bytes(&self, path: impl AsRef<Path>) -> Result<Vec<u8>, Absence> {
        self.bytes_at(&self.path(path))
    }

    /// The same, of one whose place below the root is known already.
    pub(crate) fn bytes_at(&self, at: &Path) -> Result<Vec<u8>, Absence> {
        let read = || -> io::Result<Vec<u8>> {
            // Without NONBLOCK, a pipe in the place of a file would hold us until somebody writes to it.
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
            let file = File::from(rustix::fs::open(at, flags, Mode::empty())?);
            if !file.metadata()?.is_file() {
                return Err(ErrorKind::InvalidInput.into());
            }
            let mut bytes = Vec::new();
            file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
            if bytes.len() as u64 > FILE_BYTES_MAX { Err(ErrorKind::FileTooLarge.into()) } else { Ok(bytes) }
        };
        read().map_err(|e| self.absence(&e))
    }

    /// A regular file's text. Bytes that are no UTF-8 (a comment in an old encoding) become a mark and are of no meaning to any source.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Result<String, Absence> {
        self.bytes(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A file's text, or nothing where there is no such file: for drop-ins and other optional parts.
    pub(crate) fn optional_text(&self, path: impl AsRef<Path>) -> Result<Option<String>, Absence> {
        match self.text(path) {
            Ok(text) => Ok(Some(text)),
            Err(Absence::NotInstalled) => Ok(None),
            Err(absence) => Err(absence),
        }
    }

    /// The names in a directory, in order; none where there is no such directory. A name that is no text is one that nobody looked at: then all of it makes
    /// no sense to us.
    pub(crate) fn names(&self, directory: impl AsRef<Path>) -> Result<Vec<String>, Absence> {
        let list = || -> io::Result<Vec<String>> {
            let names = fs::read_dir(self.path(directory))?.map(|entry| Ok(entry?.file_name()));
            let no_text = |_| io::Error::from(ErrorKind::InvalidData);
            let names =
                names.collect::<io::Result<Vec<_>>>()?.into_iter().map(std::ffi::OsString::into_string);
            let mut names = names.collect::<Result<Vec<_>, _>>().map_err(no_text)?;
            names.sort();
            Ok(names)
        };
        match list() {
            Err(e) if e.kind() == ErrorKind::InvalidData => Err(Absence::Malformed),
            Ok(names) => Ok(names),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(self.absence(&e)),
        }
    }

    /// What stands at `path` itself, without following a link.
    pub(crate) fn lstat(&self, path: impl AsRef<Path>) -> Result<Metadata, Absence> {
        fs::symlink_metadata(self.path(path)).map_err(|e| self.absence(&e))
    }

    /// Whether anything stands at `path`.
    pub(crate) fn has(&self, path: impl AsRef<Path>) -> Result<bool, Absence> {
        match self.lstat(path) {
            Ok(_) => Ok(true),
            Err(Absence::NotInstalled) => Ok(false),
            Err(absence) => Err(absence),
        }
    }
}

/// Owner and mode, as a fact.
pub(crate) fn permissions(metadata: &Metadata) -> FactValue {
    use std::os::unix::fs::MetadataExt as _;
    let kind = match metadata.file_type() {
        t if t.is_file() => FileKind::File,
        t if t.is_dir() => FileKind::Directory,
        t if t.is_symlink() => FileKind::Symlink,
        _ => FileKind::Special,
    };
    let mode = FileMode::from_st_mode(metadata.mode());
    FactValue::Permissions(Permissions { kind, mode, uid: metadata.uid(), gid: metadata.gid() })
}

/// Milliseconds since a file was last changed. A file from the future tells nothing about age.
pub(crate) fn age_ms(metadata: &Metadata, now: UtcTime) -> Result<i64, Absence> {
    use std::os::unix::fs::MetadataExt as _;
    // A clock and a file system may disagree by a moment; a day is a mistake.
    const SLACK_MS: i64 = 60 * 1000;
    let age = now.unix_ms().saturating_sub(metadata.mtime().saturating_mul(1000));
    if age < -SLACK_MS { Err(Absence::Malformed) } else { Ok(age.max(0)) }
}

/// A count, as a fact.
pub(crate) fn count(n: usize) -> Observation {
    i64::try_from(n).map(FactValue::Number).map_err(|_| Absence::Malformed)
}
