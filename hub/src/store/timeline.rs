//! One host in full: its controls, its last words, and each incident from the observation to the receipt.

use contract::finding::Verdict;
use contract::ids::{ControlId, HostId, IncidentId, OrderId, SiteId, TenantId};
use contract::people::Reach;
use contract::plane::IncidentView;
use contract::record::WaitingFor;
use contract::score::{Held, Word};
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{count, instant, instant_or_none, json, json_or_none, parsed, signed, to_json};
use super::fleet::word;
use super::incidents::{VIEW, VIEW_COLUMNS, view};
use super::knowledge::{Said, held};
use super::{Store, StoreError};
use crate::people::Scope;

/// What happened to an order on its host, by one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) record: u64,
    /// By the host's clock.
    pub(crate) at: UtcTime,
    /// When its receipt was given; none where that is not known any more.
    pub(crate) received: Option<UtcTime>,
    pub(crate) order: OrderId,
    pub(crate) said: Said,
}

/// When a control's word changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) record: u64,
    pub(crate) at: UtcTime,
    pub(crate) received: Option<UtcTime>,
    pub(crate) word: Word,
}

/// What is kept of one incident.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) incident: IncidentView,
    /// The hub's own moments with it: `published` and `decided`, oldest first.
    pub(crate) passages: Vec<(String, UtcTime)>,
    /// The envelopes of its orders, by counter.
    pub(crate) envelopes: Vec<Vec<u8>>,
    pub(crate) moments: Vec<Moment>,
    /// Changes of the control that it is about, where it is about one.
    pub(crate) turns: Vec<Turn>,
}

/// An order that waits on its host, with whose it is.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) holder: Holder,
    pub(crate) incident: IncidentId,
    pub(crate) waiting_for: WaitingFor,
    pub(crate) until: UtcTime,
    pub(crate) envelope: Vec<u8>,
    /// Whether the host turned down what people signed.
    pub(crate) turned_down: bool,
    /// What the host's evidence says last of the control that it is about: what was found, when, and in which record.
    pub(crate) seen: Option<(Verdict, UtcTime, u64)>,
}

/// Until when something was looked at that healed: found, then closed by a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Healing {
    pub(crate) host: HostId,
    pub(crate) incident: IncidentId,
    pub(crate) found: UtcTime,
    pub(crate) healed: UtcTime,
}

impl Store {
    /// What the host's evidence says of each control.
    pub(crate) async fn controls(&self, of: Scope<Holder>) -> Result<Vec<(ControlId, Held)>, StoreError> {
        let sql = "SELECT control, verdict, since, since_record, checked, checked_record, unmet
                   FROM control WHERE host = ?1 ORDER BY control";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            all.query_map([of.host.as_str()], |row| Ok((parsed(row, 0)?, held(row, 1)?)))?.collect()
        })
        .await
    }

    /// The last record of each kind that says how the host stands: kind, record, time, and what it says in JSON.
    pub(crate) async fn last_words(
        &self,
        of: Scope<Holder>,
    ) -> Result<Vec<(String, u64, UtcTime, serde_json::Value)>, StoreError> {
        let sql = "SELECT kind, record, at, said FROM last_word WHERE host = ?1 ORDER BY kind";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            let row = |row: &Row<'_>| Ok((row.get(0)?, count(row, 1)?, instant(row, 2)?, json(row, 3)?));
            all.query_map([of.host.as_str()], row)?.collect()
        })
        .await
    }

    /// A tenant's incidents, the newest first: those of one site or host where these are named, open ones alone where that is asked for, and those that
    /// came before `before`. Each with its place, for the next page.
    pub(crate) async fn incidents_before(
        &self,
        tenant: Scope<TenantId>,
        filter: Filter,
        before: Option<u64>,
        most: u32,
    ) -> Result<Vec<(u64, IncidentView)>, StoreError> {
        let sql = format!(
            "SELECT {VIEW}, incident.rowid FROM incident JOIN host USING (host)
                   WHERE tenant = ?1 AND (?2 IS NULL OR site = ?2) AND (?3 IS NULL OR host = ?3)
                         AND (NOT ?4 OR closed = 0) AND incident.rowid < ?5
                   ORDER BY incident.rowid DESC LIMIT ?6"
        );
        self.run(move |c| {
            let Filter { site, host, open } = &filter;
            let before = signed(before.unwrap_or(i64::MAX.unsigned_abs()))?;
            let (site, host) = (site.as_ref().map(SiteId::as_str), host.as_ref().map(HostId::as_str));
            let mut all = c.prepare_cached(&sql)?;
            all.query_map(params![tenant.as_str(), site, host, open, before, most], |row| {
                Ok((count(row, VIEW_COLUMNS)?, view(row)?))
            })?
            .collect()
        })
        .await
    }

    /// One incident with all that is kept of it.
    pub(crate) async fn whole(
        &self,
        of: Scope<Holder>,
        incident: IncidentId,
    ) -> Result<Option<Whole>, StoreError> {
        self.run(move |c| whole(c, &of.host, &incident)).await
    }

    /// The orders that the host's evidence names for one incident.
    pub(crate) async fn orders_of(
        &self,
        of: Scope<Holder>,
        incident: IncidentId,
    ) -> Result<Vec<OrderId>, StoreError> {
        let sql = "SELECT DISTINCT order_id FROM moment WHERE host = ?1 AND incident = ?2";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            all.query_map([of.host.as_str(), incident.as_str()], |row| parsed(row, 0))?.collect()
        })
        .await
    }

    /// When the host's maintenance window opens next, by the first of its orders that waits for it.
    pub(crate) async fn window_opens(
        &self,
        of: Scope<Holder>,
        now: UtcTime,
    ) -> Result<Option<UtcTime>, StoreError> {
        let sql = "SELECT waits FROM signed_order WHERE host = ?1 AND waits IS NOT NULL AND alive > ?2 ORDER BY counter";
        self.run(move |c| {
            let mut all = c.prepare_cached(sql)?;
            let rows = all.query_map(params![of.host.as_str(), now.unix_ms()], |row| json(row, 0))?;
            let waits: Vec<WaitingFor> = rows.collect::<rusqlite::Result<_>>()?;
            Ok(waits.into_iter().find_map(|waits| match waits {
                WaitingFor::Window { opens } => Some(opens),
                WaitingFor::Approval { .. } | WaitingFor::Clock | WaitingFor::Turn => None,
            }))
        })
        .await
    }

    /// The orders within reach that wait on their hosts, the longest first.
    pub(crate) async fn pending(
        &self,
        reach: Scope<Reach>,
        now: UtcTime,
    ) -> Result<Vec<Pending>, StoreError> {
        let sql = "SELECT tenant, site, host.host, signed_order.incident, waits, alive, envelope, answered,
                          verdict, checked, checked_record
                   FROM signed_order JOIN host ON host.host = signed_order.host
                        LEFT JOIN incident ON incident.host = host.host AND incident.incident = signed_order.incident
                        LEFT JOIN control ON control.host = host.host AND control.control = substr(subject, 9)
                             AND subject LIKE 'control:%'
                   WHERE waits IS NOT NULL AND alive > ?1
                         AND (?2 IS NULL OR tenant IN (SELECT value FROM json_each(?2)))
                   ORDER BY signed_order.rowid";
        self.run(move |c| {
            let tenants = match &*reach {
                Reach::Everywhere => None,
                Reach::Tenants(tenants) => Some(to_json(tenants)?),
            };
            c.prepare_cached(sql)?.query_map(params![now.unix_ms(), tenants], pending)?.collect()
        })
        .await
    }

    /// The last incidents of a tenant, or of one of its sites or hosts, that a run healed, oldest first.
    pub(crate) async fn healings(
        &self,
        tenant: Scope<TenantId>,
        filter: Filter,
        most: u32,
    ) -> Result<Vec<Healing>, StoreError> {
        let sql = "SELECT incident.host, incident.incident, found, moment.at
                   FROM incident JOIN host USING (host)
                        JOIN moment ON moment.host = incident.host AND moment.record = state ->> '$.closed.record'
                   WHERE tenant = ?1 AND (?2 IS NULL OR site = ?2) AND (?3 IS NULL OR incident.host = ?3)
                         AND said ->> '$.ended.outcome' = 'healed'
                   ORDER BY moment.at DESC LIMIT ?4";
        self.run(move |c| {
            let (site, host) =
                (filter.site.as_ref().map(SiteId::as_str), filter.host.as_ref().map(HostId::as_str));
            let mut all = c.prepare_cached(sql)?;
            let mut healings: Vec<Healing> = all
                .query_map(params![tenant.as_str(), site, host, most], |row| {
                    Ok(Healing {
                        host: parsed(row, 0)?,
                        incident: parsed(row, 1)?,
                        found: instant(row, 2)?,
                        healed: instant(row, 3)?,
                    })
                })?
                .collect::<rusqlite::Result<_>>()?;
            healings.reverse();
            Ok(healings)
        })
        .await
    }
}

/// Which of a tenant's incidents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    pub(crate) site: Option<SiteId>,
    pub(crate) host: Option<HostId>,
    /// Those that are not closed alone.
    pub(crate) open: bool,
}

fn pending(row: &Row<'_>) -> rusqlite::Result<Pending> {
    Ok(Pending {
        holder: Holder { tenant: parsed(row, 0)?, site: parsed(row, 1)?, host: parsed(row, 2)? },
        incident: parsed(row, 3)?,
        waiting_for: json(row, 4)?,
        until: instant(row, 5)?,
        envelope: row.get(6)?,
        turned_down: super::approvals::turned_down(row, 7)?,
        seen: match json_or_none(row, 8)? {
            Some(verdict) => Some((verdict, instant(row, 9)?, count(row, 10)?)),
            None => None,
        },
    })
}

fn whole(c: &Connection, host: &HostId, incident: &IncidentId) -> rusqlite::Result<Option<Whole>> {
    let key = [host.as_str(), incident.as_str()];
    let found = c
        .prepare_cached(&format!(
            "SELECT {VIEW}, subject FROM incident JOIN host USING (host) WHERE host = ?1 AND incident = ?2",
        ))?
        .query_row(key, |row| Ok((view(row)?, row.get::<_, String>(VIEW_COLUMNS)?)))
        .optional()?;
    let Some((incident, subject)) = found else { return Ok(None) };
    let passages = c
        .prepare_cached(
            "SELECT leg, at FROM passage WHERE host = ?1 AND incident = ?2 ORDER BY at, leg DESC",
        )?
        .query_map(key, |row| Ok((row.get(0)?, instant(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let envelopes = c
        .prepare_cached(
            "SELECT envelope FROM signed_order WHERE host = ?1 AND incident = ?2 ORDER BY counter",
        )?
        .query_map(key, |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    let moments = c
        .prepare_cached(
            "SELECT record, at, received, order_id, said FROM moment WHERE host = ?1 AND incident = ?2 ORDER BY record",
        )?
        .query_map(key, |row| {
            Ok(Moment {
                record: count(row, 0)?,
                at: instant(row, 1)?,
                received: instant_or_none(row, 2)?,
                order: parsed(row, 3)?,
                said: json(row, 4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let turns = match subject.strip_prefix("control:") {
        Some(control) => turns(c, host, control)?,
        None => Vec::new(),
    };
    Ok(Some(Whole { incident, passages, envelopes, moments, turns }))
}

fn turns(c: &Connection, host: &HostId, control: &str) -> rusqlite::Result<Vec<Turn>> {
    c.prepare_cached(
        "SELECT record, at, received, word FROM turn WHERE host = ?1 AND control = ?2 ORDER BY record",
    )?
    .query_map([host.as_str(), control], |row| {
        let (received, word) = (instant_or_none(row, 2)?, word(row, 3)?);
        Ok(Turn { record: count(row, 0)?, at: instant(row, 1)?, received, word })
    })?
    .collect()
}
