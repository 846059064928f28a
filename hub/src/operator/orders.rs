//! Orders that wait on their hosts, people who sign them, and people who order.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::ids::{IncidentId, OrderId};
use contract::order::Order;
use contract::people::Right;
use contract::plane::{Declining, EnvelopeCarried, OrderView, Ordered, Page, PersonOrder};
use contract::record::NotAllowed;

use super::admit::{Begun, refuse};
use super::answers::{Done, Found, Made};
use super::grants::known_host;
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use super::{BODY_MAX_BYTES, id};
use crate::envelope::{self, Ours};
use crate::events::Happened;
use crate::hub::Hub;
use crate::people::Granted;
use crate::planning;
use crate::problem::{Fault, Strict};
use crate::store::{ByPerson, NotApproved, Waits};

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        changes(
            "/api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order",
            R::RunbooksOrder,
            "Order a runbook for an incident",
            order,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        reads(
            "/api/v1/tenants/{tenant}/orders",
            R::OrdersRead,
            "A tenant's orders that wait on their hosts",
            list,
        ),
        reads(
            "/api/v1/tenants/{tenant}/orders/{order}",
            R::OrdersRead,
            "The envelope of an order that waits",
            fetch,
        ),
        changes(
            "/api/v1/tenants/{tenant}/orders/{order}/approve",
            R::OrdersApprove,
            "Hand in a signature for an order",
            approve,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        changes(
            "/api/v1/tenants/{tenant}/orders/{order}/decline",
            R::OrdersApprove,
            "Say no to an order that waits for people",
            decline,
        )
        .refuses(&[StatusCode::CONFLICT]),
    ]
}

/// `GET /api/v1/tenants/{tenant}/orders`: those that wait on their hosts, for people or for anything else.
async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    paged: Paged<u64>,
) -> Result<Found<Page<OrderView>>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let waiting =
        hub.store.orders_that_wait(tenant, edge::clock::utc(), paged.after().copied(), paged.rows()).await;
    let waiting = waiting.map_err(|e| Fault::ours("list the orders", &e))?;
    Ok(paged.page_of(waiting, |waits| view(&hub, waits)))
}

/// What this hub signed is its own word: nothing else is in the store.
fn view(hub: &Hub, waits: Waits) -> Option<OrderView> {
    let Waits { order, site, host, incident, waiting_for, until, envelope, turned_down: _ } = waits;
    let ours = Ours::open(&envelope, &hub.keys.orders.public()).ok()?;
    let Order { control, runbook, .. } = Order::from_signed(&ours.signed).ok()?;
    let signatures = ours.signatures();
    Some(OrderView { order, site, host, incident, control, runbook, waiting_for, until, signatures })
}

/// `GET /api/v1/tenants/{tenant}/orders/{order}`: the envelope that waits, to be signed.
async fn fetch(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, order)): Path<(String, String)>,
) -> Result<Found<EnvelopeCarried>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let order: OrderId = id(&order)?;
    let waits = hub.store.order_that_waits(tenant, order.clone(), edge::clock::utc()).await;
    match waits.map_err(|e| Fault::ours("look up the order", &e))? {
        Some(waits) => {
            let key = hub.keys.orders.public();
            let envelope = contract::blob::Blob(envelope::to_sign(waits.envelope, &key, waits.turned_down));
            Ok(Found(EnvelopeCarried { envelope }))
        }
        None => Err(not_waiting(StatusCode::NOT_FOUND, &order)),
    }
}

/// `POST /api/v1/tenants/{tenant}/orders/{order}/approve`: the same bytes with one more signature. They are handed out to the host once more.
async fn approve(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, order)): Path<(String, String)>,
    Strict(EnvelopeCarried { envelope }): Strict<EnvelopeCarried, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let order: OrderId = id(&order)?;
    let key = hub.keys.orders.public();
    let judge = move |kept: &[u8], turned_down| {
        envelope::replaces(kept, &envelope.0, &key, turned_down).map(|()| envelope.0)
    };
    let of = (*tenant).clone();
    let approved = hub.store.approve(tenant, order.clone(), edge::clock::utc(), judge).await;
    match approved.map_err(|e| Fault::ours("keep the approval", &e))? {
        Ok(host) => {
            tracing::warn!(%order, %host, "an order was signed by a person");
            hub.events.tell(&of, &host, Happened::Approval(order.clone()));
            hub.bells.ring(&host);
            Ok(Done)
        }
        Err(NotApproved::NoSuchOrder) => Err(not_waiting(StatusCode::NOT_FOUND, &order)),
        Err(NotApproved::NotWaiting) => Err(not_waiting(StatusCode::CONFLICT, &order)),
        Err(NotApproved::Unfit(unfit)) => {
            Err(Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, format!("order {order}: {unfit}")))
        }
    }
}

/// `POST /api/v1/tenants/{tenant}/orders/{order}/decline`: the order is taken back, and its incident waits for a person.
async fn decline(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, order)): Path<(String, String)>,
    Strict(Declining { because }): Strict<Declining, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let order: OrderId = id(&order)?;
    let person = granted.identity().person().clone();
    let decision = Decision {
        choice: Choice::Escalate(Escalation::Declined(because)),
        provenance: Provenance::Person(person),
    };
    let of = (*tenant).clone();
    let declined = hub.store.decline(tenant, order.clone(), edge::clock::utc(), decision).await;
    let Waits { host, incident, .. } = match declined.map_err(|e| Fault::ours("keep the no", &e))? {
        Ok(waits) => waits,
        Err(NotApproved::NoSuchOrder) => return Err(not_waiting(StatusCode::NOT_FOUND, &order)),
        Err(NotApproved::NotWaiting) => return Err(not_waiting(StatusCode::CONFLICT, &order)),
        Err(NotApproved::Unfit(never)) => match never {},
    };
    tracing::warn!(%order, %host, because = because.word(), "an order was declined by a person");
    hub.events.tell(&of, &host, Happened::Approval(order));
    hub.events.tell(&of, &host, Happened::Incident(incident));
    Ok(Done)
}

fn not_waiting(status: StatusCode, order: &OrderId) -> Fault {
    let problem =
        format!("order {order} does not wait: see GET /api/v1/tenants/<tenant>/orders for those that do");
    Fault::theirs(status, problem)
}

/// `POST /api/v1/tenants/{tenant}/hosts/{host}/incidents/{incident}/order`: a person chooses the runbook.
async fn order(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Begun(acted): Begun,
    Path((tenant, host, incident)): Path<(String, String, String)>,
    Strict(chosen): Strict<PersonOrder, BODY_MAX_BYTES>,
) -> Result<Made<Ordered>, Fault> {
    let holder = known_host(&hub, &granted, &tenant, &host).await?;
    let incident: IncidentId = id(&incident)?;
    let PersonOrder { runbook, person, break_glass } = chosen.clone();
    // The order names whoever chose it, and who chose it may not approve it: so it is whoever is here, and nobody else.
    if person != *granted.identity().person() {
        refuse(&hub, acted, NotAllowed::OtherPerson, edge::clock::utc()).await?;
        let problem = format!("you are {}, and cannot order as {person}", granted.identity().person());
        return Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    }
    tracing::warn!(%runbook, %incident, host = %holder.host, ?break_glass, "a person orders");
    let turn_down = |status, problem: String| Err(Fault::theirs(status, problem));
    let decided = planning::order_by_person(&hub, holder, incident.clone(), chosen).await;
    match decided.map_err(|e| Fault::ours("sign the order", &e))? {
        ByPerson::Ordered(order) => Ok(Made::new(Ordered { order })),
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
