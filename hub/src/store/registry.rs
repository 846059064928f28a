//! Tenants, sites, hosts and certificates: who is who, and who may still come in.

use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId, TokenId};
use contract::time::UtcTime;
use identity::{Holder, Issued, Validity};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{count, instant, parsed};
use super::{Store, StoreError};

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
}

/// A host that waits for its machine.
#[derive(Debug)]
pub(crate) struct NewHost {
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    pub(crate) token: TokenId,
    pub(crate) secret: Digest,
    pub(crate) bootstrap: Issued,
}

/// What came of a request to enrol.
#[derive(Debug)]
pub(crate) enum Enrolling {
    /// The certificate, in PEM: a new one, or the one that this key was given before.
    Certified(String),
    /// No such token, another certificate's token, or the wrong secret. Which, is nobody's business.
    NoSuchToken,
    /// The token was used for another key.
    Used,
    /// The certificate of this key was revoked.
    Revoked,
}

/// A host with its newest device certificate, for the operator.
#[derive(Debug)]
pub(crate) struct HostRow {
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    pub(crate) seen: Option<UtcTime>,
    pub(crate) settled: u64,
    pub(crate) alarms: u64,
    pub(crate) certificate: Option<CertificateRow>,
}

/// A certificate, for the operator.
#[derive(Debug)]
pub(crate) struct CertificateRow {
    pub(crate) fingerprint: Digest,
    pub(crate) kind: Kind,
    pub(crate) expires: UtcTime,
    pub(crate) revoked: bool,
}

impl Store {
    /// Adds a tenant; `false` where it is there.
    pub(crate) async fn add_tenant(&self, tenant: TenantId, now: UtcTime) -> Result<bool, StoreError> {
        let sql = "INSERT INTO tenant VALUES (?1, ?2) ON CONFLICT DO NOTHING";
        self.run(move |c| Ok(c.execute(sql, params![tenant.as_str(), now.unix_ms()])? == 1)).await
    }

    /// Whether there is such a tenant.
    pub(crate) async fn has_tenant(&self, tenant: TenantId) -> Result<bool, StoreError> {
        self.run(move |c| exists(c, "SELECT 1 FROM tenant WHERE tenant = ?1", &[tenant.as_str()])).await
    }

    /// Adds a site; `false` where it is there. The tenant must be.
    pub(crate) async fn add_site(
        &self,
        tenant: TenantId,
        site: SiteId,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO site VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(move |c| Ok(c.execute(sql, params![tenant.as_str(), site.as_str(), now.unix_ms()])? == 1))
            .await
    }

    /// Whether the tenant has such a site.
    pub(crate) async fn has_site(&self, tenant: TenantId, site: SiteId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM site WHERE tenant = ?1 AND site = ?2";
        self.run(move |c| exists(c, sql, &[tenant.as_str(), site.as_str()])).await
    }

    /// Adds a host, its token and its bootstrap certificate. The site must be there.
    pub(crate) async fn add_host(&self, new: NewHost) -> Result<(), StoreError> {
        let NewHost { holder, origin, token, secret, bootstrap } = new;
        self.run(move |c| {
            let Holder { tenant, site, host } = &holder;
            c.execute(
                "INSERT INTO host (host, tenant, site, origin, token, secret) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![host.as_str(), tenant.as_str(), site.as_str(), origin, token.as_str(), secret.to_string()],
            )?;
            add_certificate(c, "bootstrap", host, &bootstrap)
        })
        .await
    }

    /// Whose certificate this is, and that its host was heard of.
    pub(crate) async fn whose(
        &self,
        fingerprint: Digest,
        now: UtcTime,
    ) -> Result<Option<Registered>, StoreError> {
        self.run(move |c| {
            let found = c
                .prepare_cached(
                    "SELECT kind, tenant, site, host, origin, valid_from, valid_until, revoked IS NOT NULL, evidence_key, seen
                     FROM certificate JOIN host USING (host) WHERE fingerprint = ?1",
                )?
                .query_row([fingerprint.to_string()], |row| Ok((registered(row)?, row.get::<_, Option<i64>>(9)?)))
                .optional()?;
            let Some((registered, seen)) = found else { return Ok(None) };
            let fresh = seen.is_some_and(|seen| now.unix_ms().abs_diff(seen) < SEEN_MS);
            if !fresh && !registered.revoked {
                c.prepare_cached("UPDATE host SET seen = ?2 WHERE host = ?1")?
                    .execute(params![registered.holder.host.as_str(), now.unix_ms()])?;
            }
            Ok(Some(registered))
        })
        .await
    }

    /// Uses a token for `device_key`, or answers what it was used for. `certify` is only asked for a new certificate.
    pub(crate) async fn enrol(
        &self,
        host: HostId,
        token: TokenId,
        secret: Digest,
        keys: (Digest, String),
        fresh: Issued,
    ) -> Result<Enrolling, StoreError> {
        self.run(move |c| {
            let found = c
                .query_row(
                    "SELECT secret, device_key, evidence_key FROM host WHERE host = ?1 AND token = ?2",
                    [host.as_str(), token.as_str()],
                    |row| Ok((parsed::<Digest>(row, 0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()?;
            let Some((expected, device_key, evidence_key)) = found else { return Ok(Enrolling::NoSuchToken) };
            if expected != secret {
                return Ok(Enrolling::NoSuchToken);
            }
            match (device_key, evidence_key) {
                (None::<String>, None::<String>) => first_use(c, &host, &keys, &fresh),
                (Some(device), Some(evidence)) if device == keys.0.to_string() && evidence == keys.1 => {
                    again(c, &host)
                }
                _ => Ok(Enrolling::Used),
            }
        })
        .await
    }

    /// Revokes a certificate and says whose it was; `None` where there is none such. Doing it again changes nothing.
    pub(crate) async fn revoke(
        &self,
        fingerprint: Digest,
        now: UtcTime,
    ) -> Result<Option<HostId>, StoreError> {
        self.run(move |c| {
            c.query_row(
                "UPDATE certificate SET revoked = coalesce(revoked, ?2) WHERE fingerprint = ?1 RETURNING host",
                params![fingerprint.to_string(), now.unix_ms()],
                |row| parsed(row, 0),
            )
            .optional()
        })
        .await
    }

    /// All hosts, tenant by tenant.
    pub(crate) async fn hosts(&self) -> Result<Vec<HostRow>, StoreError> {
        self.run(|c| {
            let mut all = c.prepare(
                "SELECT tenant, site, host, origin, seen, settled,
                        (SELECT count(*) FROM alarm WHERE alarm.host = host.host),
                        fingerprint, kind, valid_until, revoked IS NOT NULL
                 FROM host LEFT JOIN certificate USING (host)
                 WHERE fingerprint IS NULL OR certificate.rowid =
                       (SELECT max(rowid) FROM certificate AS other WHERE other.host = host.host)
                 ORDER BY tenant, site, host",
            )?;
            let rows = all.query_map([], host_row)?;
            rows.collect()
        })
        .await
    }
}

fn host_row(row: &Row<'_>) -> rusqlite::Result<HostRow> {
    let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
    let seen = row.get::<_, Option<i64>>(4)?.map(|_| instant(row, 4)).transpose()?;
    let certificate = match row.get::<_, Option<String>>(7)? {
        Some(_) => Some(CertificateRow {
            fingerprint: parsed(row, 7)?,
            kind: kind(row, 8)?,
            expires: instant(row, 9)?,
            revoked: row.get(10)?,
        }),
        None => None,
    };
    Ok(HostRow {
        holder,
        origin: row.get(3)?,
        seen,
        settled: count(row, 5)?,
        alarms: count(row, 6)?,
        certificate,
    })
}

/// The table itself allows these two words only.
fn kind(row: &Row<'_>, column: usize) -> rusqlite::Result<Kind> {
    Ok(if row.get_ref(column)?.as_str()? == "device" { Kind::Device } else { Kind::Bootstrap })
}

fn registered(row: &Row<'_>) -> rusqlite::Result<Registered> {
    Ok(Registered {
        kind: kind(row, 0)?,
        holder: Holder { tenant: parsed(row, 1)?, site: parsed(row, 2)?, host: parsed(row, 3)? },
        origin: row.get(4)?,
        validity: Validity { from: instant(row, 5)?, until: instant(row, 6)? },
        revoked: row.get(7)?,
        evidence_key: row.get(8)?,
    })
}

fn exists(c: &Connection, sql: &str, values: &[&str]) -> rusqlite::Result<bool> {
    c.prepare_cached(sql)?.exists(rusqlite::params_from_iter(values))
}

fn add_certificate(c: &Connection, kind: &str, host: &HostId, issued: &Issued) -> rusqlite::Result<()> {
    let Issued { certificate_pem, fingerprint, validity } = issued;
    c.execute(
        "INSERT INTO certificate VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)",
        params![
            fingerprint.to_string(),
            kind,
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
    add_certificate(c, "device", host, fresh)?;
    Ok(Enrolling::Certified(fresh.certificate_pem.clone()))
}

/// The same key asks again: the first answer was lost.
fn again(c: &Connection, host: &HostId) -> rusqlite::Result<Enrolling> {
    c.query_row(
        "SELECT pem, revoked IS NOT NULL FROM certificate WHERE host = ?1 AND kind = 'device' ORDER BY rowid DESC LIMIT 1",
        [host.as_str()],
        |row| Ok(if row.get(1)? { Enrolling::Revoked } else { Enrolling::Certified(row.get(0)?) }),
    )
}
