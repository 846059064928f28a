//! Tenants, sites and hosts.

use contract::digest::Digest;
use contract::ids::{SiteId, TenantId, TokenId};
use contract::people::Reach;
use contract::time::UtcTime;
use identity::{Holder, Issued};
use rusqlite::{Connection, Row, params};

use super::certificates::{Kind, add_certificate, kind};
use super::columns::{count, instant, instant_or_none, parsed};
use super::{Store, StoreError};
use crate::people::Scope;
use crate::view::enrolments::{EnrolmentState, EnrolmentView};
use crate::view::tenants::{TenantSite, TenantView};

/// A host that waits for its machine.
#[derive(Debug)]
pub(crate) struct NewHost {
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    pub(crate) token: TokenId,
    pub(crate) secret: Digest,
    pub(crate) token_until: UtcTime,
    pub(crate) bootstrap: Issued,
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
    pub(crate) async fn has_tenant(&self, tenant: Scope<TenantId>) -> Result<bool, StoreError> {
        self.run(move |c| exists(c, "SELECT 1 FROM tenant WHERE tenant = ?1", &[tenant.as_str()])).await
    }

    /// Adds a site; `false` where it is there. The tenant must be.
    pub(crate) async fn add_site(
        &self,
        tenant: Scope<TenantId>,
        site: SiteId,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO site VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(move |c| Ok(c.execute(sql, params![tenant.as_str(), site.as_str(), now.unix_ms()])? == 1))
            .await
    }

    /// Whether the tenant has such a site.
    pub(crate) async fn has_site(&self, tenant: Scope<TenantId>, site: SiteId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM site WHERE tenant = ?1 AND site = ?2";
        self.run(move |c| exists(c, sql, &[tenant.as_str(), site.as_str()])).await
    }

    /// Adds a host of the tenant, its token and its bootstrap certificate. The site must be there.
    pub(crate) async fn add_host(&self, of: Scope<TenantId>, new: NewHost) -> Result<(), StoreError> {
        let NewHost { holder, origin, token, secret, token_until, bootstrap } = new;
        self.run(move |c| {
            let Holder { tenant: _, site, host } = &holder;
            c.execute(
                "INSERT INTO host (host, tenant, site, origin, token, secret, token_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                params![
                    host.as_str(),
                    of.as_str(),
                    site.as_str(),
                    origin,
                    token.as_str(),
                    secret.to_string(),
                    token_until.unix_ms()
                ],
            )?;
            add_certificate(c, Kind::Bootstrap, host, &bootstrap)
        })
        .await
    }

    /// The tenants within reach, with their sites.
    pub(crate) async fn tenants_within(&self, reach: Scope<Reach>) -> Result<Vec<TenantView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare(
                "SELECT tenant, site, (SELECT count(*) FROM host WHERE host.tenant = site.tenant AND host.site = site.site)
                 FROM tenant LEFT JOIN site USING (tenant) ORDER BY tenant, site",
            )?;
            let mut rows = all.query([])?;
            let mut tenants: Vec<TenantView> = Vec::new();
            while let Some(row) = rows.next()? {
                let tenant: TenantId = parsed(row, 0)?;
                if !reach.holds(&tenant) {
                    continue;
                }
                if tenants.last().is_none_or(|last| last.tenant != tenant) {
                    tenants.push(TenantView { tenant, sites: Vec::new() });
                }
                let named = row.get::<_, Option<String>>(1)?.is_some();
                if let Some(last) = tenants.last_mut().filter(|_| named) {
                    last.sites.push(TenantSite { site: parsed(row, 1)?, hosts: count(row, 2)? });
                }
            }
            Ok(tenants)
        })
        .await
    }

    /// Hosts of tenants within reach whose token's time was not over `listed_ms` ago, the newest first.
    pub(crate) async fn enrolments_within(
        &self,
        reach: Scope<Reach>,
        now: UtcTime,
        listed_ms: u64,
    ) -> Result<Vec<EnrolmentView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare(
                "SELECT tenant, site, host, token, token_until, device_key IS NOT NULL, seen FROM host
                 WHERE token_until > ?1 ORDER BY token_until DESC, host",
            )?;
            let since = now.unix_ms().saturating_sub(i64::try_from(listed_ms).unwrap_or(i64::MAX));
            let rows = all.query_map([since], |row| enrolment(row, now))?;
            let kept =
                rows.filter(|row| row.as_ref().is_ok_and(|row| reach.holds(&row.tenant)) || row.is_err());
            kept.collect()
        })
        .await
    }

    /// All hosts, tenant by tenant: for the hub itself.
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

impl Store {
    /// The hosts of the tenants within reach.
    pub(crate) async fn hosts_within(&self, reach: Scope<Reach>) -> Result<Vec<HostRow>, StoreError> {
        let all = self.hosts().await?;
        Ok(all.into_iter().filter(|row| reach.holds(&row.holder.tenant)).collect())
    }
}

fn enrolment(row: &Row<'_>, now: UtcTime) -> rusqlite::Result<EnrolmentView> {
    let until = instant(row, 4)?;
    let state = match row.get(5)? {
        true => EnrolmentState::Enrolled,
        false if until <= now => EnrolmentState::Over,
        false => EnrolmentState::Waits,
    };
    Ok(EnrolmentView {
        tenant: parsed(row, 0)?,
        site: parsed(row, 1)?,
        host: parsed(row, 2)?,
        token: parsed(row, 3)?,
        until,
        state,
        seen: instant_or_none(row, 6)?,
    })
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

fn exists(c: &Connection, sql: &str, values: &[&str]) -> rusqlite::Result<bool> {
    c.prepare_cached(sql)?.exists(rusqlite::params_from_iter(values))
}
