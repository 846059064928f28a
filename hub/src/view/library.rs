//! What is handed out to sites: runbooks and baseline, with their digests and since when.

use contract::baseline::{Area, Baseline, Severity};
use contract::digest::Digest;
use contract::ids::{ControlId, RunbookId};
use contract::runbook::{Approved, Catalogue, Verb};
use contract::time::UtcTime;
use serde::Serialize;
use utoipa::ToSchema;

/// `GET /api/v1/runbooks`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RunbooksView {
    /// Of the catalogue's bytes: what a site approves.
    pub(crate) digest: Digest,
    /// All of them, by id.
    pub(crate) runbooks: Vec<CatalogueRunbook>,
    /// Which catalogues this hub handed out, the newest first.
    pub(crate) history: Vec<HandedOut>,
}

/// One runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogueRunbook {
    /// Its id.
    pub(crate) id: RunbookId,
    /// Counted up with every change.
    pub(crate) version: u32,
    /// What it does.
    pub(crate) title: String,
    /// Of its file's bytes.
    pub(crate) digest: Digest,
    /// The paragraphs it serves.
    pub(crate) citations: Vec<String>,
    /// The controls that it may repair.
    pub(crate) controls: Vec<ControlId>,
    /// Whether somebody at the clinic would notice.
    pub(crate) disruptive: bool,
    /// How many people have to approve it.
    pub(crate) approvals: u64,
    /// The verbs that it may use.
    #[schema(value_type = Vec<String>)]
    pub(crate) permissions: Vec<Verb>,
    /// The longest that its steps may take.
    pub(crate) time_limit_ms: u64,
    /// Not again on the same target for so long.
    pub(crate) cooldown_ms: u64,
}

/// `GET /api/v1/baseline`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BaselineView {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: u32,
    /// Of its bytes.
    pub(crate) digest: Digest,
    /// Its controls, in the file's order.
    pub(crate) controls: Vec<BaselineControl>,
    /// Which baselines this hub handed out, the newest first.
    pub(crate) history: Vec<HandedOut>,
}

/// One control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct BaselineControl {
    /// Its id.
    pub(crate) id: ControlId,
    /// What holds where it passes.
    pub(crate) title: String,
    /// The part of the machine.
    #[schema(value_type = String)]
    pub(crate) area: Area,
    /// How much a failure matters.
    #[schema(value_type = String)]
    pub(crate) severity: Severity,
    /// The paragraphs that ask for it.
    pub(crate) citations: Vec<String>,
    /// Why those.
    pub(crate) why: String,
    /// What may repair it.
    pub(crate) runbook: Option<RunbookId>,
    /// Why a person has to, where nothing else may.
    pub(crate) person: Option<String>,
}

/// Something that was handed out, and since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HandedOut {
    /// Of its bytes.
    pub(crate) digest: Digest,
    /// The start of the hub at which it was first so.
    pub(crate) since: UtcTime,
}

pub(crate) fn runbooks(catalogue: &Catalogue, history: Vec<HandedOut>) -> RunbooksView {
    RunbooksView { digest: catalogue.digest(), runbooks: catalogue.iter().map(runbook).collect(), history }
}

fn runbook(Approved { runbook, digest }: &Approved) -> CatalogueRunbook {
    CatalogueRunbook {
        id: runbook.id.clone(),
        version: runbook.version,
        title: runbook.title.clone(),
        digest: *digest,
        citations: runbook.citations.clone(),
        controls: runbook.triggers.clone(),
        disruptive: runbook.disruptive,
        approvals: runbook.approval.people() as u64,
        permissions: runbook.permissions.clone(),
        time_limit_ms: runbook.time_limit_ms,
        cooldown_ms: runbook.cooldown_ms,
    }
}

pub(crate) fn baseline(baseline: &Baseline, history: Vec<HandedOut>) -> BaselineView {
    let controls = baseline.controls().iter().map(|control| BaselineControl {
        id: control.id.clone(),
        title: control.title.clone(),
        area: control.area,
        severity: control.severity,
        citations: control.citations.iter().map(ToString::to_string).collect(),
        why: control.why.clone(),
        runbook: control.runbook.clone(),
        person: control.person.clone(),
    });
    BaselineView {
        name: baseline.name().to_string(),
        version: baseline.version(),
        digest: baseline.digest(),
        controls: controls.collect(),
        history,
    }
}
