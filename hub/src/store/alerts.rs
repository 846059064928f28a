//! Alerts, what is on its way of them, and what they come of.

use std::collections::{BTreeMap, BTreeSet};

use contract::ids::{OperatorId, TenantId};
use contract::people::Reach;
use contract::time::UtcTime;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::columns::{count, instant, instant_or_none, json, json_or_none, parsed, parsed_or_none, to_json};
use super::{Store, StoreError};
use crate::alerts::{Counted, Fact, Kind, Message, Outgoing, QUARANTINED, Seen, Standing, Step};
use crate::people::Scope;

/// An alert, for whoever may see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AlertView {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    /// Whose; none where it is the hub's own.
    pub(crate) tenant: Option<TenantId>,
    pub(crate) what: String,
    /// Since when it holds, this time.
    pub(crate) since: UtcTime,
    pub(crate) told: Option<UtcTime>,
    pub(crate) escalated: Option<UtcTime>,
    pub(crate) acknowledged: Option<UtcTime>,
    pub(crate) by: Option<OperatorId>,
    /// Since when it holds no longer; none where it does.
    pub(crate) over: Option<UtcTime>,
}

/// Messages that a channel does not take.
#[derive(Debug, Clone)]
pub(crate) struct Stuck {
    pub(crate) channel: String,
    pub(crate) since: UtcTime,
    pub(crate) count: u64,
}

impl Store {
    /// All alerts, as deciding needs them.
    pub(crate) async fn standing_alerts(&self) -> Result<Vec<Standing>, StoreError> {
        self.run(|c| {
            let mut all = c.prepare_cached(
                "SELECT key, kind, what, told, escalated, acknowledged IS NOT NULL, over IS NOT NULL, about, told_of FROM alert",
            )?;
            let standing = |row: &Row<'_>| {
                Ok(Standing {
                    key: row.get(0)?,
                    kind: json(row, 1)?,
                    what: row.get(2)?,
                    told: instant_or_none(row, 3)?,
                    escalated: instant_or_none(row, 4)?,
                    acknowledged: row.get(5)?,
                    over: row.get(6)?,
                    about: json_or_none(row, 7)?.unwrap_or_default(),
                    told_of: json_or_none(row, 8)?.unwrap_or_default(),
                })
            };
            all.query_map([], standing)?.collect()
        })
        .await
    }

    /// Does what was decided, all of it or nothing: what is told is on its way from then on.
    pub(crate) async fn take_alert_steps(
        &self,
        hub: String,
        steps: Vec<Step>,
        now: UtcTime,
    ) -> Result<(), StoreError> {
        self.run(move |c| steps.into_iter().try_for_each(|step| take(c, &hub, step, now))).await
    }

    /// The alerts within reach that hold, or were over only after `since`: the hub's own for whoever reaches everything. In the order in which they first came.
    pub(crate) async fn alerts(
        &self,
        reach: Scope<Reach>,
        since: UtcTime,
    ) -> Result<Vec<AlertView>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT id, kind, tenant, what, since, told, escalated, acknowledged, by, over FROM alert
                 WHERE over IS NULL OR over > ?1 ORDER BY id",
            )?;
            let rows: Vec<AlertView> = all.query_map([since.unix_ms()], view)?.collect::<Result<_, _>>()?;
            Ok(rows.into_iter().filter(|row| is_within(&reach, row.tenant.as_ref())).collect())
        })
        .await
    }

    /// Somebody looks after it: it is not told again while it holds. `false` where there is no such alert within reach, or it is over.
    pub(crate) async fn acknowledge_alert(
        &self,
        reach: Scope<Reach>,
        id: u64,
        by: OperatorId,
        now: UtcTime,
    ) -> Result<bool, StoreError> {
        self.run(move |c| {
            use rusqlite::OptionalExtension as _;
            let id = i64::try_from(id).unwrap_or(i64::MAX);
            let whose = |row: &Row<'_>| match row.get_ref(0)?.as_str_or_null()? {
                Some(_) => parsed::<TenantId>(row, 0).map(Some),
                None => Ok(None),
            };
            let sql = "SELECT tenant FROM alert WHERE id = ?1 AND over IS NULL";
            let found = c.query_row(sql, [id], whose).optional()?;
            if !found.is_some_and(|tenant| is_within(&reach, tenant.as_ref())) {
                return Ok(false);
            }
            let sets = |row: &Row<'_>| Ok([json_or_none(row, 0)?, json_or_none(row, 1)?]);
            let sql = "SELECT about, told_of FROM alert WHERE id = ?1";
            let sets: [Option<BTreeSet<String>>; 2] = c.query_row(sql, [id], sets)?;
            let seen: BTreeSet<String> = sets.into_iter().flatten().flatten().collect();
            c.execute(
                "UPDATE alert SET acknowledged = coalesce(acknowledged, ?2), by = coalesce(by, ?3), told_of = ?4 WHERE id = ?1",
                params![id, now.unix_ms(), by.as_str(), to_json(&seen)?],
            )?;
            // Whoever has not heard of it yet need not any more.
            c.execute("DELETE FROM alert_sending WHERE alert = ?1", [id])?;
            Ok(true)
        })
        .await
    }

    /// What is to be sent now by a channel, the oldest first.
    pub(crate) async fn outgoing(&self, channel: String, now: UtcTime) -> Result<Vec<Outgoing>, StoreError> {
        self.run(move |c| {
            let mut due = c.prepare_cached(
                "SELECT number, message, tries FROM alert_sending WHERE due <= ?1 AND channel = ?2 ORDER BY number LIMIT 100",
            )?;
            let outgoing =
                |row: &Row<'_>| Ok(Outgoing { number: row.get(0)?, message: json(row, 1)?, tries: row.get(2)? });
            due.query_map(params![now.unix_ms(), channel], outgoing)?.collect()
        })
        .await
    }

    /// Gives up what is on its way by a channel that is none of these, and says of which channels how much that was.
    pub(crate) async fn give_up_all_but(
        &self,
        channels: BTreeSet<String>,
    ) -> Result<Vec<(String, u64)>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT channel, count(*) FROM alert_sending GROUP BY channel ORDER BY channel",
            )?;
            let counted = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, count(row, 1)?));
            let all: Vec<(String, u64)> = all.query_map([], counted)?.collect::<Result<_, _>>()?;
            let gone: Vec<_> = all.into_iter().filter(|(channel, _)| !channels.contains(channel)).collect();
            for (channel, _) in &gone {
                c.execute("DELETE FROM alert_sending WHERE channel = ?1", [channel])?;
            }
            Ok(gone)
        })
        .await
    }

    /// The other side took it.
    pub(crate) async fn alert_sent(&self, number: i64) -> Result<(), StoreError> {
        self.run(move |c| c.execute("DELETE FROM alert_sending WHERE number = ?1", [number]).map(drop)).await
    }

    /// The other side did not take it: it is tried again then.
    pub(crate) async fn alert_not_sent(&self, number: i64, due: UtcTime) -> Result<(), StoreError> {
        let sql = "UPDATE alert_sending SET tries = tries + 1, due = ?2 WHERE number = ?1";
        self.run(move |c| c.execute(sql, params![number, due.unix_ms()]).map(drop)).await
    }

    /// What is on its way since before then, channel by channel.
    pub(crate) async fn stuck_alerts(&self, before: UtcTime) -> Result<Vec<Stuck>, StoreError> {
        self.run(move |c| {
            let mut all = c.prepare_cached(
                "SELECT channel, min(begun), count(*) FROM alert_sending WHERE begun <= ?1 GROUP BY channel",
            )?;
            let stuck = |row: &Row<'_>| {
                Ok(Stuck { channel: row.get(0)?, since: instant(row, 1)?, count: count(row, 2)? })
            };
            all.query_map([before.unix_ms()], stuck)?.collect()
        })
        .await
    }

    /// The machines that are enrolled, not shut out, and were heard of: when last.
    pub(crate) async fn seen(&self) -> Result<Vec<Seen>, StoreError> {
        self.run(|c| {
            let mut all = c.prepare_cached(
                "SELECT tenant, site, seen, host FROM host WHERE seen IS NOT NULL AND EXISTS
                     (SELECT 1 FROM certificate WHERE certificate.host = host.host AND kind = 'device' AND revoked IS NULL)",
            )?;
            let seen = |row: &Row<'_>| {
                Ok(Seen {
                    tenant: parsed(row, 0)?,
                    site: parsed(row, 1)?,
                    host: parsed(row, 3)?,
                    last: instant(row, 2)?,
                })
            };
            all.query_map([], seen)?.collect()
        })
        .await
    }

    /// The machines of each site that are in quarantine now.
    pub(crate) async fn quarantines(&self, now: UtcTime) -> Result<Vec<Counted>, StoreError> {
        self.run(move |c| {
            let mut held = c.prepare_cached(
                "SELECT tenant, site, host FROM quarantine JOIN host USING (host) WHERE since <= ?1 ORDER BY tenant, site",
            )?;
            let (mut rows, mut all) = (held.query([now.unix_ms()])?, Vec::new());
            while let Some(row) = rows.next()? {
                let site = site_of(&mut all, row)?;
                site.count += u64::from(site.about.insert(row.get(2)?));
            }
            Ok(all)
        })
        .await
    }

    /// The machines of each site whose evidence gave an alarm since then, with each alarm, by the alarm's kind.
    pub(crate) async fn alarmed_since(&self, since: UtcTime) -> Result<Vec<(Counted, String)>, StoreError> {
        self.run(move |c| {
            let mut alarms = c.prepare_cached(
                "SELECT tenant, site, host, kind, host || '/' || id FROM alarm JOIN host USING (host)
                 WHERE last >= ?1 AND kind <> ?2 ORDER BY kind, tenant, site",
            )?;
            let mut rows = alarms.query(params![since.unix_ms(), QUARANTINED])?;
            let mut all: BTreeMap<String, Vec<Counted>> = BTreeMap::new();
            while let Some(row) = rows.next()? {
                let site = site_of(all.entry(row.get(3)?).or_default(), row)?;
                site.count += u64::from(site.about.insert(row.get(2)?));
                site.about.insert(row.get(4)?);
            }
            let flat = all.into_iter();
            Ok(flat
                .flat_map(|(kind, sites)| sites.into_iter().map(move |site| (site, kind.clone())))
                .collect())
        })
        .await
    }
}

/// The site of a row that begins with tenant and site. Rows of one site come one after the other.
fn site_of<'a>(all: &'a mut Vec<Counted>, row: &Row<'_>) -> rusqlite::Result<&'a mut Counted> {
    let (tenant, site) = (parsed(row, 0)?, parsed(row, 1)?);
    let last = match all.pop() {
        Some(last) if last.tenant == tenant && last.site == site => last,
        other => {
            all.extend(other);
            Counted { tenant, site, count: 0, about: BTreeSet::new() }
        }
    };
    Ok(all.push_mut(last))
}

fn is_within(reach: &Reach, tenant: Option<&TenantId>) -> bool {
    match tenant {
        Some(tenant) => reach.holds(tenant),
        None => *reach == Reach::Everywhere,
    }
}

fn view(row: &Row<'_>) -> rusqlite::Result<AlertView> {
    Ok(AlertView {
        id: count(row, 0)?,
        kind: json(row, 1)?,
        tenant: parsed_or_none(row, 2)?,
        what: row.get(3)?,
        since: instant(row, 4)?,
        told: instant_or_none(row, 5)?,
        escalated: instant_or_none(row, 6)?,
        acknowledged: instant_or_none(row, 7)?,
        by: parsed_or_none(row, 8)?,
        over: instant_or_none(row, 9)?,
    })
}

fn take(c: &Connection, hub: &str, step: Step, now: UtcTime) -> rusqlite::Result<()> {
    match step {
        Step::Keep(Fact { key, kind, tenant, what, about, wakes: _ }) => {
            let tenant = tenant.as_ref().map(TenantId::as_str);
            c.prepare_cached(
                "INSERT INTO alert (key, kind, tenant, what, since, about) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                 ON CONFLICT (key) DO UPDATE SET kind = ?2, what = ?4, about = ?6,
                     since = CASE WHEN over IS NULL THEN since ELSE ?5 END,
                     acknowledged = CASE WHEN over IS NULL THEN acknowledged END,
                     by = CASE WHEN over IS NULL THEN by END,
                     over = NULL",
            )?
            .execute(params![key, to_json(&kind)?, tenant, what, now.unix_ms(), to_json(&about)?])
            .map(drop)
        }
        Step::Renew { key } => c
            .execute("UPDATE alert SET told = NULL, acknowledged = NULL, by = NULL WHERE key = ?1", [key])
            .map(drop),
        Step::End { key } => {
            c.execute("UPDATE alert SET over = ?2 WHERE key = ?1", params![key, now.unix_ms()]).map(drop)
        }
        Step::Tell { key, kind, what, of, channels } => {
            let sql = "UPDATE alert SET told = ?2, told_of = ?3 WHERE key = ?1";
            c.execute(sql, params![key, now.unix_ms(), to_json(&of)?])?;
            let message = Message {
                hub: hub.to_owned(),
                alert: id_of(c, &key)?,
                kind,
                what,
                at: now,
                escalated: false,
            };
            channels.iter().try_for_each(|channel| send(c, channel, &message, now))
        }
        Step::Escalate { key, kind, what, channels } => {
            c.execute("UPDATE alert SET escalated = ?2 WHERE key = ?1", params![key, now.unix_ms()])?;
            let message =
                Message { hub: hub.to_owned(), alert: id_of(c, &key)?, kind, what, at: now, escalated: true };
            channels.iter().try_for_each(|channel| send(c, channel, &message, now))
        }
    }
}

fn id_of(c: &Connection, key: &str) -> rusqlite::Result<u64> {
    c.query_row("SELECT id FROM alert WHERE key = ?1", [key], |row| count(row, 0))
}

fn send(c: &Connection, channel: &str, message: &Message, now: UtcTime) -> rusqlite::Result<()> {
    let alert = super::columns::signed(message.alert)?;
    let at = now.unix_ms();
    c.prepare_cached(
        "INSERT INTO alert_sending (alert, channel, message, begun, due) VALUES (?1, ?2, ?3, ?4, ?4)",
    )?
    .execute(params![alert, channel, to_json(message)?, at])
    .map(drop)
}
