//! Orders that wait on their hosts, and envelopes that people signed meanwhile.

use std::convert::Infallible;

use contract::decision::Decision;
use contract::ids::{HostId, IncidentId, OrderId, SiteId, TenantId};
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::record::WaitingFor;
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{count, instant, json, parsed, signed, to_json};
use super::incidents::{by_id, set_state};
use super::orders::keep_word;
use super::{Store, StoreError};
use crate::people::Scope;

/// An order that waits, by its host's evidence.
#[derive(Debug)]
pub(crate) struct Waits {
    pub(crate) order: OrderId,
    pub(crate) site: SiteId,
    pub(crate) host: HostId,
    pub(crate) incident: IncidentId,
    pub(crate) waiting_for: WaitingFor,
    pub(crate) until: UtcTime,
    pub(crate) envelope: Vec<u8>,
    /// Whether the host turned down what people signed: it then waits for others to sign.
    pub(crate) turned_down: bool,
}

/// Why what a person says to an order is not kept.
#[derive(Debug)]
pub(crate) enum NotApproved<E> {
    /// The tenant has no such order.
    NoSuchOrder,
    /// Its host does not wait for people any more.
    NotWaiting,
    /// It is not the envelope that waits.
    Unfit(E),
}

const WAITING: &str = "SELECT id, site, host, signed_order.incident, waits, alive, envelope, signed_order.rowid, answered
                       FROM signed_order JOIN host USING (host) WHERE tenant = ?1 AND waits IS NOT NULL AND alive > ?2";

/// What stands as an order's answer where a person said no: it is handed out no more, and waits for nobody,
/// whatever its host still says of it.
pub(super) const DECLINED: &str = "declined";

impl Store {
    /// A tenant's orders that wait on their hosts, in the order in which they were signed: so many of those after a place, each with its own.
    pub(crate) async fn orders_that_wait(
        &self,
        tenant: Scope<TenantId>,
        now: UtcTime,
        after: Option<u64>,
        rows: usize,
    ) -> Result<Vec<(u64, Waits)>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(&format!(
                "{WAITING} AND signed_order.rowid > ?3 ORDER BY signed_order.rowid LIMIT ?4"
            ))?;
            let (after, rows) = (signed(after.unwrap_or(0))?, signed(rows as u64)?);
            let one = |row: &Row<'_>| Ok((count(row, 7)?, waits(row)?));
            all.query_map(params![tenant.as_str(), now.unix_ms(), after, rows], one)?.collect()
        })
        .await
    }

    /// One of them.
    pub(crate) async fn order_that_waits(
        &self,
        tenant: Scope<TenantId>,
        order: OrderId,
        now: UtcTime,
    ) -> Result<Option<Waits>, StoreError> {
        self.run(move |c| one(c, &tenant, &order, now)).await
    }

    /// Replaces the envelope of an order that waits for people, and hands it out again. `judge` is given the one that is kept, and whether the host
    /// turned it down. Answers whose host has to be told. What the host may still be about to say of the envelope before does not count: that it
    /// waits stands in a record that is here.
    pub(crate) async fn approve<E, F>(
        &self,
        tenant: Scope<TenantId>,
        order: OrderId,
        now: UtcTime,
        judge: F,
    ) -> Result<Result<HostId, NotApproved<E>>, StoreError>
    where
        E: Send + 'static,
        F: FnOnce(&[u8], bool) -> Result<Vec<u8>, E> + Send + 'static,
    {
        self.run(move |c| {
            let waits = match for_people(c, &tenant, &order, now)? {
                Ok(waits) => waits,
                Err(not) => return Ok(Err(not)),
            };
            match judge(&waits.envelope, waits.turned_down) {
                Err(unfit) => Ok(Err(NotApproved::Unfit(unfit))),
                Ok(envelope) => {
                    c.prepare_cached(
                        "UPDATE signed_order SET envelope = ?2, answered = NULL,
                         floor = (SELECT settled FROM host WHERE host.host = signed_order.host) WHERE id = ?1",
                    )?
                        .execute(params![order.as_str(), envelope])?;
                    Ok(Ok(waits.host))
                }
            }
        })
        .await
    }
}

impl Store {
    /// Takes an order back that waits for people: its incident waits for a person instead. What the host still holds of it runs out there, for want
    /// of signatures.
    pub(crate) async fn decline(
        &self,
        tenant: Scope<TenantId>,
        order: OrderId,
        now: UtcTime,
        decision: Decision,
    ) -> Result<Result<Waits, NotApproved<Infallible>>, StoreError> {
        self.run(move |c| {
            let waits = match for_people(c, &tenant, &order, now)? {
                Ok(waits) => waits,
                Err(not) => return Ok(Err(not)),
            };
            c.prepare_cached(
                "UPDATE signed_order SET answered = ?2, waits = NULL, alive = NULL WHERE id = ?1",
            )?
            .execute(params![order.as_str(), DECLINED])?;
            let Waits { site, host, incident, .. } = &waits;
            // Another order may be out for it meanwhile: that one is not what was declined.
            if by_id(c, host, incident)?.is_some_and(|row| row.state == IncidentState::Ordered(order)) {
                set_state(c, host, incident, &IncidentState::Escalated)?;
                c.prepare_cached("UPDATE incident SET decision = ?3 WHERE host = ?1 AND incident = ?2")?
                    .execute(params![host.as_str(), incident.as_str(), to_json(&decision)?])?;
                let holder = Holder { tenant: (*tenant).clone(), site: site.clone(), host: host.clone() };
                keep_word(c, &holder, incident, now, &(decision, None))?;
            }
            Ok(Ok(waits))
        })
        .await
    }
}

/// The tenant's order, where it waits for people.
fn for_people<E>(
    c: &Connection,
    tenant: &TenantId,
    order: &OrderId,
    now: UtcTime,
) -> rusqlite::Result<Result<Waits, NotApproved<E>>> {
    match one(c, tenant, order, now)? {
        Some(waits) if matches!(waits.waiting_for, WaitingFor::Approval { .. }) => return Ok(Ok(waits)),
        Some(_) | None => {}
    }
    let known = c
        .prepare_cached("SELECT 1 FROM signed_order JOIN host USING (host) WHERE tenant = ?1 AND id = ?2")?
        .exists([tenant.as_str(), order.as_str()])?;
    Ok(Err(if known { NotApproved::NotWaiting } else { NotApproved::NoSuchOrder }))
}

fn one(c: &Connection, tenant: &TenantId, order: &OrderId, now: UtcTime) -> rusqlite::Result<Option<Waits>> {
    c.prepare_cached(&format!("{WAITING} AND id = ?3"))?
        .query_row(params![tenant.as_str(), now.unix_ms(), order.as_str()], waits)
        .optional()
}

/// Whether the host's answer, as an order keeps it, is that it turned it down.
pub(super) fn turned_down(row: &Row<'_>, column: usize) -> rusqlite::Result<bool> {
    Ok(row.get_ref(column)?.as_str_or_null()? == Some(Outcome::Refused.word()))
}

fn waits(row: &Row<'_>) -> rusqlite::Result<Waits> {
    Ok(Waits {
        order: parsed(row, 0)?,
        site: parsed(row, 1)?,
        host: parsed(row, 2)?,
        incident: parsed(row, 3)?,
        waiting_for: json(row, 4)?,
        until: instant(row, 5)?,
        envelope: row.get(6)?,
        turned_down: turned_down(row, 8)?,
    })
}
