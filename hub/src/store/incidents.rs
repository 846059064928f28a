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

use super::around::{self, Cause};
use super::columns::{count, instant, json, json_or_none, parsed, parsed_or_none, signed, to_json};
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
        IncidentState::Drifted | IncidentState::Closed { .. } | IncidentState::LookedAfter(_) => false,
        IncidentState::Escalated => true,
        IncidentState::Ordered(_) => matches!(waits, Some(WaitingFor::Approval { .. })),
        // Those two are planned again by themselves.
        IncidentState::Open { outcome, record: _ } => {
            !matches!(outcome, Outcome::Deferred | Outcome::Expired)
        }
    }
}

impl Store {
    /// Plans an incident again that was deferred, or that waits for a silent machine which is heard again.
    pub(crate) async fn plan_again(
        &self,
        host: HostId,
        incident: IncidentId,
        now: UtcTime,
    ) -> Result<Again, StoreError> {
        self.run(move |c| {
            let Some(row) = by_id(c, &host, &incident)? else { return Ok(Again::No) };
            match row.state {
                IncidentState::Open { outcome: Outcome::Deferred, record: _ } => {
                    reopen(c, &host, row).map(Again::Plan)
                }
                IncidentState::Drifted => match waits_on(c, &host, &incident, now)? {
                    On::Nothing => reopen(c, &host, row).map(Again::Plan),
                    On::Time => Ok(Again::NotYet),
                    On::AnEnd | On::Itself => Ok(Again::No),
                },
                IncidentState::Open { .. }
                | IncidentState::Escalated
                | IncidentState::Ordered(_)
                | IncidentState::Closed { .. }
                | IncidentState::LookedAfter(_) => Ok(Again::No),
            }
        })
        .await
    }

    /// After a start: every incident that is on the queue or should be, those that were deferred, and those that have to be looked at again.
    pub(crate) async fn unplanned(&self, now: UtcTime) -> Result<Unplanned, StoreError> {
        self.run(move |c| {
            let mut open = c.prepare(
                "SELECT host, incident, found, what, attempt, state FROM incident WHERE closed = 0",
            )?;
            let rows = open.query_map([], |row| Ok((parsed::<HostId>(row, 0)?, read_at(row, 1)?)))?;
            let rows: Vec<(HostId, Standing)> = rows.collect::<rusqlite::Result<_>>()?;
            let mut all = Unplanned::default();
            for (host, row) in rows {
                let incident = row.incident.clone();
                match due(c, &host, row, now)? {
                    Again::Plan(plan) => all.plans.push(plan),
                    Again::NotYet => all.follow.push((host, incident)),
                    Again::No => {}
                }
            }
            Ok(all)
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
                "SELECT {VIEW}, incident.rowid FROM incident JOIN host USING (host) WHERE tenant = ?1 AND incident.rowid > ?2
                 ORDER BY incident.rowid LIMIT ?3",
            ))?;
            let (after, rows) = (signed(after.unwrap_or(0))?, signed(rows as u64)?);
            let found =
                all.query_map(params![tenant.as_str(), after, rows], |row| Ok((count(row, VIEW_COLUMNS)?, view(row)?)))?;
            found.collect()
        })
        .await
    }
}

/// Whether an incident is to be planned again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Again {
    /// It is.
    Plan(Plan),
    /// What it waits for still holds.
    NotYet,
    /// Nothing is to be planned.
    No,
}

/// What a start finds undone.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Unplanned {
    /// What is to be on the queue.
    pub(crate) plans: Vec<Plan>,
    /// What waits on something that no record ends.
    pub(crate) follow: Vec<(HostId, IncidentId)>,
}

/// What an incident that follows from something waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// It follows from nothing.
    Itself,
    /// What it followed from is over.
    Nothing,
    /// Something that ends by a record, which then frees it.
    AnEnd,
    /// A silence, or something that nothing ends: it has to be looked at again.
    Time,
}

fn waits_on(c: &Connection, host: &HostId, incident: &IncidentId, now: UtcTime) -> rusqlite::Result<On> {
    let (of, cause) = match around::cause(c, host, incident)? {
        None => return Ok(On::Itself),
        Some(Cause::Silence) => {
            return Ok(if around::is_silent(c, host, now)? { On::Time } else { On::Nothing });
        }
        Some(Cause::Incident(of, cause)) => (of, cause),
    };
    let Some(row) = by_id(c, &of, &cause)? else { return Ok(On::Nothing) };
    Ok(match (&row.state, &row.what) {
        (state, _) if state.is_over() => On::Nothing,
        (_, What::Drift { .. }) => On::AnEnd,
        (_, What::Signal(_)) if around::holds(&row.what, row.found, now) => On::Time,
        (_, What::Signal(_)) => On::Nothing,
    })
}

/// What becomes of an open incident after a start.
fn due(c: &Connection, host: &HostId, row: Standing, now: UtcTime) -> rusqlite::Result<Again> {
    match row.state {
        IncidentState::Drifted => match waits_on(c, host, &row.incident, now)? {
            On::Itself => plan_of(c, host, &row).map(Again::Plan),
            On::Nothing => reopen(c, host, row).map(Again::Plan),
            On::Time => Ok(Again::NotYet),
            On::AnEnd => Ok(Again::No),
        },
        IncidentState::Open { outcome: Outcome::Deferred, record: _ } => {
            reopen(c, host, row).map(Again::Plan)
        }
        IncidentState::Open { .. }
        | IncidentState::Escalated
        | IncidentState::Ordered(_)
        | IncidentState::Closed { .. }
        | IncidentState::LookedAfter(_) => Ok(Again::No),
    }
}

/// The columns of [`view`], of an incident joined with its host.
pub(super) const VIEW: &str = "incident, site, host, found, what, reports, state, decision,
     (SELECT waits FROM signed_order
      WHERE signed_order.host = incident.host AND signed_order.id = incident.state ->> '$.ordered'), why, nullif(cause, '*')";
/// How many they are.
pub(super) const VIEW_COLUMNS: usize = 11;

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
        why: row.get(9)?,
        follows: parsed_or_none(row, 10)?,
    })
}

/// Makes an incident wait for the planner once more, for itself, whether it was open or closed.
pub(super) fn reopen(c: &Connection, host: &HostId, mut row: Standing) -> rusqlite::Result<Plan> {
    row.attempt += 1;
    c.prepare_cached(
        "UPDATE incident SET attempt = ?3, cause_host = NULL, cause = NULL WHERE host = ?1 AND incident = ?2",
    )?
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
    // Only what waits for the planner follows from anything: whatever becomes of it else, it stands for itself.
    let may_follow = *state == IncidentState::Drifted;
    c.prepare_cached(
        "UPDATE incident SET state = ?3, closed = ?4, cause_host = CASE WHEN ?5 THEN cause_host END,
                cause = CASE WHEN ?5 THEN cause END WHERE host = ?1 AND incident = ?2",
    )?
    .execute(params![host.as_str(), incident.as_str(), to_json(state)?, state.is_over(), may_follow])?;
    Ok(())
}
