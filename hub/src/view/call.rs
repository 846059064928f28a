//! One call with all that whoever has it needs: what was seen, what was tried, what may be tried, by what paragraphs.

use contract::call::{CallStep, CallView, CallWhole, MayTry, Tried};
use contract::ids::OrderId;
use contract::incident::What;
use contract::order::Order;
use contract::people::Reach;

use super::incident::words;
use crate::envelope::Ours;
use crate::hub::Hub;
use crate::library::Library;
use crate::people::Scope;
use crate::planning::control_of;
use crate::store::{Moment, StoreError, Whole};

/// One call within reach; none where there is none such.
pub(crate) async fn call(
    hub: &Hub,
    reach: Scope<Reach>,
    number: u64,
) -> Result<Option<CallWhole>, StoreError> {
    let Some((call, steps, of)) = hub.store.call(reach, number).await? else { return Ok(None) };
    let whole = hub.store.whole(of, call.incident.clone()).await?;
    Ok(Some(put_together(hub, call, steps, whole.as_ref())))
}

fn put_together(hub: &Hub, call: CallView, steps: Vec<CallStep>, whole: Option<&Whole>) -> CallWhole {
    let control = match &call.what {
        What::Drift { control, fact: _, observed: _ } => hub.library.baseline.control(control),
        What::Signal(_) => None,
    };
    CallWhole {
        tried: whole.map(|whole| tried(hub, whole)).unwrap_or_default(),
        may_try: may_try(&call.what, &hub.library),
        citations: control.map(|c| c.citations.iter().map(ToString::to_string).collect()).unwrap_or_default(),
        left_to_people: control.and_then(|control| control.person.clone()),
        steps,
        call,
    }
}

/// Each order that this hub signed for it, with what came of it.
fn tried(hub: &Hub, whole: &Whole) -> Vec<Tried> {
    let key = hub.keys.orders.public();
    let orders = whole.envelopes.iter().filter_map(|envelope| {
        let Order { order, runbook, provenance, issued, .. } =
            Order::from_signed(&Ours::open(envelope, &key).ok()?.signed).ok()?;
        let came = came_of(&order, &whole.moments);
        Some(Tried { order, runbook, by: provenance, at: issued, came })
    });
    orders.collect()
}

/// The last that the machine's evidence says of it.
fn came_of(order: &OrderId, moments: &[Moment]) -> String {
    let last = moments.iter().rev().find(|moment| moment.order == *order);
    last.map_or_else(
        || "the machine's evidence says nothing of it yet".to_owned(),
        |moment| words(&moment.said),
    )
}

/// The approved runbooks that fit what was found, those that disturb nobody first.
pub(crate) fn may_try(what: &What, library: &Library) -> Vec<MayTry> {
    let mut all: Vec<MayTry> = library
        .catalogue
        .iter()
        .map(|approved| &approved.runbook)
        .filter(|runbook| control_of(what, &runbook.id, library).is_some())
        .map(|runbook| MayTry {
            runbook: runbook.id.clone(),
            title: runbook.title.clone(),
            disruptive: runbook.disruptive,
            approvals: u32::try_from(runbook.approval.people()).unwrap_or(u32::MAX),
        })
        .collect();
    all.sort_by(|a, b| (a.disruptive, a.approvals, &a.runbook).cmp(&(b.disruptive, b.approvals, &b.runbook)));
    all
}
