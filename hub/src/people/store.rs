//! The accounts, in a database of their own: whoever can write here can come in as anybody, and cannot take a record back.

mod accounts;
mod credentials;
mod keys;
#[cfg(test)]
mod tests;

use std::path::Path;

use queue::writer::{OpenError, Schema, WriteError, Writer};
use rusqlite::Connection;
use thiserror::Error;

pub(crate) use accounts::Changed;
pub(crate) use keys::KeyChange;

pub(crate) const SCHEMA: Schema = Schema {
    application: 0x5375_5065, // "SuPe"
    tables: include_str!("people.sql"),
    made: 1,
    steps: &[include_str!("steps/0002-subjects.sql")],
};

/// The store of accounts.
#[derive(Debug)]
pub(crate) struct PeopleStore {
    writer: Writer,
}

/// The store did not take it, or did not give it.
#[derive(Debug, Error)]
#[error("the database of accounts did not answer")]
pub struct PeopleError(#[source] WriteError<rusqlite::Error>);

impl PeopleStore {
    /// Opens or makes the database at `path`.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        Writer::open(path, SCHEMA).map(|writer| Self { writer })
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PeopleError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.writer.run(work).await.map_err(PeopleError)
    }
}
