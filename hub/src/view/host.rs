//! One machine in full: its controls with the evidence that each stands on, its mode and who set it, its window, its versions.

use contract::attest::QuarantineView;
use contract::baseline::{Citation, Control, Severity};
use contract::finding::Verdict;
use contract::heartbeat::Part;
use contract::ids::{ControlId, HostId, OperatorId, RunbookId, SiteId, TenantId};
use contract::plane::IncidentView;
use contract::record::{BreakGlass, GlassState};
use contract::refusal::Mode;
use contract::score::{Counted, Held, Word};
use contract::time::UtcTime;
use contract::window::DeclaredWindow;
use identity::Holder;
use serde::Serialize;
use utoipa::ToSchema;

use super::alarms::AlarmView;
use super::fleet::{HEALINGS_MAX, HealingView, HostRow, baseline, executor, host_row, mode};
use crate::hub::Hub;
use crate::people::Scope;
use crate::store::{Filter, StoreError, Whose};

/// So many incidents are shown with a machine.
const INCIDENTS_MAX: u32 = 20;

/// `GET /api/v1/tenants/{tenant}/hosts/{host}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = MachineView)]
pub(crate) struct HostView {
    /// When this was so.
    pub(crate) at: UtcTime,
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    pub(crate) row: HostRow,
    /// The origin of its evidence log.
    pub(crate) origin: String,
    /// Records that are held, verified and cosigned.
    pub(crate) evidence: u64,
    /// Every control of the baseline, by its first citation.
    pub(crate) controls: Vec<ControlView>,
    /// What its evidence says of controls that are not in the baseline any more. They count for nothing.
    pub(crate) left_out: Vec<ControlId>,
    pub(crate) how: ModeView,
    pub(crate) window: WindowView,
    pub(crate) versions: Versions,
    /// Parts of the agent that are not well, as it said last.
    pub(crate) unwell: Vec<String>,
    /// Its alarms: those that stand first, then those that are over and what is only good to know.
    pub(crate) alarms: Vec<AlarmView>,
    /// Where something else runs there than was known: what, since when, and by what digest an approval names it.
    pub(crate) quarantine: Option<QuarantineView>,
    /// The last gap in its records, in the words of the record.
    pub(crate) last_gap: Option<Recorded>,
    /// The newest first; twenty at most.
    pub(crate) incidents: Vec<IncidentView>,
    /// What was healed last, oldest first.
    pub(crate) healings: Vec<HealingView>,
}

/// One control on one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ControlView {
    pub(crate) control: ControlId,
    /// What holds where it passes.
    pub(crate) title: String,
    #[schema(value_type = Vec<String>)]
    pub(crate) citations: Vec<Citation>,
    pub(crate) severity: Severity,
    /// What it counts as in the score.
    pub(crate) counts: Counted,
    /// What was found when it was looked at last; none where nobody ever did.
    pub(crate) verdict: Option<Word>,
    /// What was seen then, or why nothing was.
    pub(crate) seen: Option<String>,
    /// What is expected.
    pub(crate) expected: String,
    /// Since when it has been so, and the record that first said so.
    pub(crate) since: Option<Recorded>,
    /// When it was looked at last, and the record that says so.
    pub(crate) checked: Option<Recorded>,
    /// What may repair it.
    pub(crate) runbook: Option<RunbookId>,
}

/// A time, by the machine's clock, and the record of its log that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Recorded {
    pub(crate) at: UtcTime,
    pub(crate) record: u64,
}

impl From<(UtcTime, u64)> for Recorded {
    fn from((at, record): (UtcTime, u64)) -> Self {
        Self { at, record }
    }
}

/// What runbooks may do there, and who says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ModeView {
    /// As the executor said last; none where it did not.
    pub(crate) mode: Option<Mode>,
    /// Who set it, where the executor's own configuration names somebody. A hub cannot set it.
    pub(crate) set_by: Option<OperatorId>,
    /// Where a person went around the mode last, by the evidence.
    pub(crate) break_glass: Option<GlassView>,
}

/// A break-glass grant, by its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct GlassView {
    pub(crate) person: OperatorId,
    /// Why, in that person's words.
    pub(crate) reason: String,
    /// True where it is in force.
    pub(crate) in_force: bool,
    pub(crate) until: UtcTime,
    pub(crate) recorded: Recorded,
}

/// When what is disruptive may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct WindowView {
    /// Whether the executor said what it has. Where it did and nothing is declared, nothing disruptive ever runs.
    pub(crate) told: bool,
    /// In the site's own time, as its executor has it.
    pub(crate) declared: Option<DeclaredWindow>,
    /// When it opens next, by what waits for it.
    pub(crate) opens: Option<UtcTime>,
}

/// What runs there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Versions {
    /// The agent, as it said last.
    pub(crate) agent: Option<String>,
    /// The executor, as it said last.
    pub(crate) executor: Option<String>,
    /// The executor that began its log, by the log's first record.
    pub(crate) log_begun_by: Option<String>,
    /// The system closure (NixOS), as the agent said last.
    pub(crate) closure: Option<String>,
    /// The papers that its evidence says came last: which, what became of it, its number and its record.
    pub(crate) papers: Vec<PaperView>,
    /// When all this was said, but for the papers; none where the agent has not said so since this hub started.
    pub(crate) said: Option<UtcTime>,
}

/// A paper, by its record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PaperView {
    pub(crate) paper: String,
    pub(crate) state: String,
    pub(crate) number: u64,
    pub(crate) digest: Option<String>,
    pub(crate) recorded: Recorded,
}

/// One machine; none where it is not there any more.
pub(crate) async fn host(hub: &Hub, of: Scope<Holder>, now: UtcTime) -> Result<Option<HostView>, StoreError> {
    let found = hub.store.fleet(Whose::Host(of.clone()), baseline(hub), now).await?.pop();
    let Some(facts) = found.and_then(|mut site| site.hosts.pop()) else { return Ok(None) };
    let held = hub.store.controls(of.clone()).await?;
    let words = hub.store.last_words(of.clone()).await?;
    let tenant = of.holding(of.tenant.clone());
    let filter = Filter { site: None, host: Some(of.host.clone()), open: false };
    let incidents = hub.store.incidents_before(tenant.clone(), filter.clone(), None, INCIDENTS_MAX).await?;
    let healings = hub.store.healings(tenant.clone(), filter, HEALINGS_MAX).await?;
    let quarantine = hub.store.quarantined(tenant.clone()).await?.into_iter().find(|q| q.host == of.host);
    let alarms = alarms(hub, tenant, &of.host, now).await?;
    let opens = hub.store.window_opens(of.clone(), now).await?;
    let controls = hub.library.baseline.controls();
    let mut views: Vec<ControlView> = controls
        .iter()
        .map(|control| {
            let held = held.iter().find(|(id, _)| *id == control.id).map(|(_, held)| held);
            control_view(control, held, now)
        })
        .collect();
    views.sort_by(|a, b| (&a.citations, &a.control).cmp(&(&b.citations, &b.control)));
    let is_left_out = |id: &ControlId| !controls.iter().any(|control| control.id == *id);
    Ok(Some(HostView {
        at: now,
        tenant: of.tenant.clone(),
        site: of.site.clone(),
        row: host_row(hub, &facts, now),
        origin: facts.origin.clone(),
        evidence: facts.settled,
        controls: views,
        left_out: held.into_iter().map(|(id, _)| id).filter(is_left_out).collect(),
        how: mode_view(hub, &of, &words, now),
        window: window_view(hub, &of, opens),
        versions: versions(hub, &of, &words),
        unwell: unwell(hub, &of),
        alarms,
        quarantine,
        last_gap: words
            .iter()
            .find(|(kind, ..)| kind == "gap")
            .map(|(_, record, at, _)| (*at, *record).into()),
        incidents: incidents.into_iter().map(|(_, incident)| incident).collect(),
        healings: healings.into_iter().map(HealingView::from).collect(),
    }))
}

async fn alarms(
    hub: &Hub,
    tenant: Scope<TenantId>,
    host: &HostId,
    now: UtcTime,
) -> Result<Vec<AlarmView>, StoreError> {
    let raised = hub.store.alarms_of(tenant).await?.into_iter().filter(|alarm| alarm.host == *host);
    let mut alarms: Vec<AlarmView> = raised.map(|alarm| AlarmView::of(alarm, now)).collect();
    alarms.sort_by_key(|alarm| std::cmp::Reverse((alarm.stands, alarm.last)));
    Ok(alarms)
}

/// What was seen, or why nothing was.
pub(super) fn seen_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Pass(value) | Verdict::Fail(value) | Verdict::Excepted(value) => value.to_string(),
        Verdict::NotAssessed(absence) => absence.to_string(),
    }
}

fn control_view(control: &Control, held: Option<&Held>, now: UtcTime) -> ControlView {
    let seen = held.map(|held| seen_words(&held.verdict));
    ControlView {
        control: control.id.clone(),
        title: control.title.clone(),
        citations: control.citations.clone(),
        severity: control.severity,
        counts: held.map_or(Counted::Unknown, |held| held.count(now)),
        verdict: held.map(|held| Word::of(&held.verdict)),
        seen,
        expected: control.expected_text(),
        since: held.map(|held| held.since.into()),
        checked: held.map(|held| held.checked.into()),
        runbook: control.runbook.clone(),
    }
}

type LastWord = (String, u64, UtcTime, serde_json::Value);

fn mode_view(hub: &Hub, of: &Holder, words: &[LastWord], now: UtcTime) -> ModeView {
    let heard = hub.pulses.of(&of.host);
    let glass = words.iter().find(|(kind, ..)| kind == "break_glass").and_then(|(_, record, at, said)| {
        let BreakGlass { state, person, reason, until, .. } = serde_json::from_value(said.clone()).ok()?;
        let in_force = state == GlassState::Broken && now < until;
        Some(GlassView {
            person,
            reason: reason.as_str().to_owned(),
            in_force,
            until,
            recorded: (*at, *record).into(),
        })
    });
    ModeView {
        mode: heard.as_ref().and_then(mode),
        set_by: heard.as_ref().and_then(executor).and_then(|executor| executor.mode_set_by.clone()),
        break_glass: glass,
    }
}

fn window_view(hub: &Hub, of: &Holder, opens: Option<UtcTime>) -> WindowView {
    let heard = hub.pulses.of(&of.host);
    let executor = heard.as_ref().and_then(executor);
    WindowView {
        told: executor.is_some(),
        declared: executor.and_then(|executor| executor.window.clone()),
        opens,
    }
}

fn versions(hub: &Hub, of: &Holder, words: &[LastWord]) -> Versions {
    let heard = hub.pulses.of(&of.host);
    let condition = heard.as_ref().and_then(|heard| heard.said.condition.now());
    let executor = heard.as_ref().and_then(executor).map(|executor| executor.software.as_str().to_owned());
    let papers = words.iter().filter_map(|(kind, record, at, said)| {
        let text = |key: &str| said.get(key).and_then(|value| value.as_str()).map(ToOwned::to_owned);
        Some(PaperView {
            paper: kind.strip_prefix("paper.")?.to_owned(),
            state: text("state")?,
            number: said.get("number")?.as_u64()?,
            digest: text("text"),
            recorded: (*at, *record).into(),
        })
    });
    let opened = words.iter().find(|(kind, ..)| kind == "opened");
    Versions {
        agent: condition.map(|condition| condition.agent.as_str().to_owned()),
        executor,
        log_begun_by: opened.and_then(|(.., said)| said.as_str().map(ToOwned::to_owned)),
        closure: condition.and_then(|condition| Some(condition.closure.as_ref()?.as_str().to_owned())),
        papers: papers.collect(),
        said: condition.and(heard.as_ref()).map(|heard| heard.at),
    }
}

/// The agent's parts that say of themselves that they are not well.
fn unwell(hub: &Hub, of: &Holder) -> Vec<String> {
    let Some(heard) = hub.pulses.of(&of.host) else { return Vec::new() };
    let Some(condition) = heard.said.condition.now() else { return Vec::new() };
    let word = |part: &Part| serde_json::to_value(part).ok()?.as_str().map(ToOwned::to_owned);
    condition.parts.iter().filter(|(_, health)| !health.well).filter_map(|(part, _)| word(part)).collect()
}
