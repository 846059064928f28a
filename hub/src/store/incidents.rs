//! Incidents: where each stands, and what is put on the queue for it.

use contract::decision::Decision;
use contract::ids::{HostId, IncidentId, SiteId, TenantId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::{IncidentState, IncidentView};
use contract::record::WaitingFor;
use contract::time::UtcTime;
use queue::Subject;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{count, instant, json, json_or_none, parsed, signed, to_json};
use super::{Store, StoreError};
use crate::people::Scope;

/// An incident that is to be put on its tenant's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) subject: Subject,
    pub(crate) host: HostId,
    pub(crate) incident: IncidentId,
    pub(crate) attempt: u32,
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

/// What the order waits for on its host that an incident hangs on, JSON: a column for [`waits_for_a_person`].
pub(super) const WAITS: &str = "(SELECT waits FROM signed_order
     WHERE signed_order.host = incident.host AND signed_order.id = incident.state ->> '$.ordered')";

/// Whether nothing goes on with an incident before a person does something: the one definition, for every page, alert and number.
pub(crate) fn waits_for_a_person(state: &IncidentState, waits: Option<&WaitingFor>) -> bool {
    match state {
        IncidentState::Drifted | IncidentState::Closed { .. } => false,
        IncidentState::Escalated => true,
        IncidentState::Ordered(_) => matches!(waits, Some(WaitingFor::Approval { .. })),
        // Those two are planned again by themselves.
        IncidentState::Open { outcome, record: _ } => {
            !matches!(outcome, Outcome::Deferred | Outcome::Expired)
        }
    }
}

impl Store {
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

    /// A tenant's incidents, oldest first: so many of those that came after a place, each with its own.
    pub(crate) async fn incidents(
        &self,
        tenant: Scope<TenantId>,
        after: Option<u64>,
        rows: usize,
    ) -> Result<Vec<(u64, IncidentView)>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare(&format!(
                "SELECT incident, site, host, found, what, reports, state, decision, {WAITS}, incident.rowid
                 FROM incident JOIN host USING (host) WHERE tenant = ?1 AND incident.rowid > ?2
                 ORDER BY incident.rowid LIMIT ?3",
            ))?;
            let (after, rows) = (signed(after.unwrap_or(0))?, signed(rows as u64)?);
            let found =
                all.query_map(params![tenant.as_str(), after, rows], |row| Ok((count(row, 9)?, view(row)?)))?;
            found.collect()
        })
        .await
    }
}

/// Incident, site, host, found, what, reports, state, decision, and what its order waits for.
pub(super) fn view(row: &Row<'_>) -> rusqlite::Result<IncidentView> {
    let (state, waits) = (json(row, 6)?, json_or_none::<WaitingFor>(row, 8)?);
    Ok(IncidentView {
        waits_for_person: waits_for_a_person(&state, waits.as_ref()),
        incident: parsed(row, 0)?,
        site: parsed(row, 1)?,
        host: parsed(row, 2)?,
        found: instant(row, 3)?,
        what: json(row, 4)?,
        reports: count(row, 5)?,
        state,
        decision: json_or_none::<Decision>(row, 7)?,
    })
}

/// Makes an incident wait for the planner once more, whether it was open or closed.
pub(super) fn reopen(c: &Connection, host: &HostId, mut row: Standing) -> rusqlite::Result<Plan> {
    row.attempt += 1;
    c.prepare_cached("UPDATE incident SET attempt = ?3 WHERE host = ?1 AND incident = ?2")?
        .execute(params![host.as_str(), row.incident.as_str(), row.attempt])?;
    set_state(c, host, &row.incident, &IncidentState::Drifted)?;
    plan_of(c, host, &row)
}

pub(super) fn plan_of(c: &Connection, host: &HostId, row: &Standing) -> rusqlite::Result<Plan> {
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
