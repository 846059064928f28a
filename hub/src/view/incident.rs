//! A tenant's incidents, and one of them from the observation to the receipt.

use contract::decision::Choice;
use contract::ids::{IncidentId, OrderId, RunbookId, TenantId};
use contract::incident::What;
use contract::order::Order;
use contract::plane::{IncidentState, IncidentView};
use contract::score::Word;
use contract::time::UtcTime;
use identity::Holder;
use serde::Serialize;
use utoipa::ToSchema;

use crate::envelope::Ours;
use crate::hub::Hub;
use crate::people::Scope;
use crate::store::{Filter, HappenedThere, Moment, StoreError, Whole};

/// So many are on one page.
const PAGE: u32 = 50;

/// A tenant's incidents, the newest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct IncidentsView {
    pub(crate) tenant: TenantId,
    pub(crate) incidents: Vec<IncidentView>,
    /// What the next page begins before; none where there is none.
    pub(crate) next: Option<u64>,
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TimelineView {
    pub(crate) tenant: TenantId,
    pub(crate) incident: IncidentView,
    /// What the planner or a person chose.
    pub(crate) chosen: Option<RunbookId>,
    /// From the observation to the receipt. Each leg stands here, also one that is missing.
    pub(crate) legs: Vec<LegView>,
    /// From the first leg to the last that is known, in milliseconds.
    pub(crate) took_ms: Option<u64>,
    /// Everything that the evidence says of its orders, in the log's order.
    pub(crate) moments: Vec<MomentView>,
}

/// A part of the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Leg {
    /// The machine saw it.
    Detected,
    /// The hub made it durable.
    Published,
    /// Somebody or something chose what to do.
    Decided,
    /// The order was signed.
    Ordered,
    /// The executor let it pass, and began.
    Started,
    /// The check that had failed passed again, and went on passing.
    Healed,
    /// That stood in the machine's log.
    Recorded,
    /// The hub gave its receipt for the record.
    Receipt,
}

/// One leg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LegView {
    pub(crate) leg: Leg,
    /// When; none where that is not known.
    pub(crate) at: Option<UtcTime>,
    /// Since the last leg that is known, in milliseconds. The machine's clock and the hub's are two: a leg between them is as good as both.
    pub(crate) took_ms: Option<u64>,
    /// Whose clock.
    pub(crate) clock: Clock,
    /// The record that says so, where one does.
    pub(crate) record: Option<u64>,
    /// Why it is missing, where it is.
    pub(crate) missing: Option<&'static str>,
}

/// Whose clock a time is by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Clock {
    /// The machine's.
    Host,
    /// This hub's.
    Hub,
}

/// What one record says happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MomentView {
    pub(crate) record: u64,
    pub(crate) at: UtcTime,
    pub(crate) order: OrderId,
    /// In words.
    pub(crate) said: String,
}

/// A page of incidents.
pub(crate) async fn list(
    hub: &Hub,
    tenant: Scope<TenantId>,
    filter: Filter,
    before: Option<u64>,
) -> Result<IncidentsView, StoreError> {
    let name = (*tenant).clone();
    let mut found = hub.store.incidents_before(tenant, filter, before, PAGE + 1).await?;
    let more = found.len() > PAGE as usize;
    found.truncate(PAGE as usize);
    let next = found.last().filter(|_| more).map(|(place, _)| *place);
    Ok(IncidentsView { tenant: name, incidents: found.into_iter().map(|(_, view)| view).collect(), next })
}

/// One incident; none where the host has none such.
pub(crate) async fn timeline(
    hub: &Hub,
    of: Scope<Holder>,
    incident: IncidentId,
) -> Result<Option<TimelineView>, StoreError> {
    let tenant = of.tenant.clone();
    let Some(whole) = hub.store.whole(of, incident).await? else { return Ok(None) };
    let order = last_order(hub, &whole);
    let legs = legs(&whole, order.as_ref());
    let known: Vec<UtcTime> = legs.iter().filter_map(|leg| leg.at).collect();
    let chosen = whole.incident.decision.as_ref().and_then(|decision| match &decision.choice {
        Choice::Run(runbook) => Some(runbook.clone()),
        Choice::Escalate(_) => None,
    });
    Ok(Some(TimelineView {
        tenant,
        chosen,
        took_ms: known.first().zip(known.last()).filter(|(a, b)| a < b).map(|(a, b)| b.ms_since(*a)),
        legs,
        moments: whole.moments.iter().map(moment).collect(),
        incident: whole.incident,
    }))
}

/// The order that ended it, or the last one.
fn last_order(hub: &Hub, whole: &Whole) -> Option<Order> {
    let key = hub.keys.orders.public();
    let mut orders: Vec<Order> = whole
        .envelopes
        .iter()
        .filter_map(|envelope| Order::from_signed(&Ours::open(envelope, &key).ok()?.signed).ok())
        .collect();
    let ended = closing(whole).map(|moment| &moment.order);
    let by_end = orders.iter().position(|order| Some(&order.order) == ended);
    match by_end {
        Some(place) => Some(orders.swap_remove(place)),
        // A run of the site's own has no order here.
        None if ended.is_some() => None,
        None => orders.pop(),
    }
}

/// The record that closed it, where it was one of a run.
fn closing(whole: &Whole) -> Option<&Moment> {
    let IncidentState::Closed { record } = whole.incident.state else { return None };
    whole.moments.iter().find(|moment| moment.record == record)
}

/// All eight. Pure.
fn legs(whole: &Whole, order: Option<&Order>) -> Vec<LegView> {
    let passed = |leg: &str| whole.passages.iter().rev().find(|(name, _)| name == leg).map(|(_, at)| *at);
    let mut legs = Legs::default();
    let found = whole.incident.found;
    let turned = whole.turns.iter().find(|turn| turn.word == Word::Fail && turn.at >= found);
    legs.push(Leg::Detected, Clock::Host, Ok((found, turned.map(|turn| turn.record))));
    let not_kept =
        "this hub has not kept when: it came before the hub kept that, or its database was made anew";
    legs.push(Leg::Published, Clock::Hub, passed("published").map(|at| (at, None)).ok_or(not_kept));
    legs.push(Leg::Decided, Clock::Hub, decided(whole, passed("decided")));
    legs.push(Leg::Ordered, Clock::Hub, ordered(whole, order));
    let started = started(whole, order.map(|order| &order.order));
    legs.push(Leg::Started, Clock::Host, started.map(|moment| (moment.at, Some(moment.record))));
    let (healed, recorded, receipt) = ending(whole, started.ok());
    legs.push(Leg::Healed, Clock::Host, healed);
    legs.push(Leg::Recorded, Clock::Host, recorded);
    legs.push(Leg::Receipt, Clock::Hub, receipt);
    legs.0
}

type Known = Result<(UtcTime, Option<u64>), &'static str>;

#[derive(Default)]
struct Legs(Vec<LegView>);

impl Legs {
    fn push(&mut self, leg: Leg, clock: Clock, known: Known) {
        let before = self.0.iter().rev().find_map(|leg| leg.at);
        let at = known.ok().map(|(at, _)| at);
        self.0.push(LegView {
            leg,
            at,
            took_ms: at.zip(before).map(|(at, before)| at.ms_since(before)),
            clock,
            record: known.ok().and_then(|(_, record)| record),
            missing: known.err(),
        });
    }
}

fn decided(whole: &Whole, at: Option<UtcTime>) -> Known {
    match (at, &whole.incident.decision) {
        (Some(at), _) => Ok((at, None)),
        (None, Some(_)) => Err("this hub has not kept when"),
        (None, None) => Err(match whole.incident.state {
            IncidentState::Drifted => "not decided yet",
            IncidentState::Escalated
            | IncidentState::Ordered(_)
            | IncidentState::Open { .. }
            | IncidentState::Closed { .. }
            | IncidentState::LookedAfter(_) => {
                "nobody decided at this hub: the site did, or it passed before"
            }
        }),
    }
}

fn ordered(whole: &Whole, order: Option<&Order>) -> Known {
    match (order, &whole.incident.state) {
        (Some(order), _) => Ok((order.issued, None)),
        (None, IncidentState::Escalated) => Err("no order: a person has to look"),
        (None, IncidentState::LookedAfter(_)) => Err("no order: a person looked after it"),
        (None, IncidentState::Closed { .. }) => {
            Err("no order of this hub: the site ordered for itself, or it passes by itself")
        }
        (None, IncidentState::Drifted | IncidentState::Ordered(_) | IncidentState::Open { .. }) => {
            Err("no order yet")
        }
    }
}

/// The record by which the run of the order began, or of the one that ended it.
fn started<'a>(whole: &'a Whole, order: Option<&OrderId>) -> Result<&'a Moment, &'static str> {
    let order = order.or_else(|| closing(whole).map(|moment| &moment.order));
    let Some(order) = order else { return Err("no run") };
    let begun =
        |moment: &&Moment| moment.order == *order && matches!(moment.said, HappenedThere::Accepted { .. });
    whole.moments.iter().find(begun).ok_or("no run: it was not begun, or its record is not here yet")
}

/// Healed, recorded, receipt.
fn ending(whole: &Whole, started: Option<&Moment>) -> (Known, Known, Known) {
    let IncidentState::Closed { record } = whole.incident.state else {
        return (Err("not healed"), Err("no record closed it yet"), Err("no record closed it yet"));
    };
    let turn = whole.turns.iter().find(|turn| turn.record == record);
    let (at, received) = match (closing(whole), turn) {
        (Some(moment), _) => (Some(moment.at), moment.received),
        (None, Some(turn)) => (Some(turn.at), turn.received),
        (None, None) => (None, None),
    };
    let unread = "the record that closed it was not read again yet";
    let recorded = at.map(|at| (at, Some(record))).ok_or(unread);
    let healed = if let Some(HappenedThere::Ended { acted_ms, verified_ms, .. }) =
        closing(whole).map(|moment| &moment.said)
        && let Some(started) = started
    {
        Ok((started.at.plus_ms(acted_ms.saturating_add(*verified_ms)), Some(record)))
    } else {
        recorded
    };
    (
        healed,
        recorded,
        received
            .map(|at| (at, Some(record)))
            .ok_or("the hub holds the record; when it gave its receipt was not kept"),
    )
}

fn moment(Moment { record, at, received: _, order, said }: &Moment) -> MomentView {
    MomentView { record: *record, at: *at, order: order.clone(), said: words(said) }
}

/// In words.
pub(super) fn words(said: &HappenedThere) -> String {
    match said {
        HappenedThere::Waits(waiting) => super::approvals::waiting_words(waiting),
        HappenedThere::Accepted { by_site: true, .. } => {
            "accepted: the site ordered it for itself, under its standing order".to_owned()
        }
        HappenedThere::Accepted { by_site: false, approvals: 0 } => {
            "accepted: all guardrails let it pass".to_owned()
        }
        HappenedThere::Accepted { by_site: false, approvals } => {
            format!("accepted: all guardrails let it pass, and {approvals} approved it")
        }
        HappenedThere::Acts { step, verb } => format!("step {}: {}", step.saturating_add(1), verb.word()),
        HappenedThere::Moved(state) => run_words(*state).to_owned(),
        HappenedThere::Resumed => "taken up again after an interruption".to_owned(),
        HappenedThere::Ended { outcome, acted_ms, verified_ms } => {
            format!("ended: {outcome}, after {acted_ms} ms of steps and {verified_ms} ms of checks")
        }
        HappenedThere::Refused { outcome, refusal } => format!("{outcome}: {refusal}"),
        HappenedThere::Escalated => "a person is asked to look".to_owned(),
    }
}

const fn run_words(state: contract::record::RunState) -> &'static str {
    use contract::record::RunState as S;
    match state {
        S::Verifying => "all steps acted: the check is measured",
        S::Holding => "the check passes, and has to go on passing",
        S::Reverting => "what was done is undone",
        S::Paused => "paused for a more urgent run",
        S::GoingOn => "going on after a pause",
        S::Stuck => "not ended within its time: a person is told",
    }
}

/// What it is about, in words.
pub(crate) fn about(what: &What) -> String {
    match what {
        What::Drift { control, fact: _, observed } => format!("{control} fails: {observed}"),
        What::Signal(signal) => format!("{} fired", signal.detector),
    }
}
