//! How the machines within reach stand: everything that a page of five hundred sites shows, in as many questions as there are tables.

use std::collections::{HashMap, HashSet};

use contract::ids::{HostId, SiteId, TenantId};
use contract::people::Reach;
use contract::plane::IncidentState;
use contract::record::WaitingFor;
use contract::score::{Counted, Score, Word, lately};
use contract::time::UtcTime;
use identity::Holder;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, ToSql};

use super::columns::{count, instant, instant_or_none, json, json_or_none, parsed, to_json};
use super::incidents::{WAITS, waits_for_a_person};
use super::raised::AlarmAbout;
use super::{Store, StoreError};
use crate::people::Scope;

/// A machine that was not heard of for so long is silent, on every page and in every number: it says something once a minute. When somebody is told of it
/// is another matter, which the rules of alerts set.
pub(crate) const SILENT_AFTER_MS: u64 = 5 * 60 * 1000;

/// Whose machines are asked for.
#[derive(Debug, Clone)]
pub(crate) enum Whose {
    /// Those of all tenants within reach.
    Reach(Scope<Reach>),
    /// Those of one site.
    Site(Scope<TenantId>, SiteId),
    /// One.
    Host(Scope<Holder>),
}

/// A site, also one without machines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SiteFacts {
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    /// In ascending order.
    pub(crate) hosts: Vec<HostFacts>,
}

/// What the database knows of one machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostFacts {
    pub(crate) host: HostId,
    pub(crate) origin: String,
    /// Whether its machine ever enrolled.
    pub(crate) enrolled: bool,
    /// Whether it did and all its certificates are revoked: it is let in no more, and nothing is measured of it.
    pub(crate) revoked: bool,
    /// To within a minute.
    pub(crate) seen: Option<UtcTime>,
    /// Records that are held and verified, and how many of them were read.
    pub(crate) settled: u64,
    pub(crate) read: u64,
    /// When the last receipt was given.
    pub(crate) received: Option<UtcTime>,
    /// Alarms that stand: somebody has to look.
    pub(crate) alarms: u64,
    /// Something runs there that nothing explains, and nobody approved it yet.
    pub(crate) quarantined: bool,
    /// By its evidence, over the controls of the baseline that the hub signs.
    pub(crate) score: Score,
    pub(crate) incidents: Open,
}

/// Incidents that are not closed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Open {
    /// Those that are being looked after.
    pub(crate) healing: u32,
    /// Those that wait for a person.
    pub(crate) waiting: u32,
}

impl Store {
    /// The sites with their machines, tenant by tenant. `baseline` is the ids of its controls.
    pub(crate) async fn fleet(
        &self,
        whose: Whose,
        baseline: Vec<String>,
        now: UtcTime,
    ) -> Result<Vec<SiteFacts>, StoreError> {
        self.run(move |c| fleet(c, &Within::of(&whose)?, &baseline, now)).await
    }
}

/// The condition that every question is asked under, and its values by name.
struct Within {
    condition: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Within {
    fn of(whose: &Whose) -> rusqlite::Result<Self> {
        let (condition, values) = match whose {
            Whose::Reach(reach) => match &**reach {
                Reach::Everywhere => ("TRUE", Vec::new()),
                Reach::Tenants(tenants) => (
                    "place.tenant IN (SELECT value FROM json_each(:tenants))",
                    vec![(":tenants", to_json(tenants)?)],
                ),
            },
            Whose::Site(tenant, site) => (
                "place.tenant = :tenant AND place.site = :site",
                vec![(":tenant", tenant.to_string()), (":site", site.to_string())],
            ),
            Whose::Host(of) => (
                "place.tenant = :tenant AND place.host = :host",
                vec![(":tenant", of.tenant.to_string()), (":host", of.host.to_string())],
            ),
        };
        Ok(Self { condition, values })
    }

    /// Asks `sql`, which calls `place` what has tenant, site and host, and has `{within}` where the condition belongs.
    fn ask<T>(
        &self,
        c: &Connection,
        sql: &str,
        more: &[(&str, &dyn ToSql)],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let own = self.values.iter().map(|(name, value)| (*name, value as &dyn ToSql));
        let values: Vec<(&str, &dyn ToSql)> = own.chain(more.iter().copied()).collect();
        let mut statement = c.prepare_cached(&sql.replace("{within}", self.condition))?;
        statement.query_map(values.as_slice(), read)?.collect()
    }
}

fn fleet(
    c: &Connection,
    within: &Within,
    baseline: &[String],
    now: UtcTime,
) -> rusqlite::Result<Vec<SiteFacts>> {
    let mut scores = scores(c, within, baseline, now)?;
    let mut open = open(c, within)?;
    let (alarms, quarantined) = (alarms(c, within, now)?, quarantined(c, within, now)?);
    let controls = u32::try_from(baseline.len()).unwrap_or(u32::MAX);
    let sql = "SELECT place.tenant, place.site, place.host, origin, evidence_key IS NOT NULL, seen, settled,
                      coalesce(records, 0), received,
                      (SELECT min(revoked IS NOT NULL) FROM certificate WHERE certificate.host = place.host AND kind = 'device')
               FROM (SELECT site.tenant, site.site, host, origin, evidence_key, seen, settled
                     FROM site LEFT JOIN host USING (tenant, site)) AS place
                    LEFT JOIN reading ON reading.host = place.host
               WHERE {within} ORDER BY place.tenant, place.site, place.host";
    let rows = within.ask(c, sql, &[], |row| {
        let (tenant, site): (TenantId, SiteId) = (parsed(row, 0)?, parsed(row, 1)?);
        let host = match row.get_ref(2)?.as_str_or_null()? {
            Some(_) => Some(host_facts(row)?),
            None => None,
        };
        Ok((tenant, site, host))
    })?;
    let mut sites: Vec<SiteFacts> = Vec::new();
    for (tenant, site, host) in rows {
        let host = host.map(|mut host| {
            host.incidents = open.remove(&host.host).unwrap_or_default();
            host.alarms = alarms.get(&host.host).copied().unwrap_or_default();
            host.quarantined = quarantined.contains(&host.host);
            if host.enrolled && !host.revoked {
                host.score = scores.remove(&host.host).unwrap_or_default();
                // What its evidence never spoke of is not known.
                host.score.add(Counted::Unknown, controls.saturating_sub(host.score.total()));
            }
            host
        });
        match sites.last_mut().filter(|last| last.tenant == tenant && last.site == site) {
            Some(last) => last.hosts.extend(host),
            None => sites.push(SiteFacts { tenant, site, hosts: host.into_iter().collect() }),
        }
    }
    Ok(sites)
}

fn host_facts(row: &Row<'_>) -> rusqlite::Result<HostFacts> {
    Ok(HostFacts {
        host: parsed(row, 2)?,
        origin: row.get(3)?,
        enrolled: row.get(4)?,
        seen: instant_or_none(row, 5)?,
        settled: count(row, 6)?,
        read: count(row, 7)?,
        received: instant_or_none(row, 8)?,
        // None where it has no certificate of a device.
        revoked: row.get::<_, Option<bool>>(9)?.unwrap_or(false),
        alarms: 0,
        quarantined: false,
        score: Score::default(),
        incidents: Open::default(),
    })
}

/// The score of each machine whose evidence speaks of the baseline's controls.
fn scores(
    c: &Connection,
    within: &Within,
    baseline: &[String],
    now: UtcTime,
) -> rusqlite::Result<HashMap<HostId, Score>> {
    // The plus keeps the planner at the index in whose order the groups are.
    let sql = "SELECT control.host, word, unmet, checked, count(*)
               FROM control INDEXED BY control_counts
               WHERE control.host IN (SELECT host FROM host AS place WHERE {within})
                     AND +control IN (SELECT value FROM json_each(:baseline))
               GROUP BY control.host, word, unmet, checked";
    let (look, ids) = (lately(now), to_json(&baseline)?);
    let rows = within.ask(c, sql, &[(":baseline", &ids)], |row| {
        let counted = Counted::of(word(row, 1)?, row.get(2)?, look.contains(&instant(row, 3)?));
        Ok((parsed::<HostId>(row, 0)?, counted, row.get::<_, u32>(4)?))
    })?;
    let mut scores: HashMap<HostId, Score> = HashMap::new();
    for (host, counted, many) in rows {
        scores.entry(host).or_default().add(counted, many);
    }
    Ok(scores)
}

/// A verdict's word.
pub(super) fn word(row: &Row<'_>, column: usize) -> rusqlite::Result<Word> {
    let text = row.get_ref(column)?.as_str()?;
    Word::parse(text).ok_or_else(|| {
        let unknown = format!("{text:?} is no verdict's word");
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, unknown.into())
    })
}

/// How many alarms of each machine stand.
fn alarms(c: &Connection, within: &Within, now: UtcTime) -> rusqlite::Result<HashMap<HostId, u64>> {
    let sql = "SELECT host, kind, last, count(*) FROM alarm JOIN host AS place USING (host)
               WHERE {within} GROUP BY host, kind, last";
    let rows = within.ask(c, sql, &[], |row| {
        let (kind, last): (String, UtcTime) = (row.get(1)?, instant(row, 2)?);
        let many = if AlarmAbout::of(&kind).stands(&kind, last, now) { count(row, 3)? } else { 0 };
        Ok((parsed::<HostId>(row, 0)?, many))
    })?;
    let mut all: HashMap<HostId, u64> = HashMap::new();
    for (host, many) in rows {
        *all.entry(host).or_default() += many;
    }
    Ok(all)
}

/// The machines in quarantine. One whose change is only doubted yet is in none.
fn quarantined(c: &Connection, within: &Within, now: UtcTime) -> rusqlite::Result<HashSet<HostId>> {
    let sql = "SELECT host FROM quarantine JOIN host AS place USING (host)
               WHERE quarantine.since <= :now AND {within}";
    let rows = within.ask(c, sql, &[(":now", &now.unix_ms())], |row| parsed(row, 0))?;
    Ok(rows.into_iter().collect())
}

/// What becomes of the open incidents of each machine.
fn open(c: &Connection, within: &Within) -> rusqlite::Result<HashMap<HostId, Open>> {
    let sql = "SELECT place.host, incident.state, {WAITS} FROM incident JOIN host AS place USING (host)
               WHERE incident.closed = 0 AND {within}"
        .replace("{WAITS}", WAITS);
    let rows = within.ask(c, &sql, &[], |row| {
        Ok((parsed::<HostId>(row, 0)?, json::<IncidentState>(row, 1)?, json_or_none::<WaitingFor>(row, 2)?))
    })?;
    let mut all: HashMap<HostId, Open> = HashMap::new();
    for (host, state, waits) in rows {
        let open = all.entry(host).or_default();
        let place =
            if waits_for_a_person(&state, waits.as_ref()) { &mut open.waiting } else { &mut open.healing };
        *place += 1;
    }
    Ok(all)
}
