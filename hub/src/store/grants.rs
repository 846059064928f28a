//! Standing orders: counted, and withheld where an operator says so. And break-glass grants on their way to a host.

use contract::blob::Blob;
use contract::ids::{HostId, TenantId};
use contract::plane::GrantWaiting;
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{count, parsed, signed};
use super::{Store, StoreError};
use crate::people::Scope;

/// The most break-glass grants that wait for one host: a person's, and a second try.
const GLASS_MAX: u64 = 8;
/// A grant lasts for four hours at most: one that is older is of no use.
const GLASS_AGE_MAX_MS: i64 = 4 * 60 * 60 * 1000;

impl Store {
    /// The host of a tenant, with its site.
    pub(crate) async fn holder(
        &self,
        tenant: Scope<TenantId>,
        host: HostId,
    ) -> Result<Option<Scope<Holder>>, StoreError> {
        self.run(move |c| {
            c.prepare_cached("SELECT site FROM host WHERE tenant = ?1 AND host = ?2")?
                .query_row([tenant.as_str(), host.as_str()], |row| parsed(row, 0))
                .optional()
                .map(|site| site.map(|site| tenant.holding(Holder { tenant: (*tenant).clone(), site, host })))
        })
        .await
    }

    /// Withholds standing orders from a host or a whole tenant, or no longer does.
    pub(crate) async fn withhold(
        &self,
        tenant: Scope<TenantId>,
        host: Option<HostId>,
        withheld: bool,
        now: UtcTime,
    ) -> Result<(), StoreError> {
        let sql = if withheld {
            "INSERT INTO withheld (tenant, host, since) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM withheld WHERE tenant = ?1 AND host = ?2 AND ?3 IS NOT NULL"
        };
        self.run(move |c| {
            let host = host.as_ref().map_or("", HostId::as_str);
            c.execute(sql, params![tenant.as_str(), host, now.unix_ms()]).map(drop)
        })
        .await
    }

    /// Whether standing orders are withheld from this host, by itself or with its tenant.
    pub(crate) async fn is_withheld(&self, holder: Holder) -> Result<bool, StoreError> {
        self.run(move |c| is_withheld(c, &holder)).await
    }

    /// Has a standing order written under the next counter of the host. `write` is told whether it is withheld.
    pub(crate) async fn standing<T, F>(&self, holder: Holder, now: UtcTime, write: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(bool, u64) -> T + Send + 'static,
    {
        self.run(move |c| {
            let host = holder.host.as_str();
            let last = c
                .prepare_cached("SELECT counter FROM standing WHERE host = ?1")?
                .query_row([host], |row| count(row, 0))
                .optional()?
                .unwrap_or(0);
            // As for orders: a hub that was restored from an old backup still counts above what it signed since.
            let counter = (last + 1).max(now.unix_ms().unsigned_abs());
            c.prepare_cached("INSERT OR REPLACE INTO standing (host, counter) VALUES (?1, ?2)")?
                .execute(params![host, signed(counter)?])?;
            Ok(write(is_withheld(c, &holder)?, counter))
        })
        .await
    }

    /// Keeps a break-glass grant until its host answers it; `false` where too many wait.
    pub(crate) async fn add_glass(
        &self,
        to: Scope<Holder>,
        envelope: Vec<u8>,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            let host = &to.host;
            if glass(c, host, now)?.len() as u64 >= GLASS_MAX {
                return Ok(false);
            }
            c.execute(
                "INSERT INTO glass (host, came, envelope) VALUES (?1, ?2, ?3)",
                params![host.as_str(), now.unix_ms(), envelope],
            )?;
            Ok(true)
        })
        .await
    }

    /// The grants that the host has not answered.
    pub(crate) async fn glass(&self, host: HostId, now: UtcTime) -> Result<Vec<GrantWaiting>, StoreError> {
        self.run(move |c| glass(c, &host, now)).await
    }

    /// Keeps what a host said to a grant; `false` where it has none such.
    pub(crate) async fn answer_glass(
        &self,
        host: HostId,
        number: u64,
        answer: String,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE glass SET answered = coalesce(answered, ?3) WHERE host = ?1 AND number = ?2";
        self.run(move |c| {
            let Ok(number) = i64::try_from(number) else { return Ok(false) };
            Ok(c.execute(sql, params![host.as_str(), number, answer])? == 1)
        })
        .await
    }
}

fn is_withheld(c: &Connection, holder: &Holder) -> rusqlite::Result<bool> {
    c.prepare_cached("SELECT 1 FROM withheld WHERE tenant = ?1 AND host IN ('', ?2)")?
        .exists([holder.tenant.as_str(), holder.host.as_str()])
}

fn glass(c: &Connection, host: &HostId, now: UtcTime) -> rusqlite::Result<Vec<GrantWaiting>> {
    let mut all = c.prepare_cached(
        "SELECT number, envelope FROM glass WHERE host = ?1 AND answered IS NULL AND came > ?2 ORDER BY number",
    )?;
    let since = now.unix_ms().saturating_sub(GLASS_AGE_MAX_MS);
    all.query_map(params![host.as_str(), since], |row| {
        Ok(GrantWaiting { number: count(row, 0)?, envelope: Blob(row.get(1)?) })
    })?
    .collect()
}
