//! Incidents: taken once, counted when they come again, planned when they are due.

use contract::decision::Decision;
use contract::ids::{HostId, IncidentId, OrderId, SiteId, TenantId};
use contract::incident::{Incident, What};
use contract::outcome::Outcome;
use contract::plane::{IncidentState, IncidentView};
use contract::time::UtcTime;
use identity::Holder;
use queue::Subject;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{count, instant, json, json_or_none, parsed, to_json};
use super::{Store, StoreError};

/// An incident that is to be put on its tenant's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) subject: Subject,
    pub(crate) host: HostId,
    pub(crate) incident: IncidentId,
    pub(crate) attempt: u32,
}

/// What became of an incident that was reported.
#[derive(Debug)]
pub(crate) enum Taken {
    /// It is durable; as which incident, and what is to be put on the queue.
    As(IncidentId, Option<Plan>),
    /// An incident of this id is there and says something else.
    Contradicted,
}

/// Where one incident stands.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) incident: IncidentId,
    pub(super) found: UtcTime,
    pub(super) what: What,
    pub(super) attempt: u32,
    pub(super) state: IncidentState,
}

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

    /// Plans an incident again that was deferred; `None` where it is not any more.
    pub(crate) async fn plan_again(
        &self,
        host: HostId,
        incident: IncidentId,
    ) -> Result<Option<Plan>, StoreError> {
        self.run(move |c| {
            let Some(row) = by_id(c, &host, &incident)? else { return Ok(None) };
            match row.state {
                IncidentState::Open { outcome: Outcome::Deferred, record: _ } => {
                    reopen(c, &host, row).map(Some)
                }
                _ => Ok(None),
            }
        })
        .await
    }

    /// After a start: every incident that is on the queue or should be, and those that were deferred.
    pub(crate) async fn unplanned(&self) -> Result<Vec<Plan>, StoreError> {
        self.run(|c| {
            let mut open = c.prepare(
                "SELECT host, incident, found, what, attempt, state FROM incident WHERE closed = 0",
            )?;
            let rows = open.query_map([], |row| Ok((parsed::<HostId>(row, 0)?, read_at(row, 1)?)))?;
            let rows: Vec<(HostId, Standing)> = rows.collect::<rusqlite::Result<_>>()?;
            let due = rows.into_iter().filter_map(|(host, row)| match row.state {
                IncidentState::Drifted => Some(plan_of(c, &host, &row)),
                IncidentState::Open { outcome: Outcome::Deferred, record: _ } => Some(reopen(c, &host, row)),
                IncidentState::Open { .. }
                | IncidentState::Escalated
                | IncidentState::Ordered(_)
                | IncidentState::Closed { .. } => None,
            });
            due.collect()
        })
        .await
    }

    /// A tenant's incidents, oldest first.
    pub(crate) async fn incidents(&self, tenant: TenantId) -> Result<Vec<IncidentView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare(
                "SELECT incident, site, host, found, what, reports, state, decision
                 FROM incident JOIN host USING (host) WHERE tenant = ?1 ORDER BY incident.rowid",
            )?;
            let rows = all.query_map([tenant.as_str()], view)?;
            rows.collect()
        })
        .await
    }
}

fn view(row: &Row<'_>) -> rusqlite::Result<IncidentView> {
    Ok(IncidentView {
        incident: parsed(row, 0)?,
        site: parsed(row, 1)?,
        host: parsed(row, 2)?,
        found: instant(row, 3)?,
        what: json(row, 4)?,
        reports: count(row, 5)?,
        state: json(row, 6)?,
        decision: json_or_none::<Decision>(row, 7)?,
    })
}

fn take(c: &Connection, holder: &Holder, reported: &Incident, now: UtcTime) -> rusqlite::Result<Taken> {
    let Incident { incident, found, what } = reported;
    let host = &holder.host;
    if let Some(row) = by_id(c, host, incident)? {
        if (row.found, &row.what) != (*found, what) {
            return Ok(Taken::Contradicted);
        }
        // Its first answer was lost, or the device reminds us of it.
        let known = row.incident.clone();
        return Ok(Taken::As(known, plan_known(c, host, row, now)?));
    }
    if let Some(row) = open_for(c, host, &what.subject())? {
        let sql = "UPDATE incident SET reports = reports + 1 WHERE host = ?1 AND incident = ?2";
        c.prepare_cached(sql)?.execute([host.as_str(), row.incident.as_str()])?;
        let open = row.incident.clone();
        return Ok(Taken::As(open, plan_known(c, host, row, now)?));
    }
    let drifted = to_json(&IncidentState::Drifted)?;
    c.prepare_cached(
        "INSERT INTO incident (host, incident, subject, found, what, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        host.as_str(),
        incident.as_str(),
        what.subject(),
        found.unix_ms(),
        to_json(what)?,
        drifted
    ])?;
    let subject = Subject::new(holder.tenant.clone(), holder.site.clone());
    let plan = Plan { subject, host: host.clone(), incident: incident.clone(), attempt: 1 };
    Ok(Taken::As(incident.clone(), Some(plan)))
}

/// What a report of a known incident puts on the queue. Where it may not have got there the first time, publishing it twice is harmless.
fn plan_known(c: &Connection, host: &HostId, row: Standing, now: UtcTime) -> rusqlite::Result<Option<Plan>> {
    if is_due(c, &row.state, now)? {
        return reopen(c, host, row).map(Some);
    }
    matches!(row.state, IncidentState::Drifted).then(|| plan_of(c, host, &row)).transpose()
}

/// Whether an open incident that was reported again must be planned again: its order died unheard, or it was put off.
fn is_due(c: &Connection, state: &IncidentState, now: UtcTime) -> rusqlite::Result<bool> {
    match state {
        IncidentState::Ordered(order) => order_died(c, order, now),
        IncidentState::Open { outcome: Outcome::Deferred | Outcome::Expired, record: _ } => Ok(true),
        IncidentState::Open { .. }
        | IncidentState::Drifted
        | IncidentState::Escalated
        | IncidentState::Closed { .. } => Ok(false),
    }
}

fn order_died(c: &Connection, order: &OrderId, now: UtcTime) -> rusqlite::Result<bool> {
    c.prepare_cached("SELECT 1 FROM signed_order WHERE id = ?1 AND answered IS NULL AND expires <= ?2")?
        .exists(params![order.as_str(), now.unix_ms()])
}

/// Makes an incident wait for the planner once more.
fn reopen(c: &Connection, host: &HostId, mut row: Standing) -> rusqlite::Result<Plan> {
    row.attempt += 1;
    c.prepare_cached("UPDATE incident SET attempt = ?3, state = ?4 WHERE host = ?1 AND incident = ?2")?
        .execute(params![
            host.as_str(),
            row.incident.as_str(),
            row.attempt,
            to_json(&IncidentState::Drifted)?
        ])?;
    plan_of(c, host, &row)
}

fn plan_of(c: &Connection, host: &HostId, row: &Standing) -> rusqlite::Result<Plan> {
    let subject = c
        .prepare_cached("SELECT tenant, site FROM host WHERE host = ?1")?
        .query_row([host.as_str()], |row| {
            Ok(Subject::new(parsed::<TenantId>(row, 0)?, parsed::<SiteId>(row, 1)?))
        })?;
    Ok(Plan { subject, host: host.clone(), incident: row.incident.clone(), attempt: row.attempt })
}

fn read_at(row: &Row<'_>, from: usize) -> rusqlite::Result<Standing> {
    Ok(Standing {
        incident: parsed(row, from)?,
        found: instant(row, from + 1)?,
        what: json(row, from + 2)?,
        attempt: row.get(from + 3)?,
        state: json(row, from + 4)?,
    })
}

/// One incident of one host.
pub(super) fn by_id(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
) -> rusqlite::Result<Option<Standing>> {
    c.prepare_cached(
        "SELECT incident, found, what, attempt, state FROM incident WHERE host = ?1 AND incident = ?2",
    )?
    .query_row([host.as_str(), incident.as_str()], |row| read_at(row, 0))
    .optional()
}

/// The one open incident of this subject on this host.
pub(super) fn open_for(c: &Connection, host: &HostId, subject: &str) -> rusqlite::Result<Option<Standing>> {
    c.prepare_cached(
        "SELECT incident, found, what, attempt, state FROM incident WHERE host = ?1 AND subject = ?2 AND closed = 0",
    )?
    .query_row([host.as_str(), subject], |row| read_at(row, 0))
    .optional()
}

/// Writes where an incident stands now.
pub(super) fn set_state(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    state: &IncidentState,
) -> rusqlite::Result<()> {
    let closed = matches!(state, IncidentState::Closed { .. });
    c.prepare_cached("UPDATE incident SET state = ?3, closed = ?4 WHERE host = ?1 AND incident = ?2")?
        .execute(params![host.as_str(), incident.as_str(), to_json(state)?, closed])?;
    Ok(())
}
