//! What the way of one message asks of the database: published, handed out, settled.

use contract::ids::TenantId;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::reading::{sequence_in, sequence_out};
use crate::{Limits, MessageId, Published, Reason, Sequence, Subject};

pub(super) fn earlier(
    connection: &Connection,
    tenant: &TenantId,
    id: &MessageId,
) -> rusqlite::Result<Option<Published>> {
    connection
        .prepare_cached("SELECT sequence FROM message WHERE tenant = ?1 AND id = ?2")?
        .query_row(params![tenant.as_str(), id.as_str()], |row| row.get(0))
        .map(|sequence| Published { sequence: sequence_out(sequence), repeated: true })
        .optional()
}

pub(super) fn insert(
    connection: &Connection,
    subject: &Subject,
    id: &MessageId,
    published: i64,
    body: &[u8],
) -> rusqlite::Result<Published> {
    if let Some(published) = earlier(connection, subject.tenant(), id)? {
        return Ok(published);
    }
    let (tenant, site) = (subject.tenant().as_str(), subject.site().as_str());
    connection
        .prepare_cached(
            "INSERT INTO message (tenant, site, id, state, handed, released, published, bytes)
             VALUES (?1, ?2, ?3, 'live', 0, 0, ?4, length(?5))",
        )?
        .execute(params![tenant, site, id.as_str(), published, body])?;
    let sequence = connection.last_insert_rowid();
    connection.prepare_cached("INSERT INTO body VALUES (?1, ?2)")?.execute(params![sequence, body])?;
    Ok(Published { sequence: sequence_out(sequence), repeated: false })
}

/// What came of handing a message out.
#[derive(Debug)]
pub(super) enum Handed {
    /// It may be worked on, for the so-manieth time.
    Out { body: Vec<u8>, number: u32 },
    /// It was handed out too often: it is dead.
    Died,
    /// It was settled meanwhile.
    Gone,
}

/// Hands messages out, one answer for each. How often is written before anybody has them, so a message that kills whoever has it is counted.
pub(super) fn hand_out(
    connection: &Connection,
    taken: &[Sequence],
    limits: Limits,
) -> rusqlite::Result<Vec<Handed>> {
    taken.iter().map(|sequence| hand_one_out(connection, *sequence, limits)).collect()
}

fn hand_one_out(connection: &Connection, sequence: Sequence, limits: Limits) -> rusqlite::Result<Handed> {
    let sequence = sequence_in(sequence);
    let number = connection
        .prepare_cached(
            "UPDATE message SET handed = handed + 1
             WHERE sequence = ?1 AND state = 'live' AND handed - min(released, ?2) < ?3 RETURNING handed",
        )?
        .query_row(params![sequence, limits.releases_max, limits.deliveries_max], |row| row.get(0))
        .optional()?;
    if let Some(number) = number {
        let body = connection
            .prepare_cached("SELECT body FROM body WHERE sequence = ?1")?
            .query_row([sequence], |row| row.get(0))?;
        return Ok(Handed::Out { body, number });
    }
    let times = connection
        .prepare_cached("SELECT handed FROM message WHERE sequence = ?1 AND state = 'live'")?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    let Some(times) = times else { return Ok(Handed::Gone) };
    die(connection, sequence, &Reason::never_answered(times)).map(|_| Handed::Died)
}

fn die(connection: &Connection, sequence: i64, reason: &Reason) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(
            "UPDATE message SET state = 'dead', reason = ?2 WHERE sequence = ?1 AND state = 'live'",
        )?
        .execute(params![sequence, reason.as_str()])
        .map(|changed| changed == 1)
}

/// Gives a message up; `false` where it was not live any more.
pub(super) fn give_up(
    connection: &Connection,
    sequence: Sequence,
    reason: &Reason,
) -> rusqlite::Result<bool> {
    die(connection, sequence_in(sequence), reason)
}

/// That these were handed out does not count.
pub(super) fn release(connection: &Connection, released: &[Sequence]) -> rusqlite::Result<()> {
    let mut one = connection.prepare_cached(
        "UPDATE message SET released = released + 1 WHERE sequence = ?1 AND state = 'live'",
    )?;
    for sequence in released {
        one.execute([sequence_in(*sequence)])?;
    }
    Ok(())
}

/// What a message was when it was acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Was {
    /// Waiting or held.
    Live,
    /// Given up, and then done after all.
    Dead,
    /// Acknowledged before, or purged.
    Settled,
}

/// A message is done, and kept with so many others of its tenant.
pub(super) fn settle(
    connection: &Connection,
    sequence: Sequence,
    tenant: &TenantId,
    remembered: u32,
) -> rusqlite::Result<Was> {
    let sequence = sequence_in(sequence);
    let was = connection
        .prepare_cached("SELECT state = 'dead' FROM message WHERE sequence = ?1 AND state <> 'done'")?
        .query_row([sequence], |row| row.get(0))
        .optional()?;
    let was = match was {
        None => return Ok(Was::Settled),
        Some(true) => Was::Dead,
        Some(false) => Was::Live,
    };
    connection
        .prepare_cached("UPDATE message SET state = 'done', reason = NULL WHERE sequence = ?1")?
        .execute([sequence])?;
    let done: u32 = connection
        .prepare_cached(
            "INSERT INTO remembered VALUES (?1, 1) ON CONFLICT DO UPDATE SET done = done + 1 RETURNING done",
        )?
        .query_row([tenant.as_str()], |row| row.get(0))?;
    let over = done.saturating_sub(remembered);
    if over > 0 {
        forget(connection, tenant, over)?;
    }
    Ok(was)
}

/// Forgets so many of the oldest messages that are done.
fn forget(connection: &Connection, tenant: &TenantId, over: u32) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "DELETE FROM message WHERE sequence IN (SELECT sequence FROM message
                 WHERE tenant = ?1 AND state = 'done' ORDER BY sequence LIMIT ?2)",
        )?
        .execute(params![tenant.as_str(), over])?;
    connection
        .prepare_cached("UPDATE remembered SET done = done - ?2 WHERE tenant = ?1")?
        .execute(params![tenant.as_str(), over])?;
    Ok(())
}
