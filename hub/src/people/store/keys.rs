//! Keys of people's programs: made, rotated with an overlap, revoked.

use contract::digest::Digest;
use contract::ids::{ApiKeyId, OperatorId};
use contract::people::{KeyView, NewKey};
use contract::time::UtcTime;
use rusqlite::{OptionalExtension as _, params};

use super::super::terms;
use super::{PeopleError, PeopleStore};
use crate::store::columns::{instant, json, parsed, to_json};

/// What came of a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyChange {
    /// The new one opens from now on, until the first time; the one before until the second.
    Rotated(UtcTime, UtcTime),
    /// Nobody has such a key, or somebody else has.
    None,
    /// It has ended, or was revoked: make another.
    Over,
    /// The last rotation's overlap is not over: a third one would be valid, or one would end without notice.
    TooSoon(UtcTime),
}

impl PeopleStore {
    /// Keeps a new key of somebody.
    pub(crate) async fn add_key(
        &self,
        person: OperatorId,
        id: ApiKeyId,
        secret: Digest,
        new: NewKey,
        until: UtcTime,
    ) -> Result<(), PeopleError> {
        self.run(move |c| {
            let NewKey { reach, rights, days: _ } = new;
            c.execute(
                "INSERT INTO api_key (id, person, secret, reach, rights, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    id.as_str(),
                    person.as_str(),
                    secret.to_string(),
                    to_json(&reach)?,
                    to_json(&rights)?,
                    until.unix_ms()
                ],
            )
            .map(drop)
        })
        .await
    }

    /// Somebody's keys.
    pub(crate) async fn keys(&self, person: OperatorId) -> Result<Vec<KeyView>, PeopleError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT id, reach, rights, until, revoked FROM api_key WHERE person = ?1 ORDER BY rowid",
            )?;
            let view = |row: &rusqlite::Row<'_>| {
                Ok(KeyView {
                    id: parsed(row, 0)?,
                    reach: json(row, 1)?,
                    rights: json(row, 2)?,
                    until: instant(row, 3)?,
                    revoked: row.get(4)?,
                })
            };
            all.query_map([person.as_str()], view)?.collect()
        })
        .await
    }

    /// Gives a key another secret, for as long a time as is left of it. The secret before opens for the overlap.
    pub(crate) async fn rotate_key(
        &self,
        person: OperatorId,
        id: ApiKeyId,
        secret: Digest,
        now: UtcTime,
    ) -> Result<KeyChange, PeopleError> {
        self.run(move |c| {
            let sql = "SELECT until, revoked, coalesce(previous_until, 0) FROM api_key WHERE person = ?1 AND id = ?2";
            let found = c
                .query_row(sql, [person.as_str(), id.as_str()], |row| {
                    Ok((instant(row, 0)?, row.get::<_, bool>(1)?, instant(row, 2)?))
                })
                .optional()?;
            let Some((until, revoked, previous)) = found else { return Ok(KeyChange::None) };
            if revoked || until <= now {
                return Ok(KeyChange::Over);
            }
            if previous > now {
                return Ok(KeyChange::TooSoon(previous));
            }
            let overlap = now.plus_ms(terms::OVERLAP_MS).min(until);
            c.execute(
                "UPDATE api_key SET previous = secret, previous_until = ?3, secret = ?2 WHERE id = ?1",
                params![id.as_str(), secret.to_string(), overlap.unix_ms()],
            )?;
            Ok(KeyChange::Rotated(until, overlap))
        })
        .await
    }

    /// Revokes a key with both its secrets. `false` where this person has none such.
    pub(crate) async fn revoke_key(&self, person: OperatorId, id: ApiKeyId) -> Result<bool, PeopleError> {
        let sql = "UPDATE api_key SET revoked = 1 WHERE person = ?1 AND id = ?2";
        self.run(move |c| Ok(c.execute(sql, [person.as_str(), id.as_str()])? == 1)).await
    }

    /// Revokes all of somebody's keys. `false` where there is nobody of that name.
    pub(crate) async fn revoke_keys(&self, person: OperatorId) -> Result<bool, PeopleError> {
        self.run(move |c| {
            super::accounts::revoke_keys(c, &person)?;
            c.prepare_cached("SELECT 1 FROM person WHERE person = ?1")?.exists([person.as_str()])
        })
        .await
    }
}
