//! What runs teach: proposals to change the rules, where each stands, and a person's approval.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use contract::learnt::{Approval, Canary, LearntView, Stands};
use contract::people::Right;
use contract::plane::Page;
use planner::learn::stage::{Proposal, Stage};
use planner::learn::{Figures, Place};

use super::answers::{Done, Found};
use super::query::Paged;
use super::route::{Route, changes, reads};
use super::{BODY_MAX_BYTES, id};
use crate::hub::Hub;
use crate::learning::{self, NotApproved, Parts};
use crate::people::Granted;
use crate::problem::{Fault, Strict};
use crate::store::Kept;

pub(super) fn routes() -> Vec<Route> {
    vec![
        reads(
            "/api/v1/learning",
            Right::RulesApprove,
            "What runs teach, and where each proposal stands",
            list,
        ),
        changes(
            "/api/v1/learning/{learnt}/approve",
            Right::RulesApprove,
            "Approve a change of the rules: a new rule is tried on one site first",
            approve,
        )
        .refuses(&[StatusCode::CONFLICT]),
    ]
}

/// `GET /api/v1/learning`.
async fn list(
    State(hub): State<Arc<Hub>>,
    _: Granted,
    paged: Paged<u64>,
) -> Result<Found<Page<LearntView>>, Fault> {
    Ok(paged.cut(all(&hub).await?, |view| view.number))
}

/// All of them, in their order.
pub(crate) async fn all(hub: &Hub) -> Result<Vec<LearntView>, Fault> {
    let kept = hub.store.learnt().await.map_err(|e| Fault::ours("list what was learnt", &e))?;
    Ok(kept.iter().map(view).collect())
}

/// `POST /api/v1/learning/{learnt}/approve`.
async fn approve(
    State(hub): State<Arc<Hub>>,
    granted: Granted,
    Path(learnt): Path<String>,
    Strict(Approval { canary }): Strict<Approval, BODY_MAX_BYTES>,
) -> Result<Done, Fault> {
    let number: u64 = id(&learnt)?;
    let by = granted.identity().person().clone();
    let place = match canary {
        None => None,
        Some(Canary { tenant, site }) => {
            let scope = granted.scope(tenant.clone());
            let known = match scope {
                Some(scope) => hub.store.has_site(scope, site.clone()).await,
                None => Ok(false),
            };
            if !known.map_err(|e| Fault::ours("look for the site", &e))? {
                return Err(Fault::theirs(StatusCode::CONFLICT, format!("there is no site {tenant}/{site}")));
            }
            Some(Place { tenant, site })
        }
    };
    match learning::approve(&Parts::of(&hub), number, by, place, edge::clock::utc()).await {
        Ok(()) => Ok(Done),
        Err(NotApproved::Store(e)) => Err(Fault::ours("keep the approval", &e)),
        Err(e @ NotApproved::NoneSuch) => Err(Fault::theirs(StatusCode::NOT_FOUND, e.to_string())),
        Err(e @ (NotApproved::NotTaken(_) | NotApproved::Where | NotApproved::Meanwhile)) => {
            Err(Fault::theirs(StatusCode::CONFLICT, e.to_string()))
        }
    }
}

fn view(kept: &Kept) -> LearntView {
    let (what, figures) = match &kept.said.proposal {
        Proposal::Adopt(adopt) => {
            let words = format!("{} answers {} with {}", adopt.rule, adopt.control, adopt.runbook);
            (format!("a new rule: {words}"), &adopt.figures)
        }
        Proposal::Retire(retire) => (format!("the end of rule {}", retire.rule), &retire.figures),
    };
    let Figures { healed, tried, places, evidence } = figures;
    let rehearsal = &kept.said.rehearsal;
    LearntView {
        number: kept.number,
        at: kept.at,
        what,
        rests_on: format!("{healed} of {tried} runs healed, on {} sites", places.len()),
        evidence: evidence.iter().map(|of| format!("{}/{}", of.host, of.record)).collect(),
        rehearsal: format!(
            "of {} earlier incidents it would have decided {} otherwise: {} as was chosen then, {} with another runbook than the one that healed, {} for people",
            rehearsal.asked,
            rehearsal.changed,
            rehearsal.as_then,
            rehearsal.healed_by_others,
            rehearsal.left_to_people
        ),
        stands: match learning::stage(kept).map(|learnt| learnt.stage) {
            None => Stands::Unreadable,
            Some(Stage::Proposed(_) | Stage::Approved(_)) => Stands::Proposed,
            Some(Stage::Canary(_)) => Stands::Canary,
            Some(Stage::Everywhere(_)) => Stands::Everywhere,
            Some(Stage::Retired(_)) => Stands::Retired,
        },
    }
}
