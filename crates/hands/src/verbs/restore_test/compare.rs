//! Whether what was restored is what the snapshot holds, and what the live system has.

use std::os::fd::AsFd as _;
use std::path::Path;

use contract::digest::Digest;
use contract::resource::AbsolutePath;
use jiff::Timestamp;
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};

use super::restic::{Listed, Restic, Snapshot};
use super::scratch::Scratch;
use crate::program::hashed;
use crate::{HandError, Place};

/// So many files are fetched a second time.
const SAMPLE: usize = 8;
/// Only files up to this size are: they pass through memory.
const SAMPLE_BYTES_MAX: u64 = 8 << 20;

/// Every listed file must be there in its size. Returns how many are.
pub(super) fn all_there(files: &[Listed], scratch: &Scratch, place: &Place<'_>) -> Result<u64, HandError> {
    let mut there = 0;
    for file in files.iter().filter(|file| is_nameable(file)) {
        place.go_on()?;
        let missing =
            HandError::NotAsDeclared { what: "a file of the snapshot was not restored as it is listed" };
        let Ok(restored) = scratch.open(&file.path) else { return Err(missing) };
        let stat = fstat(&restored).map_err(HandError::file(&scratch.at(&file.path), "look at it"))?;
        if !FileType::from_raw_mode(stat.st_mode).is_file() || u64::try_from(stat.st_size) != Ok(file.size) {
            return Err(missing);
        }
        there += 1;
    }
    if there == 0 { Err(HandError::NotAsDeclared { what: "no file was restored" }) } else { Ok(there) }
}

/// Fetches some files a second time and compares their digests with those of the restored ones. Which, the snapshot's identity decides: the same
/// for everybody who repeats the test, others for the next snapshot. Returns how many; none is no comparison.
pub(super) fn sample(
    files: &[Listed],
    snapshot: &Snapshot,
    scratch: &Scratch,
    restic: &mut Restic<'_>,
) -> Result<u64, HandError> {
    let rank = |file: &Listed| Digest::of(format!("{}\0{}", snapshot.id, file.path.display()).as_bytes());
    let mut sample: Vec<_> = files.iter().filter(|f| is_nameable(f) && f.size <= SAMPLE_BYTES_MAX).collect();
    sample.sort_by_cached_key(|file| rank(file));
    sample.truncate(SAMPLE);
    for file in &sample {
        restic.go_on()?;
        let fetched = Digest::of(&restic.dump(snapshot, file)?);
        if hashed(&scratch.at(&file.path), scratch.open(&file.path)?)? != fetched {
            return Err(HandError::NotAsDeclared { what: "a restored file is not what the snapshot holds" });
        }
    }
    if sample.is_empty() {
        return Err(HandError::NotChecked { what: "every file is too long to be fetched a second time" });
    }
    Ok(sample.len() as u64)
}

/// Files that have the size and time on the live system that they had in the snapshot must have the same bytes. Returns how many did.
///
/// Where none has, the snapshot may be of another machine, or of a time long gone, and nothing was compared. Only databases may all have changed since:
/// they are what changes, and they are opened and checked for themselves.
pub(super) fn with_live(
    files: &[Listed],
    databases: &[AbsolutePath],
    scratch: &Scratch,
    place: &Place<'_>,
) -> Result<u64, HandError> {
    let mut same = 0;
    for file in files.iter().filter(|file| is_nameable(file)) {
        place.go_on()?;
        // What cannot be opened is gone or was replaced by a link: it changed since.
        let Ok(live) = open(&file.path) else { continue };
        let unchanged = |stat: &Stat| is_as_listed(stat, file);
        let stat = || fstat(live.as_fd()).map_err(HandError::file(&file.path, "look at it"));
        if !unchanged(&stat()?) {
            continue;
        }
        let copy = live.try_clone().map_err(HandError::file(&file.path, "read it"))?;
        let live_digest = hashed(&file.path, copy)?;
        if !unchanged(&stat()?) {
            continue;
        }
        if hashed(&scratch.at(&file.path), scratch.open(&file.path)?)? != live_digest {
            return Err(HandError::NotAsDeclared {
                what: "a file that did not change is not what was restored",
            });
        }
        same += 1;
    }
    let is_database = |file: &Listed| databases.iter().any(|path| file.path == Path::new(path.as_str()));
    if same == 0 && !files.iter().all(is_database) {
        return Err(HandError::NotChecked { what: "no file of the snapshot is unchanged on this machine" });
    }
    Ok(same)
}

fn open(path: &Path) -> Result<std::os::fd::OwnedFd, rustix::io::Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOATIME | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(CWD, path, flags, Mode::empty(), resolve)
}

fn is_as_listed(stat: &Stat, file: &Listed) -> bool {
    let nanoseconds = i32::try_from(stat.st_mtime_nsec).ok();
    let modified = nanoseconds.and_then(|ns| Timestamp::new(stat.st_mtime, ns).ok());
    FileType::from_raw_mode(stat.st_mode).is_file()
        && u64::try_from(stat.st_size) == Ok(file.size)
        && modified == Some(file.modified)
}

/// JSON cannot write a name that is not UTF-8: such a file is verified by restic alone.
fn is_nameable(file: &Listed) -> bool {
    !file.path.to_string_lossy().contains(char::REPLACEMENT_CHARACTER)
}
