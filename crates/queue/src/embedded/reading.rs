//! What is asked of the database beside the way of a message: opening, the dead, replay, purging, age.

use contract::ids::{BadId, TenantId};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::pending::Pending;
use crate::turns::Entry;
use crate::{Dead, Kept, Reason, Sequence, Subject};

/// As `SQLite` has it, whose numbers are signed.
pub(super) const fn sequence_in(sequence: Sequence) -> i64 {
    sequence.0.cast_signed()
}

pub(super) const fn sequence_out(sequence: i64) -> Sequence {
    Sequence(sequence.cast_unsigned())
}

/// A place to read from: past the last that `SQLite` can count there is nothing.
fn place(sequence: Sequence) -> i64 {
    i64::try_from(sequence.0).unwrap_or(i64::MAX)
}

fn limit(max: usize) -> i64 {
    i64::try_from(max).unwrap_or(i64::MAX)
}

fn bad(column: usize) -> impl Fn(BadId) -> rusqlite::Error {
    move |e| rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
}

fn tenant_of(tenant: &str) -> rusqlite::Result<TenantId> {
    tenant.parse().map_err(bad(0))
}

fn subject_of(tenant: &str, site: &str) -> rusqlite::Result<Subject> {
    Ok(Subject::new(tenant_of(tenant)?, site.parse().map_err(bad(1))?))
}

/// What a database holds when it is opened.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) pending: Pending,
    /// When the newest message was published; 0 where there is none.
    pub(super) newest: i64,
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Opened> {
    let mut pending = Pending::default();
    // In the table's own order: the index would find each row one by one.
    let mut all = connection.prepare(
        "SELECT tenant, site, sequence, bytes FROM message NOT INDEXED WHERE state = 'live' ORDER BY sequence",
    )?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let subject = subject_of(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)?;
        pending.load(&subject, Entry { sequence: sequence_out(row.get(2)?), bytes: row.get(3)? });
    }
    let mut dead =
        connection.prepare("SELECT tenant, count(*) FROM message WHERE state = 'dead' GROUP BY tenant")?;
    let mut rows = dead.query([])?;
    while let Some(row) = rows.next()? {
        let count: u32 = row.get(1)?;
        pending
            .load_dead(&tenant_of(row.get_ref(0)?.as_str()?)?, usize::try_from(count).unwrap_or(usize::MAX));
    }
    let newest = "SELECT published FROM message ORDER BY sequence DESC LIMIT 1";
    let newest = connection.query_row(newest, [], |row| row.get(0)).optional()?.unwrap_or(0);
    Ok(Opened { pending, newest })
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let subject = subject_of(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)?;
    Ok(Kept { subject, sequence: sequence_out(row.get(2)?), body: row.get(3)? })
}

pub(super) fn dead(
    connection: &Connection,
    tenant: &TenantId,
    after: Sequence,
    max: usize,
) -> rusqlite::Result<Vec<Dead>> {
    let mut all = connection.prepare_cached(
        "SELECT tenant, site, sequence, body, handed, reason FROM message JOIN body USING (sequence)
         WHERE tenant = ?1 AND state = 'dead' AND sequence > ?2 ORDER BY sequence LIMIT ?3",
    )?;
    let dead = |row: &Row<'_>| {
        let Kept { sequence, subject, body } = kept(row)?;
        let reason = Reason::new(row.get_ref(5)?.as_str()?);
        Ok(Dead { sequence, subject, body, deliveries: row.get(4)?, reason })
    };
    all.query_map(params![tenant.as_str(), place(after), limit(max)], dead)?.collect()
}

/// A dead message is live again; which one that is, where there is such a one.
pub(super) fn revive(
    connection: &Connection,
    tenant: &TenantId,
    sequence: Sequence,
) -> rusqlite::Result<Option<(Subject, Entry)>> {
    connection
        .prepare_cached(
            "UPDATE message SET state = 'live', reason = NULL, handed = 0, released = 0
             WHERE tenant = ?1 AND sequence = ?2 AND state = 'dead' RETURNING tenant, site, sequence, bytes",
        )?
        .query_row(params![tenant.as_str(), place(sequence)], |row| {
            let subject = subject_of(row.get_ref(0)?.as_str()?, row.get_ref(1)?.as_str()?)?;
            Ok((subject, Entry { sequence: sequence_out(row.get(2)?), bytes: row.get(3)? }))
        })
        .optional()
}

/// What was acknowledged before bodies were kept has none, and is passed over.
pub(super) fn replay(
    connection: &Connection,
    tenant: &TenantId,
    from: Sequence,
    max: usize,
) -> rusqlite::Result<Vec<Kept>> {
    // One ordered reading of the index for each state, merged: what is asked for is read and no more.
    let mut all = connection.prepare_cached(
        "SELECT tenant, site, message.sequence AS sequence, body FROM message JOIN body USING (sequence)
             WHERE tenant = ?1 AND state = 'live' AND message.sequence >= ?2
         UNION ALL
         SELECT tenant, site, message.sequence, body FROM message JOIN body USING (sequence)
             WHERE tenant = ?1 AND state = 'done' AND message.sequence >= ?2
         UNION ALL
         SELECT tenant, site, message.sequence, body FROM message JOIN body USING (sequence)
             WHERE tenant = ?1 AND state = 'dead' AND message.sequence >= ?2
         ORDER BY sequence LIMIT ?3",
    )?;
    all.query_map(params![tenant.as_str(), place(from), limit(max)], kept)?.collect()
}

/// Removes everything of a tenant, and says how many messages that were.
pub(super) fn purge(connection: &Connection, tenant: &TenantId) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM remembered WHERE tenant = ?1", [tenant.as_str()])?;
    connection.execute("DELETE FROM message WHERE tenant = ?1", [tenant.as_str()])
}

/// When the oldest live message of these tenants was published.
pub(super) fn oldest(connection: &Connection, tenants: &[TenantId]) -> rusqlite::Result<Option<i64>> {
    let mut one = connection.prepare_cached(
        "SELECT published FROM message WHERE tenant = ?1 AND state = 'live' ORDER BY sequence LIMIT 1",
    )?;
    let each = tenants.iter().map(|tenant| one.query_row([tenant.as_str()], |row| row.get(0)).optional());
    each.collect::<rusqlite::Result<Vec<Option<i64>>>>().map(|all| all.into_iter().flatten().min())
}
