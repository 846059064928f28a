//! Programs that run as their owner or group whoever starts them, held against those that may: counted, never named.
//!
//! Looked for where programs are and where everyone may write, and not on every file system whole: that takes seconds, and a machine is looked at more
//! often than that. Where programs are, a change is heard of at once, a mode's too; where everyone may write, within a minute; elsewhere not at all.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use contract::allowlist::Program;
use contract::fact::{Absence, Observation};
use rustix::fs::StatVfsMountFlags;

use crate::inputs::{Input, MINUTE};
use crate::root::{Root, count};

/// Where programs are: each with all that is below it.
const PROGRAMS: [&str; 9] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/lib/openssh",
    "/usr/lib/dbus-1.0",
    "/run/wrappers/bin",
    "/opt",
];
/// Where everyone may write. Too much comes and goes there to be listened to.
const OPEN: [&str; 3] = ["/tmp", "/var/tmp", "/dev/shm"];
/// Far more than these hold.
const ENTRIES_MAX: usize = 50_000;

/// How many are not among `allowed`. Of most entries the listing says enough: a link and a directory raise nobody, so only what is a file is looked at.
pub(super) fn unlisted(root: &Root, allowed: &BTreeSet<Program>) -> Observation {
    let mut left: Vec<PathBuf> = PROGRAMS.iter().chain(&OPEN).map(PathBuf::from).collect();
    let (mut unlisted, mut entries) = (0, 0);
    while let Some(directory) = left.pop() {
        let Some(listed) = unless_harmless(root, || directory.clone(), fs::read_dir(root.path(&directory)))?
        else {
            continue;
        };
        for entry in listed {
            let entry = entry.map_err(|e| root.absence(&e))?;
            entries += 1;
            if entries > ENTRIES_MAX {
                return Err(Absence::TimedOut);
            }
            let path = || directory.join(entry.file_name());
            let Some(kind) = unless_harmless(root, path, entry.file_type())? else { continue };
            if kind.is_dir() {
                left.push(path());
            } else if kind.is_file()
                && unless_harmless(root, path, entry.metadata())?.is_some_and(|seen| is_raised(seen.mode()))
            {
                unlisted += usize::from(!path().to_str().is_some_and(|path| allowed.contains(path)));
            }
        }
    }
    count(unlisted)
}

/// What was looked at; nothing where what could not be looked at raises nobody either way.
fn unless_harmless<T>(
    root: &Root,
    path: impl FnOnce() -> PathBuf,
    looked: io::Result<T>,
) -> Result<Option<T>, Absence> {
    match looked.map_err(|e| root.absence(&e)) {
        Ok(seen) => Ok(Some(seen)),
        // What is not there holds nothing; something may vanish between its listing and our look, too.
        Err(Absence::NotInstalled) => Ok(None),
        // Somebody's own file system, which may keep out root itself, raises nobody.
        Err(_) if raises_nobody(&root.path(path())) => Ok(None),
        // Listed, and not looked at: what is in a directory that none but its owner may enter counts, too.
        Err(absence) => Err(absence),
    }
}

/// Set-uid, or set-gid on what its group may run: without that it only marks a file for locking.
const fn is_raised(mode: u32) -> bool {
    mode & 0o4000 != 0 || mode & 0o2010 == 0o2010
}

/// Whether what is mounted there never has a program run as anybody but its starter (mount(8), `nosuid`).
fn raises_nobody(path: &Path) -> bool {
    rustix::fs::statvfs(path).is_ok_and(|mounted| mounted.f_flag.contains(StatVfsMountFlags::NOSUID))
}

/// What the count hangs on.
pub(super) fn inputs(root: &Root) -> Vec<Input> {
    PROGRAMS.iter().map(|path| Input::Places(root.path(path))).chain([Input::Every(MINUTE)]).collect()
}
