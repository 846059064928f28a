//! What an export of evidence tells of a tenant out of the registry: its logs, what people did, what raised alarms.

use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId};
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, Row};
use serde::Serialize;

use super::columns::{count, instant, parsed};
use super::{Store, StoreError};
use crate::people::Scope;

/// A host of the tenant, with its log where it has enrolled.
#[derive(Debug, Clone)]
pub(crate) struct HostLog {
    pub(crate) holder: Holder,
    pub(crate) origin: String,
    /// The first key of its log, as it was pinned; none where the machine never enrolled.
    pub(crate) evidence_key: Option<String>,
}

/// What people did to a tenant's registry.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Actions {
    pub(crate) tenant_added: UtcTime,
    pub(crate) sites_added: Vec<SiteAdded>,
    pub(crate) certificates: Vec<CertificateIssued>,
}

/// A site that was added.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SiteAdded {
    site: SiteId,
    time: UtcTime,
}

/// A certificate: an enrolment sheet that was made (`bootstrap`), or a machine that enrolled (`device`).
#[derive(Debug, Clone, Serialize)]
pub(crate) struct CertificateIssued {
    host: HostId,
    site: SiteId,
    kind: String,
    fingerprint: Digest,
    valid_from: UtcTime,
    valid_until: UtcTime,
    revoked: Option<UtcTime>,
}

/// What a host's evidence did that it must never do.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AlarmRaised {
    pub(crate) host: HostId,
    pub(crate) site: SiteId,
    pub(crate) kind: String,
    pub(crate) detail: String,
    pub(crate) first: UtcTime,
    pub(crate) last: UtcTime,
    pub(crate) times: u64,
}

impl Store {
    /// The tenant's hosts, in ascending order.
    pub(crate) async fn logs_of(&self, tenant: Scope<TenantId>) -> Result<Vec<HostLog>, StoreError> {
        let sql = "SELECT tenant, site, host, origin, evidence_key FROM host WHERE tenant = ?1 ORDER BY host";
        self.run(move |c| all(c, sql, &tenant, host_log)).await
    }

    /// The tenant's machines all of whose certificates are revoked, and since when.
    pub(crate) async fn retired(
        &self,
        tenant: Scope<TenantId>,
    ) -> Result<Vec<(HostId, UtcTime)>, StoreError> {
        let sql = "SELECT host, max(revoked) FROM host JOIN certificate USING (host) WHERE tenant = ?1 AND kind = 'device'
                   GROUP BY host HAVING min(revoked IS NOT NULL)";
        self.run(move |c| all(c, sql, &tenant, |row| Ok((parsed(row, 0)?, instant(row, 1)?)))).await
    }

    /// When the tenant's machines enrolled: their first device certificate's beginning.
    pub(crate) async fn enrolled_at(&self, host: Scope<HostId>) -> Result<Option<UtcTime>, StoreError> {
        let sql = "SELECT min(valid_from) FROM certificate WHERE host = ?1 AND kind = 'device'";
        self.run(move |c| {
            c.query_row(sql, [host.as_str()], |row| {
                row.get::<_, Option<i64>>(0)?.map(|_| instant(row, 0)).transpose()
            })
        })
        .await
    }

    /// What people did to the tenant's registry. The tenant must be there.
    pub(crate) async fn actions(&self, tenant: Scope<TenantId>) -> Result<Actions, StoreError> {
        self.run(move |c| {
            let added = "SELECT created FROM tenant WHERE tenant = ?1";
            let sites = "SELECT site, created FROM site WHERE tenant = ?1 ORDER BY created, site";
            let certificates = "SELECT host, site, kind, fingerprint, valid_from, valid_until, revoked
                 FROM certificate JOIN host USING (host) WHERE tenant = ?1 ORDER BY certificate.rowid";
            Ok(Actions {
                tenant_added: c.query_row(added, [tenant.as_str()], |row| instant(row, 0))?,
                sites_added: all(c, sites, &tenant, |row| {
                    Ok(SiteAdded { site: parsed(row, 0)?, time: instant(row, 1)? })
                })?,
                certificates: all(c, certificates, &tenant, certificate)?,
            })
        })
        .await
    }

    /// The alarms of the tenant's hosts.
    pub(crate) async fn alarms_of(&self, tenant: Scope<TenantId>) -> Result<Vec<AlarmRaised>, StoreError> {
        let sql = "SELECT host, site, kind, detail, first, last, times
                   FROM alarm JOIN host USING (host) WHERE tenant = ?1 ORDER BY id";
        self.run(move |c| all(c, sql, &tenant, alarm)).await
    }
}

fn all<T>(
    c: &Connection,
    sql: &str,
    tenant: &TenantId,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    c.prepare_cached(sql)?.query_map([tenant.as_str()], read)?.collect()
}

fn host_log(row: &Row<'_>) -> rusqlite::Result<HostLog> {
    let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
    Ok(HostLog { holder, origin: row.get(3)?, evidence_key: row.get(4)? })
}

fn certificate(row: &Row<'_>) -> rusqlite::Result<CertificateIssued> {
    Ok(CertificateIssued {
        host: parsed(row, 0)?,
        site: parsed(row, 1)?,
        kind: row.get(2)?,
        fingerprint: parsed(row, 3)?,
        valid_from: instant(row, 4)?,
        valid_until: instant(row, 5)?,
        revoked: row.get::<_, Option<i64>>(6)?.map(|_| instant(row, 6)).transpose()?,
    })
}

fn alarm(row: &Row<'_>) -> rusqlite::Result<AlarmRaised> {
    Ok(AlarmRaised {
        host: parsed(row, 0)?,
        site: parsed(row, 1)?,
        kind: row.get(2)?,
        detail: row.get(3)?,
        first: instant(row, 4)?,
        last: instant(row, 5)?,
        times: count(row, 6)?,
    })
}
