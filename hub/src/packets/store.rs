//! The packets that were made, in a database of their own: a packet outlives whatever becomes of the registry.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use contract::digest::Digest;
use contract::ids::{OperatorId, TenantId};
use contract::packet::{AcknowledgedView, PacketFileView, PacketKind, PacketView};
use contract::people::Reach;
use contract::time::UtcTime;
use queue::writer::{OpenError, Schema, WriteError, Writer};
use rusqlite::{Connection, Error, OptionalExtension as _, Row, params};
use thiserror::Error;

use crate::people::Scope;
use crate::store::columns::{count, instant, parsed, signed};

pub(crate) const SCHEMA: Schema = Schema {
    application: 0x5375_7470, // "Sutp"
    tables: include_str!("packets.sql"),
    made: 1,
    steps: &[],
};

/// The name of the database in the hub's directory.
pub(crate) const FILE: &str = "packets.db";

/// The packets.
#[derive(Debug)]
pub(super) struct Kept {
    writer: Writer,
}

/// The database of packets did not take or give something. Ours.
#[derive(Debug, Error)]
#[error("the database of packets did not answer")]
pub(crate) struct KeptError(#[source] WriteError<Error>);

/// A packet that is about to be kept.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) id: String,
    pub(super) tenant: TenantId,
    pub(super) kind: PacketKind,
    pub(super) period: String,
    pub(super) serial: u32,
    pub(super) corrects: Option<String>,
    /// The digest of that one's JSON.
    pub(super) replaces: Option<Digest>,
    pub(super) by: Option<OperatorId>,
    pub(super) time: UtcTime,
    /// Of its JSON.
    pub(super) digest: Digest,
    pub(super) files: BTreeMap<&'static str, Vec<u8>>,
    pub(super) no_pdf: Option<String>,
    /// Who gets it by mail.
    pub(super) mail: Vec<String>,
}

/// A packet that the hub's own log does not tell of yet.
#[derive(Debug)]
pub(super) struct Unrecorded {
    pub(super) number: i64,
    pub(super) tenant: TenantId,
    pub(super) kind: PacketKind,
    pub(super) period: String,
    pub(super) serial: u32,
    pub(super) digest: Digest,
    pub(super) corrects: Option<Digest>,
    /// The list of its files, as the record has the digest of it.
    pub(super) files: String,
}

/// A packet that somebody is to get by mail.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) number: i64,
    pub(super) id: String,
    pub(super) whom: String,
    pub(super) tenant: TenantId,
    pub(super) kind: PacketKind,
    pub(super) serial: u32,
    pub(super) tries: u32,
}

/// A file that is to be stored, with where it belongs.
#[derive(Debug)]
pub(crate) struct Unstored {
    pub(crate) packet: i64,
    pub(crate) id: String,
    pub(crate) tenant: TenantId,
    pub(crate) kind: PacketKind,
    pub(crate) period: String,
    pub(crate) serial: u32,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

/// So often a letter is tried.
pub(super) const TRIES_MAX: u32 = 40;
const UNRECORDED: &str = "SELECT number, tenant, kind, period, serial, digest, replaces";
const VIEW: &str = "SELECT number, id, tenant, kind, period, serial, corrects, by, time, no_pdf FROM packet";

impl Kept {
    pub(super) fn open(directory: &Path) -> Result<Self, OpenError> {
        Writer::open(&directory.join(FILE), SCHEMA).map(|writer| Self { writer })
    }

    async fn run<T, F>(&self, work: F) -> Result<T, KeptError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    {
        self.writer.run(work).await.map_err(KeptError)
    }

    /// Keeps a text of exceptions, before any machine is told of it.
    pub(super) async fn keep_exceptions(
        &self,
        tenant: TenantId,
        text: String,
        now: UtcTime,
    ) -> Result<(), KeptError> {
        let digest = Digest::of(text.as_bytes()).to_string();
        let sql = "INSERT INTO exceptions VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        self.run(move |c| c.execute(sql, params![tenant.as_str(), digest, text, now.unix_ms()]).map(drop))
            .await
    }

    /// The texts of exceptions of a tenant, by their digests.
    pub(super) async fn exceptions(
        &self,
        tenant: Scope<TenantId>,
    ) -> Result<BTreeMap<Digest, String>, KeptError> {
        self.run(move |c| {
            let mut all = c.prepare_cached("SELECT digest, text FROM exceptions WHERE tenant = ?1")?;
            all.query_map([tenant.as_str()], |row| Ok((parsed(row, 0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// Keeps a packet: durable once this returns, and shown to nobody before it is recorded.
    pub(super) async fn keep(&self, made: Made) -> Result<(), KeptError> {
        self.run(move |c| keep(c, &made)).await
    }

    /// Packets that the hub's own log does not tell of.
    pub(super) async fn unrecorded(&self) -> Result<Vec<Unrecorded>, KeptError> {
        let sql = format!("{UNRECORDED} FROM packet WHERE recorded IS NULL ORDER BY number");
        self.run(move |c| c.prepare_cached(&sql)?.query_map([], |row| unrecorded(c, row))?.collect()).await
    }

    /// This record of the hub's own log tells of it.
    pub(super) async fn recorded(&self, number: i64, seq: u64) -> Result<(), KeptError> {
        let sql = "UPDATE packet SET recorded = ?2 WHERE number = ?1";
        self.run(move |c| c.execute(sql, params![number, signed(seq)?]).map(drop)).await
    }

    /// Where the hub's own log tells of a packet, and what the packet says of itself; none where there is no such packet.
    pub(super) async fn told(&self, id: String) -> Result<Option<(u64, Unrecorded)>, KeptError> {
        let sql = format!("{UNRECORDED}, recorded FROM packet WHERE recorded IS NOT NULL AND id = ?1");
        self.run(move |c| c.query_row(&sql, [id], |row| Ok((count(row, 7)?, unrecorded(c, row)?))).optional())
            .await
    }

    /// The newest packet of a period of the tenant.
    pub(super) async fn newest(
        &self,
        tenant: Scope<TenantId>,
        kind: PacketKind,
        period: String,
    ) -> Result<Option<PacketView>, KeptError> {
        let sql = format!(
            "{VIEW} WHERE recorded IS NOT NULL AND tenant = ?1 AND kind = ?2 AND period = ?3 ORDER BY serial DESC LIMIT 1"
        );
        self.run(move |c| {
            c.prepare_cached(&sql)?
                .query_row(params![tenant.as_str(), kind.word(), period], |row| view(c, row))
                .optional()
        })
        .await
    }

    /// All packets of a tenant, the newest first.
    pub(super) async fn of_tenant(&self, tenant: Scope<TenantId>) -> Result<Vec<PacketView>, KeptError> {
        let sql =
            format!("{VIEW} WHERE recorded IS NOT NULL AND tenant = ?1 ORDER BY period DESC, serial DESC");
        self.run(move |c| c.prepare_cached(&sql)?.query_map([tenant.as_str()], |row| view(c, row))?.collect())
            .await
    }

    /// The newest packets within reach.
    pub(super) async fn within(&self, reach: Scope<Reach>) -> Result<Vec<PacketView>, KeptError> {
        let tenants = match &*reach {
            Reach::Everywhere => None,
            Reach::Tenants(tenants) => Some(serde_json::to_string(tenants).unwrap_or_default()),
        };
        let sql = format!(
            "{VIEW} WHERE recorded IS NOT NULL AND (?1 IS NULL OR tenant IN (SELECT value FROM json_each(?1))) ORDER BY number DESC LIMIT 200"
        );
        self.run(move |c| c.prepare_cached(&sql)?.query_map([tenants], |row| view(c, row))?.collect()).await
    }

    /// One packet of a tenant.
    pub(super) async fn one(
        &self,
        tenant: Scope<TenantId>,
        id: String,
    ) -> Result<Option<PacketView>, KeptError> {
        let sql = format!("{VIEW} WHERE recorded IS NOT NULL AND tenant = ?1 AND id = ?2");
        self.run(move |c| {
            c.prepare_cached(&sql)?.query_row([tenant.as_str(), &id], |row| view(c, row)).optional()
        })
        .await
    }

    /// A file of a packet of a tenant, with its digest.
    pub(super) async fn file(
        &self,
        tenant: Scope<TenantId>,
        id: String,
        name: String,
    ) -> Result<Option<(Digest, Vec<u8>)>, KeptError> {
        let sql = "SELECT content.digest, bytes FROM packet JOIN packet_file ON packet = number
                   JOIN content ON content.digest = packet_file.digest
                   WHERE recorded IS NOT NULL AND tenant = ?1 AND id = ?2 AND name = ?3";
        self.run(move |c| {
            c.query_row(sql, [tenant.as_str(), &id, &name], |row| Ok((parsed(row, 0)?, row.get(1)?)))
                .optional()
        })
        .await
    }

    /// Somebody has read it. Nothing happens where they had before, or the tenant has no such packet.
    pub(super) async fn acknowledge(
        &self,
        tenant: Scope<TenantId>,
        id: String,
        person: OperatorId,
        now: UtcTime,
    ) -> Result<(), KeptError> {
        let sql = "INSERT INTO acknowledged SELECT number, ?3, ?4 FROM packet WHERE tenant = ?1 AND id = ?2 ON CONFLICT DO NOTHING";
        self.run(move |c| {
            c.execute(sql, params![tenant.as_str(), id, person.as_str(), now.unix_ms()]).map(drop)
        })
        .await
    }

    /// What is to be mailed by now.
    pub(super) async fn due(&self, now: UtcTime) -> Result<Vec<Due>, KeptError> {
        let sql = "SELECT number, whom, tenant, kind, tries, id, serial FROM outgoing JOIN packet ON packet = number
                   WHERE tries < ?2 AND sent IS NULL AND recorded IS NOT NULL AND next <= ?1 ORDER BY next LIMIT 100";
        self.run(move |c| {
            let one = |row: &Row<'_>| {
                let (number, whom, tenant) = (row.get(0)?, row.get(1)?, parsed(row, 2)?);
                Ok(Due {
                    number,
                    id: row.get(5)?,
                    whom,
                    tenant,
                    kind: kind(row, 3)?,
                    serial: row.get(6)?,
                    tries: row.get(4)?,
                })
            };
            c.prepare_cached(sql)?.query_map(params![now.unix_ms(), TRIES_MAX], one)?.collect()
        })
        .await
    }

    /// The letters, of packets since then, that were not taken so often, those that were given up among them: whose, and with which packet.
    pub(super) async fn untaken(
        &self,
        often: u32,
        since: UtcTime,
    ) -> Result<Vec<(TenantId, String)>, KeptError> {
        let sql = "SELECT tenant, id FROM outgoing JOIN packet ON packet = number
                   WHERE sent IS NULL AND tries >= ?1 AND time >= ?2 ORDER BY number, whom";
        self.run(move |c| {
            let one = |row: &Row<'_>| Ok((parsed(row, 0)?, row.get(1)?));
            c.prepare_cached(sql)?.query_map(params![often, since.unix_ms()], one)?.collect()
        })
        .await
    }

    /// The newest packets of periods, made since then, that were not printed: whose, which, and in words. Not those of a hub without a typesetter: that is how
    /// somebody wants it.
    pub(super) async fn unprinted(
        &self,
        since: UtcTime,
    ) -> Result<Vec<(TenantId, String, String)>, KeptError> {
        let sql = "SELECT tenant, id, serial, period, no_pdf FROM packet AS one
                   WHERE no_pdf IS NOT NULL AND no_pdf <> ?1 AND time >= ?2 AND NOT EXISTS
                   (SELECT 1 FROM packet AS later WHERE (later.tenant, later.kind, later.period) = (one.tenant, one.kind, one.period) AND later.serial > one.serial)
                   ORDER BY number DESC";
        self.run(move |c| {
            let one = |row: &Row<'_>| {
                let (serial, period, why) =
                    (row.get::<_, u32>(2)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?);
                Ok((parsed(row, 0)?, row.get(1)?, format!("packet {serial} of {period} has no PDF: {why}")))
            };
            let intended = super::typeset::SetError::NotThere.to_string();
            c.prepare_cached(sql)?.query_map(params![intended, since.unix_ms()], one)?.collect()
        })
        .await
    }

    /// It was taken by the server, or is tried again then.
    pub(super) async fn mailed(&self, due: &Due, sent: Result<UtcTime, UtcTime>) -> Result<(), KeptError> {
        let (number, whom) = (due.number, due.whom.clone());
        self.run(move |c| {
            let (sql, time) = match sent {
                Ok(sent) => {
                    ("UPDATE outgoing SET sent = ?3, tries = tries + 1 WHERE packet = ?1 AND whom = ?2", sent)
                }
                Err(next) => {
                    ("UPDATE outgoing SET next = ?3, tries = tries + 1 WHERE packet = ?1 AND whom = ?2", next)
                }
            };
            c.execute(sql, params![number, whom, time.unix_ms()]).map(drop)
        })
        .await
    }

    /// The files of a packet, by its number.
    pub(super) async fn letter(&self, number: i64) -> Result<Vec<(String, Vec<u8>)>, KeptError> {
        self.run(move |c| files(c, number)).await
    }

    /// The first packet after that one which does not lie in that store yet, with its files.
    pub(super) async fn unstored(
        &self,
        store: &'static str,
        after: i64,
    ) -> Result<Option<Unstored>, KeptError> {
        let sql = "SELECT number, tenant, kind, period, serial, id FROM packet
                   WHERE recorded IS NOT NULL AND number > ?2 AND NOT EXISTS (SELECT 1 FROM stored WHERE packet = number AND store = ?1)
                   ORDER BY number LIMIT 1";
        self.run(move |c| {
            let one = |row: &Row<'_>| {
                let (packet, tenant, kind) = (row.get(0)?, parsed(row, 1)?, kind(row, 2)?);
                let (period, serial, id) = (row.get(3)?, row.get(4)?, row.get(5)?);
                Ok(Unstored { packet, id, tenant, kind, period, serial, files: files(c, packet)? })
            };
            c.prepare_cached(sql)?.query_row(params![store, after], one).optional()
        })
        .await
    }

    /// It lies there.
    pub(super) async fn stored(&self, packet: i64, store: &'static str) -> Result<(), KeptError> {
        self.run(move |c| {
            c.execute("INSERT INTO stored VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![packet, store])
                .map(drop)
        })
        .await
    }
}

/// A file of a packet in the list of which the hub's own log has the digest.
pub(super) fn line(name: &str, digest: &Digest) -> String {
    format!("{name} {digest}")
}

fn unrecorded(c: &Connection, row: &Row<'_>) -> rusqlite::Result<Unrecorded> {
    let number: i64 = row.get(0)?;
    let corrects: Option<String> = row.get(6)?;
    let mut files = String::new();
    for file in listed(c, number)? {
        let _ = writeln!(files, "{}", line(&file.name, &file.digest));
    }
    Ok(Unrecorded {
        number,
        tenant: parsed(row, 1)?,
        kind: kind(row, 2)?,
        period: row.get(3)?,
        serial: row.get(4)?,
        digest: parsed(row, 5)?,
        corrects: corrects.map(|_| parsed(row, 6)).transpose()?,
        files,
    })
}

fn keep(c: &Connection, made: &Made) -> rusqlite::Result<()> {
    c.execute(
        "INSERT INTO packet (id, tenant, kind, period, serial, corrects, by, time, digest, no_pdf, replaces)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            made.id,
            made.tenant.as_str(),
            made.kind.word(),
            made.period,
            made.serial,
            made.corrects,
            made.by.as_ref().map(OperatorId::as_str),
            made.time.unix_ms(),
            made.digest.to_string(),
            made.no_pdf,
            made.replaces.map(|digest| digest.to_string())
        ],
    )?;
    let number = c.last_insert_rowid();
    for (name, bytes) in &made.files {
        let digest = Digest::of(bytes).to_string();
        c.execute("INSERT INTO content VALUES (?1, ?2) ON CONFLICT DO NOTHING", params![digest, bytes])?;
        c.execute("INSERT INTO packet_file VALUES (?1, ?2, ?3)", params![number, name, digest])?;
    }
    for whom in &made.mail {
        let row = params![number, whom, made.time.unix_ms()];
        c.execute(
            "INSERT INTO outgoing (packet, whom, next) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
            row,
        )?;
    }
    Ok(())
}

fn view(c: &Connection, row: &Row<'_>) -> rusqlite::Result<PacketView> {
    let number: i64 = row.get(0)?;
    let by: Option<String> = row.get(7)?;
    Ok(PacketView {
        id: row.get(1)?,
        tenant: parsed(row, 2)?,
        kind: kind(row, 3)?,
        period: row.get(4)?,
        number: row.get(5)?,
        corrects: row.get(6)?,
        by: by.map(|_| parsed(row, 7)).transpose()?,
        made: instant(row, 8)?,
        again: true,
        files: listed(c, number)?,
        no_pdf: row.get(9)?,
        locked_in: locked_in(c, number)?,
        acknowledged: acknowledged(c, number)?,
        took: None,
    })
}

fn listed(c: &Connection, number: i64) -> rusqlite::Result<Vec<PacketFileView>> {
    let sql = "SELECT name, length(bytes), digest FROM packet_file JOIN content USING (digest) WHERE packet = ?1 ORDER BY name";
    let one = |row: &Row<'_>| {
        Ok(PacketFileView { name: row.get(0)?, bytes: count(row, 1)?, digest: parsed(row, 2)? })
    };
    c.prepare_cached(sql)?.query_map([number], one)?.collect()
}

fn files(c: &Connection, number: i64) -> rusqlite::Result<Vec<(String, Vec<u8>)>> {
    let sql =
        "SELECT name, bytes FROM packet_file JOIN content USING (digest) WHERE packet = ?1 ORDER BY name";
    c.prepare_cached(sql)?.query_map([number], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

fn acknowledged(c: &Connection, number: i64) -> rusqlite::Result<Vec<AcknowledgedView>> {
    let sql = "SELECT person, time FROM acknowledged WHERE packet = ?1 ORDER BY time, person";
    let one = |row: &Row<'_>| Ok(AcknowledgedView { person: parsed(row, 0)?, time: instant(row, 1)? });
    c.prepare_cached(sql)?.query_map([number], one)?.collect()
}

fn locked_in(c: &Connection, number: i64) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT store FROM stored WHERE packet = ?1 ORDER BY store";
    c.prepare_cached(sql)?.query_map([number], |row| row.get(0))?.collect()
}

fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<PacketKind> {
    let text = row.get_ref(column)?.as_str()?;
    let unknown = || {
        Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            format!("{text:?} is no kind of packet").into(),
        )
    };
    PacketKind::parse(text).ok_or_else(unknown)
}

#[cfg(test)]
mod tests;
