//! The fleet, one row for each site; and one site, one row for each machine.

use contract::heartbeat::{ExecutorCondition, ExecutorHealth};
use contract::ids::{HostId, SiteId, TenantId};
use contract::people::Reach;
use contract::plane::IncidentView;
use contract::refusal::Mode;
use contract::score::Score;
use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

use super::score::ScoreView;
use crate::hub::Hub;
use crate::people::Scope;
use crate::pulses::Heard;
use crate::store::{Filter, Healing, HostFacts, SILENT_AFTER_MS, SiteFacts, StoreError, Whose};

/// So many incidents are shown with a site or a machine.
const INCIDENTS_MAX: u32 = 20;
/// So many are in a chart.
pub(crate) const HEALINGS_MAX: u32 = 40;

/// `GET /api/v1/fleet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FleetView {
    /// When this was so.
    pub(crate) at: UtcTime,
    /// Over all machines of all sites.
    pub(crate) score: ScoreView,
    /// What needs somebody comes first.
    pub(crate) sites: Vec<SiteRow>,
}

/// One site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SiteRow {
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    pub(crate) score: ScoreView,
    pub(crate) standing: Standing,
    /// Machines that have enrolled, without those that were revoked.
    pub(crate) hosts: u32,
    /// Those of them that were not heard of for five minutes, or never.
    pub(crate) silent: u32,
    /// Those that are expected and have not enrolled.
    pub(crate) expected: u32,
    /// Those whose certificates are all revoked: of what they had, their open incidents and their alarms alone count.
    pub(crate) revoked: u32,
}

/// What of a site or a machine needs somebody, and what is not known of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Standing {
    /// Controls that fail.
    pub(crate) failing: u32,
    /// Incidents that are being looked after.
    pub(crate) healing: u32,
    /// Incidents that wait for a person.
    pub(crate) waiting: u32,
    /// Controls that could not be checked.
    pub(crate) not_checked: u32,
    /// Alarms that stand: what its evidence did that it must never do, or what became of a copy of it.
    pub(crate) alarms: u64,
    /// Machines on which something runs that nothing explains: they are given nothing to do until a person approves it.
    pub(crate) quarantined: u32,
    /// When the machine that was not heard of for the longest was last heard of; none where one never was, or there is none.
    pub(crate) seen: Option<UtcTime>,
    /// Evidence that nobody but the machine has.
    pub(crate) tail: Tail,
    /// Evidence that the hub holds and has not read yet, since its database is newer than its archive: what is shown is older by so much.
    pub(crate) unread: u64,
}

/// Records beyond the last head that this hub cosigned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Tail {
    /// How many, by what the machines said last.
    pub(crate) records: u64,
    /// Since when at the longest; none where there is no tail, or that is not known.
    pub(crate) since: Option<UtcTime>,
    /// Machines of which that is not known: they have said nothing of their log's size since this hub started.
    pub(crate) unknown: u32,
}

/// `GET /api/v1/tenants/{tenant}/sites/{site}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SiteView {
    /// When this was so.
    pub(crate) at: UtcTime,
    pub(crate) row: SiteRow,
    pub(crate) machines: Vec<HostRow>,
    /// Those that are not closed, the newest first; twenty at most.
    pub(crate) incidents: Vec<IncidentView>,
    /// What was healed last, oldest first.
    pub(crate) healings: Vec<HealingView>,
}

/// One machine of a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HostRow {
    pub(crate) host: HostId,
    pub(crate) enrolled: bool,
    /// Whether all its certificates are revoked: it is let in no more, is never silent, and has no score.
    pub(crate) revoked: bool,
    pub(crate) silent: bool,
    pub(crate) score: ScoreView,
    pub(crate) standing: Standing,
    /// As it said last; none where it has not since this hub started.
    pub(crate) mode: Option<Mode>,
}

/// How long something took from being found to being healed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HealingView {
    pub(crate) host: HostId,
    pub(crate) incident: contract::ids::IncidentId,
    pub(crate) found: UtcTime,
    pub(crate) took_ms: u64,
}

impl From<Healing> for HealingView {
    fn from(Healing { host, incident, found, healed }: Healing) -> Self {
        Self { host, incident, found, took_ms: healed.ms_since(found) }
    }
}

/// The sites within reach.
pub(crate) async fn fleet(hub: &Hub, reach: Scope<Reach>, now: UtcTime) -> Result<FleetView, StoreError> {
    let facts = hub.store.fleet(Whose::Reach(reach), baseline(hub), now).await?;
    let score = sum(facts.iter().flat_map(|site| &site.hosts));
    let mut sites: Vec<SiteRow> = facts.iter().map(|site| site_row(hub, site, now)).collect();
    // Within each rank by name, so that a row stays where it was.
    sites.sort_by_key(rank);
    Ok(FleetView { at: now, score: score.into(), sites })
}

/// Smaller needs somebody sooner.
fn rank(row: &SiteRow) -> u8 {
    let Standing { failing, healing, waiting, not_checked, alarms, quarantined, .. } = row.standing;
    if alarms > 0 || quarantined > 0 || waiting > 0 {
        0
    } else if row.silent > 0 {
        1
    } else if failing > 0 || healing > 0 {
        2
    } else if not_checked > 0 || row.hosts == 0 {
        3
    } else {
        4
    }
}

/// One site; none where the tenant has no such site.
pub(crate) async fn site(
    hub: &Hub,
    tenant: Scope<TenantId>,
    site: SiteId,
    now: UtcTime,
) -> Result<Option<SiteView>, StoreError> {
    let whose = Whose::Site(tenant.clone(), site.clone());
    let Some(facts) = hub.store.fleet(whose, baseline(hub), now).await?.pop() else { return Ok(None) };
    let filter = Filter { site: Some(site), host: None, open: true };
    let incidents = hub.store.incidents_before(tenant.clone(), filter.clone(), None, INCIDENTS_MAX).await?;
    let healings = hub.store.healings(tenant, filter, HEALINGS_MAX).await?;
    Ok(Some(SiteView {
        at: now,
        row: site_row(hub, &facts, now),
        machines: facts.hosts.iter().map(|host| host_row(hub, host, now)).collect(),
        incidents: incidents.into_iter().map(|(_, incident)| incident).collect(),
        healings: healings.into_iter().map(HealingView::from).collect(),
    }))
}

/// The ids of the controls that scores are measured over: those of the baseline that this hub signs.
pub(crate) fn baseline(hub: &Hub) -> Vec<String> {
    hub.library.baseline.controls().iter().map(|control| control.id.to_string()).collect()
}

fn sum<'a>(hosts: impl IntoIterator<Item = &'a HostFacts>) -> Score {
    hosts.into_iter().fold(Score::default(), |score, host| score.and(host.score))
}

fn site_row(hub: &Hub, facts: &SiteFacts, now: UtcTime) -> SiteRow {
    let rows: Vec<HostRow> = facts.hosts.iter().map(|host| host_row(hub, host, now)).collect();
    let many = |holds: fn(&HostRow) -> bool| {
        u32::try_from(rows.iter().filter(|row| holds(row)).count()).unwrap_or(u32::MAX)
    };
    let (hosts, silent) = (many(|row| row.enrolled && !row.revoked), many(|row| row.silent));
    let counts = rows.iter().filter(|row| row.enrolled && !row.revoked).map(|row| row.standing);
    let mut standing = counts.reduce(Standing::and).unwrap_or_default();
    for Standing { healing, waiting, alarms, quarantined, .. } in
        rows.iter().filter(|r| r.revoked).map(|r| r.standing)
    {
        standing.healing = standing.healing.saturating_add(healing);
        standing.waiting = standing.waiting.saturating_add(waiting);
        standing.alarms = standing.alarms.saturating_add(alarms);
        standing.quarantined = standing.quarantined.saturating_add(quarantined);
    }
    SiteRow {
        tenant: facts.tenant.clone(),
        site: facts.site.clone(),
        score: sum(&facts.hosts).into(),
        standing,
        hosts,
        silent,
        expected: many(|row| !row.enrolled),
        revoked: many(|row| row.revoked),
    }
}

/// One machine.
pub(crate) fn host_row(hub: &Hub, facts: &HostFacts, now: UtcTime) -> HostRow {
    let heard = hub.pulses.of(&facts.host);
    let score = ScoreView::from(facts.score);
    let silent = facts.seen.is_none_or(|seen| now.ms_since(seen) > SILENT_AFTER_MS);
    HostRow {
        host: facts.host.clone(),
        enrolled: facts.enrolled,
        revoked: facts.revoked,
        silent: facts.enrolled && !facts.revoked && silent,
        standing: Standing {
            failing: score.fails,
            healing: facts.incidents.healing,
            waiting: facts.incidents.waiting,
            not_checked: score.not_assessed,
            alarms: facts.alarms,
            quarantined: u32::from(facts.quarantined),
            seen: facts.seen,
            tail: tail(facts, heard.as_ref()),
            unread: facts.settled.saturating_sub(facts.read),
        },
        mode: heard.as_ref().and_then(mode),
        score,
    }
}

/// What the executor said its mode is.
pub(crate) fn mode(heard: &Heard) -> Option<Mode> {
    executor(heard).map(|executor| executor.mode)
}

/// What the executor said of itself; none where the agent had no answer from it.
pub(crate) fn executor(heard: &Heard) -> Option<&ExecutorCondition> {
    match &heard.said.condition.now()?.executor {
        ExecutorHealth::Stands(condition) => Some(condition),
        ExecutorHealth::Away | ExecutorHealth::Silent | ExecutorHealth::Restoring => None,
    }
}

/// What the machine says it has beyond what this hub cosigned. Where it says nothing, that is not known, and is not nothing.
fn tail(facts: &HostFacts, heard: Option<&Heard>) -> Tail {
    match heard.and_then(|heard| heard.said.log_size) {
        Some(size) => {
            let records = size.saturating_sub(facts.settled);
            Tail { records, since: facts.received.filter(|_| records > 0), unknown: 0 }
        }
        None => Tail { records: 0, since: None, unknown: 1 },
    }
}

impl Standing {
    /// Of both together.
    fn and(self, other: Self) -> Self {
        let oldest = |a: Option<UtcTime>, b: Option<UtcTime>| a.into_iter().chain(b).min();
        Self {
            failing: self.failing.saturating_add(other.failing),
            healing: self.healing.saturating_add(other.healing),
            waiting: self.waiting.saturating_add(other.waiting),
            not_checked: self.not_checked.saturating_add(other.not_checked),
            alarms: self.alarms.saturating_add(other.alarms),
            quarantined: self.quarantined.saturating_add(other.quarantined),
            // Where one was never heard of, that is older than anything.
            seen: self.seen.zip(other.seen).map(|(a, b)| a.min(b)),
            tail: Tail {
                records: self.tail.records.saturating_add(other.tail.records),
                since: oldest(self.tail.since, other.tail.since),
                unknown: self.tail.unknown.saturating_add(other.tail.unknown),
            },
            unread: self.unread.saturating_add(other.unread),
        }
    }
}
