//! Calls to people: which there are, what one needs, and that somebody has one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::call::{CallView, CallWhole, HandOver};
use contract::ids::{OperatorId, TenantId};
use contract::people::{PersonView, Right};
use contract::plane::Page;
use contract::time::UtcTime;

use super::answers::{Done, Found};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::events::Happened;
use crate::hub::Hub;
use crate::people::{Granted, may};
use crate::planning;
use crate::problem::{Fault, Strict, Unasked};
use crate::store::Ending;
use crate::view;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads("/api/v1/calls", Right::AlertsRead, "What waits for a person, one call for each cause", list),
        reads("/api/v1/calls/{call}", Right::AlertsRead, "One call: seen, tried, to be tried", show),
        changes(
            "/api/v1/calls/{call}/take",
            Right::AlertsAcknowledge,
            "Have a call: nobody else is called for it until its time goes by",
            take,
        ),
        changes(
            "/api/v1/calls/{call}/done",
            Right::AlertsAcknowledge,
            "Say that one looked after what a detector saw: nothing measures it, so it ends by that",
            done,
        )
        .refuses(&[StatusCode::CONFLICT]),
        changes(
            "/api/v1/calls/{call}/hand",
            Right::AlertsAcknowledge,
            "Hand a call over to somebody who may have it",
            hand,
        )
        .refuses(&[StatusCode::CONFLICT]),
    ]
}

/// For how long what is over is listed.
const LISTED_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// `GET /api/v1/calls`: those within reach.
async fn list(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    paged: Paged<u64>,
) -> Result<Found<Page<CallView>>, Fault> {
    Ok(paged.cut(calls_within(&hub, &granted).await?, |view| view.call))
}

/// Those within reach that are open, or were over lately, in the order in which they were raised.
pub(crate) async fn calls_within(hub: &Hub, granted: &Granted) -> Result<Vec<CallView>, Fault> {
    let now = edge::clock::utc();
    let since = UtcTime::from_unix_ms(now.unix_ms().saturating_sub(LISTED_MS)).unwrap_or(now);
    hub.store.calls(granted.reach(), since).await.map_err(|e| Fault::ours("list the calls", &e))
}

/// `GET /api/v1/calls/{call}`.
async fn show(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(call): Path<String>,
) -> Result<Found<CallWhole>, Fault> {
    let number: u64 = id(&call)?;
    let found = view::call::call(&hub, granted.reach(), number).await;
    found.map_err(|e| Fault::ours("read the call", &e))?.map(Found).ok_or_else(|| none_such(number))
}

/// `POST /api/v1/calls/{call}/take`.
async fn take(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(call): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Found<CallView>, Fault> {
    let holder = granted.identity().person().clone();
    hold(&hub, &granted, id(&call)?, holder).await
}

/// `POST /api/v1/calls/{call}/done`.
async fn done(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(call): Path<String>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let number: u64 = id(&call)?;
    let by = granted.identity().person().clone();
    let ended = hub.store.end_call(granted.reach(), number, by, edge::clock::utc()).await;
    match ended.map_err(|e| Fault::ours("end the call", &e))? {
        Ending::NoneSuch => Err(none_such(number)),
        Ending::Measured => {
            let problem = "it is about a control: it ends when the machine's evidence says that it passes";
            Err(Fault::theirs(StatusCode::CONFLICT, problem.to_owned()))
        }
        Ending::Ended(call, freed) => {
            hub.events.tell_of_alert(Some(call.tenant.clone()));
            hub.events.tell(&call.tenant, &call.host, Happened::Incident(call.incident));
            for plan in freed {
                planning::enqueue_later(&hub, plan);
            }
            Ok(Done)
        }
    }
}

/// `POST /api/v1/calls/{call}/hand`.
async fn hand(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(call): Path<String>,
    Strict(HandOver { to }): Strict<HandOver, BODY_MAX_BYTES>,
) -> Result<Found<CallView>, Fault> {
    let number: u64 = id(&call)?;
    let found = hub.store.call(granted.reach(), number).await;
    let Some((call, ..)) = found.map_err(|e| Fault::ours("read the call", &e))? else {
        return Err(none_such(number));
    };
    let people = hub.people.store.people().await.map_err(|e| Fault::ours("read who there is", &e))?;
    let now = edge::clock::utc();
    if !people.iter().any(|person| person.person == to && may_have(person, &call.tenant, now)) {
        let problem = format!("{to} is nobody here who may look after what waits at {}", call.tenant);
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    }
    hold(&hub, &granted, number, to).await
}

/// Whether somebody may look after what waits there: by role, by reach, and for now.
fn may_have(person: &PersonView, tenant: &TenantId, now: UtcTime) -> bool {
    let PersonView { role, reach, until, disabled, .. } = person;
    !disabled
        && until.is_none_or(|until| now < until)
        && reach.holds(tenant)
        && may(*role, Right::AlertsAcknowledge)
}

async fn hold(
    hub: &Hub,
    granted: &Granted,
    number: u64,
    holder: OperatorId,
) -> Result<Found<CallView>, Fault> {
    let by = granted.identity().person().clone();
    let held = hub.store.hold_call(granted.reach(), number, by, holder, edge::clock::utc()).await;
    let call =
        held.map_err(|e| Fault::ours("keep who has the call", &e))?.ok_or_else(|| none_such(number))?;
    hub.events.tell_of_alert(Some(call.tenant.clone()));
    Ok(Found(call))
}

fn none_such(number: u64) -> Fault {
    Fault::theirs(StatusCode::NOT_FOUND, format!("there is no call {number}, or it is over"))
}
