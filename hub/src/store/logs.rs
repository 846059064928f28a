//! Logs by their origins.

use contract::ids::TenantId;
use contract::people::Reach;
use identity::Holder;
use rusqlite::OptionalExtension as _;

use super::columns::parsed;
use super::{Store, StoreError};
use crate::mirror::Subject;
use crate::people::Scope;

impl Store {
    /// Whether this origin is that of a log of a tenant within reach.
    pub(crate) async fn has_log(&self, reach: Scope<Reach>, origin: String) -> Result<bool, StoreError> {
        let sql = "SELECT tenant FROM host WHERE origin = ?1";
        self.run(move |c| {
            let tenant = c.query_row(sql, [origin], |row| parsed::<TenantId>(row, 0)).optional()?;
            Ok(tenant.is_some_and(|tenant| reach.holds(&tenant)))
        })
        .await
    }

    /// Whose log this origin names, with the key that was pinned for it; none where it is no enrolled host's.
    pub(crate) async fn log_of(&self, origin: String) -> Result<Option<Subject>, StoreError> {
        let sql = "SELECT tenant, site, host, origin, evidence_key FROM host
                   WHERE origin = ?1 AND evidence_key IS NOT NULL";
        self.run(move |c| c.query_row(sql, [origin], subject).optional()).await
    }
}

impl Store {
    /// The log of a host, with the key that was pinned for it; none where it never enrolled.
    pub(crate) async fn log_within(&self, of: Scope<Holder>) -> Result<Option<Subject>, StoreError> {
        let sql = "SELECT tenant, site, host, origin, evidence_key FROM host
                   WHERE tenant = ?1 AND host = ?2 AND evidence_key IS NOT NULL";
        self.run(move |c| c.query_row(sql, [of.tenant.as_str(), of.host.as_str()], subject).optional()).await
    }
}

/// Tenant, site, host, origin and the pinned key.
pub(super) fn subject(row: &rusqlite::Row<'_>) -> rusqlite::Result<Subject> {
    let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
    Ok(Subject { holder, origin: row.get(3)?, evidence_key: row.get(4)? })
}
