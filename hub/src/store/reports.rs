//! Reports of incidents: taken once, counted when they come again, planned when they are due; and put off where too many of their host are open.

use contract::ids::{HostId, IncidentId, OrderId};
use contract::incident::{Incident, What};
use contract::order::LIFETIME_MS;
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::time::UtcTime;
use identity::Holder;
use queue::Subject;
use rusqlite::{Connection, params};

use super::alarms::{self, Alarm};
use super::columns::{signed, to_json};
use super::incidents::{Plan, Standing, by_id, open_for, plan_of, reopen};
use super::knowledge::pass;
use super::settle::settled_at_site;
use super::{Store, StoreError};

/// What became of an incident that was reported.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is durable; as which incident, and what is to be put on the queue.
    As(IncidentId, Option<Plan>),
    /// An incident of this id is there and says something else.
    Contradicted,
    /// Too many of this host are open: it was not kept, and an alarm says so. Whether this is the first.
    Full(bool),
}

/// How many incidents of one host may be open, for each of the two sources. A device names the subjects, and there are as many as it likes; each
/// open one is looked at by whatever counts. An honest host has no more of the one than its baseline has controls, and they have their own room: what
/// detectors find, by address and unit, never keeps them out.
const OPEN_MAX: u64 = 1_000;

/// The alarm's word where they are.
const FULL: &str = "incidents_full";

impl Store {
    /// Takes an incident of `holder`'s host, or counts it as one that is open.
    pub(crate) async fn take(
        &self,
        holder: Holder,
        incident: Incident,
        now: UtcTime,
    ) -> Result<Taken, StoreError> {
        self.run(move |c| take(c, &holder, &incident, now)).await
    }
}

fn take(c: &Connection, holder: &Holder, reported: &Incident, now: UtcTime) -> rusqlite::Result<Taken> {
    let Incident { incident, found, what } = reported;
    let host = &holder.host;
    let closed = match by_id(c, host, incident)? {
        Some(row) if (row.found, &row.what) != (*found, what) => return Ok(Taken::Contradicted),
        // Somebody looked after it, and this is a reminder of the same.
        Some(row) if matches!(row.state, IncidentState::LookedAfter(_)) => {
            return Ok(Taken::As(incident.clone(), None));
        }
        Some(row) if row.state.is_over() => Some(row),
        // Its first answer was lost, or the device reminds us of it.
        Some(row) => return Ok(Taken::As(incident.clone(), plan_known(c, host, row, now)?)),
        None => None,
    };
    if let Some(row) = open_for(c, host, &what.subject())? {
        let sql = "UPDATE incident SET reports = reports + 1 WHERE host = ?1 AND incident = ?2";
        c.prepare_cached(sql)?.execute([host.as_str(), row.incident.as_str()])?;
        let open = row.incident.clone();
        return Ok(Taken::As(open, plan_known(c, host, row, now)?));
    }
    if is_full(c, host, what)? {
        let detail = match what {
            What::Drift { .. } => {
                format!("{OPEN_MAX} incidents of controls are open: others are put off until some are closed")
            }
            What::Signal(_) => {
                format!(
                    "{OPEN_MAX} incidents of detectors are open: others are put off until some are closed"
                )
            }
        };
        return Ok(Taken::Full(alarms::raise(c, host, &Alarm { kind: FULL, detail }, now)?));
    }
    if let Some(row) = closed {
        // An agent that died before it stored that the episode had ended reports the next failure under the old id, and it is never told to draw a
        // new one: we must not believe closed what the site still reports. A reminder that the heal overtook opens it for nothing, and the
        // executor's next measurement closes it again.
        return Ok(Taken::As(incident.clone(), Some(reopen(c, host, row)?)));
    }
    // A site that could not reach us decided for itself, and its evidence was faster than the incident: nothing is left to be planned.
    let settled = settled_at_site(c, host, incident, what)?;
    let state = settled.as_ref().unwrap_or(&IncidentState::Drifted);
    c.prepare_cached(
        "INSERT INTO incident (host, incident, subject, found, what, state, closed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        host.as_str(),
        incident.as_str(),
        what.subject(),
        found.unix_ms(),
        to_json(what)?,
        to_json(state)?,
        state.is_over()
    ])?;
    pass(c, host, incident, "published", now)?;
    if settled.is_some() {
        return Ok(Taken::As(incident.clone(), None));
    }
    let subject = Subject::new(holder.tenant.clone(), holder.site.clone());
    let plan = Plan { subject, host: host.clone(), incident: incident.clone(), attempt: 1 };
    Ok(Taken::As(incident.clone(), Some(plan)))
}

/// Whether as many of the host's incidents are open as may be, of those that come from where this one comes from.
fn is_full(c: &Connection, host: &HostId, what: &What) -> rusqlite::Result<bool> {
    // By the subject's first word, in its own index: `;` is what follows `:`.
    let (from, below) = match what {
        What::Drift { .. } => ("control:", "control;"),
        What::Signal(_) => ("detector:", "detector;"),
    };
    c.prepare_cached(
        "SELECT 1 FROM incident WHERE host = ?1 AND closed = 0 AND subject >= ?2 AND subject < ?3 LIMIT 1 OFFSET ?4",
    )?
    .exists(params![host.as_str(), from, below, signed(OPEN_MAX - 1)?])
}

/// What a report of an open incident puts on the queue. Where it may not have got there the first time, publishing it twice is harmless.
fn plan_known(c: &Connection, host: &HostId, row: Standing, now: UtcTime) -> rusqlite::Result<Option<Plan>> {
    if is_due(c, &row.state, now)? {
        return reopen(c, host, row).map(Some);
    }
    matches!(row.state, IncidentState::Drifted).then(|| plan_of(c, host, &row)).transpose()
}

/// Whether an open incident that was reported again must be planned again: its order died, or it was put off.
fn is_due(c: &Connection, state: &IncidentState, now: UtcTime) -> rusqlite::Result<bool> {
    match state {
        IncidentState::Ordered(order) => order_died(c, order, now),
        IncidentState::Open { outcome: Outcome::Deferred | Outcome::Expired, record: _ } => Ok(true),
        IncidentState::Open { .. }
        | IncidentState::Drifted
        | IncidentState::Escalated
        | IncidentState::Closed { .. }
        | IncidentState::LookedAfter(_) => Ok(false),
    }
}

/// An order dies unheard when it expires. One that was answered has a further lifetime in which its end may arrive in evidence: an answer alone
/// ends nothing, and without this the incident would wait for that evidence for ever. One that waits or runs on its host lives for as long as the
/// evidence said it may, and that lifetime more.
fn order_died(c: &Connection, order: &OrderId, now: UtcTime) -> rusqlite::Result<bool> {
    c.prepare_cached(
        "SELECT 1 FROM signed_order WHERE id = ?1 AND expires + CASE WHEN answered IS NULL THEN 0 ELSE ?3 END <= ?2
         AND coalesce(alive + ?3, 0) <= ?2",
    )?
    .exists(params![order.as_str(), now.unix_ms(), signed(LIFETIME_MS)?])
}
