//! `files.prune`: remove old files of one directory, within bounds.
//!
//! Everything is done relative to descriptors: the directory is opened once, no link is followed and no mount crossed, so what a name leads to
//! meanwhile does not matter. Between the last look at a file and its removal, only somebody who may write to that directory can put another file
//! under the name, and he could have removed it himself; directories where anybody may do so without the sticky bit are refused.
//!
//! **The clock.** A file from the future stays. The newest `keep` of each directory stay whatever the clock says, and a clock that jumps between
//! arming and acting makes nothing older. A clock that was wrong before is the clock guardrail's to refuse; here `keep` and `count_max` bound
//! what it can cost.
//!
//! **Deliberately absent:** a look for who has a file open. Whoever has keeps its bytes until it closes it, and one that is written to is not old.

mod walk;

use std::os::fd::OwnedFd;
use std::path::Path;

use contract::record::{Before, Count};
use contract::runbook::FilesPrune;
use contract::time::{MonoNs, UtcTime};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, Stat, fstat, openat2};

use crate::{Armed, Done, Hand, HandError, Place};

/// What was tried, in errors.
const PRUNE: &str = "remove old files from it";

/// Opened, and when that was.
#[derive(Debug)]
struct Prune {
    rule: FilesPrune,
    directory: OwnedFd,
    armed: (UtcTime, MonoNs),
}

pub(super) fn arm(prune: &FilesPrune, place: &Place<'_>) -> Result<Armed, HandError> {
    let path = Path::new(prune.directory.as_str());
    if prune.suffixes.is_empty() {
        return Err(HandError::unfit(path, PRUNE, "no suffix is given: nothing may be removed by any name"));
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let directory =
        openat2(CWD, path, flags, Mode::empty(), resolve).map_err(HandError::file(path, "open it"))?;
    let stat = fstat(&directory).map_err(HandError::file(path, "look at it"))?;
    if walk::anybody_may_exchange(&stat) {
        return Err(HandError::unfit(path, PRUNE, "anybody may exchange what lies in it"));
    }
    if holds_what_is_ours(path, &stat, place) {
        return Err(HandError::unfit(path, PRUNE, "Suture's own files lie there"));
    }
    let armed = (edge::clock::utc(), edge::clock::mono());
    Ok(Armed::new(Before::Nothing, Prune { rule: prune.clone(), directory, armed }))
}

impl Hand for Prune {
    fn act(self: Box<Self>, place: &Place<'_>) -> Result<Done, HandError> {
        let (then, mono) = self.armed;
        let now = edge::clock::utc().min(then.plus_ms(edge::clock::mono().ms_since(mono)));
        let removed = walk::remove(&self.rule, &self.directory, now, place)?;
        let counts = vec![(Count::FilesRemoved, removed.files), (Count::BytesFreed, removed.bytes)];
        Ok(Done { counts, ..Done::default() })
    }
}

/// Whether one of Suture's directories is this one, lies in it or has it in itself; or whether it is the root of all.
fn holds_what_is_ours(path: &Path, stat: &Stat, place: &Place<'_>) -> bool {
    let own = [
        &place.own.evidence,
        &place.own.executor_keys,
        &place.own.agent_keys,
        &place.scratch,
        place.snapshot.directory(),
    ];
    let inode = |stat: &Stat| (stat.st_dev, stat.st_ino);
    let meets = |own: &Path| own.starts_with(path) || path.starts_with(own);
    // A name that leads there over a link, or from another mount of the same, leads there all the same.
    let above =
        |own: &Path| own.ancestors().any(|a| rustix::fs::stat(a).is_ok_and(|s| inode(&s) == inode(stat)));
    own.into_iter().any(|own| {
        let really = own.canonicalize().unwrap_or_else(|_| own.to_owned());
        meets(own) || meets(&really) || above(&really)
    })
}

#[cfg(test)]
mod tests;
