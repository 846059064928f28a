//! A tenant's accepted failures: read, proposed by one person, accepted by another one, ended.
//!
//! What counts is one text for each tenant, which hosts are given signed. A proposal that is accepted is written to its end; so what an operator wrote there
//! by hand, comments included, stays as it is.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::digest::Digest;
use contract::exception::{Exception, Exceptions, Person};
use contract::ids::TenantId;
use contract::people::Right;
use contract::plane::TextKept;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::BODY_MAX_BYTES;
use super::answers::{Done, Found, Made};
use super::me::in_person;
use super::papers::{kept_for_packets, told_all};
use super::route::{Route, changes, reads};
use super::tenants::known_tenant;
use crate::hub::Hub;
use crate::people::{Granted, Scope};
use crate::problem::{Fault, Strict, Unasked};
use crate::view::exceptions::{ExceptionsView, NewProposal, ProposalView, list};

/// What the text is called in messages.
const FILE: &str = "exceptions.yaml";
/// The most that wait at a time.
const PROPOSALS_MAX: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    use Right as R;
    vec![
        reads("/api/v1/tenants/{tenant}/exceptions", R::ExceptionsRead, "A tenant's exceptions", show),
        changes(
            "/api/v1/tenants/{tenant}/exceptions/proposals",
            R::ExceptionsSet,
            "Propose an exception",
            propose,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        changes(
            "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/approve",
            R::ExceptionsSet,
            "Accept somebody else's proposal",
            approve,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
        changes(
            "/api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/withdraw",
            R::ExceptionsSet,
            "Take a proposal back",
            withdraw,
        ),
        changes(
            "/api/v1/tenants/{tenant}/exceptions/end",
            R::ExceptionsSet,
            "End the exceptions to a control",
            end,
        )
        .refuses(&[StatusCode::CONFLICT, StatusCode::UNPROCESSABLE_ENTITY]),
    ]
}

/// `GET /api/v1/tenants/{tenant}/exceptions`.
pub(crate) async fn show(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
) -> Result<Found<ExceptionsView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let text = text(&hub, tenant.clone()).await?;
    let proposals = hub.store.proposals(tenant.clone()).await;
    let proposals = proposals.map_err(|e| Fault::ours("list the proposals", &e))?;
    let exceptions = match &text {
        Some(text) => list(&parsed(text)?, edge::clock::utc()),
        None => Vec::new(),
    };
    let digest = text.map(|text| Digest::of(text.as_bytes()));
    Ok(Found(ExceptionsView { tenant: (*tenant).clone(), digest, exceptions, proposals }))
}

/// `POST /api/v1/tenants/{tenant}/exceptions/proposals`.
async fn propose(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(proposed): Strict<NewProposal, BODY_MAX_BYTES>,
) -> Result<Made<ProposalView>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let by = granted.identity().person().clone();
    // What nobody could accept is refused now; who will accept it stands open.
    let somebody =
        Person::try_from("a second person".to_owned()).map_err(|e| Fault::ours("name somebody", &e))?;
    let before = text(&hub, tenant.clone()).await?;
    extended(&hub, before.as_deref(), &proposed.clone().accepted(somebody))?;
    let waiting =
        hub.store.proposals(tenant.clone()).await.map_err(|e| Fault::ours("list the proposals", &e))?;
    if waiting.len() >= PROPOSALS_MAX {
        let problem = format!("{PROPOSALS_MAX} proposals wait already: accept or withdraw some first");
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    }
    let id = edge::random::opaque().map_err(|e| Fault::ours("draw an id", &e))?;
    let proposal = ProposalView { id: format!("x-{id}"), proposer: by, time: edge::clock::utc(), proposed };
    let kept = hub.store.propose(tenant, proposal.clone()).await;
    kept.map_err(|e| Fault::ours("keep the proposal", &e))?;
    Ok(Made::new(proposal))
}

/// `POST /api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/approve`: by a person who is there, and another one than proposed it.
async fn approve(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, proposal)): Path<(String, String)>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Found<TextKept>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    in_person(&granted)?;
    let all = hub.store.proposals(tenant.clone()).await.map_err(|e| Fault::ours("list the proposals", &e))?;
    let found = all.into_iter().find(|p| p.id == proposal).ok_or_else(|| no_such(&proposal))?;
    let approver = granted.identity().person();
    if found.proposer == *approver {
        let problem = "you proposed it: somebody else has to accept it";
        return Err(Fault::theirs(StatusCode::FORBIDDEN, problem));
    }
    let named = Person::try_from(approver.to_string());
    let named = named.map_err(|e| Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, e.to_string()))?;
    let before = text(&hub, tenant.clone()).await?;
    let after = extended(&hub, before.as_deref(), &found.proposed.accepted(named))?;
    let digest = Some(Digest::of(after.as_bytes()));
    kept_for_packets(&hub, &tenant, &after).await?;
    let kept = hub.store.accept(tenant.clone(), proposal.clone(), before, after, edge::clock::utc()).await;
    if !kept.map_err(|e| Fault::ours("keep the exceptions", &e))? {
        let problem = "the exceptions were changed meanwhile: look at them and accept it again";
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    }
    told_all(&hub, tenant, digest).await
}

/// `POST /api/v1/tenants/{tenant}/exceptions/proposals/{proposal}/withdraw`.
async fn withdraw(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path((tenant, proposal)): Path<(String, String)>,
    _: Unasked<BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let gone = hub.store.withdraw(tenant, proposal.clone()).await;
    if gone.map_err(|e| Fault::ours("take the proposal back", &e))? {
        Ok(Done)
    } else {
        Err(no_such(&proposal))
    }
}

/// Which control's exceptions end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Ending {
    control: contract::ids::ControlId,
}

/// `POST /api/v1/tenants/{tenant}/exceptions/end`: the text is written anew without them, and without its comments.
async fn end(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(tenant): Path<String>,
    Strict(Ending { control }): Strict<Ending, BODY_MAX_BYTES>,
) -> Result<Found<TextKept>, Fault> {
    let tenant = known_tenant(&hub, &granted, &tenant).await?;
    let there = text(&hub, tenant.clone()).await?;
    let before = there.clone().unwrap_or_default();
    let exceptions = if before.is_empty() { Exceptions::default() } else { parsed(&before)? };
    let (ended, left): (Vec<_>, Vec<_>) = exceptions.iter().partition(|e| e.control == control);
    if ended.is_empty() {
        let problem = format!("there is no exception to {control}");
        return Err(Fault::theirs(StatusCode::NOT_FOUND, problem));
    }
    let text = (!left.is_empty()).then(|| left.into_iter().map(block).collect::<String>());
    let digest = text.as_ref().map(|text| Digest::of(text.as_bytes()));
    if let Some(text) = &text {
        kept_for_packets(&hub, &tenant, text).await?;
    }
    let as_read = move |now: Option<&str>| now == there.as_deref();
    let kept = hub.store.replace_exceptions(tenant.clone(), text, edge::clock::utc(), as_read).await;
    if !kept.map_err(|e| Fault::ours("keep the exceptions", &e))? {
        let problem = "somebody changed the exceptions meanwhile: look at them, and try again";
        return Err(Fault::theirs(StatusCode::CONFLICT, problem));
    }
    told_all(&hub, tenant, digest).await
}

async fn text(hub: &Hub, tenant: Scope<TenantId>) -> Result<Option<String>, Fault> {
    hub.store.exceptions(tenant).await.map_err(|e| Fault::ours("look up the exceptions", &e))
}

/// It was parsed when it was set.
fn parsed(text: &str) -> Result<Exceptions, Fault> {
    Exceptions::parse(FILE, text).map_err(|e| Fault::ours("read the exceptions", &e))
}

/// The text with one more exception, where that makes sense as a whole.
fn extended(hub: &Hub, before: Option<&str>, new: &Exception) -> Result<String, Fault> {
    let refused = |e: contract::exception::ExceptionError| {
        Fault::theirs(StatusCode::UNPROCESSABLE_ENTITY, e.to_string())
    };
    let before = before.filter(|text| text.trim() != "[]").unwrap_or_default();
    let gap = if before.is_empty() || before.ends_with('\n') { "" } else { "\n" };
    let text = format!("{before}{gap}{}", block(new));
    let exceptions = Exceptions::parse(FILE, &text).map_err(refused)?;
    exceptions.check_against(&hub.library.baseline).map_err(refused)?;
    Ok(text)
}

/// One exception as YAML: each text in quotes, as JSON has them, which YAML reads the same.
fn block(exception: &Exception) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let Exception { control, reason, risk, compensating_controls, owner, approver, from, until } = exception;
    let instead: Vec<String> =
        compensating_controls.iter().map(|c| format!("    - {}\n", quoted(c.as_str()))).collect();
    let instead = instead.concat();
    format!(
        "- control: {control}\n  reason: {}\n  risk: {}\n  compensating_controls:\n{instead}  owner: {}\n  approver: {}\n  from: {}\n  until: {}\n",
        quoted(reason.as_str()),
        quoted(risk.as_str()),
        quoted(owner.as_str()),
        quoted(approver.as_str()),
        quoted(&String::from(*from)),
        quoted(&String::from(*until)),
    )
}

fn no_such(proposal: &str) -> Fault {
    let shown: String = proposal.chars().take(40).collect();
    Fault::theirs(StatusCode::NOT_FOUND, format!("there is no proposal {shown}"))
}
