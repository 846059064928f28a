//! A hub made from a backup, in a directory of its own.
//!
//! What must not go back does not:
//! - The counters of orders, standing orders and papers are never below the clock, so after a restore they are above whatever was signed since the
//!   backup. A clock that is behind the backup is refused.
//! - A site's evidence: what came since the backup is still at the site, which sends again from where the hub's copy ends.
//! - The hub's own logs (its own evidence log, the log of heads): nobody sends them again, and a log that went on from the backup's end would be a
//!   second history. With the directory that is being replaced (`logs_from`) they are taken from there, where they go on from the backup's; no hub may
//!   run in it, and none ever does again. Without it they begin anew, under names that are drawn, so that a second restore of the same backup has
//!   others; the first record of the own log says which log it succeeds and how far that one is known, and the old ones are kept beside them.
//!
//! What was taken back since the backup (certificates, people, keys) is not known to a database of before. Where the own log is at hand it says what that
//! was, and the restore tells of it. Sessions and invitations end.

use std::io;
use std::path::{Path, PathBuf};

use contract::digest::Digest;
use contract::record::{Acted, Body, RootHash, Stage, Succeeds, SuccessionReason};
use contract::time::UtcTime;
use edge::file::{FileError, Lock};
use rusqlite::Connection;
use serde::Serialize;
use thiserror::Error;
use tlog::Checkpoint;

use super::copying;
use super::manifest::{Manifest, ManifestError};
use super::parts::{self, ARCHIVE, HEADS, HEADS_DATABASE, HostLog, MAIN};
use crate::keys::{self, Keys, KeysError, Which};
use crate::people::{self, OwnLog, OwnLogError};
use crate::{heads, mirror};

/// Why nothing was restored. The directory is not there; what was put together so far is beside it.
#[derive(Debug, Error)]
pub enum RestoreError {
    /// The backup cannot be believed.
    #[error("the backup cannot be used")]
    Manifest(#[from] ManifestError),
    /// A file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The secrets cannot be used.
    #[error("the backup's secrets cannot be used")]
    Keys(#[from] KeysError),
    /// A database cannot be asked or changed.
    #[error("a restored database does not answer")]
    Database(#[from] rusqlite::Error),
    /// The clock is behind.
    #[error(
        "the backup was made at {made}, and this machine's clock is behind it ({now}): counters of orders would go back; set the clock"
    )]
    Clock {
        /// When it was made.
        made: UtcTime,
        /// What the clock says.
        now: UtcTime,
    },
    /// A log cannot be continued from the other directory.
    #[error("{part} of {}: {why}; without --logs-from this log begins anew under another name, and says so", from.display())]
    Logs {
        /// Which.
        part: String,
        /// Of which directory.
        from: PathBuf,
        /// Why.
        why: String,
    },
    /// The directory that is to be replaced is in use.
    #[error(
        "a hub runs in the directory that is to be replaced: stop it, since two hubs that go on with one log are two histories"
    )]
    Running(#[source] FileError),
    /// What was restored does not hold together.
    #[error("{part}: what was restored does not hold together: {why}")]
    Unsound {
        /// Which.
        part: String,
        /// Why.
        why: String,
    },
    /// The own log cannot be written.
    #[error("the hub's own log cannot be written")]
    OwnLog(#[from] OwnLogError),
}

/// What is to be restored.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The backup.
    pub from: PathBuf,
    /// Where the hub is to be.
    pub to: PathBuf,
    /// The directory that is being replaced, as far as it can be read: its logs go on.
    pub logs_from: Option<PathBuf>,
    /// The manifest's digest, where somebody kept it: nothing else is restored.
    pub manifest: Option<Digest>,
    /// Who wants it, as the machine knows them.
    pub user: String,
}

/// What was restored.
#[derive(Debug, Clone, Serialize)]
pub struct Restored {
    /// The hub's name.
    pub name: String,
    /// Of when it is.
    pub made: UtcTime,
    /// Hosts whose logs were restored.
    pub hosts: usize,
    /// Hosts whose copies came from the directory that is being replaced, since they were longer there.
    pub hosts_from_there: usize,
    /// Where the hub's own logs go on: under the same names, or anew under these.
    pub own_log: String,
    /// The same of the log of heads.
    pub heads: String,
    /// What was done since the backup and may have to be done again, by the own log; none where that is not at hand.
    pub since: Option<Vec<String>>,
    /// Whether the directory that is replaced says so, and starts no hub any more; none where none was given. One that can be read only cannot say it.
    pub ended: Option<bool>,
}

/// Makes a hub in `wanted.to` from a backup.
pub async fn restore(wanted: &Wanted, now: UtcTime) -> Result<Restored, RestoreError> {
    let Wanted { from, to, logs_from, manifest, user } = wanted;
    let manifest = Manifest::read(from, *manifest)?;
    if now < manifest.made {
        return Err(RestoreError::Clock { made: manifest.made, now });
    }
    let replacing = logs_from.as_deref().map(Replacing::hold).transpose()?;
    let making = copying::beside(to, "restoring")?;
    manifest.fetch(from, &making)?;
    let (keys, which) = Keys::there(&making)?;
    let unsound = |part: &str, why: String| RestoreError::Unsound { part: part.to_owned(), why };
    for (path, schema) in parts::databases(&making) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        // A backup of a release that made no packets has none: everything that its manifest names was fetched. The first start makes it.
        if name == crate::packets::FILE && !path.exists() {
            continue;
        }
        let look =
            queue::writer::look(&path, &schema).map_err(|e| unsound(&name, crate::problem::chain(&e)))?;
        if let Some(damage) = look.damage.into_iter().next() {
            return Err(unsound(&name, damage));
        }
    }
    end_what_was_open(&making)?;
    let logs = parts::logs(&making.join(MAIN))?;
    let (which, since, hosts_from_there) = match logs_from {
        Some(there) => {
            let since = own_log_from(there, &making, &manifest)?;
            heads_from(there, &making, &keys, &manifest)?;
            let mut longer = 0;
            for log in &logs {
                longer += usize::from(host_from(there, &making, &keys, log)?);
            }
            (which, Some(since), longer)
        }
        None => (begin_anew(&making, which, &manifest, now)?, None, 0),
    };
    for log in &logs {
        let size = size_of(&making.join(ARCHIVE).join(log.below()), log, &keys)
            .map_err(|why| unsound(&log.subject.origin, why))?;
        if size < log.settled {
            return Err(unsound(&log.subject.origin, format!("{size} of {} entries", log.settled)));
        }
    }
    record(&making, user, &manifest, now).await?;
    // First the old one ends, and then the new one is there: what is interrupted in between leaves none, and never two.
    let ended = replacing.map(Replacing::end).transpose()?;
    copying::put_in_place(&making, to)?;
    Ok(Restored {
        name: manifest.name,
        made: manifest.made,
        hosts: logs.len(),
        hosts_from_there,
        own_log: which.log("own"),
        heads: which.log("heads"),
        since,
        ended,
    })
}

/// The directory whose logs go on elsewhere, held so that nobody signs there meanwhile.
struct Replacing<'a> {
    directory: &'a Path,
    /// None where it can be read only: nobody can serve from it as it is.
    lock: Option<Lock>,
}

impl<'a> Replacing<'a> {
    fn hold(directory: &'a Path) -> Result<Self, RestoreError> {
        keys::still_counts(directory)?;
        let lock = match edge::file::lock(&directory.join("lock")) {
            Ok(lock) => Some(lock),
            Err(e) if e.source.kind() == io::ErrorKind::WouldBlock => return Err(RestoreError::Running(e)),
            Err(e) if e.source.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
            Err(e) => return Err(e.into()),
        };
        Ok(Self { directory, lock })
    }

    /// Ends the hub that was here, where anything can be written here; answers whether it could.
    fn end(self) -> Result<bool, RestoreError> {
        let Self { directory, lock } = self;
        if lock.is_some() {
            keys::replace(directory)?;
        }
        Ok(lock.is_some())
    }
}

/// Nobody who was logged in at the time of the backup is now, and no invitation of then counts.
fn end_what_was_open(making: &Path) -> Result<(), RestoreError> {
    let people = Connection::open(making.join(people::FILE))?;
    people.execute_batch(
        "DELETE FROM session; DELETE FROM invitation; UPDATE api_key SET previous = NULL, previous_until = NULL",
    )?;
    Ok(())
}

async fn record(making: &Path, user: &str, manifest: &Manifest, now: UtcTime) -> Result<(), RestoreError> {
    let log = OwnLog::open(&making.join(people::LOG), Keys::own_log(making)?, now)?;
    let acted = Acted {
        person: None,
        machine_user: Some(user.to_owned()),
        key: None,
        right: None,
        tenant: None,
        path: Some(format!("suture-hub restore of {}", manifest.made)),
        stage: Stage::Ended { status: 200 },
    };
    log.append(Body::Acted(acted), now).await?;
    Ok(())
}

/// Copies a log out of the directory that is being replaced, over what the backup has of it.
fn fetch(there: &Path, making: &Path, part: &str, heads: &[&str]) -> Result<(), FileError> {
    let to = making.join(part);
    if to.exists() {
        let gone = std::fs::remove_dir_all(&to);
        gone.map_err(|source| FileError { path: to.clone(), action: "clear it", source })?;
    }
    copying::tree(&there.join(part), &to, heads)
}

/// Takes the own log from there, and answers what it says was done since the backup.
fn own_log_from(there: &Path, making: &Path, manifest: &Manifest) -> Result<Vec<String>, RestoreError> {
    let part = people::LOG;
    let refused = |why: String| RestoreError::Logs { part: part.to_owned(), from: there.to_owned(), why };
    fetch(there, making, part, &["checkpoint", "writer/head"])?;
    let earlier = head_of(manifest.own_log.as_deref()).map_err(refused)?;
    let mut since = Vec::new();
    let begins = earlier.as_ref().map_or(0, |head| head.size.get());
    let key = Keys::own_log(making)?;
    let visit = |record: &contract::record::Record| {
        if record.seq >= begins
            && let Body::Acted(acted) = &record.body
            && let Some(line) = done(acted)
        {
            since.push(format!("{}: {line}", record.time));
        }
    };
    let opened = evidence::LogWriter::open_receipted(&making.join(part), key, earlier.as_ref(), visit);
    drop(opened.map_err(|e| refused(crate::problem::chain(&e)))?);
    Ok(since)
}

/// What was done and changed something.
fn done(acted: &Acted) -> Option<String> {
    let Acted { person, machine_user, right, path, stage, key: _, tenant: _ } = acted;
    let Stage::Ended { status: 200..300 } = stage else { return None };
    let who = person.as_ref().map(ToString::to_string).or_else(|| machine_user.clone());
    let what = path.clone().or_else(|| right.map(|right| right.word().to_owned()));
    Some(format!("{} by {}", what.unwrap_or_default(), who.unwrap_or_default()))
}

fn heads_from(there: &Path, making: &Path, keys: &Keys, manifest: &Manifest) -> Result<(), RestoreError> {
    let refused = |why: String| RestoreError::Logs { part: HEADS.to_owned(), from: there.to_owned(), why };
    fetch(there, making, HEADS, &["checkpoint", "witnessed"])?;
    let Some(earlier) = head_of(manifest.heads.as_deref()).map_err(refused)? else { return Ok(()) };
    let goes_on = heads::goes_on(&making.join(HEADS), keys.heads.verifier(), &earlier);
    if goes_on.map_err(|e| refused(e.to_string()))? {
        Ok(())
    } else {
        Err(refused("it does not go on from the one in the backup".to_owned()))
    }
}

/// Takes a host's copy from there, where it is sound, longer, and goes on from the backup's. What is not is left: the site sends again.
fn host_from(there: &Path, making: &Path, keys: &Keys, log: &HostLog) -> Result<bool, RestoreError> {
    let below = Path::new(ARCHIVE).join(log.below());
    let (source, own) = (there.join(&below), making.join(&below));
    let look =
        |directory: &Path| mirror::look(directory, &log.subject, keys.witness.verifier()).ok().flatten();
    let (Some(head), earlier) = (look(&source), look(&own)) else { return Ok(false) };
    let goes_on = earlier.as_ref().is_none_or(|earlier| {
        head.size > earlier.size && mirror::goes_on(&source, &head, earlier).unwrap_or(false)
    });
    if !goes_on {
        return Ok(false);
    }
    let fresh = own.with_added_extension("there");
    copying::tree(&source, &fresh, &["checkpoint"])?;
    if look(&fresh).is_none_or(|copy| copy.size < head.size) {
        let gone = std::fs::remove_dir_all(&fresh);
        gone.map_err(|source| FileError { path: fresh.clone(), action: "clear it", source })?;
        return Ok(false);
    }
    if own.exists() {
        let gone = std::fs::remove_dir_all(&own);
        gone.map_err(|source| FileError { path: own.clone(), action: "clear it", source })?;
    }
    copying::put_in_place(&fresh, &own)?;
    Ok(true)
}

fn size_of(directory: &Path, log: &HostLog, keys: &Keys) -> Result<u64, String> {
    let head = mirror::look(directory, &log.subject, keys.witness.verifier());
    Ok(head.map_err(|e| crate::problem::chain(&e))?.map_or(0, |head| head.size.get()))
}

/// Begins the hub's own logs anew, under names that no other restore of this backup has: their keys are the same. The old ones are kept beside them.
fn begin_anew(making: &Path, which: Which, manifest: &Manifest, now: UtcTime) -> Result<Which, RestoreError> {
    let epoch = which.epoch.unwrap_or(1);
    let next = Which { name: which.name, epoch: Some(draw_epoch()?) };
    for part in [people::LOG, HEADS] {
        let (log, kept) = (making.join(part), making.join(format!("{part}.{epoch}")));
        if log.exists() {
            copying::put_in_place(&log, &kept)?;
        }
    }
    let index = Connection::open(making.join(HEADS_DATABASE))?;
    index.execute_batch("DELETE FROM entry; DELETE FROM outsider; DELETE FROM mark")?;
    drop(index);
    // Where the old log told of a packet is nowhere in the new one: the first look tells of each again.
    let packets = making.join(crate::packets::FILE);
    if packets.exists() {
        Connection::open(packets)?.execute_batch("UPDATE packet SET recorded = NULL")?;
    }
    keys::mark(making, &next)?;
    let unsound = |why: String| RestoreError::Unsound { part: people::LOG.to_owned(), why };
    if let Some(head) = head_of(manifest.own_log.as_deref()).map_err(unsound)? {
        let succeeds = Succeeds {
            origin: head.origin.to_string(),
            size: head.size.get(),
            root: RootHash(*head.root.as_bytes()),
            reason: SuccessionReason::LogLost,
        };
        OwnLog::succeed(&making.join(people::LOG), Keys::own_log(making)?, succeeds, now)?;
    }
    Ok(next)
}

/// Counted, it would come out the same for each restore of one backup. Six bytes, so that a program that reads numbers as floats reads it whole.
fn draw_epoch() -> Result<u64, KeysError> {
    let drawn = edge::random::bytes::<8>().map_err(KeysError::Random)?;
    Ok(u64::from_be_bytes(drawn) >> 16)
}

fn head_of(text: Option<&str>) -> Result<Option<Checkpoint>, String> {
    text.map(|text| text.parse::<Checkpoint>().map_err(|e| e.to_string())).transpose()
}
