//! Orders that wait on their hosts, people who sign them, and people who order.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use contract::ids::{IncidentId, OrderId};
use contract::order::Order;
use contract::plane::{EnvelopeCarried, OrderView, Ordered, PersonOrder};
use contract::record::NotAllowed;

use super::admit::{Begun, refuse};
use super::grants::known_host;
use super::tenants::known_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::envelope::{self, Ours};
use crate::hub::Hub;
use crate::people::Granted;
use crate::planning;
use crate::problem::{Fault, Strict, answer};
use crate::store::{ByPerson, NotApproved, Waits};

/// `GET /v1/tenants/{tenant}/orders`: those that wait on their hosts, for people or for anything else.
pub(super) async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
) -> Result<Response, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let waiting = hub.store.orders_that_wait(tenant, edge::clock::utc()).await;
    let waiting = waiting.map_err(|e| Fault::ours("list the orders", &e))?;
    let views: Vec<OrderView> = waiting.into_iter().filter_map(|waits| view(&hub, waits)).collect();
    Ok(answer(StatusCode::OK, &views))
}

/// What this hub signed is its own word: nothing else is in the store.
fn view(hub: &Hub, waits: Waits) -> Option<OrderView> {
    let Waits { order, site, host, incident, waiting_for, until, envelope } = waits;
    let ours = Ours::open(&envelope, &hub.keys.orders.public()).ok()?;
    let Order { control, runbook, .. } = Order::from_signed(&ours.signed).ok()?;
    let signatures = ours.signatures();
    Some(OrderView { order, site, host, incident, control, runbook, waiting_for, until, signatures })
}

/// `GET /v1/tenants/{tenant}/orders/{order}`: the envelope that waits, to be signed.
pub(super) async fn fetch(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, order)): Path<(String, String)>,
) -> Result<Response, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let order: OrderId = id(&order)?;
    let waits = hub.store.order_that_waits(tenant, order.clone(), edge::clock::utc()).await;
    match waits.map_err(|e| Fault::ours("look up the order", &e))? {
        Some(waits) => {
            let envelope = contract::blob::Blob(waits.envelope);
            Ok(answer(StatusCode::OK, &EnvelopeCarried { envelope }))
        }
        None => Err(not_waiting(StatusCode::NOT_FOUND, &order)),
    }
}

/// `POST /v1/tenants/{tenant}/orders/{order}/approve`: the same bytes with one more signature. They are handed out to the host once more.
pub(super) async fn approve(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, order)): Path<(String, String)>,
    Strict(EnvelopeCarried { envelope }): Strict<EnvelopeCarried, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let order: OrderId = id(&order)?;
    let key = hub.keys.orders.public();
    let judge = move |kept: &[u8], turned_down| {
        envelope::replaces(kept, &envelope.0, &key, turned_down).map(|()| envelope.0)
    };
    let approved = hub.store.approve(tenant, order.clone(), edge::clock::utc(), judge).await;
    match approved.map_err(|e| Fault::ours("keep the approval", &e))? {
        Ok(host) => {
            tracing::warn!(%order, %host, "an order was signed by a person");
            hub.bells.ring(&host);
            Ok(answer(StatusCode::OK, &serde_json::json!({})))
        }
        Err(NotApproved::NotWaiting) => Err(not_waiting(StatusCode::CONFLICT, &order)),
        Err(NotApproved::Unfit(unfit)) => {
            Err(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, format!("order {order}: {unfit}")))
        }
    }
}

fn not_waiting(status: StatusCode, order: &OrderId) -> Fault {
    let problem =
        format!("order {order} does not wait: see GET /v1/tenants/<tenant>/orders for those that do");
    Fault::theirs(status, problem)
}

/// `POST /v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order`: a person chooses the runbook.
pub(super) async fn order(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Begun(acted): Begun,
    Path((tenant, host, incident)): Path<(String, String, String)>,
    Strict(chosen): Strict<PersonOrder, BODY_MAX_BYTES>,
) -> Result<Response, Fault> {
    let holder = known_host(&hub, &granted, &tenant, &host).await?;
    let incident: IncidentId = id(&incident)?;
    let PersonOrder { runbook, person, break_glass } = chosen.clone();
    // The order names whoever chose it, and who chose it may not approve it: so it is whoever is here, and nobody else.
    if person != *granted.identity().person() {
        refuse(&hub, acted, NotAllowed::OtherPerson, edge::clock::utc()).await?;
        let problem = format!("you are {}, and cannot order as {person}", granted.identity().person());
        return Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    }
    tracing::warn!(%person, %runbook, %incident, host = %holder.host, ?break_glass, "a person orders");
    let turn_down = |status, problem: String| Err(Fault::theirs(status, problem));
    let decided = planning::order_by_person(&hub, holder, incident.clone(), chosen).await;
    match decided.map_err(|e| Fault::ours("sign the order", &e))? {
        ByPerson::Ordered(order) => Ok(answer(StatusCode::CREATED, &Ordered { order })),
        ByPerson::NoSuchIncident => {
            turn_down(StatusCode::NOT_FOUND, format!("host {host} has no incident {incident}"))
        }
        ByPerson::Closed => turn_down(
            StatusCode::CONFLICT,
            format!("incident {incident} is closed: there is nothing to repair"),
        ),
        ByPerson::Unfit => {
            let problem =
                format!("{runbook} is not in the catalogue, or is not for what incident {incident} is about");
            turn_down(StatusCode::UNPROCESSABLE_ENTITY, problem)
        }
    }
}
