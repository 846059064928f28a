//! Orders that wait on their machines: what each would do there, to what, and how it would be undone.
//!
//! What is shown is read out of the very bytes that this hub signed, and out of the runbook whose digest stands in them: not out of what somebody says of it.

use contract::baseline::Control;
use contract::blob::Blob;
use contract::digest::Digest;
use contract::ids::{ControlId, HostId, IncidentId, OrderId, RunbookId, SiteId, TenantId};
use contract::order::Order;
use contract::people::Reach;
use contract::record::WaitingFor;
use contract::runbook::{Approved, Inverse, Rollback, Runbook, Step, Values};
use contract::time::UtcTime;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::host::{Recorded, seen_words};
use crate::envelope::{Ours, to_sign};
use crate::hub::Hub;
use crate::people::Scope;
use crate::store::{Pending, StoreError};

/// `GET /api/v1/approvals`: what waits within reach, the longest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ApprovalsView {
    /// When this was so.
    pub(crate) at: UtcTime,
    /// Those that wait for people.
    pub(crate) for_people: Vec<ApprovalView>,
    /// Those that wait for something that comes by itself: a window, a clock, their turn.
    pub(crate) by_themselves: Vec<ApprovalView>,
}

/// One order that waits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ApprovalView {
    pub(crate) tenant: TenantId,
    pub(crate) site: SiteId,
    pub(crate) host: HostId,
    pub(crate) order: OrderId,
    pub(crate) incident: IncidentId,
    pub(crate) control: ControlId,
    /// What holds where the control passes; none where it is not in the baseline any more.
    pub(crate) control_title: Option<String>,
    /// What the machine's evidence says last of it; none where it says nothing.
    pub(crate) observed: Option<Observed>,
    /// What is expected; none where the control is not in the baseline any more.
    pub(crate) expected: Option<String>,
    pub(crate) waiting_for: WaitingFor,
    /// The same in words.
    pub(crate) waits: String,
    /// Then it ends as expired.
    pub(crate) until: UtcTime,
    pub(crate) issued: UtcTime,
    pub(crate) runbook: RunbookId,
    /// Its digest, as it was signed.
    pub(crate) runbook_digest: Digest,
    /// What was bound to the runbook's parameters.
    pub(crate) parameters: Vec<Setting>,
    /// What would happen; none where the hub's catalogue does not hold this runbook with this digest any more: then it cannot be shown here.
    pub(crate) plan: Option<PlanView>,
    /// How many people signed it, as far as the hub has seen.
    pub(crate) signatures: u32,
    /// The envelope, to be signed by a person's own key.
    pub(crate) envelope: Blob,
}

/// What was seen last, and the record that says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Observed {
    pub(crate) seen: String,
    #[serde(flatten)]
    pub(crate) recorded: Recorded,
}

/// What a runbook would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PlanView {
    pub(crate) title: String,
    pub(crate) version: u32,
    /// Whether somebody at the clinic would notice.
    pub(crate) disruptive: bool,
    pub(crate) steps: Vec<StepView>,
    /// How long the check must go on passing, in milliseconds.
    pub(crate) hold_down_ms: u64,
    /// What happens where it does not.
    pub(crate) rollback: String,
    /// Whether every step can be undone.
    pub(crate) undoable: bool,
    /// How many people have to agree.
    pub(crate) people: u32,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct StepView {
    pub(crate) verb: String,
    /// What it touches; none where the parameters do not say it.
    pub(crate) target: Option<String>,
    /// Everything that it is told.
    pub(crate) settings: Vec<Setting>,
    /// How it is undone.
    pub(crate) undone: &'static str,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// What waits within reach.
pub(crate) async fn approvals(
    hub: &Hub,
    reach: Scope<Reach>,
    now: UtcTime,
) -> Result<ApprovalsView, StoreError> {
    let waiting = hub.store.pending(reach, now).await?;
    let views = waiting.into_iter().filter_map(|pending| view(hub, pending));
    let (for_people, by_themselves) =
        views.partition(|view| matches!(view.waiting_for, WaitingFor::Approval { .. }));
    Ok(ApprovalsView { at: now, for_people, by_themselves })
}

/// What this hub signed is its own word: nothing else is in the store.
fn view(hub: &Hub, pending: Pending) -> Option<ApprovalView> {
    let Pending { holder, incident, waiting_for, until, envelope, turned_down, seen } = pending;
    let key = hub.keys.orders.public();
    let envelope = to_sign(envelope, &key, turned_down);
    let ours = Ours::open(&envelope, &key).ok()?;
    let order = Order::from_signed(&ours.signed).ok()?;
    let approved = hub.library.catalogue.runbook(&order.runbook);
    let plan = approved
        .filter(|approved| approved.digest == order.runbook_digest)
        .map(|a| plan(a, &order.parameters));
    let control = hub.library.baseline.control(&order.control);
    Some(ApprovalView {
        tenant: holder.tenant,
        site: holder.site,
        host: holder.host,
        incident,
        control_title: control.map(|control| control.title.clone()),
        observed: seen.map(|(verdict, at, record)| Observed {
            seen: seen_words(&verdict),
            recorded: (at, record).into(),
        }),
        expected: control.map(Control::expected_text),
        waits: waiting_words(&waiting_for),
        waiting_for,
        until,
        issued: order.issued,
        runbook_digest: order.runbook_digest,
        parameters: parameters(&order.parameters),
        plan,
        signatures: ours.signatures(),
        envelope: Blob(envelope),
        order: order.order,
        control: order.control,
        runbook: order.runbook,
    })
}

fn parameters(values: &Values) -> Vec<Setting> {
    let setting = |(name, value): (&contract::ids::ParameterName, &contract::runbook::ParameterValue)| {
        Setting { name: name.to_string(), value: value.to_string() }
    };
    values.iter().map(setting).collect()
}

fn plan(Approved { runbook, .. }: &Approved, values: &Values) -> PlanView {
    let Runbook { title, version, disruptive, steps, hold_down_ms, rollback, approval, .. } = runbook;
    let rollback = match rollback {
        Some(Rollback::Inverse) => "the inverses of the steps that ran, last first",
        Some(Rollback::Escalate) | None => "nothing is undone: a person is told",
    };
    let steps: Vec<StepView> = steps.iter().map(|step| step_view(step, values)).collect();
    PlanView {
        title: title.clone(),
        version: *version,
        disruptive: *disruptive,
        undoable: runbook.steps.iter().all(|step| step.verb().inverse() != Inverse::None),
        steps,
        hold_down_ms: *hold_down_ms,
        rollback: rollback.to_owned(),
        people: u32::try_from(approval.people()).unwrap_or(u32::MAX),
    }
}

fn step_view(step: &Step, values: &Values) -> StepView {
    let undone = match step.verb().inverse() {
        Inverse::PutBack => "put back as it was",
        Inverse::None => "cannot be undone: it acts within its declared bounds",
        Inverse::NotNeeded => "changes nothing that would need undoing",
    };
    StepView {
        verb: step.verb().word().to_owned(),
        target: step.resolve(values).ok().map(|action| action.resource().to_string()),
        settings: settings(step, values),
        undone,
    }
}

/// What the runbook's file says of the step, with each `$parameter` in its value's words.
fn settings(step: &Step, values: &Values) -> Vec<Setting> {
    let written = serde_json::to_value(step).unwrap_or_default();
    let mut settings = Vec::new();
    flatten("", &written, values, &mut settings);
    // Its verb stands before it already.
    for setting in &mut settings {
        if let Some(rest) = setting.name.strip_prefix(step.verb().word()) {
            setting.name = rest.trim_start_matches('.').to_owned();
        }
    }
    settings.retain(|setting| !(setting.name.is_empty() && setting.value.is_empty()));
    settings
}

fn flatten(name: &str, value: &Value, values: &Values, to: &mut Vec<Setting>) {
    let below = |key: &str| if name.is_empty() { key.to_owned() } else { format!("{name}.{key}") };
    let mut say = |value: String| to.push(Setting { name: name.to_owned(), value });
    match value {
        Value::Object(map) => map.iter().for_each(|(key, value)| flatten(&below(key), value, values, to)),
        Value::Array(all) => all.iter().for_each(|value| flatten(name, value, values, to)),
        Value::String(text) => say(bound(text, values)),
        Value::Null => say(String::new()),
        Value::Bool(_) | Value::Number(_) => say(value.to_string()),
    }
}

/// A parameter's value where the text names one.
fn bound(text: &str, values: &Values) -> String {
    let named =
        text.strip_prefix('$').and_then(|name| values.iter().find(|(known, _)| known.as_str() == name));
    named.map_or_else(|| text.to_owned(), |(_, value)| value.to_string())
}

/// What something waits for, in words.
pub(crate) fn waiting_words(waiting: &WaitingFor) -> String {
    match waiting {
        WaitingFor::Window { opens } => format!("waits for the maintenance window, which opens at {opens}"),
        WaitingFor::Approval { have, need } => format!("waits for people: {have} of {need} agreed"),
        WaitingFor::Clock => "waits for a clock that can be trusted".to_owned(),
        WaitingFor::Turn => "waits for its turn: another run holds the machine or the target".to_owned(),
    }
}
