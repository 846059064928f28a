//! Sessions and second factors; and who somebody is by what they present.

use contract::digest::Digest;
use contract::ids::OperatorId;
use contract::time::UtcTime;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::identity::Identity;
use super::super::{Secret, Sort, terms, totp};
use super::accounts::{step, succeeded};
use super::{PeopleError, PeopleStore};
use crate::store::columns::{count, instant, instant_or_none, json, parsed};

/// Two uses of a session within this time are noted once: a note costs a sync of the disk.
const SEEN_MS: u64 = 60_000;

/// Whether looking a session up is a use of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    Noted,
    None,
}

impl PeopleStore {
    /// Opens a session for somebody who came in from `source`; with the step of the code that was used. `false` where that was used meanwhile, or the
    /// account was closed.
    pub(crate) async fn open_session(
        &self,
        person: OperatorId,
        source: String,
        used: Option<u64>,
        secret: Digest,
        now: UtcTime,
    ) -> Result<bool, PeopleError> {
        self.run(move |c| {
            let used = used.map(step).transpose()?;
            let open = "UPDATE person SET step = coalesce(?2, step)
                        WHERE person = ?1 AND NOT disabled AND coalesce(?2 > step, 1)";
            if c.execute(open, params![person.as_str(), used])? == 0 {
                return Ok(false);
            }
            succeeded(c, &person, &source)?;
            let over = now.unix_ms().saturating_sub(i64::try_from(terms::SESSION_MS).unwrap_or(i64::MAX));
            c.execute("DELETE FROM session WHERE begun <= ?1", [over])?;
            c.execute(
                "INSERT INTO session VALUES (?1, ?2, ?3, ?3)",
                params![secret.to_string(), person.as_str(), now.unix_ms()],
            )?;
            Ok(true)
        })
        .await
    }

    /// Ends one session.
    pub(crate) async fn end_session(&self, secret: Digest) -> Result<(), PeopleError> {
        self.run(move |c| c.execute("DELETE FROM session WHERE secret = ?1", [secret.to_string()]).map(drop))
            .await
    }

    /// Who presents this; nobody where it is not there, has ended, was revoked, or its owner's account is closed or over.
    pub(crate) async fn who(
        &self,
        presented: &Secret,
        now: UtcTime,
    ) -> Result<Option<Identity>, PeopleError> {
        self.look_up(presented, now, Use::Noted).await
    }

    /// Who presented this before, and still is it. It is not used by that: a session that only waits ends as one that nobody uses.
    pub(crate) async fn still(
        &self,
        presented: &Secret,
        now: UtcTime,
    ) -> Result<Option<Identity>, PeopleError> {
        self.look_up(presented, now, Use::None).await
    }

    async fn look_up(
        &self,
        presented: &Secret,
        now: UtcTime,
        used: Use,
    ) -> Result<Option<Identity>, PeopleError> {
        let (sort, secret) = (presented.sort(), presented.digest());
        self.run(move |c| match sort {
            Sort::Session => by_session(c, &secret, now, used),
            Sort::Key => by_key(c, &secret, now),
            Sort::Invitation => Ok(None),
        })
        .await
    }

    /// Keeps a second factor that does not count yet. `false` where one counts already.
    pub(crate) async fn begin_totp(&self, person: OperatorId, secret: Vec<u8>) -> Result<bool, PeopleError> {
        let sql = "UPDATE person SET totp = ?2 WHERE person = ?1 AND NOT confirmed";
        self.run(move |c| Ok(c.execute(sql, params![person.as_str(), secret])? == 1)).await
    }

    /// Has it count, once a code from it was seen. `false` where the code is not from it.
    pub(crate) async fn confirm_totp(
        &self,
        person: OperatorId,
        code: String,
        now: UtcTime,
    ) -> Result<bool, PeopleError> {
        self.run(move |c| {
            let kept =
                "SELECT totp, step FROM person WHERE person = ?1 AND totp IS NOT NULL AND NOT confirmed";
            let read = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, count(row, 1)?));
            let Some((secret, used)) = c.query_row(kept, [person.as_str()], read).optional()? else {
                return Ok(false);
            };
            let Some(used) = totp::step_of(&secret, &code, now, used) else { return Ok(false) };
            let sql = "UPDATE person SET confirmed = 1, step = ?2 WHERE person = ?1";
            c.execute(sql, params![person.as_str(), step(used)?]).map(|_| true)
        })
        .await
    }
}

const OWNER: &str = "person, person.role, person.reach, person.until";
const OPEN: &str = "NOT person.disabled AND coalesce(person.until > ?2, 1)";

fn owner(row: &Row<'_>) -> rusqlite::Result<Identity> {
    Ok(Identity {
        person: parsed(row, 0)?,
        role: json(row, 1)?,
        reach: json(row, 2)?,
        until: instant_or_none(row, 3)?,
        key: None,
    })
}

fn by_session(
    c: &Connection,
    secret: &Digest,
    now: UtcTime,
    used: Use,
) -> rusqlite::Result<Option<Identity>> {
    let sql = format!(
        "SELECT {OWNER}, begun, seen FROM session JOIN person USING (person) WHERE secret = ?1 AND {OPEN}"
    );
    let found = c
        .prepare_cached(&sql)?
        .query_row(params![secret.to_string(), now.unix_ms()], |row| {
            Ok((owner(row)?, instant(row, 4)?, instant(row, 5)?))
        })
        .optional()?;
    let Some((identity, begun, seen)) = found else { return Ok(None) };
    if now >= terms::session_ends(begun, seen) {
        c.execute("DELETE FROM session WHERE secret = ?1", [secret.to_string()])?;
        return Ok(None);
    }
    if used == Use::Noted && now.ms_since(seen) >= SEEN_MS {
        c.prepare_cached("UPDATE session SET seen = ?2 WHERE secret = ?1")?
            .execute(params![secret.to_string(), now.unix_ms()])?;
    }
    Ok(Some(identity))
}

fn by_key(c: &Connection, secret: &Digest, now: UtcTime) -> rusqlite::Result<Option<Identity>> {
    let sql = format!(
        "SELECT {OWNER}, id, api_key.reach, rights FROM api_key JOIN person USING (person)
         WHERE (secret = ?1 OR previous = ?1 AND previous_until > ?2)
           AND NOT revoked AND api_key.until > ?2 AND {OPEN}"
    );
    c.prepare_cached(&sql)?
        .query_row(params![secret.to_string(), now.unix_ms()], |row| {
            let owner = owner(row)?;
            let key = (parsed(row, 4)?, json(row, 6)?);
            Ok(Identity { reach: owner.reach.within(&json(row, 5)?), key: Some(key), ..owner })
        })
        .optional()
}
