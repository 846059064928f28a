//! What verified evidence changes: the only way an incident is ever closed.

use std::collections::BTreeMap;

use contract::ids::{ControlId, HostId, IncidentId, OrderId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::record::WaitingFor;
use contract::time::UtcTime;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::approvals::DECLINED;
use super::around;
use super::columns::{count, json, parsed, signed, to_json};
use super::incidents::{Plan, by_id, open_for, set_state};
use super::knowledge::{Lesson, learn};
use super::{Store, StoreError};
use crate::consequence::{Consequence, Retry, Run};

/// What came of verified evidence.
#[derive(Debug)]
pub(crate) struct Settled {
    /// Incidents that are to be planned again, and when.
    pub(crate) again: Vec<(IncidentId, Retry)>,
    /// What followed from incidents that ended, and is to be planned for itself.
    pub(crate) freed: Vec<Plan>,
    /// Incidents that were open, and stand otherwise now.
    pub(crate) changed: Vec<IncidentId>,
}

impl Store {
    /// How many of the host's records have had their consequences.
    pub(crate) async fn settled(&self, host: HostId) -> Result<u64, StoreError> {
        let sql = "SELECT settled FROM host WHERE host = ?1";
        self.run(move |c| c.prepare_cached(sql)?.query_row([host.as_str()], |row| count(row, 0))).await
    }

    /// Applies the consequences of the records up to `size`, all or none, and keeps what else they say.
    pub(crate) async fn settle(
        &self,
        host: HostId,
        size: u64,
        consequences: Vec<Consequence>,
        lesson: Lesson,
    ) -> Result<Settled, StoreError> {
        self.run(move |c| {
            let mut touched = Touched::new();
            let mut again = Vec::new();
            for consequence in &consequences {
                again.extend(apply(c, &host, consequence, &mut touched)?);
            }
            learn(c, &host, &lesson)?;
            c.execute("UPDATE host SET settled = ?2 WHERE host = ?1", params![host.as_str(), signed(size)?])?;
            let (mut changed, mut freed) = (Vec::new(), Vec::new());
            for (incident, before) in touched {
                let Some(before) = before else { continue };
                let (now, closed) = state_of(c, &host, &incident)?;
                if closed {
                    freed.extend(around::free(c, &host, &incident)?);
                }
                if now != before {
                    changed.push(incident);
                }
            }
            Ok(Settled { again, freed, changed })
        })
        .await
    }
}

/// The incidents that were written to, each with its state as it was written before where it was open. The others of a host, and there may be many, are
/// not looked at.
type Touched = BTreeMap<IncidentId, Option<String>>;

/// An incident's state as it is written, and whether it is closed.
fn state_of(c: &Connection, host: &HostId, incident: &IncidentId) -> rusqlite::Result<(String, bool)> {
    c.prepare_cached("SELECT state, closed FROM incident WHERE host = ?1 AND incident = ?2")?
        .query_row([host.as_str(), incident.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Writes where an incident stands now, and remembers where it stood.
fn becomes(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    state: &IncidentState,
    touched: &mut Touched,
) -> rusqlite::Result<()> {
    if !touched.contains_key(incident) {
        let (before, closed) = state_of(c, host, incident)?;
        touched.insert(incident.clone(), (!closed).then_some(before));
    }
    set_state(c, host, incident, state)
}

fn apply(
    c: &Connection,
    host: &HostId,
    consequence: &Consequence,
    touched: &mut Touched,
) -> rusqlite::Result<Option<(IncidentId, Retry)>> {
    match consequence {
        Consequence::Passes { order, record, run } => {
            let closed = IncidentState::Closed { record: *record };
            match (of_order(c, host, order)?, run) {
                (Some((incident, state)), _) => {
                    alive(c, host, order, None, None)?;
                    if !matches!(state, IncidentState::Closed { .. }) {
                        becomes(c, host, &incident, &closed, touched)?;
                    }
                }
                (None, Some(run)) => site_ended(c, host, run, &closed, touched)?,
                (None, None) => {}
            }
        }
        Consequence::NotHealed { order, outcome, record, retry, run } => {
            let open = IncidentState::Open { outcome: *outcome, record: *record };
            match (of_order(c, host, order)?, run) {
                (Some((incident, state)), _) => {
                    alive(c, host, order, None, None)?;
                    // An older order's end says nothing about the one that is out now.
                    if is_current(c, host, &incident, &state, order)? {
                        becomes(c, host, &incident, &open, touched)?;
                        return Ok(retry.map(|retry| (incident, retry)));
                    }
                }
                (None, Some(run)) => site_ended(c, host, run, &open, touched)?,
                (None, None) => {}
            }
        }
        Consequence::Waits { order, waiting_for, until } => {
            alive(c, host, order, Some(*until), Some(waiting_for))?;
        }
        Consequence::Begun { order, until, run } => match of_order(c, host, order)? {
            Some(_) => alive(c, host, order, Some(*until), None)?,
            None => keep_site_run(c, host, run, *until, None)?,
        },
        Consequence::Person { order, record } => {
            // How a run ended says more than that a person is asked to look at its end, and waits for that person as well.
            if let Some((incident, state)) = of_order(c, host, order)?
                && state == IncidentState::Ordered(order.clone())
            {
                let open = IncidentState::Open { outcome: Outcome::Escalated, record: *record };
                becomes(c, host, &incident, &open, touched)?;
            }
        }
        Consequence::Passed { control, time, record } => {
            close_older(c, host, control, *time, *record, touched)?;
        }
        Consequence::Healthy { closure } => super::attest::found_healthy(c, host, closure)?,
        Consequence::Switched => super::attest::switched(c, host)?,
    }
    Ok(None)
}

/// Closes the open incident of this control that was found before `time`. While a run is under way over it, that it passes is no news: it has to go on
/// passing, and the run's own end says whether it did.
fn close_older(
    c: &Connection,
    host: &HostId,
    control: &ControlId,
    time: UtcTime,
    record: u64,
    touched: &mut Touched,
) -> rusqlite::Result<()> {
    if let Some(row) = open_for(c, host, &subject(control))?
        && row.found < time
        && !is_run_over(c, host, &row.state, control, time)?
    {
        becomes(c, host, &row.incident, &IncidentState::Closed { record }, touched)?;
    }
    Ok(())
}

/// A run ended that this hub did not order: the site decided for itself. What it says of its incident counts, whether that came before or comes
/// after.
fn site_ended(
    c: &Connection,
    host: &HostId,
    run: &Run,
    state: &IncidentState,
    touched: &mut Touched,
) -> rusqlite::Result<()> {
    let Run { incident, control, time } = run;
    keep_site_run(c, host, run, *time, Some(state))?;
    match (by_id(c, host, incident)?, state) {
        (Some(row), _) if row.what.subject() != subject(control) => Ok(()),
        (Some(row), _) if row.state.is_over() => Ok(()),
        (Some(row), IncidentState::Closed { .. }) => becomes(c, host, &row.incident, state, touched),
        // An order that is out decides what becomes of it.
        (Some(row), _) if row.state == IncidentState::Drifted => {
            becomes(c, host, &row.incident, state, touched)
        }
        // It may have been counted as another one.
        (None, IncidentState::Closed { record }) => close_older(c, host, control, *time, *record, touched),
        (Some(_) | None, _) => Ok(()),
    }
}

fn keep_site_run(
    c: &Connection,
    host: &HostId,
    Run { incident, control, time: _ }: &Run,
    until: UtcTime,
    state: Option<&IncidentState>,
) -> rusqlite::Result<()> {
    let state = state.map(to_json).transpose()?;
    c.prepare_cached(
        "INSERT OR REPLACE INTO site_run (host, incident, control, until, state) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![host.as_str(), incident.as_str(), control.as_str(), until.unix_ms(), state])?;
    Ok(())
}

/// Whether a run over this control is under way at `time`: the one that the incident's order began, or one of the site's own.
fn is_run_over(
    c: &Connection,
    host: &HostId,
    state: &IncidentState,
    control: &ControlId,
    time: UtcTime,
) -> rusqlite::Result<bool> {
    let ordered = match state {
        IncidentState::Ordered(order) => c
            .prepare_cached("SELECT 1 FROM signed_order WHERE id = ?1 AND waits IS NULL AND alive > ?2")?
            .exists(params![order.as_str(), time.unix_ms()])?,
        IncidentState::Drifted
        | IncidentState::Escalated
        | IncidentState::Open { .. }
        | IncidentState::Closed { .. }
        | IncidentState::LookedAfter(_) => false,
    };
    let own = "SELECT 1 FROM site_run WHERE host = ?1 AND control = ?2 AND state IS NULL AND until > ?3";
    Ok(ordered || c.prepare_cached(own)?.exists(params![host.as_str(), control.as_str(), time.unix_ms()])?)
}

/// What became of an incident on its site before it came here, by the evidence of the site's own run.
pub(super) fn settled_at_site(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    what: &What,
) -> rusqlite::Result<Option<IncidentState>> {
    let What::Drift { control, fact: _, observed: _ } = what else { return Ok(None) };
    c.prepare_cached(
        "SELECT state FROM site_run WHERE host = ?1 AND incident = ?2 AND control = ?3 AND state IS NOT NULL",
    )?
    .query_row([host.as_str(), incident.as_str(), control.as_str()], |row| json(row, 0))
    .optional()
}

fn subject(control: &ControlId) -> String {
    format!("control:{control}")
}

/// Notes until when an order lives on its host without an end, and what it waits for there; not of one that a person declined.
fn alive(
    c: &Connection,
    host: &HostId,
    order: &OrderId,
    until: Option<UtcTime>,
    waits: Option<&WaitingFor>,
) -> rusqlite::Result<()> {
    let waits = waits.map(to_json).transpose()?;
    let sql =
        "UPDATE signed_order SET alive = ?3, waits = ?4 WHERE host = ?1 AND id = ?2 AND answered IS NOT ?5";
    let until = until.map(UtcTime::unix_ms);
    c.prepare_cached(sql)?.execute(params![host.as_str(), order.as_str(), until, waits, DECLINED])?;
    Ok(())
}

/// Whether the incident's state hangs on this order's end: it is the one that is out, or the last one, over which a person was asked to look.
fn is_current(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    state: &IncidentState,
    order: &OrderId,
) -> rusqlite::Result<bool> {
    match state {
        IncidentState::Ordered(current) => Ok(current == order),
        IncidentState::Open { outcome: Outcome::Escalated, record: _ } => c
            .prepare_cached(
                "SELECT 1 FROM signed_order WHERE host = ?1 AND incident = ?2 AND id = ?3
                 AND counter = (SELECT max(counter) FROM signed_order WHERE host = ?1 AND incident = ?2)",
            )?
            .exists([host.as_str(), incident.as_str(), order.as_str()]),
        IncidentState::Open { .. }
        | IncidentState::Drifted
        | IncidentState::Escalated
        | IncidentState::Closed { .. }
        | IncidentState::LookedAfter(_) => Ok(false),
    }
}

/// The incident that one of this host's own orders answers.
fn of_order(
    c: &Connection,
    host: &HostId,
    order: &OrderId,
) -> rusqlite::Result<Option<(IncidentId, IncidentState)>> {
    let incident: Option<IncidentId> = c
        .prepare_cached("SELECT incident FROM signed_order WHERE host = ?1 AND id = ?2")?
        .query_row([host.as_str(), order.as_str()], |row| parsed(row, 0))
        .optional()?;
    let Some(incident) = incident else { return Ok(None) };
    Ok(by_id(c, host, &incident)?.map(|row| (row.incident, row.state)))
}
