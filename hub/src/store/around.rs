//! What is around an incident when it is decided: what else is open on its machine, who is silent at its site, and what was found there before.
//!
//! What is handed on is bounded, since all of it stands in the decision's line: the nearest in time is kept.

use contract::decision::{Choice, Decision};
use contract::ids::{HostId, IncidentId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::record::Opponent;
use contract::refusal::Refusal;
use contract::runbook::TargetOs;
use contract::time::UtcTime;
use identity::Holder;
use planner::Case;
use planner::coalesce::{Around, HostLife, Root, Sibling, Trouble};
use planner::flap::{Ended, EndedBy, Episode};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::columns::{instant, instant_or_none, json, json_or_none, parsed, signed};
use super::incidents::{Plan, Standing, by_id, reopen, set_state};
use super::knowledge::Said;

/// So many other incidents are looked at.
const SIBLINGS_MAX: u64 = 100;
/// Found so long before or after.
const NEAR_MS: u64 = 26 * 60 * 60 * 1000;
/// So many machines of a site.
const LIVES_MAX: u64 = 200;
/// So many earlier ones, of the machine and of the subject each.
const PAST_MAX: u64 = 100;
/// Found so long ago.
const PAST_MS: u64 = 8 * 24 * 60 * 60 * 1000;
/// Nothing ends what a detector saw, so it is taken to hold for so long.
const SIGNAL_MS: u64 = 60 * 60 * 1000;
/// So far ahead a machine's clock may be.
const SKEW_MS: u64 = 5 * 60 * 1000;
/// A machine that said nothing for so long is silent.
const DARK_MS: u64 = 15 * 60 * 1000;

/// When is decided, and since when this hub hears: what it has not heard yet says nothing of a machine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looked {
    pub(crate) now: UtcTime,
    pub(crate) hears_since: UtcTime,
}

/// The case of an incident of `holder`'s host.
pub(super) fn case(
    c: &Connection,
    holder: &Holder,
    row: &Standing,
    Looked { now, hears_since }: Looked,
) -> rusqlite::Result<Case> {
    let host = &holder.host;
    let hosts = if now.ms_since(hears_since) < DARK_MS { Vec::new() } else { lives(c, holder, now)? };
    Ok(Case {
        incident: row.incident.clone(),
        host: host.clone(),
        os: system(c, host)?,
        found: row.found,
        now,
        open: siblings(c, row, host, now)?,
        hosts,
        past: past(c, holder, row)?,
        what: row.what.clone(),
    })
}

/// What is open on the machine, as far as anything can follow from it or it from anything, and still holds.
fn siblings(c: &Connection, of: &Standing, host: &HostId, now: UtcTime) -> rusqlite::Result<Vec<Sibling>> {
    let mut open = c.prepare_cached(
        "SELECT incident, found, what FROM incident WHERE host = ?1 AND closed = 0 AND abs(found - ?2) <= ?3
         ORDER BY abs(found - ?2), incident",
    )?;
    let mut rows = open.query(params![host.as_str(), of.found.unix_ms(), signed(NEAR_MS)?])?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let (incident, found, what): (IncidentId, _, What) =
            (parsed(row, 0)?, instant(row, 1)?, json(row, 2)?);
        let is_asked_about = incident == of.incident;
        let counts = Trouble::of(&what).is_some() && (is_asked_about || holds(&what, found, now));
        if counts && (all.len() as u64) < SIBLINGS_MAX {
            all.push(Sibling { host: host.clone(), incident, found, what });
        }
    }
    Ok(all)
}

/// Whether something that was found and never closed is taken to hold.
pub(super) fn holds(what: &What, found: UtcTime, now: UtcTime) -> bool {
    match what {
        What::Drift { .. } => true,
        // A machine whose clock is ahead would have it hold until then.
        What::Signal(_) => found <= now.plus_ms(SKEW_MS) && now.ms_since(found) <= SIGNAL_MS,
    }
}

/// The site's machines, where this one is silent; else nobody's silence matters.
fn lives(c: &Connection, holder: &Holder, now: UtcTime) -> rusqlite::Result<Vec<HostLife>> {
    if !is_silent(c, &holder.host, now)? {
        return Ok(Vec::new());
    }
    let mut all = c.prepare_cached(
        "SELECT host, seen FROM host WHERE tenant = ?1 AND site = ?2 AND seen IS NOT NULL
         ORDER BY host = ?3 DESC, host LIMIT ?4",
    )?;
    let life = |row: &Row<'_>| {
        let seen = instant(row, 1)?;
        Ok(HostLife { host: parsed(row, 0)?, dark_since: (now.ms_since(seen) > DARK_MS).then_some(seen) })
    };
    let (tenant, site, host) = (holder.tenant.as_str(), holder.site.as_str(), holder.host.as_str());
    all.query_map(params![tenant, site, host, signed(LIVES_MAX)?], life)?.collect()
}

/// The machine's system, as far as it says: one that runs a closure is NixOS.
fn system(c: &Connection, host: &HostId) -> rusqlite::Result<Option<TargetOs>> {
    let held = c
        .prepare_cached("SELECT held ->> '$.closure' IS NOT NULL FROM attested WHERE host = ?1")?
        .query_row([host.as_str()], |row| row.get::<_, bool>(0))
        .optional()?;
    Ok(held.filter(|runs_a_closure| *runs_a_closure).map(|_| TargetOs::Nixos))
}

/// An earlier incident: which, its subject, when it was found, where it stands, and what was decided.
type Earlier = ((HostId, IncidentId), String, UtcTime, IncidentState, Option<Decision>);

/// What was found before: of this subject at the site, and of any on this machine.
fn past(c: &Connection, holder: &Holder, row: &Standing) -> rusqlite::Result<Vec<Episode>> {
    let since = row.found.unix_ms().saturating_sub(i64::try_from(PAST_MS).unwrap_or(i64::MAX));
    // Each half by an index of its own: the machine's, and the subject's on each machine of the site.
    let mut all = c.prepare_cached(
        "SELECT * FROM (SELECT host, incident, subject, found, state, decision FROM incident
                        WHERE host = ?6 AND found > ?3 AND found <= ?4 AND incident <> ?7
                        ORDER BY found DESC, incident LIMIT ?8)
         UNION
         SELECT * FROM (SELECT incident.host, incident, subject, found, state, decision
                        FROM host CROSS JOIN incident ON incident.host = host.host
                        WHERE tenant = ?1 AND site = ?2 AND host.host <> ?6
                              AND subject = ?5 AND found > ?3 AND found <= ?4
                        ORDER BY found DESC, incident.host, incident LIMIT ?8)
         ORDER BY found DESC, host, incident",
    )?;
    let values = params![
        holder.tenant.as_str(),
        holder.site.as_str(),
        since,
        row.found.unix_ms(),
        row.what.subject(),
        holder.host.as_str(),
        row.incident.as_str(),
        signed(PAST_MAX)?
    ];
    let rows = all.query_map(values, |row| {
        let of: (HostId, IncidentId) = (parsed(row, 0)?, parsed(row, 1)?);
        let (subject, found) = (row.get(2)?, instant(row, 3)?);
        Ok((of, subject, found, json(row, 4)?, json_or_none::<Decision>(row, 5)?))
    })?;
    let rows: Vec<Earlier> = rows.collect::<rusqlite::Result<_>>()?;
    rows.into_iter()
        .map(|((host, incident), subject, found, state, decision)| {
            let ended = ended(c, &host, &incident, &state, decision.as_ref())?;
            Ok(Episode { host, subject, found, ended })
        })
        .collect()
}

/// How an incident ended, by the record that closed it; what a run of the site's own was, this hub does not know by name.
fn ended(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    state: &IncidentState,
    decision: Option<&Decision>,
) -> rusqlite::Result<Option<Ended>> {
    let IncidentState::Closed { record } = state else { return Ok(None) };
    let said = c
        .prepare_cached("SELECT at, said FROM moment WHERE host = ?1 AND record = ?2")?
        .query_row(params![host.as_str(), signed(*record)?], |row| {
            Ok((instant(row, 0)?, json::<Said>(row, 1)?))
        })
        .optional()?;
    let turned = c
        .prepare_cached("SELECT max(at) FROM turn WHERE host = ?1 AND record = ?2")?
        .query_row(params![host.as_str(), signed(*record)?], |row| instant_or_none(row, 0))?;
    let runbook = decision.and_then(|decision| match &decision.choice {
        Choice::Run(runbook) => Some(runbook.clone()),
        Choice::Escalate(_) => None,
    });
    let (at, by) = match (said, runbook) {
        (Some((at, Said::Ended { outcome, .. })), Some(runbook)) => {
            (Some(at), EndedBy::Run(runbook, outcome))
        }
        (Some((at, _)), _) => (Some(at), EndedBy::Itself),
        (None, _) => (turned, EndedBy::Itself),
    };
    let opponent = opponent(c, host, incident)?;
    // A record that was not read again yet says no time: then nothing is said of the end.
    Ok(at.map(|at| Ended { at, by, opponent }))
}

/// Who else changes it, where the machine's executor found out.
fn opponent(c: &Connection, host: &HostId, incident: &IncidentId) -> rusqlite::Result<Option<Opponent>> {
    let mut refused = c.prepare_cached(
        "SELECT said FROM moment WHERE host = ?1 AND incident = ?2 AND said ->> '$.refused' IS NOT NULL ORDER BY record DESC",
    )?;
    let mut rows = refused.query([host.as_str(), incident.as_str()])?;
    while let Some(row) = rows.next()? {
        if let Said::Refused { outcome: Outcome::Escalated, refusal } = json(row, 0)?
            && let Refusal::Flapping { opponent, .. } = *refusal
        {
            return Ok(Some(opponent));
        }
    }
    Ok(None)
}

/// What of a root is kept beside an incident: the machine, and its incident where it is one.
pub(super) fn keep_cause(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    root: &Root,
    why: &str,
) -> rusqlite::Result<()> {
    let (cause_host, cause) = match root {
        Root::Incident { host, incident, .. } => (host, incident.as_str()),
        Root::HostDark { .. } | Root::SiteDark { .. } => (host, SILENCE),
    };
    c.prepare_cached(
        "UPDATE incident SET cause_host = ?3, cause = ?4, why = ?5 WHERE host = ?1 AND incident = ?2",
    )?
    .execute(params![host.as_str(), incident.as_str(), cause_host.as_str(), cause, why])?;
    Ok(())
}

/// What waits for a person already and follows from what was just decided becomes a symptom of it: it is nobody's matter for itself.
pub(super) fn gather(c: &Connection, holder: &Holder, case: &Case) -> rusqlite::Result<Vec<IncidentId>> {
    let mut gathered = Vec::new();
    let around = Around { open: &case.open, hosts: &[] };
    for sibling in case.open.iter().filter(|sibling| sibling.incident != case.incident) {
        let Some(root) = planner::coalesce::root(sibling, &around) else { continue };
        let is_this_one = matches!(&root, Root::Incident { incident, .. } if *incident == case.incident);
        let Some(row) = by_id(c, &holder.host, &sibling.incident)? else { continue };
        if is_this_one && row.state == IncidentState::Escalated {
            let why = planner::Why::Follows(Box::new(root.clone())).to_string();
            keep_cause(c, &holder.host, &sibling.incident, &root, &why)?;
            set_state(c, &holder.host, &sibling.incident, &IncidentState::Drifted)?;
            gathered.push(sibling.incident.clone());
        }
    }
    Ok(gathered)
}

/// What an incident waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// That an incident ends.
    Incident(HostId, IncidentId),
    /// That its machine is heard again.
    Silence,
}

/// What an incident follows from.
pub(super) fn cause(c: &Connection, host: &HostId, incident: &IncidentId) -> rusqlite::Result<Option<Cause>> {
    let one = |row: &Row<'_>| {
        let cause = match row.get::<_, Option<String>>(1)?.as_deref() {
            None => None,
            Some(SILENCE) => Some(Cause::Silence),
            Some(_) => Some(Cause::Incident(parsed(row, 0)?, parsed(row, 1)?)),
        };
        Ok(cause)
    };
    c.prepare_cached("SELECT cause_host, cause FROM incident WHERE host = ?1 AND incident = ?2")?
        .query_row([host.as_str(), incident.as_str()], one)
        .optional()
        .map(Option::flatten)
}

/// Whether nothing was heard of a machine for long.
pub(super) fn is_silent(c: &Connection, host: &HostId, now: UtcTime) -> rusqlite::Result<bool> {
    let seen = c
        .prepare_cached("SELECT seen FROM host WHERE host = ?1")?
        .query_row([host.as_str()], |row| instant_or_none(row, 0))?;
    Ok(seen.is_some_and(|seen| now.ms_since(seen) > DARK_MS))
}

/// What followed from an incident that ended is to be planned for itself, unless it ends as well. What follows from anything waits for the planner.
pub(super) fn free(c: &Connection, host: &HostId, ended: &IncidentId) -> rusqlite::Result<Vec<Plan>> {
    let mut all = c.prepare_cached(
        "SELECT host, incident FROM incident WHERE cause_host = ?1 AND cause = ?2 AND closed = 0",
    )?;
    let followers: Vec<(HostId, IncidentId)> = all
        .query_map([host.as_str(), ended.as_str()], |row| Ok((parsed(row, 0)?, parsed(row, 1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut plans = Vec::new();
    for (host, incident) in followers {
        if let Some(row) = by_id(c, &host, &incident)? {
            plans.push(reopen(c, &host, row)?);
        }
    }
    Ok(plans)
}

/// What stands in place of an incident's id where the cause is silence. No id has such a character.
const SILENCE: &str = "*";
