//! What is remembered beside the log of heads: where each head stands, what the witnesses know, when things last succeeded, and the alarms.

use std::path::Path;

use contract::time::UtcTime;
use queue::writer::{OpenError, Schema, WriteError, Writer};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use thiserror::Error;

pub(crate) const SCHEMA: Schema = Schema {
    application: 0x5375_7468, // "Suth"
    tables: include_str!("index.sql"),
    made: 1,
    steps: &[include_str!("steps/0002-when-heads-came.sql")],
};

/// The database beside the log of heads did not take it, or did not give it. Ours: the operator must look at the disk.
#[derive(Debug, Error)]
#[error("the database of the log of heads did not answer")]
pub(crate) struct IndexError(#[source] WriteError<rusqlite::Error>);

/// The database.
#[derive(Debug)]
pub(super) struct Index(Writer);

/// Where a site's head stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) origin: String,
    pub(super) size: u64,
    pub(super) leaf: u64,
    /// When it came; none where that is not known any more.
    pub(super) at: Option<UtcTime>,
}

/// What is remembered with a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The quorum was last met for the newest head, or there was first something to meet it for.
    Witnessed,
    /// A timestamp was last had, or first wanted.
    Stamped,
    /// A timestamp was last asked for.
    Asked,
}

/// What went wrong with the log of heads or its outside witnesses. Never deleted by the hub.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct HeadsAlarm {
    kind: String,
    detail: String,
    first: UtcTime,
    last: UtcTime,
    times: u64,
}

impl HeadsAlarm {
    /// Its kind and what it says, where it was raised in the last `within_ms`.
    pub(super) fn recent(&self, now: UtcTime, within_ms: u64) -> Option<(&str, String)> {
        (now.ms_since(self.last) < within_ms)
            .then(|| (self.kind.as_str(), format!("{}: {}", self.kind, self.detail)))
    }
}

impl Mark {
    const fn name(self) -> &'static str {
        match self {
            Self::Witnessed => "witnessed",
            Self::Stamped => "stamped",
            Self::Asked => "asked",
        }
    }
}

impl Index {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        Writer::open(path, SCHEMA).map(Self)
    }

    /// How many entries of the log have their place here: the first that has none.
    pub(super) async fn reaches(&self) -> Result<u64, IndexError> {
        let sql = "SELECT coalesce(max(leaf) + 1, 0) FROM entry";
        self.run(move |c| c.query_row(sql, [], |row| number(row, 0))).await
    }

    /// Forgets the places from `size` on: the log has no such entries.
    pub(super) async fn cut(&self, size: u64) -> Result<(), IndexError> {
        self.run(move |c| c.execute("DELETE FROM entry WHERE leaf >= ?1", [signed(size)]).map(drop)).await
    }

    /// Adds places. A head that stands in the log twice keeps its first.
    pub(super) async fn add(&self, places: Vec<Place>) -> Result<(), IndexError> {
        let sql = "INSERT INTO entry (origin, size, leaf, at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        self.run(move |c| {
            let mut add = c.prepare_cached(sql)?;
            for Place { origin, size, leaf, at } in places {
                add.execute(params![origin, signed(size), signed(leaf), at.map(UtcTime::unix_ms)])?;
            }
            Ok(())
        })
        .await
    }

    /// The newest head of a site that is no larger than `size` and stands before the entry `below`.
    pub(super) async fn find(
        &self,
        origin: String,
        size: u64,
        below: u64,
    ) -> Result<Option<Place>, IndexError> {
        let sql = "SELECT origin, size, leaf, at FROM entry
                   WHERE origin = ?1 AND size <= ?2 AND leaf < ?3 ORDER BY size DESC LIMIT 1";
        let place = |row: &Row<'_>| {
            let at = row.get::<_, Option<i64>>(3)?.map(|_| instant(row, 3)).transpose()?;
            Ok(Place { origin: row.get(0)?, size: number(row, 1)?, leaf: number(row, 2)?, at })
        };
        self.run(move |c| c.query_row(sql, params![origin, signed(size), signed(below)], place).optional())
            .await
    }

    /// All heads of a site, the smallest first: the size of each, and when it came.
    pub(super) async fn all_of(&self, origin: String) -> Result<Vec<(u64, Option<UtcTime>)>, IndexError> {
        let sql = "SELECT size, at FROM entry WHERE origin = ?1 ORDER BY size";
        self.run(move |c| {
            let one = |row: &Row<'_>| {
                let at = row.get::<_, Option<i64>>(1)?.map(|_| instant(row, 1)).transpose()?;
                Ok((number(row, 0)?, at))
            };
            c.prepare_cached(sql)?.query_map([origin], one)?.collect()
        })
        .await
    }

    /// The size that a witness is believed to have cosigned last.
    pub(super) async fn known(&self, key: String) -> Result<u64, IndexError> {
        let sql = "SELECT known FROM outsider WHERE key = ?1";
        self.run(move |c| Ok(c.query_row(sql, [key], |row| number(row, 0)).optional()?.unwrap_or(0))).await
    }

    pub(super) async fn set_known(&self, key: String, size: u64) -> Result<(), IndexError> {
        let sql = "INSERT INTO outsider VALUES (?1, ?2) ON CONFLICT DO UPDATE SET known = ?2";
        self.run(move |c| c.execute(sql, params![key, signed(size)]).map(drop)).await
    }

    pub(super) async fn mark(&self, mark: Mark) -> Result<Option<UtcTime>, IndexError> {
        let sql = "SELECT at FROM mark WHERE name = ?1";
        self.run(move |c| c.query_row(sql, [mark.name()], |row| instant(row, 0)).optional()).await
    }

    pub(super) async fn set_mark(&self, mark: Mark, at: UtcTime) -> Result<(), IndexError> {
        let sql = "INSERT INTO mark VALUES (?1, ?2) ON CONFLICT DO UPDATE SET at = ?2";
        self.run(move |c| c.execute(sql, params![mark.name(), at.unix_ms()]).map(drop)).await
    }

    /// Keeps an alarm; the same again is counted.
    pub(super) async fn raise(
        &self,
        kind: &'static str,
        detail: String,
        now: UtcTime,
    ) -> Result<(), IndexError> {
        let sql = "INSERT INTO alarm (kind, detail, first, last) VALUES (?1, ?2, ?3, ?3)
                   ON CONFLICT DO UPDATE SET times = times + 1, last = ?3";
        self.run(move |c| c.execute(sql, params![kind, detail, now.unix_ms()]).map(drop)).await
    }

    pub(super) async fn alarms(&self) -> Result<Vec<HeadsAlarm>, IndexError> {
        let sql = "SELECT kind, detail, first, last, times FROM alarm ORDER BY last DESC LIMIT 100";
        self.run(move |c| {
            let mut all = c.prepare(sql)?;
            let rows = all.query_map([], |row| {
                Ok(HeadsAlarm {
                    kind: row.get(0)?,
                    detail: row.get(1)?,
                    first: instant(row, 2)?,
                    last: instant(row, 3)?,
                    times: number(row, 4)?,
                })
            })?;
            rows.collect()
        })
        .await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, IndexError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.0.run(work).await.map_err(IndexError)
    }
}

/// `SQLite` counts in signed numbers; no log is that long.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, signed))
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<UtcTime> {
    let ms: i64 = row.get(column)?;
    UtcTime::from_unix_ms(ms).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, ms))
}
