//! `/etc/shadow`: password fields changed under its lock, every other byte left as it is.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::Duration;

use rustix::fs::{CWD, FlockOperation, Mode, OFlags, fcntl_lock, openat};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use crate::trusted::{Owned, Spot};
use crate::{HandError, Place};

/// How long the lock is waited for, as `lckpwdf` does.
const LOCK_MS: u64 = 15_000;
const POLL: Duration = Duration::from_millis(20);

/// One password field, from what to what. Never printed: it holds a password's hash.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    pub(super) account: String,
    pub(super) from: String,
    pub(super) to: String,
}

impl std::fmt::Debug for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Change { .. }")
    }
}

impl Change {
    /// The way back.
    pub(super) fn reversed(self) -> Self {
        Self { account: self.account, from: self.to, to: self.from }
    }
}

/// A record lock is the whole process's: two of its threads would both have it, and whoever closed the file first would take it from the other. So
/// there is one thread at a time, and this crate opens the file nowhere else.
static ALONE: Mutex<()> = Mutex::new(());

/// The lock, and with it the right of this thread to it; the file is closed first.
struct Locked {
    _file: OwnedFd,
    _alone: MutexGuard<'static, ()>,
}

/// The file, below a root.
#[derive(Debug)]
pub(super) struct Shadow<'a> {
    root: &'a Path,
}

impl<'a> Shadow<'a> {
    pub(super) const fn below(root: &'a Path) -> Self {
        Self { root }
    }

    fn path(&self) -> PathBuf {
        self.root.join("etc/shadow")
    }

    /// Whose it is, and its mode.
    pub(super) fn owned(&self) -> Result<Owned, HandError> {
        let path = self.path();
        let found = Spot::open(&path)?.found()?;
        found.map(|f| f.owned).ok_or_else(|| HandError::file(&path, "open it")(Errno::NOENT))
    }

    /// Makes those changes whose field is still what they start from. Returns how many; the file is only written where there is one.
    pub(super) fn change(&self, changes: &[Change], place: &Place<'_>) -> Result<u64, HandError> {
        let _lock = self.lock(place)?;
        let path = self.path();
        let spot = Spot::open(&path)?;
        let found = spot.found()?.ok_or_else(|| HandError::file(&path, "open it")(Errno::NOENT))?;
        let text = std::str::from_utf8(&found.bytes)
            .map_err(|_| HandError::NotAsDeclared { what: "the account file is not text" })?;
        let (text, count) = edited(text, changes);
        if count > 0 {
            spot.put(text.as_bytes(), found.owned)?;
        }
        Ok(count)
    }

    /// Held until it is dropped.
    fn lock(&self, place: &Place<'_>) -> Result<Locked, HandError> {
        let began = edge::clock::mono();
        let alone = loop {
            match ALONE.try_lock() {
                Ok(alone) => break alone,
                Err(TryLockError::Poisoned(alone)) => break alone.into_inner(),
                Err(TryLockError::WouldBlock) if edge::clock::mono().ms_since(began) < LOCK_MS => {
                    place.go_on()?;
                    std::thread::sleep(POLL);
                }
                Err(TryLockError::WouldBlock) => return Err(HandError::TooLate),
            }
        };
        let path = self.root.join("etc/.pwd.lock");
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file =
            openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR).map_err(HandError::file(&path, "open it"))?;
        loop {
            match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Locked { _file: file, _alone: alone }),
                Err(Errno::AGAIN | Errno::ACCESS) if edge::clock::mono().ms_since(began) < LOCK_MS => {
                    place.go_on()?;
                    std::thread::sleep(POLL);
                }
                Err(e) => return Err(HandError::file(&path, "lock the account files")(e)),
            }
        }
    }
}

/// The text with these fields changed, and how many were.
fn edited(text: &str, changes: &[Change]) -> (String, u64) {
    let mut count = 0;
    let mut line = |line: &str| {
        let mut fields: Vec<&str> = line.split(':').collect();
        let change =
            changes.iter().find(|c| fields[0] == c.account && fields.get(1) == Some(&c.from.as_str()));
        match (change, fields.get_mut(1)) {
            (Some(change), Some(field)) => {
                *field = &change.to;
                count += 1;
                fields.join(":")
            }
            _ => line.to_owned(),
        }
    };
    let text = text.split_inclusive('\n').map(&mut line).collect();
    (text, count)
}
