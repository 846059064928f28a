//! From the queue to a signed order.
//!
//! A message on the queue says only which incident waits; what it is, and whether it still waits, stands in the store. So a message that comes
//! twice, or late, plans nothing twice. It is acknowledged once decision and order are durable.

mod deciding;
mod person;

use std::sync::Arc;
use std::time::Duration;

use contract::decision::Choice;
use contract::event::Event;
use contract::ids::{HostId, IncidentId, OrderId};
use identity::Holder;
use planner::Case;
use queue::{Delivery, Queue as _, QueueError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::consequence::Retry;
use crate::events::Happened;
use crate::hub::Hub;
use crate::problem::chain;
use crate::store::{Again, Looked, Plan};
pub(crate) use deciding::{Comes, Thought, control_of};
use deciding::{Draft, decide, order_id};
pub(crate) use person::order_by_person;

/// The most incidents that are taken from the queue at once.
const FETCH_MAX: usize = 64;
/// How long to wait after the store or the queue failed.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);
/// The longest that one message waits for the next try. With it, what a queue lets be released without counting it lasts for most of a day.
const RELEASE_MAX: Duration = Duration::from_secs(60);

/// How long what followed from something that ended has to end as well, before it is planned for itself.
const FREED_PAUSE: Duration = Duration::from_secs(30);
/// How often is looked whether what something waits on still holds, where no record ends that.
const FOLLOWS_PAUSE_MS: u64 = 5 * 60 * 1000;

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
    match hub.store.unplanned(edge::clock::utc()).await {
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
        let planned = match hub.store.plan_again(host.clone(), incident.clone(), edge::clock::utc()).await {
            Ok(Again::Plan(plan)) => enqueue(&hub, plan).await.map_err(|e| chain(&e)),
            Ok(Again::NotYet) => {
                retry_later(&hub, host, incident, retry);
                Ok(())
            }
            Ok(Again::No) => Ok(()),
            Err(e) => Err(chain(&e)),
        };
        if let Err(error) = planned {
            tracing::error!(error, "a deferred incident was not planned again; its next report will be");
        }
    });
}

/// Puts what followed from something that ended on the queue, after a while in which it may end as well. Where the hub stops before that, its next start
/// does.
pub(crate) fn enqueue_later(hub: &Arc<Hub>, plan: Plan) {
    let (weak, mut stop) = (Arc::downgrade(hub), hub.stop.clone());
    tokio::spawn(async move {
        tokio::select! {
            () = stop.requested() => return,
            () = tokio::time::sleep(FREED_PAUSE) => {}
        }
        let Some(hub) = weak.upgrade() else { return };
        if let Err(e) = enqueue(&hub, plan).await {
            tracing::error!(
                error = chain(&e),
                "an incident was not put on the queue; its next report will be"
            );
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
                    let after = pause_after(delivery.number());
                    if let Err(e) = hub.queue.release(delivery, after).await {
                        tracing::error!(
                            error = chain(&e),
                            "a message comes again, and that counts against it"
                        );
                    }
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

/// How long a message waits whose planning failed for the so-manieth time: a second, then twice as long each time, up to a minute.
fn pause_after(number: u32) -> Duration {
    let doublings = number.saturating_sub(1).min(6);
    FAILURE_PAUSE.saturating_mul(1 << doublings).min(RELEASE_MAX)
}

async fn plan(hub: &Arc<Hub>, delivery: &Delivery) -> Result<(), String> {
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
    let table = hub.tables.of(&holder.tenant, &holder.site);
    let decide = move |case: &Case, counter| decide((&library, &table), &keys.orders, &draft, case, counter);
    let looked = Looked { now, hears_since: hub.began };
    let decided = hub.store.decide(holder.clone(), incident.clone(), looked, decide).await;
    let Some(decided) = decided.map_err(|e| chain(&e))? else { return Ok(()) };
    hub.events.tell(&holder.tenant, &holder.host, Happened::Incident(incident.clone()));
    let Some((decision, order)) = decided else {
        // What follows from something that ends by a record is freed by that; the rest has to be looked at again.
        retry_later(hub, holder.host, incident, Retry { after_ms: FOLLOWS_PAUSE_MS });
        return Ok(());
    };
    hub.spans.decided(now, &decision);

    let runbook = match decision.choice {
        Choice::Run(runbook) => Some(runbook),
        Choice::Escalate(_) => None,
    };
    hub.tracer.emit(Event::Decided { incident: incident.clone(), runbook });
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

#[cfg(test)]
mod tests;
