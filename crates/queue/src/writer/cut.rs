//! Copies of databases that others go on writing to: all of one instant.
//!
//! For as long as it takes to begin to read, every database is locked against writing, so no transaction of any of them falls between two of them.
//! That is some milliseconds, which writers wait out. Copying then reads what stood at that instant, however long it takes, while writing goes on.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::schema::{Found, recognise};
use super::{OpenError, Schema};

/// How long a writer may keep its lock while a cut is made.
const LOCK_TIME_MAX: Duration = Duration::from_secs(30);
/// Pages that are copied between two looks at the clock.
const PAGES: i32 = 1024;

/// What stood in some databases at one instant.
#[derive(Debug)]
pub struct Cut {
    sources: Vec<(PathBuf, Connection, i32)>,
}

impl Cut {
    /// Makes the cut. The databases must be there and be ours; an older version is as good.
    pub fn make(databases: &[(PathBuf, Schema)]) -> Result<Self, OpenError> {
        let mut locks = Vec::with_capacity(databases.len());
        for (path, schema) in databases {
            let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            let lock = Connection::open_with_flags(path, flags).map_err(sqlite)?;
            let Found::Ours(version) = recognise(&lock, path, schema)? else {
                return Err(OpenError::Foreign { path: path.clone(), application: 0, version: 0 });
            };
            lock.busy_timeout(LOCK_TIME_MAX).map_err(sqlite)?;
            lock.execute_batch("BEGIN IMMEDIATE").map_err(sqlite)?;
            locks.push((lock, version));
        }
        let mut sources = Vec::with_capacity(databases.len());
        for ((path, _), (_, version)) in databases.iter().zip(&locks) {
            let sqlite = |source| OpenError::Sqlite { path: path.clone(), source };
            let source =
                Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(sqlite)?;
            // A transaction begins to see with its first reading.
            source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema").map_err(sqlite)?;
            sources.push((path.clone(), source, *version));
        }
        // Closing takes the locks away; nothing was written under them.
        drop(locks);
        Ok(Self { sources })
    }

    /// Each database with its version.
    pub fn versions(&self) -> impl Iterator<Item = (&Path, i32)> {
        self.sources.iter().map(|(path, _, version)| (path.as_path(), *version))
    }

    /// Copies the database of that name into `directory`.
    pub fn copy(&self, directory: &Path) -> Result<(), OpenError> {
        for (path, source, _) in &self.sources {
            let to = directory.join(path.file_name().unwrap_or_default());
            super::make_private(&to)?;
            let sqlite = |source| OpenError::Sqlite { path: to.clone(), source };
            let mut copy = Connection::open(&to).map_err(sqlite)?;
            let backup = Backup::new(source, &mut copy).map_err(sqlite)?;
            backup.run_to_completion(PAGES, Duration::ZERO, None).map_err(sqlite)?;
            drop(backup);
            // One file, without a log beside it: it is hashed and carried away as it is.
            copy.execute_batch("PRAGMA journal_mode = DELETE").map_err(sqlite)?;
            drop(copy);
            std::fs::File::open(&to)
                .and_then(|file| file.sync_all())
                .map_err(|source| OpenError::File { path: to, source })?;
        }
        Ok(())
    }
}

/// How a database stands, without being opened for work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Its version; 0 where it is empty.
    pub version: i32,
    /// The version that it will have after the next start.
    pub known: i32,
    /// What is wrong in it, in `SQLite`'s own words.
    pub damage: Vec<String>,
}

/// Looks at a database, all of it, and changes nothing.
pub fn look(path: &Path, schema: &Schema) -> Result<Look, OpenError> {
    let sqlite = |source| OpenError::Sqlite { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(sqlite)?;
    connection.execute_batch("PRAGMA query_only = ON").map_err(sqlite)?;
    let version = match recognise(&connection, path, schema)? {
        Found::Empty => 0,
        Found::Ours(version) => version,
    };
    let mut damage = super::schema::damage(&connection, "integrity_check(10)").map_err(sqlite)?;
    let dangling =
        "SELECT DISTINCT 'a row of ' || \"table\" || ' points to nothing' FROM pragma_foreign_key_check";
    let mut dangling = connection.prepare(dangling).map_err(sqlite)?;
    for row in dangling.query_map([], |row| row.get(0)).map_err(sqlite)? {
        damage.push(row.map_err(sqlite)?);
    }
    Ok(Look { version, known: schema.version(), damage })
}
