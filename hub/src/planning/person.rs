//! From a person to a signed order.

use std::sync::Arc;

use contract::decision::{Choice, Decision, Provenance};
use contract::event::Event;
use contract::ids::IncidentId;
use contract::incident::What;
use contract::plane::PersonOrder;
use identity::Holder;
use thiserror::Error;

use super::deciding::{Draft, order, order_id, sign};
use super::tell_ordered;
use crate::hub::Hub;
use crate::people::Scope;
use crate::store::{ByPerson, StoreError};

/// Orders what a person chose for an incident. The host's guardrails judge it like any other.
pub(crate) async fn order_by_person(
    hub: &Hub,
    holder: Scope<Holder>,
    incident: IncidentId,
    chosen: PersonOrder,
) -> Result<ByPerson, PersonOrderError> {
    let PersonOrder { runbook, person, break_glass } = chosen;
    let now = edge::clock::utc();
    let draft =
        Draft { id: order_id()?, holder: (*holder).clone(), incident: incident.clone(), now, break_glass };
    let decision = Decision { choice: Choice::Run(runbook), provenance: Provenance::Person(person) };
    let (library, keys) = (Arc::clone(&hub.library), Arc::clone(&hub.keys));
    let decide = move |what: &What, counter| {
        let order = order(&library, &draft, what, &decision, counter).ok().flatten()?;
        Some((decision, sign(&keys.orders, order)))
    };
    let decided = hub.store.decide_by_person(holder.clone(), incident.clone(), now, decide).await?;
    if let ByPerson::Ordered(order) = &decided {
        tell_ordered(hub, &holder, &incident, order);
        hub.tracer.emit(Event::Ordered { incident, order: order.clone() });
        hub.bells.ring(&holder.host);
    }
    Ok(decided)
}

/// Why a person's order could not be made: ours to mend.
#[derive(Debug, Error)]
pub(crate) enum PersonOrderError {
    #[error("no id can be drawn")]
    Random(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] StoreError),
}
