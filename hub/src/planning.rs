//! From the queue to a signed order.
//!
//! A message on the queue says only which incident waits; what it is, and whether it still waits, stands in the store. So a message that comes
//! twice, or late, plans nothing twice. It is acknowledged once decision and order are durable.

mod consulting;
mod deciding;
mod person;

use std::sync::Arc;
use std::time::Duration;

use contract::decision::Choice;
use contract::event::Event;
use contract::ids::{HostId, IncidentId, OrderId};
use contract::time::UtcTime;
use identity::Holder;
use planner::Case;
use queue::{Delivery, Queue as _, QueueError};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::consequence::Retry;
use crate::events::Happened;
use crate::hub::Hub;
use crate::problem::chain;
use crate::store::{Again, Came, Looked, Plan, Unplanned};
pub(crate) use consulting::Consultants;
use deciding::{Asking, Draft, decide, order_id};
pub(crate) use deciding::{Comes, Thought, control_of};
pub(crate) use person::order_by_person;

/// The most incidents that are taken from the queue at once.
const FETCH_MAX: usize = 64;
/// The most that are planned at a time.
const WORKING_MAX: usize = 256;
/// How often is said that a message is still worked on: well within its lease.
const EXTEND_EVERY: Duration = Duration::from_secs(10);
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
pub(crate) async fn catch_up(hub: &Arc<Hub>) {
    match hub.store.unplanned(edge::clock::utc()).await {
        Ok(Unplanned { plans, follow }) => {
            for plan in plans {
                if let Err(e) = enqueue(hub, plan.clone()).await {
                    tracing::error!(error = chain(&e), "an incident is put on the queue a little later");
                    enqueue_later(hub, plan);
                }
            }
            for (host, incident) in follow {
                retry_later(hub, host, incident, Retry { after_ms: FOLLOWS_PAUSE_MS });
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
        match hub.store.plan_again(host.clone(), incident.clone(), edge::clock::utc()).await {
            Ok(Again::Plan(plan)) => {
                if let Err(e) = enqueue(&hub, plan.clone()).await {
                    tracing::error!(error = chain(&e), "an incident is put on the queue a little later");
                    enqueue_later(&hub, plan);
                }
            }
            Ok(Again::NotYet) => retry_later(&hub, host, incident, retry),
            Ok(Again::No) => {}
            Err(e) => {
                tracing::error!(error = chain(&e), "an incident that waits is looked at a little later");
                retry_later(&hub, host, incident, Retry { after_ms: FOLLOWS_PAUSE_MS });
            }
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
        if let Err(e) = enqueue(&hub, plan.clone()).await {
            tracing::error!(error = chain(&e), "an incident is put on the queue a little later");
            enqueue_later(&hub, plan);
        }
    });
}

/// The planner's worker. Ends when the hub stops. What takes long, since a model is asked, holds up nothing else.
pub(crate) async fn run(hub: Arc<Hub>) {
    let mut stop = hub.stop.clone();
    let mut under_way: JoinSet<Result<(), String>> = JoinSet::new();
    loop {
        let room = WORKING_MAX.saturating_sub(under_way.len());
        tokio::select! {
            () = stop.requested() => return,
            Some(ended) = under_way.join_next() => {
                let failed = match ended {
                    Ok(done) => done.err(),
                    Err(e) => Some(chain(&e)),
                };
                if let Some(error) = failed {
                    tracing::error!(error, "an incident is planned later");
                }
            }
            fetched = hub.queue.fetch(room.min(FETCH_MAX)), if room > 0 => match fetched {
                Ok(deliveries) => {
                    for delivery in deliveries {
                        under_way.spawn(work_off(Arc::clone(&hub), delivery));
                    }
                }
                Err(e) => {
                    tracing::error!(error = chain(&e), "the planner stands still for a moment");
                    tokio::time::sleep(FAILURE_PAUSE).await;
                }
            },
        }
    }
}

/// Plans one delivery. One that fails is released and comes again.
async fn work_off(hub: Arc<Hub>, delivery: Delivery) -> Result<(), String> {
    match in_hand(&hub, &delivery).await {
        Ok(()) => hub.queue.acknowledge(delivery).await.map_err(|e| chain(&e)),
        Err(e) => {
            let after = pause_after(delivery.number());
            if let Err(e) = hub.queue.release(delivery, after).await {
                tracing::error!(error = chain(&e), "a message comes again, and that counts against it");
            }
            Err(e)
        }
    }
}

/// Plans it, and says again and again that this goes on.
async fn in_hand(hub: &Arc<Hub>, delivery: &Delivery) -> Result<(), String> {
    let mut planned = std::pin::pin!(plan(hub, delivery));
    loop {
        tokio::select! {
            done = &mut planned => return done,
            () = tokio::time::sleep(EXTEND_EVERY) => {
                hub.queue.extend(delivery).await.map_err(|e| chain(&e))?;
            }
        }
    }
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
    let asking = if hub.consultants.is_some() { Asking::Somebody } else { Asking::Nobody };
    let mut came = decided(hub, &holder, &incident, now, asking).await?;
    if let (Some(Came::Asks(question)), Some(consultants)) = (&came, &hub.consultants) {
        let consulted = consulting::consult(hub, consultants, &holder, (**question).clone(), now).await?;
        // Everything is looked at anew: it may have been repaired or decided meanwhile.
        came = decided(hub, &holder, &incident, edge::clock::utc(), Asking::Was(Box::new(consulted))).await?;
    }
    let (decision, order, gathered) = match came {
        None | Some(Came::Asks(_)) => return Ok(()),
        Some(Came::Follows) => {
            hub.events.tell(&holder.tenant, &holder.host, Happened::Incident(incident.clone()));
            // What follows from something that ends by a record is freed by that; the rest has to be looked at again.
            retry_later(hub, holder.host, incident, Retry { after_ms: FOLLOWS_PAUSE_MS });
            return Ok(());
        }
        Some(Came::Decided { decision, order, gathered }) => (decision, order, gathered),
    };
    for symptom in gathered {
        hub.events.tell(&holder.tenant, &holder.host, Happened::Incident(symptom.clone()));
        retry_later(hub, holder.host.clone(), symptom, Retry { after_ms: FOLLOWS_PAUSE_MS });
    }
    hub.events.tell(&holder.tenant, &holder.host, Happened::Incident(incident.clone()));
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

/// Decides an incident in the store, as far as that goes.
async fn decided(
    hub: &Hub,
    holder: &Holder,
    incident: &IncidentId,
    now: UtcTime,
    asking: Asking,
) -> Result<Option<Came>, String> {
    let id = order_id().map_err(|e| e.to_string())?;
    let (library, keys) = (Arc::clone(&hub.library), Arc::clone(&hub.keys));
    let draft = Draft { id, holder: holder.clone(), incident: incident.clone(), now, break_glass: None };
    let table = hub.tables.of(&holder.tenant, &holder.site);
    let decide = move |case: &Case, counter| {
        decide((&library, &table), &keys.orders, &draft, (case, counter), &asking)
    };
    let looked = Looked { now, hears_since: hub.began };
    hub.store.decide(holder.clone(), incident.clone(), looked, decide).await.map_err(|e| chain(&e))
}

/// An order was signed.
fn tell_ordered(hub: &Hub, holder: &Holder, incident: &IncidentId, order: &OrderId) {
    hub.events.tell(&holder.tenant, &holder.host, Happened::Order(incident.clone(), order.clone()));
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod throughput;
