//! What a database holds, and how an older one becomes a newer one: forward, step by step, never back.
//!
//! A schema is the statements that make an empty database, and a list of steps, each from one version to the next. Where a step is added, nothing
//! else changes: a new database is made as before and takes the steps from there. Each step is one transaction together with the number that says it
//! was taken, so a power cut leaves the version before it or the one after it. What a step leaves behind must hold by the foreign keys too, else it is
//! undone. A database of a later version than this program's is refused and left alone.
//! One whose pages do not fit together is refused as well, when it is opened and not when a question happens to meet them.

use std::path::Path;

use rusqlite::Connection;

use super::OpenError;

/// What a database is for: its tables, the number by which it is known, and how it came to be what it is.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Kept in the file's header (`PRAGMA application_id`): another program's database is refused.
    pub application: i32,
    /// The statements that make an empty database ours, of the version `made`. They are never changed: what changes is a step.
    pub tables: &'static str,
    /// The version that `tables` makes.
    pub made: i32,
    /// The first leads from version 1 to version 2, the next from there to version 3, and so on. One that was released is never changed.
    pub steps: &'static [&'static str],
}

impl Schema {
    /// The version that a database has after all steps.
    pub fn version(&self) -> i32 {
        self.steps.iter().fold(1, |version, _| version + 1)
    }

    /// The steps that lead on from `version`, each with the version that it leads to.
    pub(super) fn steps_from(&self, version: i32) -> impl Iterator<Item = (i32, &'static str)> {
        (2..).zip(self.steps.iter().copied()).filter(move |(to, _)| *to > version)
    }
}

/// What a file says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing is in it.
    Empty,
    /// It is of this schema, at this version, which is the last one or before it.
    Ours(i32),
}

/// Reads whose the database is, and refuses what is not ours or comes after us.
pub(super) fn recognise(connection: &Connection, path: &Path, schema: &Schema) -> Result<Found, OpenError> {
    let sqlite = |source| OpenError::of(path, source);
    let number = |pragma| connection.query_row(pragma, [], |row| row.get::<_, i32>(0)).map_err(sqlite);
    let (application, version) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    let known = schema.version();
    if (application, version, tables) == (0, 0, 0) {
        Ok(Found::Empty)
    } else if application != schema.application || version < 1 {
        Err(OpenError::Foreign { path: path.to_owned(), application, version })
    } else if version > known {
        Err(OpenError::Newer { path: path.to_owned(), version, known })
    } else {
        Ok(Found::Ours(version))
    }
}

/// Makes an empty database ours, or brings an older one to the present version.
pub(super) fn bring_up(connection: &Connection, path: &Path, schema: &Schema) -> Result<(), OpenError> {
    let found = recognise(connection, path, schema)?;
    let sqlite = |source| OpenError::of(path, source);
    // A table that is made anew under its old name would take along whatever points to it: what points where is checked at the end of each step.
    connection.execute_batch("PRAGMA foreign_keys = OFF").map_err(sqlite)?;
    let version = match found {
        Found::Empty => {
            let Schema { application, tables, made, steps: _ } = schema;
            let marks = format!("PRAGMA application_id = {application}; PRAGMA user_version = {made}");
            take(connection, &format!("{tables}\n;{marks}")).map_err(|why| why.of(path, 0, *made))?;
            *made
        }
        Found::Ours(version) => {
            let damage = damage(connection, "quick_check(1)").map_err(sqlite)?;
            if let Some(what) = damage.into_iter().next() {
                return Err(OpenError::Damaged { path: path.to_owned(), what });
            }
            version
        }
    };
    for (to, step) in schema.steps_from(version) {
        take(connection, &format!("{step}\n;PRAGMA user_version = {to}"))
            .map_err(|why| why.of(path, to - 1, to))?;
    }
    connection.execute_batch("PRAGMA foreign_keys = ON").map_err(sqlite)
}

/// Why a step was not taken.
enum NotTaken {
    Sqlite(rusqlite::Error),
    /// A row of this table points to nothing.
    Dangling(String),
}

impl NotTaken {
    fn of(self, path: &Path, from: i32, to: i32) -> OpenError {
        let path = path.to_owned();
        match self {
            Self::Sqlite(source) => OpenError::Step { path, from, to, source },
            Self::Dangling(table) => OpenError::Dangling { path, from, to, table },
        }
    }
}

/// Takes one step, whole or not at all.
fn take(connection: &Connection, statements: &str) -> Result<(), NotTaken> {
    let taken = connection
        .execute_batch(&format!("BEGIN IMMEDIATE; {statements}"))
        .map_err(NotTaken::Sqlite)
        .and_then(|()| points_somewhere(connection))
        .and_then(|()| connection.execute_batch("COMMIT").map_err(NotTaken::Sqlite));
    if taken.is_err() && !connection.is_autocommit() {
        // The error is told; where undoing fails as well, closing the connection undoes it.
        let _ = connection.execute_batch("ROLLBACK");
    }
    taken
}

fn points_somewhere(connection: &Connection) -> Result<(), NotTaken> {
    use rusqlite::OptionalExtension as _;
    let dangling = connection.query_row("PRAGMA foreign_key_check", [], |row| row.get(0)).optional();
    match dangling.map_err(NotTaken::Sqlite)? {
        None => Ok(()),
        Some(table) => Err(NotTaken::Dangling(table)),
    }
}

/// What one of `SQLite`'s own checks finds; nothing where all is well.
pub(super) fn damage(connection: &Connection, check: &str) -> rusqlite::Result<Vec<String>> {
    let mut rows = connection.prepare(&format!("PRAGMA {check}"))?;
    let found: Vec<String> = rows.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}
