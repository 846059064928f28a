//! What a hub's directory consists of, and whether each part is what the hub wrote.

use std::path::{Path, PathBuf};

use edge::file::FileError;
use identity::Holder;
use queue::writer::Schema;
use rusqlite::{Connection, OpenFlags};
use tlog::Checkpoint;

use crate::keys::Keys;
use crate::mirror::Subject;
use crate::store::columns::{count, parsed};
use crate::{heads, kit, packets, people, store};

/// The directories that are logs of the hub's own.
pub(super) const HEADS: &str = "heads";
/// The mirror.
pub(super) const ARCHIVE: &str = "archive";
/// What the hub knows of the logs of others.
pub(super) const WITNESS: &str = "witness";
/// The secrets.
pub(super) const KEYS: &str = "keys";
/// Says that the hub is complete.
pub(super) const MARKER: &str = "hub.json";
/// The main database.
pub(super) const MAIN: &str = "hub.db";
/// The database beside the log of heads.
pub(super) const HEADS_DATABASE: &str = "heads.db";

/// The databases of the hub in `directory`.
pub(super) fn databases(directory: &Path) -> [(PathBuf, Schema); 6] {
    [
        (directory.join("queue.db"), queue::SCHEMA),
        (directory.join(MAIN), store::SCHEMA),
        (directory.join(people::FILE), people::SCHEMA),
        (directory.join(kit::FILE), kit::SCHEMA),
        (directory.join(packets::FILE), packets::SCHEMA),
        (directory.join(HEADS_DATABASE), heads::SCHEMA),
    ]
}

/// A host's log, with how many of its records have had their consequences.
#[derive(Debug)]
pub(super) struct HostLog {
    pub(super) subject: Subject,
    pub(super) settled: u64,
}

impl HostLog {
    /// Where its copy lies below the mirror.
    pub(super) fn below(&self) -> PathBuf {
        let Holder { tenant, site: _, host } = &self.subject.holder;
        Path::new(tenant.as_str()).join(host.as_str())
    }
}

/// Every enrolled host's log, from a database of any version.
pub(super) fn logs(database: &Path) -> rusqlite::Result<Vec<HostLog>> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut all = database.prepare(
        "SELECT tenant, site, host, origin, evidence_key, settled FROM host WHERE evidence_key IS NOT NULL ORDER BY host",
    )?;
    let log = |row: &rusqlite::Row<'_>| {
        let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
        let subject = Subject { holder, origin: row.get(3)?, evidence_key: row.get(4)? };
        Ok(HostLog { subject, settled: count(row, 5)? })
    };
    all.query_map([], log)?.collect()
}

/// The largest head of each log that the log of heads has, by its database.
pub(super) fn vouched(database: &Path) -> rusqlite::Result<std::collections::BTreeMap<String, u64>> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let mut all = database.prepare("SELECT origin, max(size) FROM entry GROUP BY origin")?;
    all.query_map([], |row| Ok((row.get(0)?, count(row, 1)?)))?.collect()
}

/// The head of the hub's own log in `directory`, whose lock must be free; and whether it goes on from `earlier`.
pub(super) fn own_log(directory: &Path, keys: &Keys) -> Result<Option<Checkpoint>, String> {
    let key = keys.own.parse().map_err(|e| format!("the own log's key: {e}"))?;
    let found = evidence::fsck(directory, &[key], |_, _| ()).map_err(|e| crate::problem::chain(&e))?;
    match found.fault {
        Some(fault) => Err(crate::problem::chain(&fault)),
        None if found.head.is_some() && !found.by_a_given_key => {
            Err("the own log's head is not signed by the own log's key".to_owned())
        }
        None => Ok(found.head),
    }
}

/// Looks, and where what is looked at moved meanwhile, looks again.
pub(super) fn settled<T, E>(mut look: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    const TRIES: u32 = 8;
    for _ in 1..TRIES {
        if let Ok(seen) = look() {
            return Ok(seen);
        }
    }
    look()
}

/// An error about a path, as text.
pub(super) fn chain(e: &FileError) -> String {
    crate::problem::chain(e)
}
