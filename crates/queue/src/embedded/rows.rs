//! What the queue asks of its one table.

use contract::ids::{BadId, TenantId};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::turns::Pending;
use crate::{MessageId, Published, Sequence, Subject};

fn subject_of(tenant: &str, site: &str) -> rusqlite::Result<Subject> {
    let bad = |column| {
        move |e: BadId| {
            rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(e))
        }
    };
    Ok(Subject::new(tenant.parse().map_err(bad(0))?, site.parse().map_err(bad(1))?))
}

pub(super) fn load(connection: &Connection) -> rusqlite::Result<Pending> {
    let mut pending = Pending::default();
    let mut all = connection
        .prepare("SELECT tenant, site, sequence FROM message WHERE body IS NOT NULL ORDER BY sequence")?;
    let mut rows = all.query([])?;
    while let Some(row) = rows.next()? {
        let subject = subject_of(&row.get::<_, String>(0)?, &row.get::<_, String>(1)?)?;
        // What is there was taken once: a bound that was lowered since does not throw it away.
        pending.reserve(subject.tenant(), usize::MAX);
        pending.push(&subject, Sequence(row.get(2)?));
    }
    Ok(pending)
}

pub(super) fn earlier(
    connection: &Connection,
    tenant: &TenantId,
    id: &MessageId,
) -> rusqlite::Result<Option<Published>> {
    connection
        .prepare_cached("SELECT sequence FROM message WHERE tenant = ?1 AND id = ?2")?
        .query_row(params![tenant.as_str(), id.as_str()], |row| row.get(0))
        .map(|sequence| Published { sequence: Sequence(sequence), repeated: true })
        .optional()
}

pub(super) fn insert(
    connection: &Connection,
    subject: &Subject,
    id: &MessageId,
    body: &[u8],
) -> rusqlite::Result<Published> {
    if let Some(published) = earlier(connection, subject.tenant(), id)? {
        return Ok(published);
    }
    let (tenant, site) = (subject.tenant().as_str(), subject.site().as_str());
    connection
        .prepare_cached("INSERT INTO message (tenant, site, id, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![tenant, site, id.as_str(), body])?;
    Ok(Published { sequence: Sequence(connection.last_insert_rowid()), repeated: false })
}

/// One body for each sequence, or an error: never fewer.
pub(super) fn read(connection: &Connection, taken: &[Sequence]) -> rusqlite::Result<Vec<Vec<u8>>> {
    let mut one = connection.prepare_cached("SELECT body FROM message WHERE sequence = ?1")?;
    taken.iter().map(|sequence| one.query_row([sequence.0], |row| row.get(0))).collect()
}

pub(super) fn settle(
    connection: &Connection,
    done: Sequence,
    tenant: &TenantId,
    remembered: u32,
) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE message SET body = NULL WHERE sequence = ?1")?.execute([done.0])?;
    connection
        .prepare_cached(
            "DELETE FROM message WHERE body IS NULL AND tenant = ?1 AND sequence <=
                 (SELECT sequence FROM message WHERE body IS NULL AND tenant = ?1 ORDER BY sequence DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![tenant.as_str(), remembered])?;
    Ok(())
}
