//! People, invitations, tries.

use contract::digest::Digest;
use contract::ids::OperatorId;
use contract::people::{NewPerson, PersonView, Reach, Role, RoleChange};
use contract::time::UtcTime;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::super::oidc::Subject;
use super::super::slow::{self, Slowed, Tries, What};
use super::{PeopleError, PeopleStore};
use crate::store::columns::{count, instant, instant_or_none, json, parsed, signed, to_json};

/// What a login is held against.
#[derive(Debug)]
pub(crate) struct Account {
    /// None where there is only the provider of identities.
    pub(crate) password: Option<String>,
    /// The second factor, where it counts, and the last step that was used.
    pub(crate) totp: Option<(Vec<u8>, u64)>,
}

/// What came of a change to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Changed {
    /// It stands, and the sessions have ended.
    Done,
    /// There is no such person.
    Nobody,
    /// There would be no admin any more.
    LastAdmin,
}

impl PeopleStore {
    /// Whether nobody has an account.
    pub(crate) async fn is_empty(&self) -> Result<bool, PeopleError> {
        self.run(|c| c.query_row("SELECT NOT EXISTS (SELECT 1 FROM person)", [], |row| row.get(0))).await
    }

    /// Whether the first of all is invited for longer than until then.
    pub(crate) async fn is_first_invited(&self, until: UtcTime) -> Result<bool, PeopleError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM invitation WHERE person IS NULL AND until > ?1)";
        self.run(move |c| c.query_row(sql, [until.unix_ms()], |row| row.get(0))).await
    }

    /// Takes somebody's second factor away, and ends the sessions; `false` where there is no such person.
    pub(crate) async fn forget_second_factor(&self, person: OperatorId) -> Result<bool, PeopleError> {
        self.run(move |c| {
            c.execute("DELETE FROM session WHERE person = ?1", [person.as_str()])?;
            let sql = "UPDATE person SET totp = NULL, confirmed = 0, step = 0 WHERE person = ?1";
            Ok(c.execute(sql, [person.as_str()])? == 1)
        })
        .await
    }

    /// Keeps the invitation of the first of all, in place of the one before.
    pub(crate) async fn invite_first(&self, secret: Digest, until: UtcTime) -> Result<(), PeopleError> {
        self.run(move |c| {
            c.execute("DELETE FROM invitation WHERE person IS NULL", [])?;
            let (role, reach) = (to_json(&Role::MspAdmin)?, to_json(&Reach::Everywhere)?);
            c.execute(
                "INSERT INTO invitation VALUES (?1, NULL, ?2, ?3, NULL, ?4)",
                params![secret.to_string(), role, reach, until.unix_ms()],
            )
            .map(drop)
        })
        .await
    }

    /// Keeps an invitation of somebody, in place of the one before.
    pub(crate) async fn invite(
        &self,
        new: NewPerson,
        secret: Digest,
        until: UtcTime,
    ) -> Result<(), PeopleError> {
        self.run(move |c| {
            let NewPerson { person, role, reach, until: ends } = new;
            c.execute("DELETE FROM invitation WHERE person = ?1", [person.as_str()])?;
            c.execute(
                "INSERT INTO invitation VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    secret.to_string(),
                    person.as_str(),
                    to_json(&role)?,
                    to_json(&reach)?,
                    ends.map(UtcTime::unix_ms),
                    until.unix_ms()
                ],
            )
            .map(drop)
        })
        .await
    }

    /// Whether an invitation is good for `person`, who is not there yet where it is the first of all.
    pub(crate) async fn is_invited(
        &self,
        secret: Digest,
        person: OperatorId,
        now: UtcTime,
    ) -> Result<bool, PeopleError> {
        self.run(move |c| invited(c, &secret, &person, now).map(|found| found.is_some())).await
    }

    /// Uses an invitation up: the person has this password and no second factor from now on, and no session. `false` where it is none.
    pub(crate) async fn join(
        &self,
        secret: Digest,
        person: OperatorId,
        password: String,
        now: UtcTime,
    ) -> Result<bool, PeopleError> {
        self.run(move |c| {
            let Some(offered) = invited(c, &secret, &person, now)? else { return Ok(false) };
            begin_anew(c, &secret, &person, &password, offered).map(|()| true)
        })
        .await
    }

    /// Uses an invitation up: the person comes in as this subject from now on, and by no password. `false` where it is none.
    pub(crate) async fn bind(
        &self,
        secret: Digest,
        person: OperatorId,
        subject: Subject,
        now: UtcTime,
    ) -> Result<bool, PeopleError> {
        self.run(move |c| {
            let Some(offered) = invited(c, &secret, &person, now)? else { return Ok(false) };
            begin_anew(c, &secret, &person, "", offered)?;
            // Who was somebody else before is this person now: an admin invited them, and the provider knows them.
            let sql = "INSERT OR REPLACE INTO subject VALUES (?1, ?2)";
            c.execute(sql, params![subject.digest().to_string(), person.as_str()])?;
            Ok(true)
        })
        .await
    }

    /// Whose subject this is; nobody's where there is no such account, or it is closed or over.
    pub(crate) async fn whose(
        &self,
        subject: Subject,
        now: UtcTime,
    ) -> Result<Option<OperatorId>, PeopleError> {
        self.run(move |c| {
            let sql = "SELECT person FROM subject JOIN person USING (person)
                       WHERE subject = ?1 AND NOT disabled AND coalesce(until > ?2, 1)";
            let about = params![subject.digest().to_string(), now.unix_ms()];
            c.query_row(sql, about, |row| parsed(row, 0)).optional()
        })
        .await
    }

    /// Everybody.
    pub(crate) async fn people(&self) -> Result<Vec<PersonView>, PeopleError> {
        self.run(|c| {
            let mut all = c.prepare(
                "SELECT person, role, reach, until, disabled, confirmed,
                        (SELECT count(*) FROM api_key WHERE api_key.person = person.person AND NOT revoked)
                 FROM person ORDER BY person",
            )?;
            all.query_map([], view)?.collect()
        })
        .await
    }

    /// Gives somebody another role, and ends the sessions.
    pub(crate) async fn change_role(
        &self,
        person: OperatorId,
        to: RoleChange,
    ) -> Result<Changed, PeopleError> {
        self.run(move |c| {
            let RoleChange { role, reach, until } = to;
            let stays = role == Role::MspAdmin && until.is_none();
            change(c, &person, stays, |c| {
                c.execute(
                    "UPDATE person SET role = ?2, reach = ?3, until = ?4 WHERE person = ?1",
                    params![person.as_str(), to_json(&role)?, to_json(&reach)?, until.map(UtcTime::unix_ms)],
                )
            })
        })
        .await
    }

    /// Closes an account and ends its sessions, or opens it again.
    pub(crate) async fn disable(&self, person: OperatorId, disabled: bool) -> Result<Changed, PeopleError> {
        self.run(move |c| {
            change(c, &person, !disabled, |c| {
                if disabled {
                    revoke_keys(c, &person)?;
                }
                c.execute(
                    "UPDATE person SET disabled = ?2 WHERE person = ?1",
                    params![person.as_str(), disabled],
                )
            })
        })
        .await
    }

    /// Begins a try, which counts as failed until it is taken back; or says how long it has to wait. Answers what is to be held against it, which is
    /// nothing where there is no such account, or it is closed or over.
    pub(crate) async fn begin_try(
        &self,
        person: OperatorId,
        source: String,
        now: UtcTime,
    ) -> Result<Result<Option<Account>, Slowed>, PeopleError> {
        self.run(move |c| {
            let about = [(What::Account, person.as_str()), (What::Source, source.as_str())];
            let mut kept = Vec::new();
            for (what, name) in about {
                let tries = tries(c, what, name)?;
                if let Err(slowed) = slow::judge(what, tries, now) {
                    return Ok(Err(slowed));
                }
                kept.push((what, name, slow::begun(tries, now)));
            }
            // What is not remembered any more does not fill the table: anybody may name accounts.
            let forgotten = now.unix_ms().saturating_sub(i64::try_from(slow::FORGET_MS).unwrap_or(i64::MAX));
            c.execute("DELETE FROM tries WHERE last <= ?1", [forgotten])?;
            for (what, name, Tries { failures, last }) in kept {
                c.execute(
                    "INSERT OR REPLACE INTO tries VALUES (?1, ?2, ?3, ?4)",
                    params![what.word(), name, failures, last.unix_ms()],
                )?;
            }
            account(c, &person, now).map(Ok)
        })
        .await
    }
}

/// One of the two counts of tries.
fn tries(c: &Connection, what: What, name: &str) -> rusqlite::Result<Option<Tries>> {
    c.prepare_cached("SELECT failures, last FROM tries WHERE what = ?1 AND name = ?2")?
        .query_row([what.word(), name], |row| Ok(Tries { failures: row.get(0)?, last: instant(row, 1)? }))
        .optional()
}

/// Takes a try back that succeeded.
pub(super) fn succeeded(c: &Connection, person: &OperatorId, source: &str) -> rusqlite::Result<()> {
    c.execute("DELETE FROM tries WHERE what = 'account' AND name = ?1", [person.as_str()])?;
    let one_less =
        "UPDATE tries SET failures = failures - 1 WHERE what = 'source' AND name = ?1 AND failures > 0";
    c.execute(one_less, [source]).map(drop)
}

fn account(c: &Connection, person: &OperatorId, now: UtcTime) -> rusqlite::Result<Option<Account>> {
    let sql = "SELECT nullif(password, ''), CASE WHEN confirmed THEN totp END, step FROM person
               WHERE person = ?1 AND NOT disabled AND coalesce(until > ?2, 1)";
    let read = |row: &Row<'_>| {
        let secret: Option<Vec<u8>> = row.get(1)?;
        let step = count(row, 2)?;
        Ok(Account { password: row.get(0)?, totp: secret.map(|secret| (secret, step)) })
    };
    c.query_row(sql, params![person.as_str(), now.unix_ms()], read).optional()
}

/// Whoever found a key of an account that is begun anew, or was closed, opens nothing with it, also once it is open again.
pub(super) fn revoke_keys(c: &Connection, person: &OperatorId) -> rusqlite::Result<()> {
    c.execute("UPDATE api_key SET revoked = 1 WHERE person = ?1", [person.as_str()]).map(drop)
}

/// Role, reach and end, as they stand in an invitation.
type Offered = (String, String, Option<i64>);

fn invited(
    c: &Connection,
    secret: &Digest,
    person: &OperatorId,
    now: UtcTime,
) -> rusqlite::Result<Option<Offered>> {
    // The first invitation counts for as long as there is nobody.
    let sql = "SELECT role, reach, ends FROM invitation WHERE secret = ?1 AND until > ?3
               AND (person = ?2 OR person IS NULL AND NOT EXISTS (SELECT 1 FROM person))";
    let read = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    c.query_row(sql, params![secret.to_string(), person.as_str(), now.unix_ms()], read).optional()
}

/// Uses an invitation up: what opened the account before does so no longer.
fn begin_anew(
    c: &Connection,
    secret: &Digest,
    person: &OperatorId,
    password: &str,
    (role, reach, ends): Offered,
) -> rusqlite::Result<()> {
    c.execute("DELETE FROM invitation WHERE secret = ?1", [secret.to_string()])?;
    c.execute("DELETE FROM session WHERE person = ?1", [person.as_str()])?;
    c.execute("DELETE FROM subject WHERE person = ?1", [person.as_str()])?;
    revoke_keys(c, person)?;
    c.execute(
        "INSERT INTO person (person, role, reach, until, password) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET role = ?2, reach = ?3, until = ?4, password = ?5,
             disabled = 0, totp = NULL, confirmed = 0, step = 0",
        params![person.as_str(), role, reach, ends, password],
    )
    .map(drop)
}

fn change(
    c: &Connection,
    person: &OperatorId,
    may_be_the_last_admin: bool,
    change: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
) -> rusqlite::Result<Changed> {
    let others = "SELECT 1 FROM person WHERE person <> ?1 AND role = ?2 AND NOT disabled AND until IS NULL";
    let is_admin = "SELECT 1 FROM person WHERE person = ?1 AND role = ?2 AND NOT disabled";
    let about = [person.as_str().to_owned(), to_json(&Role::MspAdmin)?];
    let ask = |sql: &str| c.prepare_cached(sql)?.exists(rusqlite::params_from_iter(&about));
    if !may_be_the_last_admin && ask(is_admin)? && !ask(others)? {
        return Ok(Changed::LastAdmin);
    }
    if change(c)? == 0 {
        return Ok(Changed::Nobody);
    }
    c.execute("DELETE FROM session WHERE person = ?1", [person.as_str()])?;
    // An invitation that waits would undo it: it holds what the person was to be before.
    c.execute("DELETE FROM invitation WHERE person = ?1", [person.as_str()])?;
    Ok(Changed::Done)
}

fn view(row: &Row<'_>) -> rusqlite::Result<PersonView> {
    Ok(PersonView {
        person: parsed(row, 0)?,
        role: json(row, 1)?,
        reach: json(row, 2)?,
        until: instant_or_none(row, 3)?,
        disabled: row.get(4)?,
        second_factor: row.get(5)?,
        keys: row.get(6)?,
    })
}

/// A step, to be written.
pub(super) fn step(step: u64) -> rusqlite::Result<i64> {
    signed(step)
}
