//! From the queue to a signed order.
//!
//! A message on the queue says only which incident waits; what it is, and whether it still waits, stands in the store. So a message that comes
//! twice, or late, plans nothing twice. It is acknowledged once decision and order are durable.

mod person;

use std::sync::Arc;
use std::time::Duration;

use contract::decision::{Choice, Decision, Escalation};
use contract::dsse::{HubSigner, PayloadType};
use contract::event::Event;
use contract::ids::{GrantId, HostId, IncidentId, OrderId};
use contract::incident::What;
use contract::order::{LIFETIME_MS, Order};
use contract::time::UtcTime;
use identity::Holder;
use queue::{Delivery, Queue as _, QueueError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::consequence::Retry;
use crate::events::Happened;
use crate::hub::Hub;
use crate::library::Library;
use crate::problem::chain;
use crate::store::{NewOrder, Plan};
pub(crate) use person::order_by_person;

/// The most incidents that are taken from the queue at once.
const FETCH_MAX: usize = 64;
/// How long to wait after the store or the queue failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// A message's body.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Ticket {
    host: HostId,
    incident: IncidentId,
}

/// Puts an incident on its tenant's queue. The same attempt counts once.
pub(crate) async fn enqueue(hub: &Hub, plan: Plan) -> Result<(), QueueError> {
    let Plan { subject, host, incident, attempt } = plan;
    // Hosts draw their incidents' ids, so only both together are an id of the tenant's.
    #[expect(
        clippy::expect_used,
        reason = "two ids of at most 48 characters and a number are within a message id's bounds"
    )]
    let id = format!("{host}/{incident}/{attempt}").parse().expect("it is short and printable");
    let body = serde_json::to_vec(&Ticket { host, incident: incident.clone() }).unwrap_or_default();
    hub.queue.publish(subject, id, body).await?;
    hub.tracer.emit(Event::Queued { incident });
    Ok(())
}

/// Puts every incident on the queue that a stop or a power cut kept off it.
pub(crate) async fn catch_up(hub: &Hub) {
    match hub.store.unplanned().await {
        Ok(plans) => {
            for plan in plans {
                if let Err(e) = enqueue(hub, plan).await {
                    tracing::error!(
                        error = chain(&e),
                        "an incident was not put on the queue; its next report will be"
                    );
                }
            }
        }
        Err(e) => tracing::error!(error = chain(&e), "open incidents could not be read"),
    }
}

/// Plans an incident again after a while, unless the hub stops or something else happened to it first.
pub(crate) fn retry_later(hub: &Arc<Hub>, host: HostId, incident: IncidentId, retry: Retry) {
    // Held weakly, so that a wait keeps no stopped hub open.
    let (weak, mut stop) = (Arc::downgrade(hub), hub.stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(Duration::from_millis(retry.after_ms)) => {}
        }
        let Some(hub) = weak.upgrade() else { return };
        let planned = match hub.store.plan_again(host, incident).await {
            Ok(Some(plan)) => enqueue(&hub, plan).await.map_err(|e| chain(&e)),
            Ok(None) => Ok(()),
            Err(e) => Err(chain(&e)),
        };
        if let Err(error) = planned {
            tracing::error!(error, "a deferred incident was not planned again; its next report will be");
        }
    });
}

/// The planner's worker. Ends when the hub stops.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut stop = hub.stop.clone();
    loop {
        let fetched = tokio::select! {
            () = stop.requested() => return,
            fetched = hub.queue.fetch(FETCH_MAX) => fetched,
        };
        let failed = match fetched {
            Ok(deliveries) => work_off(&hub, deliveries).await,
            Err(e) => Some(chain(&e)),
        };
        if let Some(error) = failed {
            tracing::error!(error, "the planner stands still for a moment");
            tokio::time::sleep(FAILURE_PAUSE).await;
        }
    }
}

/// Plans the deliveries, all at once: they share the syncs of the disk. Those that fail are released and come again. Answers the last failure.
async fn work_off(hub: &Arc<Hub>, deliveries: Vec<Delivery>) -> Option<String> {
    let mut under_way = JoinSet::new();
    for delivery in deliveries {
        let hub = Arc::clone(hub);
        under_way.spawn(async move {
            match plan(&hub, &delivery).await {
                Ok(()) => hub.queue.acknowledge(delivery).await.map_err(|e| chain(&e)),
                Err(e) => {
                    hub.queue.release(delivery);
                    Err(e)
                }
            }
        });
    }
    let mut failed = None;
    while let Some(ended) = under_way.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(e)) => failed = Some(e),
            Err(e) => failed = Some(chain(&e)),
        }
    }
    failed
}

async fn plan(hub: &Hub, delivery: &Delivery) -> Result<(), String> {
    let Ok(Ticket { host, incident }) = serde_json::from_slice(delivery.body()) else {
        tracing::error!(sequence = %delivery.sequence(), "a message is not ours: it is dropped");
        return Ok(());
    };
    let (tenant, site) = (delivery.subject().tenant().clone(), delivery.subject().site().clone());
    let holder = Holder { tenant, site, host };
    let now = edge::clock::utc();
    let id = order_id().map_err(|e| e.to_string())?;

    let (library, keys) = (Arc::clone(&hub.library), Arc::clone(&hub.keys));
    let draft = Draft { id, holder: holder.clone(), incident: incident.clone(), now, break_glass: None };
    let decide = move |what: &What, counter| decide(&library, &keys.orders, &draft, what, counter);
    let decided =
        hub.store.decide(holder.clone(), incident.clone(), now, decide).await.map_err(|e| chain(&e))?;
    let Some((decision, order)) = decided else { return Ok(()) };
    hub.spans.decided(now, &decision);

    let runbook = match decision.choice {
        Choice::Run(runbook) => Some(runbook),
        Choice::Escalate(_) => None,
    };
    hub.tracer.emit(Event::Decided { incident: incident.clone(), runbook });
    hub.events.tell(&holder.tenant, &holder.host, Happened::Incident(incident.clone()));
    if let Some(order) = order {
        tell_ordered(hub, &holder, &incident, &order);
        hub.tracer.emit(Event::Ordered { incident, order });
        hub.bells.ring(&holder.host);
    }
    Ok(())
}

/// An order was signed.
fn tell_ordered(hub: &Hub, holder: &Holder, incident: &IncidentId, order: &OrderId) {
    hub.events.tell(&holder.tenant, &holder.host, Happened::Order(incident.clone(), order.clone()));
}

/// What an order needs besides the decision and the counter.
#[derive(Debug)]
struct Draft {
    id: OrderId,
    holder: Holder,
    incident: IncidentId,
    now: UtcTime,
    break_glass: Option<GrantId>,
}

/// Decides and signs. Pure: clock and randomness are in the draft.
fn decide(
    library: &Library,
    signer: &HubSigner,
    draft: &Draft,
    what: &What,
    counter: u64,
) -> (Decision, Option<NewOrder>) {
    let Library { rules, baseline, catalogue, .. } = library;
    let knowledge = planner::Knowledge { rules, baseline, catalogue };
    // Heartbeats do not tell a host's system: the rules must agree for all of them, and the site refuses what is not written for it.
    let decision = planner::plan(what, None, &knowledge);
    match order(library, draft, what, &decision, counter) {
        Ok(None) => (decision, None),
        Ok(Some(order)) => (decision, Some(sign(signer, order))),
        // What cannot be bound is a person's already; should the two ever part, it still is.
        Err(Unbound) => {
            let Decision { choice: _, provenance } = decision;
            (Decision { choice: Choice::Escalate(Escalation::NoRule), provenance }, None)
        }
    }
}

fn sign(signer: &HubSigner, order: Order) -> NewOrder {
    let payload = serde_json::to_vec(&order).unwrap_or_default();
    let envelope = signer.sign(PayloadType::Order, &payload);
    NewOrder { id: order.order, expires: order.expires, envelope }
}

fn order_id() -> std::io::Result<OrderId> {
    format!("o-{}", edge::random::opaque()?).parse().map_err(std::io::Error::other)
}

/// The runbook cannot be bound to what was found.
struct Unbound;

fn order(
    library: &Library,
    draft: &Draft,
    what: &What,
    decision: &Decision,
    counter: u64,
) -> Result<Option<Order>, Unbound> {
    let Choice::Run(runbook) = &decision.choice else { return Ok(None) };
    let What::Drift { control, fact: _, observed: _ } = what else { return Err(Unbound) };
    let declared = library.baseline.control(control).ok_or(Unbound)?;
    let approved = library.catalogue.runbook(runbook).ok_or(Unbound)?;
    if !approved.runbook.triggers.contains(control) {
        return Err(Unbound);
    }
    let parameters = approved.runbook.bind(declared).map_err(|_| Unbound)?;
    let Draft { id, holder, incident, now, break_glass } = draft;
    Ok(Some(Order {
        order: id.clone(),
        tenant: holder.tenant.clone(),
        site: holder.site.clone(),
        host: holder.host.clone(),
        incident: incident.clone(),
        control: control.clone(),
        runbook: runbook.clone(),
        runbook_digest: approved.digest,
        catalogue_digest: library.catalogue.digest(),
        parameters,
        counter,
        issued: *now,
        expires: now.plus_ms(LIFETIME_MS),
        provenance: decision.provenance.clone(),
        break_glass: break_glass.clone(),
    }))
}

#[cfg(test)]
mod tests;
