//! Papers: what operators set for a site, a host or a tenant, and the number under which each host's was last signed.

use contract::digest::Digest;
use contract::ids::{HostId, SiteId, TenantId};
use contract::paper::PaperKind;
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{count, instant, parsed, signed};
use super::{Store, StoreError};
use crate::people::Scope;

/// For whom an allowlist is.
#[derive(Debug, Clone)]
pub(crate) enum AllowedFor {
    /// Every host of a site that has none of its own.
    Site(Scope<TenantId>, SiteId),
    /// One host.
    Host(Scope<Holder>),
}

impl AllowedFor {
    /// Tenant, site and host as they are kept: a site's list has no host.
    fn key(&self) -> (&str, &str, &str) {
        match self {
            Self::Site(tenant, site) => (tenant.as_str(), site.as_str(), ""),
            Self::Host(of) => (of.tenant.as_str(), of.site.as_str(), of.host.as_str()),
        }
    }
}

/// What a host's papers say now, as far as operators set it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) allowlist: Option<String>,
    pub(crate) exceptions: Option<String>,
}

/// One paper of one host, as it is to be signed.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) kind: PaperKind,
    pub(crate) number: u64,
    pub(crate) issued: UtcTime,
    pub(crate) text: Option<String>,
}

impl Store {
    /// Keeps an allowlist, or takes it back where `text` is none; and only where the one that is there `holds`. Whether it did.
    pub(crate) async fn set_allowlist(
        &self,
        whose: AllowedFor,
        text: Option<String>,
        now: UtcTime,
        holds: impl FnOnce(Option<&str>) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            let (tenant, site, host) = whose.key();
            let key = params![tenant, site, host];
            if !holds(allowlist(c, &whose)?.as_deref()) {
                return Ok(false);
            }
            c.execute("DELETE FROM allowlist WHERE tenant = ?1 AND site = ?2 AND host = ?3", key)?;
            let Some(text) = text else { return Ok(true) };
            c.execute(
                "INSERT INTO allowlist (tenant, site, host, text, since) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![tenant, site, host, text, now.unix_ms()],
            )
            .map(|_| true)
        })
        .await
    }

    /// The allowlist that is set for exactly these.
    pub(crate) async fn allowlist(&self, whose: AllowedFor) -> Result<Option<String>, StoreError> {
        self.run(move |c| allowlist(c, &whose)).await
    }

    /// Keeps a tenant's exceptions, or takes them back where `text` is none.
    #[cfg(test)]
    pub(crate) async fn set_exceptions(
        &self,
        tenant: Scope<TenantId>,
        text: Option<String>,
        now: UtcTime,
    ) -> Result<(), StoreError> {
        self.replace_exceptions(tenant, text, now, |_| true).await.map(drop)
    }

    /// The same, only where those that are there `holds`. Whether they did.
    pub(crate) async fn replace_exceptions(
        &self,
        tenant: Scope<TenantId>,
        text: Option<String>,
        now: UtcTime,
        holds: impl FnOnce(Option<&str>) -> bool + Send + 'static,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            if !holds(exceptions(c, &tenant)?.as_deref()) {
                return Ok(false);
            }
            c.execute("DELETE FROM exceptions WHERE tenant = ?1", [tenant.as_str()])?;
            let Some(text) = text else { return Ok(true) };
            let kept = params![tenant.as_str(), text, now.unix_ms()];
            c.execute("INSERT INTO exceptions (tenant, text, since) VALUES (?1, ?2, ?3)", kept).map(|_| true)
        })
        .await
    }

    /// The exceptions of every tenant that has some.
    pub(crate) async fn all_exceptions(&self) -> Result<Vec<(TenantId, String)>, StoreError> {
        self.run(|c| {
            let mut all = c.prepare_cached("SELECT tenant, text FROM exceptions ORDER BY tenant")?;
            all.query_map([], |row| Ok((parsed(row, 0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    /// What is said of a host, now.
    pub(crate) async fn said(&self, holder: Holder) -> Result<Said, StoreError> {
        self.run(move |c| said(c, &holder)).await
    }

    /// The host's papers, each under the number of its text: where that changed since it was last signed, a higher one. `library` is what is the same
    /// for all hosts. A kind that was never set is left out.
    pub(crate) async fn papers<const N: usize>(
        &self,
        holder: Holder,
        library: [(PaperKind, String); N],
        now: UtcTime,
    ) -> Result<Vec<Numbered>, StoreError> {
        self.run(move |c| {
            let Said { allowlist, exceptions } = said(c, &holder)?;
            let set = [(PaperKind::Allowlist, allowlist), (PaperKind::Exceptions, exceptions)];
            let all = library.into_iter().map(|(kind, text)| (kind, Some(text))).chain(set);
            let numbered = all.map(|(kind, text)| number(c, &holder.host, kind, text, now));
            numbered.filter_map(Result::transpose).collect()
        })
        .await
    }
}

/// A host's own list goes before that of its site.
fn said(c: &Connection, Holder { tenant, site, host }: &Holder) -> rusqlite::Result<Said> {
    let allowlist = c
        .prepare_cached(
            "SELECT text FROM allowlist WHERE tenant = ?1 AND site = ?2 AND host IN ('', ?3) ORDER BY host DESC LIMIT 1",
        )?
        .query_row([tenant.as_str(), site.as_str(), host.as_str()], |row| row.get(0))
        .optional()?;
    Ok(Said { allowlist, exceptions: exceptions(c, tenant)? })
}

fn exceptions(c: &Connection, tenant: &TenantId) -> rusqlite::Result<Option<String>> {
    c.prepare_cached("SELECT text FROM exceptions WHERE tenant = ?1")?
        .query_row([tenant.as_str()], |row| row.get(0))
        .optional()
}

fn allowlist(c: &Connection, whose: &AllowedFor) -> rusqlite::Result<Option<String>> {
    let (tenant, site, host) = whose.key();
    c.prepare_cached("SELECT text FROM allowlist WHERE tenant = ?1 AND site = ?2 AND host = ?3")?
        .query_row(params![tenant, site, host], |row| row.get(0))
        .optional()
}

fn number(
    c: &Connection,
    host: &HostId,
    kind: PaperKind,
    text: Option<String>,
    now: UtcTime,
) -> rusqlite::Result<Option<Numbered>> {
    let digest = text.as_ref().map(|text| Digest::of(text.as_bytes()).to_string());
    let last = c
        .prepare_cached("SELECT number, issued, digest FROM paper WHERE host = ?1 AND kind = ?2")?
        .query_row([host.as_str(), kind.word()], |row| {
            Ok((count(row, 0)?, instant(row, 1)?, row.get::<_, Option<String>>(2)?))
        })
        .optional()?;
    let highest = match last {
        None if text.is_none() => return Ok(None),
        Some((number, issued, said)) if said == digest => {
            return Ok(Some(Numbered { kind, number, issued, text }));
        }
        Some((highest, ..)) => highest,
        None => 0,
    };
    // As for orders: a hub that was restored from an old backup still counts above what it signed since.
    let number = (highest + 1).max(now.unix_ms().unsigned_abs());
    c.prepare_cached(
        "INSERT OR REPLACE INTO paper (host, kind, number, issued, digest) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![host.as_str(), kind.word(), signed(number)?, now.unix_ms(), digest])?;
    Ok(Some(Numbered { kind, number, issued: now, text }))
}
