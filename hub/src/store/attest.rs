//! What runs on each host, what explains that it is another, and which hosts are in quarantine for want of that.

use std::collections::BTreeSet;

use contract::attest::{Announced, Attested, Attests, Program, QuarantineView, Release, Released};
use contract::digest::Digest;
use contract::fact::Word;
use contract::ids::{HostId, TenantId};
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::columns::{instant, json, parsed, to_json};
use super::{Store, StoreError};
use crate::people::Scope;

/// A new closure is told by the heartbeat, and explained by evidence that may come a little later.
const EVIDENCE_MS: u64 = 5 * 60 * 1000;

/// What a host says runs on it, beside what was known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attesting {
    /// What was known, or was explained.
    Known,
    /// Not explained, and not in quarantine yet: the evidence may be on its way.
    Doubted,
    /// In quarantine.
    Quarantined(Box<InQuarantine>),
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InQuarantine {
    pub(crate) changed: BTreeSet<Attests>,
    pub(crate) held: Attested,
    pub(crate) said: Attested,
    /// Whether the hub's own log says so already.
    pub(crate) recorded: bool,
}

/// What became of an approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Approving {
    /// It runs what may run there.
    Approved,
    /// The host is not in quarantine.
    NotQuarantined,
    /// It says by now that something else runs.
    OtherThanSeen,
}

impl Store {
    /// Judges what a host says runs on it.
    pub(crate) async fn attest(
        &self,
        holder: Holder,
        said: Attested,
        now: UtcTime,
    ) -> Result<Attesting, StoreError> {
        self.run(move |c| attest(c, &holder, said, now)).await
    }

    /// Notes that the quarantine of a host is in the hub's own log.
    pub(crate) async fn quarantine_recorded(&self, host: HostId) -> Result<(), StoreError> {
        let sql = "UPDATE quarantine SET recorded = 1 WHERE host = ?1";
        self.run(move |c| c.execute(sql, [host.as_str()]).map(drop)).await
    }

    /// The tenant's hosts in quarantine, those that are only doubted included.
    pub(crate) async fn quarantined(
        &self,
        tenant: Scope<TenantId>,
    ) -> Result<Vec<QuarantineView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT site, host, quarantine.since, changed, held, said
                 FROM quarantine JOIN attested USING (host) JOIN host USING (host)
                 WHERE tenant = ?1 ORDER BY host",
            )?;
            let rows = all.query_map([tenant.as_str()], |row| {
                let said: Attested = json(row, 5)?;
                Ok(QuarantineView {
                    site: parsed(row, 0)?,
                    host: parsed(row, 1)?,
                    since: instant(row, 2)?,
                    changed: json(row, 3)?,
                    held: json(row, 4)?,
                    digest: said.digest(),
                    said,
                })
            })?;
            rows.collect()
        })
        .await
    }

    /// Takes a host out of quarantine: what it said, as `seen`, is what is known to run there from now on.
    pub(crate) async fn approve_software(
        &self,
        holder: Scope<Holder>,
        seen: Digest,
        now: UtcTime,
    ) -> Result<Approving, StoreError> {
        self.run(move |c| {
            let host = &holder.host;
            let Some(row) = quarantine(c, host)? else { return Ok(Approving::NotQuarantined) };
            if row.said.digest() != seen {
                return Ok(Approving::OtherThanSeen);
            }
            hold(c, host, &row.said, now)?;
            c.prepare_cached("DELETE FROM quarantine WHERE host = ?1")?.execute([host.as_str()])?;
            Ok(Approving::Approved)
        })
        .await
    }

    /// Keeps a release; `false` where it is known.
    pub(crate) async fn add_release(&self, release: Release, now: UtcTime) -> Result<bool, StoreError> {
        let sql = "INSERT INTO release VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
        self.run(move |c| {
            let Release { program, version, binary } = &release;
            let values = params![to_json(program)?, version.as_str(), binary.to_string(), now.unix_ms()];
            Ok(c.execute(sql, values)? == 1)
        })
        .await
    }

    /// Keeps a closure that hosts of the tenant are going to run; `false` where it is known.
    pub(crate) async fn announce(
        &self,
        tenant: Scope<TenantId>,
        Announced { closure }: Announced,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO announced VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.run(move |c| Ok(c.execute(sql, params![tenant.as_str(), closure.as_str(), now.unix_ms()])? == 1))
            .await
    }
}

struct Quarantine {
    since: UtcTime,
    said: Attested,
    recorded: bool,
}

fn quarantine(c: &Connection, host: &HostId) -> rusqlite::Result<Option<Quarantine>> {
    c.prepare_cached("SELECT since, said, recorded FROM quarantine WHERE host = ?1")?
        .query_row([host.as_str()], |row| {
            Ok(Quarantine { since: instant(row, 0)?, said: json(row, 1)?, recorded: row.get(2)? })
        })
        .optional()
}

fn attest(c: &Connection, holder: &Holder, said: Attested, now: UtcTime) -> rusqlite::Result<Attesting> {
    let host = &holder.host;
    let held: Option<Attested> = c
        .prepare_cached("SELECT held FROM attested WHERE host = ?1")?
        .query_row([host.as_str()], |row| json(row, 0))
        .optional()?;
    // What a machine says first is what it is known by: whoever enrolled it vouches for that.
    let Some(held) = held else {
        hold(c, host, &said, now)?;
        return Ok(Attesting::Known);
    };
    let quarantined = quarantine(c, host)?;
    // What was told once and is not told now, the executor's part, is as it was told last: also while it is not approved.
    let said = said.over(quarantined.as_ref().map_or(&held, |row| &row.said));
    let changed = said.changes_from(&held);
    let unexplained = unexplained(c, holder, &said, &changed)?;
    match quarantined {
        // It stays, whatever is said now: also that everything is as it was.
        Some(row) if row.since <= now => {
            let all = still(c, host, &row, &said, &held)?;
            let found = InQuarantine { changed: all, held, said, recorded: row.recorded };
            Ok(Attesting::Quarantined(Box::new(found)))
        }
        Some(_) if !changed.is_empty() && unexplained.is_empty() => {
            take_over(c, host, &said, now)?;
            Ok(Attesting::Known)
        }
        // The closure went back by itself before anything explained it: that was no switch of ours either.
        Some(row) if unexplained.iter().all(|part| *part == Attests::Closure) => {
            still(c, host, &row, &said, &held)?;
            Ok(Attesting::Doubted)
        }
        None if changed.is_empty() => {
            if said != held {
                hold(c, host, &said, now)?;
            }
            Ok(Attesting::Known)
        }
        None if unexplained.is_empty() => {
            take_over(c, host, &said, now)?;
            Ok(Attesting::Known)
        }
        Some(_) | None => {
            let waits = unexplained.iter().all(|part| *part == Attests::Closure);
            let since = if waits { now.plus_ms(EVIDENCE_MS) } else { now };
            c.prepare_cached(
                "INSERT INTO quarantine (host, since, changed, said) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET since = ?2, changed = ?3, said = ?4",
            )?
            .execute(params![
                host.as_str(),
                since.unix_ms(),
                to_json(&unexplained)?,
                to_json(&said)?
            ])?;
            if waits {
                return Ok(Attesting::Doubted);
            }
            let found = InQuarantine { changed: unexplained, held, said, recorded: false };
            Ok(Attesting::Quarantined(Box::new(found)))
        }
    }
}

/// Keeps what a host in quarantine says by now, and answers all that changed since it was in order.
fn still(
    c: &Connection,
    host: &HostId,
    row: &Quarantine,
    said: &Attested,
    held: &Attested,
) -> rusqlite::Result<BTreeSet<Attests>> {
    let before: BTreeSet<Attests> = c
        .prepare_cached("SELECT changed FROM quarantine WHERE host = ?1")?
        .query_row([host.as_str()], |row| json(row, 0))?;
    let all: BTreeSet<Attests> = before.union(&said.changes_from(held)).copied().collect();
    if row.said != *said {
        c.prepare_cached("UPDATE quarantine SET said = ?2, changed = ?3 WHERE host = ?1")?
            .execute(params![host.as_str(), to_json(said)?, to_json(&all)?])?;
    }
    Ok(all)
}

/// An explained change holds from now on. What explained it is used up: a switch is good for one change.
fn take_over(c: &Connection, host: &HostId, said: &Attested, now: UtcTime) -> rusqlite::Result<()> {
    hold(c, host, said, now)?;
    c.prepare_cached("UPDATE generation SET switched = 0 WHERE host = ?1")?.execute([host.as_str()])?;
    c.prepare_cached("DELETE FROM quarantine WHERE host = ?1")?.execute([host.as_str()]).map(drop)
}

fn hold(c: &Connection, host: &HostId, said: &Attested, now: UtcTime) -> rusqlite::Result<()> {
    if let Some(closure) = &said.closure {
        found_healthy(c, host, closure)?;
    }
    c.prepare_cached(
        "INSERT INTO attested VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET held = ?2, since = ?3",
    )?
    .execute(params![host.as_str(), to_json(said)?, now.unix_ms()])
    .map(drop)
}

/// Of what changed, that which no release, announcement or switch explains.
fn unexplained(
    c: &Connection,
    holder: &Holder,
    said: &Attested,
    changed: &BTreeSet<Attests>,
) -> rusqlite::Result<BTreeSet<Attests>> {
    let mut left = BTreeSet::new();
    for part in changed {
        let explained = match part {
            Attests::Agent => is_released(c, Released::Agent, Some(&said.agent))?,
            Attests::Executor => is_released(c, Released::Executor, said.executor.as_ref())?,
            Attests::Closure => is_generation(c, holder, said.closure.as_ref())?,
        };
        if !explained {
            left.insert(*part);
        }
    }
    Ok(left)
}

fn is_released(c: &Connection, program: Released, said: Option<&Program>) -> rusqlite::Result<bool> {
    let Some(Program { version, binary: Some(binary) }) = said else { return Ok(false) };
    c.prepare_cached("SELECT 1 FROM release WHERE program = ?1 AND version = ?2 AND binary = ?3")?
        .exists(params![to_json(&program)?, version.as_str(), binary.to_string()])
}

fn is_generation(c: &Connection, holder: &Holder, closure: Option<&Word>) -> rusqlite::Result<bool> {
    let Some(closure) = closure else { return Ok(false) };
    c.prepare_cached(
        "SELECT 1 FROM generation WHERE host = ?1 AND closure = ?3 AND switched
         UNION ALL SELECT 1 FROM announced WHERE tenant = ?2 AND closure = ?3",
    )?
    .exists(params![holder.host.as_str(), holder.tenant.as_str(), closure.as_str()])
}

/// The evidence says that the executor found this closure healthy; or it was known to run.
pub(super) fn found_healthy(c: &Connection, host: &HostId, closure: &Word) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT INTO generation (host, closure) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute([host.as_str(), closure.as_str()])
        .map(drop)
}

/// The evidence says that the executor is about to go back to one of those that were known before.
pub(super) fn switched(c: &Connection, host: &HostId) -> rusqlite::Result<()> {
    c.prepare_cached("UPDATE generation SET switched = 1 WHERE host = ?1")?.execute([host.as_str()]).map(drop)
}
