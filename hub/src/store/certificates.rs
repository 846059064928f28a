//! Certificates: who may come in, as what, and who may not any more.

use contract::digest::Digest;
use contract::ids::{HostId, TenantId, TokenId};
use contract::people::Reach;
use contract::time::UtcTime;
use identity::{Holder, Issued, Validity};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{instant, parsed};
use super::{Store, StoreError};
use crate::people::Scope;

/// Two requests of one host within this time are noted once: a note costs a sync of the disk.
const SEEN_MS: u64 = 60_000;

/// What a certificate is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One enrolment.
    Bootstrap,
    /// Everything else on the device plane.
    Device,
}

impl Kind {
    const fn word(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Device => "device",
        }
    }
}

/// A certificate that this hub issued, and whose it is.
#[derive(Debug, Clone)]
pub(crate) struct Registered {
    pub(crate) kind: Kind,
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    pub(crate) validity: Validity,
    pub(crate) revoked: bool,
    /// The key of the host's evidence log, pinned at enrolment.
    pub(crate) evidence_key: Option<String>,
    /// Whether something runs there that nothing explains and nobody approved.
    pub(crate) quarantined: bool,
}

/// What came of a request to enrol.
#[derive(Debug)]
pub(crate) enum Enrolling {
    /// The certificate, in PEM: a new one, or the one that this key was given before.
    Granted(String),
    /// No such token, another certificate's token, or the wrong secret. Which, is nobody's business.
    NoSuchToken,
    /// The token was not used in time.
    TooLate,
    /// The token was used for another key.
    Used,
    /// The certificate of this key was revoked.
    Revoked,
}

/// What came of a request to renew.
#[derive(Debug)]
pub(crate) enum Renewal {
    /// The certificate, in PEM: a new one, or the newest where that is not due itself.
    Granted(String),
    /// The machine was enrolled with another key.
    OtherKey,
    /// A certificate of this machine was revoked.
    Revoked,
}

impl Store {
    /// Whose certificate this is, and that its host was heard of.
    pub(crate) async fn whose(
        &self,
        fingerprint: Digest,
        now: UtcTime,
    ) -> Result<Option<Registered>, StoreError> {
        self.run(move |c| {
            let found = c
                .prepare_cached(
                    "SELECT kind, tenant, site, host, origin, valid_from, valid_until, revoked IS NOT NULL, evidence_key,
                            coalesce((SELECT since <= ?2 FROM quarantine WHERE quarantine.host = host.host), 0), seen
                     FROM certificate JOIN host USING (host) WHERE fingerprint = ?1",
                )?
                .query_row(params![fingerprint.to_string(), now.unix_ms()], |row| {
                    Ok((registered(row)?, row.get::<_, Option<i64>>(10)?))
                })
                .optional()?;
            let Some((registered, seen)) = found else { return Ok(None) };
            let fresh = seen.is_some_and(|seen| now.unix_ms().abs_diff(seen) < SEEN_MS);
            // Whoever is turned away for its time, or comes to enrol, is not heard of: nobody looked at that machine.
            let is_heard = registered.kind == Kind::Device && registered.validity.holds(now);
            if !fresh && is_heard && !registered.revoked {
                c.prepare_cached("UPDATE host SET seen = ?2 WHERE host = ?1")?
                    .execute(params![registered.holder.host.as_str(), now.unix_ms()])?;
            }
            Ok(Some(registered))
        })
        .await
    }

    /// Uses a token for the device's key, or answers what it was used for. `fresh` and the time count only on the first use.
    pub(crate) async fn enrol(
        &self,
        host: HostId,
        token: TokenId,
        secret: Digest,
        keys: (Digest, String),
        fresh: Issued,
        now: UtcTime,
    ) -> Result<Enrolling, StoreError> {
        self.run(move |c| {
            let found = c
                .query_row(
                    "SELECT secret, device_key, evidence_key, token_until FROM host WHERE host = ?1 AND token = ?2",
                    [host.as_str(), token.as_str()],
                    |row| Ok((parsed::<Digest>(row, 0)?, row.get(1)?, row.get(2)?, instant(row, 3)?)),
                )
                .optional()?;
            let Some((expected, device_key, evidence_key, until)) = found else { return Ok(Enrolling::NoSuchToken) };
            if expected != secret {
                return Ok(Enrolling::NoSuchToken);
            }
            match (device_key, evidence_key) {
                (None::<String>, None::<String>) if now > until => Ok(Enrolling::TooLate),
                (None, None) => first_use(c, &host, &keys, &fresh),
                (Some(device), Some(evidence)) if device == keys.0.to_string() && evidence == keys.1 => {
                    again(c, &host)
                }
                _ => Ok(Enrolling::Used),
            }
        })
        .await
    }

    /// Gives the host that was enrolled with `device_key` a certificate that is not due for renewal `now`: its newest, or `fresh`. So a machine that
    /// asks again and again does not fill the table.
    pub(crate) async fn renew(
        &self,
        host: HostId,
        device_key: Digest,
        fresh: Issued,
        now: UtcTime,
    ) -> Result<Renewal, StoreError> {
        self.run(move |c| {
            let known = "SELECT 1 FROM host WHERE host = ?1 AND device_key = ?2";
            if !c.prepare_cached(known)?.exists([host.as_str(), device_key.to_string().as_str()])? {
                return Ok(Renewal::OtherKey);
            }
            let revoked =
                "SELECT 1 FROM certificate WHERE host = ?1 AND kind = 'device' AND revoked IS NOT NULL";
            if c.prepare_cached(revoked)?.exists([host.as_str()])? {
                return Ok(Renewal::Revoked);
            }
            let newest = c
                .prepare_cached(
                    "SELECT pem, valid_from, valid_until FROM certificate WHERE host = ?1 AND kind = 'device' ORDER BY rowid DESC LIMIT 1",
                )?
                .query_row([host.as_str()], |row| {
                    Ok((row.get(0)?, Validity { from: instant(row, 1)?, until: instant(row, 2)? }))
                })
                .optional()?;
            match newest {
                Some((pem, validity)) if validity.holds(now) && now < validity.due() => Ok(Renewal::Granted(pem)),
                _ => {
                    add_certificate(c, Kind::Device, &host, &fresh)?;
                    Ok(Renewal::Granted(fresh.certificate_pem))
                }
            }
        })
        .await
    }

    /// The certificates that were revoked and would still be good, in PEM, and since when.
    pub(crate) async fn revoked(&self, now: UtcTime) -> Result<Vec<(String, UtcTime)>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT pem, revoked FROM certificate WHERE revoked IS NOT NULL AND valid_until >= ?1",
            )?;
            let rows = all.query_map([now.unix_ms()], |row| Ok((row.get(0)?, instant(row, 1)?)))?;
            rows.collect()
        })
        .await
    }

    /// Every certificate of a host, by its fingerprint.
    pub(crate) async fn fingerprints_of(&self, host: HostId) -> Result<Vec<Digest>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare("SELECT fingerprint FROM certificate WHERE host = ?1 ORDER BY rowid")?;
            all.query_map([host.as_str()], |row| parsed(row, 0))?.collect()
        })
        .await
    }

    /// Revokes a certificate of a tenant within reach and says whose it was, and which are revoked with it; `None` where there is none such. Doing it again changes nothing. A device's goes with all others
    /// of that device: they are over one key, and an older one would be good for another.
    pub(crate) async fn revoke(
        &self,
        reach: Scope<Reach>,
        fingerprint: Digest,
        now: UtcTime,
    ) -> Result<Option<(HostId, Vec<Digest>)>, StoreError> {
        self.run(move |c| {
            let whose =
                "SELECT host, kind, tenant FROM certificate JOIN host USING (host) WHERE fingerprint = ?1";
            let found = c
                .query_row(whose, [fingerprint.to_string()], |row| {
                    Ok((parsed::<HostId>(row, 0)?, kind(row, 1)?, parsed::<TenantId>(row, 2)?))
                })
                .optional()?;
            let Some((host, kind, tenant)) = found else { return Ok(None) };
            if !reach.holds(&tenant) {
                return Ok(None);
            }
            c.execute(
                "UPDATE certificate SET revoked = coalesce(revoked, ?3) WHERE host = ?1 AND kind = ?2",
                params![host.as_str(), kind.word(), now.unix_ms()],
            )?;
            let mut all =
                c.prepare_cached("SELECT fingerprint FROM certificate WHERE host = ?1 AND kind = ?2")?;
            let revoked = all.query_map([host.as_str(), kind.word()], |row| parsed(row, 0))?;
            let revoked = revoked.collect::<rusqlite::Result<_>>()?;
            Ok(Some((host, revoked)))
        })
        .await
    }
}

/// The table itself allows these two words only.
pub(super) fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    let device = row.get_ref(column)?.as_str()? == Kind::Device.word();
    Ok(if device { Kind::Device } else { Kind::Bootstrap })
}

fn registered(row: &Row<'_>) -> rusqlite::Result<Registered> {
    Ok(Registered {
        kind: kind(row, 0)?,
        holder: Holder { tenant: parsed(row, 1)?, site: parsed(row, 2)?, host: parsed(row, 3)? },
        origin: row.get(4)?,
        validity: Validity { from: instant(row, 5)?, until: instant(row, 6)? },
        revoked: row.get(7)?,
        evidence_key: row.get(8)?,
        quarantined: row.get(9)?,
    })
}

pub(super) fn add_certificate(
    c: &Connection,
    kind: Kind,
    host: &HostId,
    issued: &Issued,
) -> rusqlite::Result<()> {
    let Issued { certificate_pem, fingerprint, validity } = issued;
    c.execute(
        "INSERT INTO certificate VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
        params![
            fingerprint.to_string(),
            kind.word(),
            host.as_str(),
            certificate_pem,
            validity.from.unix_ms(),
            validity.until.unix_ms()
        ],
    )?;
    Ok(())
}

fn first_use(
    c: &Connection,
    host: &HostId,
    keys: &(Digest, String),
    fresh: &Issued,
) -> rusqlite::Result<Enrolling> {
    let sql = "UPDATE host SET device_key = ?2, evidence_key = ?3 WHERE host = ?1";
    c.execute(sql, params![host.as_str(), keys.0.to_string(), keys.1])?;
    add_certificate(c, Kind::Device, host, fresh)?;
    Ok(Enrolling::Granted(fresh.certificate_pem.clone()))
}

/// The same key asks again: the first answer was lost.
fn again(c: &Connection, host: &HostId) -> rusqlite::Result<Enrolling> {
    c.query_row(
        "SELECT pem, revoked IS NOT NULL FROM certificate WHERE host = ?1 AND kind = 'device' ORDER BY rowid DESC LIMIT 1",
        [host.as_str()],
        |row| Ok(if row.get(1)? { Enrolling::Revoked } else { Enrolling::Granted(row.get(0)?) }),
    )
}
