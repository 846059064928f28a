//! How far each host's log has come into each write-once store.

use contract::ids::HostId;
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Row, params};

use super::columns::{count, instant, parsed, signed};
use super::{Store, StoreError};
use crate::mirror::Subject;

/// One host's log, and one store.
#[derive(Debug, Clone)]
pub(crate) struct Archived {
    pub(crate) subject: Subject,
    /// Entries that the hub holds, verified.
    pub(crate) verified: u64,
    /// Entries in full bundles that are stored.
    pub(crate) bundled: u64,
    /// The size of the newest head that is stored.
    pub(crate) head: u64,
    /// Since when something waits.
    pub(crate) waits: Option<UtcTime>,
    /// When the store was last asked about this host.
    pub(crate) audited: UtcTime,
}

impl Store {
    /// Every enrolled host with how far its log has come into the store, host by host.
    pub(crate) async fn archived(&self, store: &'static str) -> Result<Vec<Archived>, StoreError> {
        let sql = "SELECT tenant, site, host.host, origin, evidence_key, settled,
                          coalesce(bundled, 0), coalesce(head, 0), waits, coalesce(audited, 0)
                   FROM host LEFT JOIN archived ON archived.host = host.host AND store = ?1
                   WHERE evidence_key IS NOT NULL ORDER BY tenant, site, host.host";
        self.run(move |c| c.prepare_cached(sql)?.query_map([store], row)?.collect()).await
    }

    /// Keeps how far it has come. `waits` says since when something is held that is not stored.
    pub(crate) async fn set_archived(
        &self,
        store: &'static str,
        host: HostId,
        (bundled, head): (u64, u64),
        waits: Option<UtcTime>,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO archived (store, host, bundled, head, waits) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO UPDATE SET bundled = ?3, head = ?4, waits = ?5";
        self.run(move |c| {
            let waits = waits.map(UtcTime::unix_ms);
            c.execute(sql, params![store, host.as_str(), signed(bundled)?, signed(head)?, waits]).map(drop)
        })
        .await
    }

    /// Keeps when the store was asked about the host.
    pub(crate) async fn set_audited(
        &self,
        store: &'static str,
        host: HostId,
        now: UtcTime,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO archived (store, host, audited) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET audited = ?3";
        self.run(move |c| c.execute(sql, params![store, host.as_str(), now.unix_ms()]).map(drop)).await
    }
}

fn row(row: &Row<'_>) -> rusqlite::Result<Archived> {
    let holder = Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? };
    Ok(Archived {
        subject: Subject { holder, origin: row.get(3)?, evidence_key: row.get(4)? },
        verified: count(row, 5)?,
        bundled: count(row, 6)?,
        head: count(row, 7)?,
        waits: row.get::<_, Option<i64>>(8)?.map(|_| instant(row, 8)).transpose()?,
        audited: instant(row, 9)?,
    })
}
