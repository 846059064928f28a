//! The exports that were made, in a database of their own: an export outlives whatever becomes of the registry.

use crate::people::Scope;
use std::collections::BTreeMap;
use std::path::Path;

use contract::digest::Digest;
use contract::exception::Person;
use contract::ids::TenantId;
use contract::kit::{KitLogView, KitView};
use contract::time::UtcTime;
use evidence::kit::{Cover, Kit, Log};
use queue::writer::{OpenError, Schema, WriteError, Writer};
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};
use serde::Serialize;
use thiserror::Error;

pub(crate) const SCHEMA: Schema = Schema {
    application: 0x5375_7478, // "Sutx"
    tables: include_str!("exports.sql"),
    made: 1,
    steps: &[],
};

/// The name of the database in the hub's directory.
pub(crate) const FILE: &str = "exports.db";

/// The exports.
#[derive(Debug)]
pub(super) struct Exports {
    writer: Writer,
}

/// The database of exports did not take or give something. Ours.
#[derive(Debug, Error)]
#[error("the database of exports did not answer")]
pub(crate) struct ExportsError(#[source] WriteError<Error>);

/// One log of an export that is about to be kept.
#[derive(Debug, Clone)]
pub(super) struct LogKept {
    pub(super) log: Log,
    pub(super) size: u64,
    pub(super) records: u64,
    pub(super) settled: bool,
}

/// An export that is about to be kept.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) cover: Cover,
    pub(super) kit: Kit,
    pub(super) logs: Vec<LogKept>,
    pub(super) bytes: u64,
    pub(super) digest: Digest,
}

/// An export as it is told of in later kits.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Earlier {
    id: String,
    by: String,
    time: UtcTime,
    from: UtcTime,
    to: UtcTime,
    digest: Digest,
}

/// A kept export whose kit is the answer to a request, unless its logs have more to say since.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) view: KitView,
    /// Whether each log, by host, had a record from after the period.
    pub(super) settled: BTreeMap<String, bool>,
}

impl Exports {
    pub(super) fn open(directory: &Path) -> Result<Self, OpenError> {
        Writer::open(&directory.join(FILE), SCHEMA).map(|writer| Self { writer })
    }

    async fn run<T, F>(&self, work: F) -> Result<T, ExportsError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.writer.run(work).await.map_err(ExportsError)
    }

    /// Keeps a signed baseline, where it is not kept yet.
    pub(super) async fn keep_baseline(
        &self,
        digest: Digest,
        envelope: Vec<u8>,
        now: UtcTime,
    ) -> Result<(), ExportsError> {
        let sql = "INSERT INTO baseline VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(move |c| c.execute(sql, params![digest.to_string(), envelope, now.unix_ms()]).map(drop))
            .await
    }

    /// All signed baselines.
    pub(super) async fn baselines(&self) -> Result<BTreeMap<Digest, Vec<u8>>, ExportsError> {
        self.run(|c| {
            let mut all = c.prepare_cached("SELECT digest, envelope FROM baseline")?;
            let rows = all.query_map([], |row| Ok((text(row, 0)?, row.get(1)?)))?;
            rows.collect()
        })
        .await
    }

    /// Keeps an export: durable once this returns.
    pub(super) async fn keep(&self, made: Made) -> Result<(), ExportsError> {
        self.run(move |c| keep(c, &made)).await
    }

    /// The newest export of exactly this period of the tenant, by this person, that was made once the period was over.
    pub(super) async fn newest(
        &self,
        tenant: Scope<TenantId>,
        from: UtcTime,
        to: UtcTime,
        by: Person,
    ) -> Result<Option<Kept>, ExportsError> {
        let sql = "SELECT number, id, tenant, since, until, by, time, bytes, digest FROM export
                   WHERE tenant = ?1 AND since = ?2 AND until = ?3 AND by = ?4 AND time >= until ORDER BY number DESC LIMIT 1";
        self.run(move |c| {
            let values = params![tenant.as_str(), from.unix_ms(), to.unix_ms(), by.as_str()];
            c.prepare_cached(sql)?.query_row(values, |row| kept(c, row)).optional()
        })
        .await
    }

    /// What was exported of the tenant before now.
    pub(super) async fn history(&self, tenant: Scope<TenantId>) -> Result<Vec<Earlier>, ExportsError> {
        let sql = "SELECT id, by, time, since, until, digest FROM export WHERE tenant = ?1 ORDER BY number";
        self.run(move |c| {
            let earlier = |row: &Row<'_>| {
                let (id, by) = (row.get(0)?, row.get(1)?);
                let (time, from, to) = (instant(row, 2)?, instant(row, 3)?, instant(row, 4)?);
                Ok(Earlier { id, by, time, from, to, digest: text(row, 5)? })
            };
            c.prepare_cached(sql)?.query_map([tenant.as_str()], earlier)?.collect()
        })
        .await
    }

    /// The kit of an export of the tenant, and what its zip must come to; none where the tenant has no such export.
    pub(super) async fn kit(
        &self,
        tenant: Scope<TenantId>,
        id: String,
    ) -> Result<Option<(Kit, u64, Digest)>, ExportsError> {
        let sql = "SELECT number, cover, note, bytes, digest FROM export WHERE tenant = ?1 AND id = ?2";
        self.run(move |c| {
            let row = |row: &Row<'_>| {
                let (logs, files) = (logs(c, row.get(0)?)?, files(c, row.get(0)?)?);
                let logs = logs.into_iter().map(|kept| kept.log).collect();
                let kit =
                    Kit::restore(row.get(1)?, row.get(2)?, logs, files).map_err(|e| unreadable(1, e))?;
                Ok((kit, count(row, 3)?, text(row, 4)?))
            };
            c.query_row(sql, [tenant.as_str(), &id], row).optional()
        })
        .await
    }
}

fn keep(c: &Connection, made: &Made) -> rusqlite::Result<()> {
    let Made { cover: Cover { tenant, period, export }, kit, logs, bytes, digest } = made;
    c.execute(
        "INSERT INTO export (id, tenant, since, until, by, time, cover, note, bytes, digest)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            export.id,
            tenant.as_str(),
            period.from().unix_ms(),
            period.to().unix_ms(),
            export.by.as_str(),
            export.time.unix_ms(),
            kit.cover(),
            kit.note(),
            signed(*bytes)?,
            digest.to_string()
        ],
    )?;
    let number = c.last_insert_rowid();
    for LogKept { log, size, records, settled } in logs {
        let Log { host, site, note, first, end } = log;
        c.execute(
            "INSERT INTO export_log VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                number,
                host.as_str(),
                site.as_str(),
                note,
                signed(*size)?,
                signed(*first)?,
                signed(*end)?,
                signed(*records)?,
                settled
            ],
        )?;
    }
    for (name, bytes) in kit.documents() {
        let digest = Digest::of(bytes).to_string();
        c.execute("INSERT INTO content VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![digest, bytes])?;
        c.execute("INSERT INTO export_file VALUES (?1, ?2, ?3)", params![number, name, digest])?;
    }
    Ok(())
}

fn kept(c: &Connection, row: &Row<'_>) -> rusqlite::Result<Kept> {
    let logs = logs(c, row.get(0)?)?;
    let settled = logs.iter().map(|kept| (kept.log.host.to_string(), kept.settled)).collect();
    let view = KitView {
        id: Some(row.get(1)?),
        tenant: text(row, 2)?,
        from: instant(row, 3)?,
        to: instant(row, 4)?,
        by: Person::try_from(row.get::<_, String>(5)?).map_err(|e| unreadable(5, e))?,
        time: instant(row, 6)?,
        again: true,
        bytes: count(row, 7)?,
        digest: text(row, 8)?,
        logs: logs.iter().map(LogKept::view).collect(),
    };
    Ok(Kept { view, settled })
}

impl LogKept {
    pub(super) fn view(&self) -> KitLogView {
        let Self { log: Log { host, site, note: _, first, end }, size, records, settled: _ } = self;
        let (host, site) = (host.clone(), site.clone());
        KitLogView { host, site, size: *size, first: *first, end: *end, records: *records }
    }
}

fn logs(c: &Connection, number: i64) -> rusqlite::Result<Vec<LogKept>> {
    let sql = "SELECT host, site, head, size, first, \"end\", records, settled FROM export_log WHERE number = ?1 ORDER BY host";
    let read = |row: &Row<'_>| {
        let (first, end) = (count(row, 4)?, count(row, 5)?);
        let log = Log { host: text(row, 0)?, site: text(row, 1)?, note: row.get(2)?, first, end };
        Ok(LogKept { log, size: count(row, 3)?, records: count(row, 6)?, settled: row.get(7)? })
    };
    c.prepare_cached(sql)?.query_map([number], read)?.collect()
}

fn files(c: &Connection, number: i64) -> rusqlite::Result<BTreeMap<String, Vec<u8>>> {
    let sql = "SELECT name, bytes FROM export_file JOIN content USING (digest) WHERE number = ?1";
    c.prepare_cached(sql)?.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn unreadable(column: usize, e: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, e.into())
}

fn text<T>(row: &Row<'_>, column: usize) -> rusqlite::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    row.get_ref(column)?.as_str()?.parse().map_err(|e| unreadable(column, e))
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<UtcTime> {
    UtcTime::from_unix_ms(row.get(column)?).map_err(|e| unreadable(column, e))
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let signed: i64 = row.get(column)?;
    u64::try_from(signed).map_err(|e| unreadable(column, e))
}

fn signed(count: u64) -> rusqlite::Result<i64> {
    i64::try_from(count).map_err(|e| Error::ToSqlConversionFailure(e.into()))
}

#[cfg(test)]
mod tests;
