//! The files of a pair: read without following a link, put back so that each is the old one or the new one and nothing between.
//!
//! Their directories may be the ACME client's own and not root's, so nothing here trusts a name twice: a directory is opened once.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::fact::FileMode;
use contract::record::FileBefore;
use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, ResolveFlags, Stat, Uid, fchmod, fchown, fstat, fsync, openat,
    openat2, renameat, unlinkat,
};
use rustix::io::Errno;

use crate::HandError;

/// Far more than the longest chain.
const BYTES_MAX: u64 = 1 << 20;

/// Where a file is, or is to be.
#[derive(Debug)]
pub(super) struct Spot {
    path: PathBuf,
    name: OsString,
    directory: OwnedFd,
}

/// A file that is there. It may be a key: nothing shows it.
pub(super) struct Found {
    pub(super) bytes: Vec<u8>,
    stat: Stat,
}

impl Found {
    /// As it goes into the intent.
    pub(super) fn before(&self) -> FileBefore {
        FileBefore {
            digest: Digest::of(&self.bytes),
            mode: FileMode::from_st_mode(self.stat.st_mode),
            uid: self.stat.st_uid,
            gid: self.stat.st_gid,
        }
    }
}

fn failed<E: Into<std::io::Error>>(path: &Path, action: &'static str) -> impl FnOnce(E) -> HandError {
    let path = path.to_owned();
    move |source| HandError::File { path, action, source: source.into() }
}

impl Spot {
    /// Opens the directory that it is in.
    pub(super) fn open(path: &Path) -> Result<Self, HandError> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(failed(path, "find its directory")(Errno::INVAL));
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let directory = openat2(CWD, parent, flags, Mode::empty(), resolve)
            .map_err(failed(parent, "open the directory without following a link"))?;
        Ok(Self { path: path.to_owned(), name: name.to_owned(), directory })
    }

    fn file(&self) -> Result<Option<OwnedFd>, HandError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        match openat(&self.directory, &self.name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(e) => Err(failed(&self.path, "open it without following a link")(e)),
        }
    }

    /// What is there: a regular file, or nothing.
    pub(super) fn found(&self) -> Result<Option<Found>, HandError> {
        let Some(file) = self.file()? else { return Ok(None) };
        let stat = fstat(&file).map_err(failed(&self.path, "look at it"))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(failed(&self.path, "use it: it is no regular file")(Errno::INVAL));
        }
        let mut bytes = Vec::new();
        let mut file = File::from(file).take(BYTES_MAX + 1);
        file.read_to_end(&mut bytes).map_err(failed(&self.path, "read it"))?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(failed(&self.path, "read it")(Errno::FBIG));
        }
        Ok(Some(Found { bytes, stat }))
    }

    /// Whether it is as it was: the same bytes, mode and owner.
    pub(super) fn holds(&self, kept: &FileBefore) -> bool {
        // A link or a directory in its place is surely not as it was; it is replaced, or stands in the way.
        self.found().ok().flatten().is_some_and(|found| found.before() == *kept)
    }

    /// Waits until the disk has it, and its name.
    pub(super) fn make_durable(&self) -> Result<(), HandError> {
        if let Some(file) = self.file()? {
            fsync(&file).map_err(failed(&self.path, "sync it"))?;
        }
        self.sync()
    }

    fn sync(&self) -> Result<(), HandError> {
        fsync(&self.directory).map_err(failed(&self.path, "sync its directory"))
    }

    /// Removes what is there, durably. Nothing there is as good.
    pub(super) fn remove(&self) -> Result<(), HandError> {
        match unlinkat(&self.directory, &self.name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => self.sync(),
            Err(e) => Err(failed(&self.path, "remove it")(e)),
        }
    }

    /// Writes a file beside it, durably. One that a power cut left there is replaced.
    pub(super) fn candidate(&self, bytes: &[u8], kept: &FileBefore) -> Result<Candidate<'_>, HandError> {
        let mut name = OsString::from(".");
        name.push(&self.name);
        name.push(".suture-old");
        let path = self.path.with_file_name(&name);
        match unlinkat(&self.directory, &name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(e) => return Err(failed(&path, "remove what was left of another")(e)),
        }
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&self.directory, &name, flags, Mode::RUSR | Mode::WUSR)
            .map_err(failed(&path, "create it"))?;
        let candidate = Candidate { spot: self, name, placed: false };
        let mut file = File::from(file);
        file.write_all(bytes).map_err(failed(&path, "write it"))?;
        let owner = (Some(Uid::from_raw(kept.uid)), Some(Gid::from_raw(kept.gid)));
        fchown(&file, owner.0, owner.1).map_err(failed(&path, "give it its owner"))?;
        let mode = Mode::from_raw_mode(u32::from(kept.mode.bits()));
        fchmod(&file, mode).map_err(failed(&path, "give it its mode"))?;
        fsync(&file).map_err(failed(&path, "sync it"))?;
        Ok(candidate)
    }
}

/// A file that is whole and durable, and not yet in its place. Removed again where it never comes there.
#[derive(Debug)]
pub(super) struct Candidate<'a> {
    spot: &'a Spot,
    name: OsString,
    placed: bool,
}

impl Candidate<'_> {
    /// Takes the place, in one step and durably.
    pub(super) fn put_in_place(mut self) -> Result<(), HandError> {
        let spot = self.spot;
        renameat(&spot.directory, &self.name, &spot.directory, &spot.name)
            .map_err(failed(&spot.path, "put it back"))?;
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
