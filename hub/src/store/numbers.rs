//! Numbers of the whole hub, for whoever watches over it: counts, and nobody's names.

use contract::plane::IncidentState;
use contract::time::UtcTime;
use rusqlite::Connection;

use super::columns::{count, instant, instant_or_none, json, json_or_none};
use super::fleet::SILENT_AFTER_MS;
use super::incidents::{WAITS, waits_for_a_person};
use super::{Store, StoreError};

/// A label, its value, and how many.
pub(crate) type Line = (&'static str, &'static str, u64);

/// The numbers.
#[derive(Debug)]
pub(crate) struct Numbers {
    pub(crate) hosts: Vec<Line>,
    pub(crate) incidents: Vec<Line>,
    /// Since when the oldest incident waits that is not planned yet.
    pub(crate) unplanned_oldest: Option<UtcTime>,
    pub(crate) records: u64,
    pub(crate) alarms: u64,
    pub(crate) alerts: Vec<Line>,
    pub(crate) messages: u64,
    pub(crate) archive_waiting: u64,
}

impl Store {
    /// Whether the database's thread answers.
    pub(crate) async fn answers(&self) -> Result<(), StoreError> {
        self.run(|c| c.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    /// Counts.
    pub(crate) async fn numbers(&self, now: UtcTime) -> Result<Numbers, StoreError> {
        self.run(move |c| {
            let one = |sql: &str| c.prepare_cached(sql)?.query_row([], |row| count(row, 0));
            let (incidents, unplanned_oldest) = incidents(c)?;
            Ok(Numbers {
                hosts: hosts(c, now)?,
                incidents,
                unplanned_oldest,
                records: one("SELECT coalesce(sum(settled), 0) FROM host")?,
                alarms: one("SELECT coalesce(sum(times), 0) FROM alarm")?,
                alerts: vec![
                    (
                        "state",
                        "open",
                        one("SELECT count(*) FROM alert WHERE over IS NULL AND acknowledged IS NULL")?,
                    ),
                    (
                        "state",
                        "acknowledged",
                        one("SELECT count(*) FROM alert WHERE over IS NULL AND acknowledged IS NOT NULL")?,
                    ),
                ],
                messages: one("SELECT count(*) FROM alert_sending")?,
                archive_waiting: one("SELECT count(*) FROM archived WHERE waits IS NOT NULL")?,
            })
        })
        .await
    }
}

fn hosts(c: &Connection, now: UtcTime) -> rusqlite::Result<Vec<Line>> {
    let [mut waiting, mut heard, mut silent, mut revoked, mut quarantined] = [0; 5];
    let mut all = c.prepare_cached(
        "SELECT device_key IS NULL, seen,
                EXISTS (SELECT 1 FROM certificate WHERE certificate.host = host.host AND kind = 'device' AND revoked IS NULL),
                EXISTS (SELECT 1 FROM quarantine WHERE quarantine.host = host.host AND since <= ?1)
         FROM host",
    )?;
    let mut rows = all.query([now.unix_ms()])?;
    while let Some(row) = rows.next()? {
        let (waits, seen, good): (bool, Option<UtcTime>, bool) =
            (row.get(0)?, instant_or_none(row, 1)?, row.get(2)?);
        let held: bool = row.get(3)?;
        let group = match (waits, good) {
            (true, _) => &mut waiting,
            (false, false) => &mut revoked,
            (false, true) if held => &mut quarantined,
            (false, true) if seen.is_some_and(|seen| now.ms_since(seen) <= SILENT_AFTER_MS) => &mut heard,
            (false, true) => &mut silent,
        };
        *group += 1;
    }
    Ok(vec![
        ("state", "not_enrolled", waiting),
        ("state", "heard", heard),
        ("state", "silent", silent),
        ("state", "quarantined", quarantined),
        ("state", "revoked", revoked),
    ])
}

fn incidents(c: &Connection) -> rusqlite::Result<(Vec<Line>, Option<UtcTime>)> {
    let [mut drifted, mut ordered, mut deferred, mut waiting] = [0; 4];
    let mut oldest: Option<UtcTime> = None;
    let mut open =
        c.prepare_cached(&format!("SELECT state, found, {WAITS} FROM incident WHERE closed = 0"))?;
    let mut rows = open.query([])?;
    while let Some(row) = rows.next()? {
        match json(row, 0)? {
            state if waits_for_a_person(&state, json_or_none(row, 2)?.as_ref()) => waiting += 1,
            IncidentState::Drifted => {
                drifted += 1;
                let found = instant(row, 1)?;
                oldest = Some(oldest.map_or(found, |oldest| oldest.min(found)));
            }
            IncidentState::Ordered(_) => ordered += 1,
            // What is left of these is planned again by itself.
            IncidentState::Open { .. } => deferred += 1,
            IncidentState::Escalated | IncidentState::Closed { .. } | IncidentState::LookedAfter(_) => {}
        }
    }
    let lines = vec![
        ("state", "not_planned", drifted),
        ("state", "ordered", ordered),
        ("state", "deferred", deferred),
        ("state", "waiting", waiting),
    ];
    Ok((lines, oldest))
}
