//! A download that becomes a file under its name only once it is whole, and never in place of another.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal as _, Read, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use edge::file::FileError;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest as _, Sha256};

use crate::exit::{Failure, Status};

/// The length of a piece that is read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What a download has to come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) bytes: u64,
    pub(crate) digest: Digest,
}

/// A file on the disk.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) path: PathBuf,
    /// False where exactly these bytes were there before.
    pub(crate) fresh: bool,
}

/// Fetches it into `path`, unless it is there already.
pub(crate) fn save<R: Read>(
    path: &Path,
    expected: Expected,
    fetch: impl FnOnce() -> Result<R, Failure>,
) -> Result<Saved, Failure> {
    if path.try_exists().map_err(|e| unusable(path, "look at it", e))? {
        return compare(path, expected);
    }
    let temporary = path.with_added_extension("part");
    let written = write(&temporary, expected, fetch()?).and_then(|()| settle(&temporary, path));
    if written.is_err() {
        // What is not whole is not kept; that it cannot be removed changes nothing about the failure.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map(|()| Saved { path: path.to_owned(), fresh: true })
}

/// A file that is there is left alone: either it is this one, or the name is taken.
fn compare(path: &Path, expected: Expected) -> Result<Saved, Failure> {
    let mut file = File::open(path).map_err(|e| unusable(path, "open it", e))?;
    let (digest, _) = copy(&mut file, &mut io::sink(), |_| ()).map_err(|e| unusable(path, "read it", e))?;
    if digest == expected.digest {
        return Ok(Saved { path: path.to_owned(), fresh: false });
    }
    let words = format!(
        "{}: another file has this name, and is left as it is: choose one with --out",
        path.display()
    );
    Err(Failure::new(Status::CannotCreate, words))
}

fn write(temporary: &Path, expected: Expected, mut from: impl Read) -> Result<(), Failure> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(temporary)
        .map_err(|e| unusable(temporary, "create it", e))?;
    let mut progress = Progress::of(expected.bytes);
    let copied = copy(&mut from, &mut file, |so_far| progress.show(so_far));
    progress.end();
    let (digest, bytes) = copied.map_err(|e| {
        Failure::new(
            Status::Unavailable,
            format!("the download broke off: {e}; ask again, and look at the hub's own trace"),
        )
    })?;
    file.sync_all().map_err(|e| unusable(temporary, "write it", e))?;
    if (digest, bytes) == (expected.digest, expected.bytes) {
        return Ok(());
    }
    let words = format!(
        "what came has {bytes} bytes and {digest}, and the hub said {} bytes and {}",
        expected.bytes, expected.digest
    );
    Err(Failure::new(Status::NotProven, words))
}

/// Gives the file its name, unless somebody took it in the meantime.
fn settle(temporary: &Path, path: &Path) -> Result<(), Failure> {
    renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE)
        .map_err(|e| unusable(path, "give it this name", e.into()))?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    Ok(edge::file::sync_directory(parent)?)
}

fn copy(
    from: &mut impl Read,
    to: &mut impl io::Write,
    mut so_far: impl FnMut(u64),
) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut bytes, mut piece) = (Sha256::new(), 0, vec![0; PIECE_BYTES]);
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok((Digest::from_bytes(hasher.finalize().into()), bytes));
        }
        to.write_all(&piece[..read])?;
        hasher.update(&piece[..read]);
        bytes += read as u64;
        so_far(bytes);
    }
}

fn unusable(path: &Path, action: &'static str, source: io::Error) -> Failure {
    FileError { path: path.to_owned(), action, source }.into()
}

/// How far the download is, on a terminal only.
struct Progress {
    all: u64,
    shown: Option<u64>,
}

impl Progress {
    fn of(all: u64) -> Self {
        let shown = io::stderr().is_terminal().then_some(u64::MAX);
        Self { all, shown }
    }

    fn show(&mut self, so_far: u64) {
        let percent = (so_far * 100).checked_div(self.all).unwrap_or(100);
        if self.shown.is_some_and(|shown| shown != percent) {
            let _ = write!(io::stderr(), "\r{percent:3} % of {} bytes", self.all);
            self.shown = Some(percent);
        }
    }

    fn end(&self) {
        if self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kit(bytes: &[u8]) -> Expected {
        Expected { bytes: bytes.len() as u64, digest: Digest::of(bytes) }
    }

    #[test]
    fn a_kit_gets_its_name_once_it_is_whole_and_takes_nobody_elses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kit.zip");
        let expected = kit(b"the kit");
        let left = || std::fs::read_dir(directory.path()).unwrap().count();

        let other = save(&path, expected, || Ok(b"the kid".as_slice())).unwrap_err();
        assert_eq!((other.status, left()), (Status::NotProven, 0));
        let short = save(&path, expected, || Ok(b"the".as_slice())).unwrap_err();
        assert_eq!((short.status, left()), (Status::NotProven, 0));

        assert!(save(&path, expected, || Ok(b"the kit".as_slice())).unwrap().fresh);
        assert_eq!((std::fs::read(&path).unwrap(), left()), (b"the kit".to_vec(), 1));
        let again = save::<&[u8]>(&path, expected, || panic!("it is there"));
        assert!(!again.unwrap().fresh);
        let taken = save::<&[u8]>(&path, kit(b"another"), || panic!("it is taken")).unwrap_err();
        assert_eq!(taken.status, Status::CannotCreate);
        assert_eq!(std::fs::read(&path).unwrap(), b"the kit");
    }

    #[test]
    fn a_name_that_was_taken_during_the_download_stays_taken() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("kit.zip");
        let fetch = || {
            std::fs::File::create(&path).unwrap();
            Ok(b"the kit".as_slice())
        };
        assert_eq!(save(&path, kit(b"the kit"), fetch).unwrap_err().status, Status::CannotCreate);
        assert_eq!(std::fs::read(&path).unwrap(), b"");
    }
}
