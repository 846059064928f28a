//! Decisions and orders: each durable before it is handed out, each counter above the last.

use contract::decision::Decision;
use contract::ids::{HostId, IncidentId, OrderId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::{IncidentState, OrderWaiting};
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, params};

use super::columns::{count, parsed, signed, to_json};
use super::incidents::{by_id, set_state};
use super::knowledge::pass;
use super::{Store, StoreError};
use crate::people::Scope;

/// An order that was signed for a counter.
#[derive(Debug)]
pub(crate) struct NewOrder {
    pub(crate) id: OrderId,
    pub(crate) expires: UtcTime,
    pub(crate) envelope: Vec<u8>,
}

/// What became of a person's decision.
#[derive(Debug)]
pub(crate) enum ByPerson {
    /// The order is durable.
    Ordered(OrderId),
    /// This host has no such incident.
    NoSuchIncident,
    /// It is closed: there is nothing to repair.
    Closed,
    /// The runbook cannot be bound to what was found.
    Unfit,
}

impl Store {
    /// Decides an incident that waits for the planner, and keeps decision and order in one transaction; `None` where it does not wait any more.
    ///
    /// `decide` is handed what was found and the counter that its order must bear. It may be called in a transaction that fails afterwards: what
    /// it returns means nothing until this answers.
    pub(crate) async fn decide<F>(
        &self,
        holder: Holder,
        incident: IncidentId,
        now: UtcTime,
        decide: F,
    ) -> Result<Option<(Decision, Option<OrderId>)>, StoreError>
    where
        F: FnOnce(&What, u64) -> (Decision, Option<NewOrder>) + Send + 'static,
    {
        self.run(move |c| {
            let host = &holder.host;
            let Some(row) = by_id(c, host, &incident)? else { return Ok(None) };
            if row.state != IncidentState::Drifted {
                return Ok(None);
            }
            let counter = next_counter(c, host, now)?;
            let (decision, order) = decide(&row.what, counter);
            keep(c, host, &incident, counter, &decision, order.as_ref())?;
            pass(c, host, &incident, "decided", now)?;
            Ok(Some((decision, order.map(|order| order.id))))
        })
        .await
    }

    /// Keeps what a person decides about an incident that is not closed. `decide` is called as in [`Store::decide`], and answers nothing where the
    /// runbook does not fit what was found.
    pub(crate) async fn decide_by_person<F>(
        &self,
        holder: Scope<Holder>,
        incident: IncidentId,
        now: UtcTime,
        decide: F,
    ) -> Result<ByPerson, StoreError>
    where
        F: FnOnce(&What, u64) -> Option<(Decision, NewOrder)> + Send + 'static,
    {
        self.run(move |c| {
            let host = &holder.host;
            let Some(row) = by_id(c, host, &incident)? else { return Ok(ByPerson::NoSuchIncident) };
            if matches!(row.state, IncidentState::Closed { .. }) {
                return Ok(ByPerson::Closed);
            }
            let counter = next_counter(c, host, now)?;
            let Some((decision, order)) = decide(&row.what, counter) else { return Ok(ByPerson::Unfit) };
            keep(c, host, &incident, counter, &decision, Some(&order))?;
            pass(c, host, &incident, "decided", now)?;
            Ok(ByPerson::Ordered(order.id))
        })
        .await
    }

    /// The host's orders that are neither answered nor over, by counter. One that waits there outlives its expiry: it was taken in time.
    pub(crate) async fn waiting(&self, host: HostId, now: UtcTime) -> Result<Vec<OrderWaiting>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT id, envelope FROM signed_order WHERE host = ?1 AND answered IS NULL AND max(expires, coalesce(alive, 0)) > ?2 ORDER BY counter",
            )?;
            let rows = all.query_map(params![host.as_str(), now.unix_ms()], |row| {
                Ok(OrderWaiting { order: parsed(row, 0)?, envelope: contract::blob::Blob(row.get(1)?) })
            })?;
            rows.collect()
        })
        .await
    }

    /// Notes that the host answered one of its own orders by the record `seq`; `false` where it has none such.
    pub(crate) async fn answer(
        &self,
        host: HostId,
        order: OrderId,
        outcome: Outcome,
        seq: u64,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE signed_order SET answered = CASE WHEN ?4 < floor THEN answered ELSE coalesce(answered, ?3) END
                   WHERE host = ?1 AND id = ?2";
        self.run(move |c| {
            let seq = i64::try_from(seq).unwrap_or(i64::MAX);
            let changed = c.prepare_cached(sql)?.execute(params![
                host.as_str(),
                order.as_str(),
                outcome.word(),
                seq
            ])?;
            Ok(changed == 1)
        })
        .await
    }
}

/// Keeps decision and order, and what the incident becomes by them.
fn keep(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    counter: u64,
    decision: &Decision,
    order: Option<&NewOrder>,
) -> rusqlite::Result<()> {
    let state = match order {
        Some(order) => {
            insert(c, host, incident, order, counter)?;
            IncidentState::Ordered(order.id.clone())
        }
        None => IncidentState::Escalated,
    };
    set_state(c, host, incident, &state)?;
    c.prepare_cached("UPDATE incident SET decision = ?3 WHERE host = ?1 AND incident = ?2")?
        .execute(params![host.as_str(), incident.as_str(), to_json(decision)?])?;
    Ok(())
}

/// One more than the last counter, and never below the clock: a hub that was restored from an old backup still counts above what it signed since.
fn next_counter(c: &Connection, host: &HostId, now: UtcTime) -> rusqlite::Result<u64> {
    let last = c
        .prepare_cached("SELECT counter FROM host WHERE host = ?1")?
        .query_row([host.as_str()], |row| count(row, 0))?;
    Ok((last + 1).max(now.unix_ms().unsigned_abs()))
}

fn insert(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    order: &NewOrder,
    counter: u64,
) -> rusqlite::Result<()> {
    let counter = signed(counter)?;
    c.prepare_cached("UPDATE host SET counter = ?2 WHERE host = ?1")?
        .execute(params![host.as_str(), counter])?;
    let NewOrder { id, expires, envelope } = order;
    c.prepare_cached("INSERT INTO signed_order (id, host, incident, counter, expires, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![id.as_str(), host.as_str(), incident.as_str(), counter, expires.unix_ms(), envelope])?;
    Ok(())
}
