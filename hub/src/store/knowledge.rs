//! What verified records say of their host: its controls, its runs, how it stands. Folded record by record, in the log's order, each once.
//!
//! Nothing else writes here, so a control's state at this hub is what its evidence says and nothing more. How far the records were read stands
//! beside them: what is missing is read again from the archive, with the same result.

use contract::finding::Verdict;
use contract::ids::{HostId, IncidentId, OrderId};
use contract::outcome::Outcome;
use contract::record::{
    Accepted, Authority, Body, BreakGlass, Ended, Escalated, FindingsTaken, Gap, Intent, Moved, Opened,
    PaperTaken, Record, Refused, RunState, StandingTaken, Waiting, WaitingFor,
};
use contract::refusal::Refusal;
use contract::runbook::Verb;
use contract::score::{Held, Word};
use contract::time::UtcTime;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};

use super::columns::{count, instant, json, signed, to_json};
use super::{Store, StoreError};

/// Verified records of one host, in their order.
#[derive(Debug, Default)]
pub(crate) struct Lesson {
    pub(crate) records: Vec<Record>,
    /// When the receipt for them was given; none where they were read from the archive.
    pub(crate) received: Option<UtcTime>,
}

/// What a record says happened to an order on its host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Said {
    /// It waits.
    Waits(WaitingFor),
    /// All guardrails let it pass: the run begins.
    Accepted {
        /// True where the site ordered it for itself.
        by_site: bool,
        /// How many people approved it.
        approvals: u32,
    },
    /// A step is about to act.
    Acts { step: u32, verb: Verb },
    /// The run went over to another state.
    Moved(RunState),
    /// It was taken up again after an interruption.
    Resumed,
    /// It ended.
    Ended { outcome: Outcome, acted_ms: u64, verified_ms: u64 },
    /// It was not carried out.
    Refused { outcome: Outcome, refusal: Box<Refusal> },
    /// A person is asked to look.
    Escalated,
}

/// How far the host's records were read.
pub(super) fn read_up_to(c: &Connection, host: &HostId) -> rusqlite::Result<u64> {
    let sql = "SELECT records FROM reading WHERE host = ?1";
    let read = c.prepare_cached(sql)?.query_row([host.as_str()], |row| count(row, 0)).optional()?;
    Ok(read.unwrap_or(0))
}

impl Store {
    /// How many of the host's records were read here, and how many have had their consequences.
    pub(crate) async fn read_and_settled(&self, host: HostId) -> Result<(u64, u64), StoreError> {
        let sql =
            "SELECT coalesce(records, 0), settled FROM host LEFT JOIN reading USING (host) WHERE host = ?1";
        self.run(move |c| {
            c.prepare_cached(sql)?.query_row([host.as_str()], |row| Ok((count(row, 0)?, count(row, 1)?)))
        })
        .await
    }

    /// Takes in records that had their consequences before.
    pub(crate) async fn learn(&self, host: HostId, lesson: Lesson) -> Result<(), StoreError> {
        self.run(move |c| learn(c, &host, &lesson)).await
    }

    /// Hosts of which less was read than had its consequences, tenant by tenant: for the hub itself, at its start.
    pub(crate) async fn unread(&self) -> Result<Vec<crate::mirror::Subject>, StoreError> {
        let sql = "SELECT tenant, site, host, origin, evidence_key FROM host LEFT JOIN reading USING (host)
                   WHERE evidence_key IS NOT NULL AND coalesce(records, 0) < settled ORDER BY tenant, site, host";
        self.run(move |c| c.prepare(sql)?.query_map([], super::logs::subject)?.collect()).await
    }
}

/// Folds the records that follow on what was read; others wait until those before them were read.
pub(super) fn learn(c: &Connection, host: &HostId, lesson: &Lesson) -> rusqlite::Result<()> {
    let mut next = read_up_to(c, host)?;
    let before = next;
    for record in &lesson.records {
        if record.seq == next {
            take(c, host, record, lesson.received)?;
            next += 1;
        }
    }
    if next == before {
        return Ok(());
    }
    c.prepare_cached("INSERT OR REPLACE INTO reading (host, records, received) VALUES (?1, ?2, ?3)")?
        .execute(params![host.as_str(), signed(next)?, lesson.received.map(UtcTime::unix_ms)])?;
    Ok(())
}

fn take(c: &Connection, host: &HostId, record: &Record, received: Option<UtcTime>) -> rusqlite::Result<()> {
    let at = (record.time, record.seq);
    let moment = |order: &OrderId, incident: Option<&IncidentId>, said: &Said| {
        keep_moment(c, host, at, received, (order, incident), said)
    };
    match &record.body {
        Body::Findings(FindingsTaken { findings, .. }) => {
            findings.iter().try_for_each(|f| found(c, host, f.control.as_str(), &f.verdict, (at, received)))
        }
        Body::Waiting(waiting) => {
            let Waiting { order, incident, waiting_for, .. } = &**waiting;
            moment(order, Some(incident), &Said::Waits(waiting_for.clone()))
        }
        Body::Accepted(accepted) => {
            let Accepted { order, incident, authority, approvals, .. } = &**accepted;
            let by_site = matches!(authority, Authority::StandingOrder(_));
            let approvals = u32::try_from(approvals.len()).unwrap_or(u32::MAX);
            moment(order, Some(incident), &Said::Accepted { by_site, approvals })
        }
        Body::Intent(Intent { order, step, verb, .. }) => {
            moment(order, None, &Said::Acts { step: *step, verb: *verb })
        }
        Body::Moved(Moved { order, to }) => moment(order, None, &Said::Moved(*to)),
        Body::Resumed(resumed) => moment(&resumed.order, None, &Said::Resumed),
        Body::Ended(outcome, Ended { order, incident, acted_ms, verified_ms, .. }) => {
            let said = Said::Ended { outcome: *outcome, acted_ms: *acted_ms, verified_ms: *verified_ms };
            moment(order, Some(incident), &said)
        }
        Body::Refused(outcome, Refused { order: Some(order), incident, refusal, .. }) => {
            let said = Said::Refused { outcome: *outcome, refusal: Box::new(refusal.clone()) };
            moment(order, incident.as_ref(), &said)
        }
        Body::Escalated(Escalated { order, incident, .. }) => moment(order, Some(incident), &Said::Escalated),
        Body::Opened(Opened { software, .. }) => word(c, host, "opened", at, software),
        Body::BreakGlass(glass) => word::<BreakGlass>(c, host, "break_glass", at, glass),
        Body::StandingTaken(taken) => {
            let StandingTaken { grant, expires, runbooks, .. } = &**taken;
            let said = serde_json::json!({ "grant": grant, "expires": expires, "runbooks": runbooks });
            word(c, host, "standing_taken", at, &said)
        }
        Body::PaperTaken(taken) => {
            word::<PaperTaken>(c, host, &format!("paper.{}", taken.paper.word()), at, taken)
        }
        Body::PolicyTaken(taken) => word(c, host, "policy_taken", at, taken),
        Body::GenerationHealthy(healthy) => word(c, host, "generation_healthy", at, healthy),
        Body::Gap(gap) => word::<Gap>(c, host, "gap", at, gap),
        Body::Intruded(intruded) => word(c, host, "intruded", at, intruded),
        // The incident that it names came by itself, with all that the hub is told of it.
        Body::Signals(_)
        | Body::Refused(_, Refused { order: None, .. })
        | Body::Connection(_)
        | Body::Confined(_)
        | Body::DeadManFired(_)
        | Body::Recovered(_)
        | Body::Standing(_)
        | Body::Restored(_)
        | Body::KeyNamed(_)
        | Body::KeyTaken(_)
        | Body::Acted(_)
        | Body::LoggedIn(_)
        | Body::Device(_)
        | Body::Packet(_) => Ok(()),
    }
}

/// One finding more of a control.
fn found(
    c: &Connection,
    host: &HostId,
    control: &str,
    verdict: &Verdict,
    (at, received): ((UtcTime, u64), Option<UtcTime>),
) -> rusqlite::Result<()> {
    let before = c
        .prepare_cached(
            "SELECT verdict, since, since_record, checked, checked_record, unmet FROM control
             WHERE host = ?1 AND control = ?2",
        )?
        .query_row([host.as_str(), control], |row| held(row, 0))
        .optional()?;
    let Held { verdict, since, checked, unmet } = Held::next(before.as_ref(), verdict, at);
    let word = Word::of(&verdict).word();
    if before.is_none_or(|before| Word::of(&before.verdict) != Word::of(&verdict)) {
        c.prepare_cached("INSERT OR REPLACE INTO turn (host, control, record, at, received, word) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
            .execute(params![
                host.as_str(),
                control,
                signed(at.1)?,
                at.0.unix_ms(),
                received.map(UtcTime::unix_ms),
                word
            ])?;
    }
    c.prepare_cached(
        "INSERT OR REPLACE INTO control
             (host, control, word, unmet, checked, checked_record, since, since_record, verdict)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        host.as_str(),
        control,
        word,
        unmet,
        checked.0.unix_ms(),
        signed(checked.1)?,
        since.0.unix_ms(),
        signed(since.1)?,
        to_json(&verdict)?
    ])?;
    Ok(())
}

/// What is held of a control, from six columns on.
pub(super) fn held(row: &Row<'_>, from: usize) -> rusqlite::Result<Held> {
    Ok(Held {
        verdict: json(row, from)?,
        since: (instant(row, from + 1)?, count(row, from + 2)?),
        checked: (instant(row, from + 3)?, count(row, from + 4)?),
        unmet: row.get(from + 5)?,
    })
}

/// Which incident a record of a run is about, the run's first record says.
fn keep_moment(
    c: &Connection,
    host: &HostId,
    (at, record): (UtcTime, u64),
    received: Option<UtcTime>,
    (order, incident): (&OrderId, Option<&IncidentId>),
    said: &Said,
) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT OR REPLACE INTO moment (host, record, at, received, said, order_id, incident)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, coalesce(?7,
             (SELECT incident FROM moment WHERE host = ?1 AND order_id = ?6 AND incident IS NOT NULL LIMIT 1)))",
    )?
    .execute(params![
        host.as_str(),
        signed(record)?,
        at.unix_ms(),
        received.map(UtcTime::unix_ms),
        to_json(said)?,
        order.as_str(),
        incident.map(IncidentId::as_str)
    ])?;
    Ok(())
}

fn word<T: Serialize>(
    c: &Connection,
    host: &HostId,
    kind: &str,
    (at, record): (UtcTime, u64),
    said: &T,
) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT OR REPLACE INTO last_word (host, kind, record, at, said) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![host.as_str(), kind, signed(record)?, at.unix_ms(), to_json(said)?])?;
    Ok(())
}

/// Notes that the hub itself had to do with an incident.
pub(super) fn pass(
    c: &Connection,
    host: &HostId,
    incident: &IncidentId,
    leg: &'static str,
    at: UtcTime,
) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT OR IGNORE INTO passage (host, incident, leg, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![host.as_str(), incident.as_str(), leg, at.unix_ms()])?;
    Ok(())
}

#[cfg(test)]
mod tests;
