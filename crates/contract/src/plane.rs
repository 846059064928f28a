//! What crosses the hub's two planes as JSON.
//!
//! On the device plane nobody names a tenant, site or host: the hub takes them from the client certificate.

use serde::{Deserialize, Serialize};

use crate::attest::Attested;
use crate::blob::Blob;
use crate::decision::{Because, Decision};
use crate::digest::Digest;
use crate::dsse::HubKey;
use crate::ids::{
    ControlId, GrantId, HostId, IncidentId, OperatorId, OrderId, RunbookId, SiteId, TenantId, TokenId,
};
use crate::incident::What;
use crate::outcome::Outcome;
use crate::paper::PaperKind;
use crate::record::WaitingFor;
use crate::time::UtcTime;

/// What an MSP's technician carries to a new machine: one file, good for one enrolment. Secret until it is used.
///
/// The bootstrap certificate opens the device plane for enrolment and nothing else, so even the first connection is mutual TLS.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnrolmentSheet {
    /// The device plane's URL.
    pub hub: String,
    /// The only authority whose server certificates are believed, in PEM.
    pub hub_authority: String,
    /// The key that signs orders, the catalogue and the baseline.
    pub hub_key: HubKey,
    /// The key with which the hub cosigns checkpoints, as a C2SP verifier key.
    pub witness_key: String,
    /// The tenant.
    pub tenant: TenantId,
    /// The site.
    pub site: SiteId,
    /// The host's opaque id.
    pub host: HostId,
    /// The origin of the host's evidence log.
    pub origin: String,
    /// The enrolment token.
    pub token: TokenId,
    /// Its secret.
    pub secret: String,
    /// The bootstrap certificate, in PEM.
    pub bootstrap_certificate: String,
    /// Its key, in PEM.
    pub bootstrap_key: String,
    /// The signed baseline (DSSE).
    pub baseline: Blob,
    /// The signed catalogue (DSSE).
    pub catalogue: Blob,
    /// The signed allowlist (DSSE), where one was written for this host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowlist: Option<Blob>,
}

/// `POST /v1/enrol`, with the bootstrap certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    /// The token.
    pub token: TokenId,
    /// Its secret.
    pub secret: String,
    /// A PKCS #10 request in PEM for the key that was made on the device. Asking again with the same key gives a certificate again.
    pub csr: String,
    /// The key of the device's evidence log, as a C2SP verifier key. The hub pins it.
    pub evidence_key: String,
    /// What runs on the machine; none from one that does not say yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<Attested>,
}

/// Its answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    /// The device's certificate, in PEM.
    pub certificate: String,
}

/// `POST /v1/renew`, with the device's certificate, which may have run out: the handshake proved that its key is still held. Answered like an
/// enrolment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RenewRequest {
    /// A PKCS #10 request in PEM for the key that the device was enrolled with. Asking again gives the same certificate until that is due itself.
    pub csr: String,
}

/// The answer to `POST /v1/incidents`: it is durable.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentTaken {
    /// The incident that it counts as: another one where the same drift was already open.
    pub incident: IncidentId,
    /// The DSSE envelope of an [`IncidentReceipt`]. Only with it may the device forget what it reported.
    pub receipt: Blob,
}

/// What the hub signs once an incident is durable. Both ids are as they were reported: a receipt for one incident is none for another, and none for
/// another machine's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IncidentReceipt {
    /// Whose it is.
    pub host: HostId,
    /// What was reported.
    pub reported: IncidentId,
}

/// The answer to `GET /v1/orders?wait_ms=&known=`: held back until there is something that is not among the known ones, or the wait is over.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrdersWaiting {
    /// In the order of their counters.
    pub orders: Vec<OrderWaiting>,
    /// Break-glass grants that the host has not answered yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub break_glass: Vec<GrantWaiting>,
    /// What a standing order for this host would say now. Where it differs from what was fetched, it is to be fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Digest>,
    /// What this host's papers say now, likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub papers: Option<Digest>,
}

/// One order that was not answered yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderWaiting {
    /// Only for `POST /v1/orders/<id>/answer`; authority is in the envelope alone.
    pub order: OrderId,
    /// The DSSE envelope.
    pub envelope: Blob,
}

/// A person's break-glass grant, carried as it came. The hub believes nothing of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantWaiting {
    /// Only for `POST /v1/break-glass/<number>/answer`.
    pub number: u64,
    /// The DSSE envelope.
    pub envelope: Blob,
}

/// `POST /v1/break-glass/<number>/answer`: what the executor said to a grant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrantAnswer {
    /// Why it was not taken, in words for a person; none where it was.
    pub refused: Option<String>,
}

/// The answer to `GET /v1/standing`: the standing order of the host whose certificate asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingIssued {
    /// The DSSE envelope of a [`crate::grant::StandingOrder`]. One that grants no runbook takes back the one before.
    pub envelope: Blob,
    /// The rule table that it names by its digest.
    pub rules: String,
    /// What [`OrdersWaiting::standing`] says for as long as nothing changes.
    pub says: Digest,
}

/// The answer to `GET /v1/papers`: the papers of the host whose certificate asks, without their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PapersIssued {
    /// Each kind at most once. A kind that is missing was never set.
    pub papers: Vec<PaperNamed>,
    /// What [`OrdersWaiting::papers`] says for as long as nothing changes.
    pub says: Digest,
}

/// One of them. `GET /v1/papers/<kind>` answers with its envelope ([`EnvelopeCarried`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperNamed {
    /// What it is.
    pub kind: PaperKind,
    /// Its number. Only for the device to see whether it has it; authority is in the envelope alone.
    pub number: u64,
}

/// `POST /api/v1/tenants/<tenant>/sites/<site>/allowlist`, `POST /api/v1/tenants/<tenant>/hosts/<host>/allowlist` and
/// `POST /api/v1/tenants/<tenant>/exceptions`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TextSet {
    /// What the text is called, for messages.
    pub file: String,
    /// The text; none takes back what was set.
    pub text: Option<String>,
}

/// Such a text, as `GET` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TextView {
    /// The text; none where none was set.
    pub text: Option<String>,
    /// Its digest. In quotes it is the entity tag that `If-Match` names; `"none"` where there is no text.
    pub digest: Option<Digest>,
}

/// The answer to setting one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TextKept {
    /// The digest of the text; none where it was taken back.
    pub digest: Option<Digest>,
    /// How many hosts it is for.
    pub hosts: u64,
}

/// The answer to `GET /v1/evidence`, and the 409 of `POST /v1/evidence`: how much the hub holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceHeld {
    /// Entries held.
    pub size: u64,
}

/// The answer to `POST /v1/evidence` (an [`crate::socket::EntryPackage`]).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceTaken {
    /// Entries held now.
    pub size: u64,
    /// The cosigned checkpoint once the hub holds all that it covers: the receipt.
    pub receipt: Option<String>,
}

/// An error on either plane.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// What went wrong, whose fault it is and what to do next, in words for a person.
    pub problem: String,
    /// Where the certificate was not enough: why. A machine decides by this and never by the words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned_away: Option<TurnedAway>,
}

/// Why a certificate opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum TurnedAway {
    /// This hub did not issue it.
    Unknown,
    /// The operator took it back. That is for good.
    Revoked,
    /// It is not good at this time. It can be renewed by whoever holds its key.
    OutOfTime,
    /// It is good for something else.
    OtherUse,
}

/// One page of a list at the operator plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page<T> {
    /// What is on it, in the list's order.
    pub items: Vec<T>,
    /// The `cursor` with which the next page is asked for; none on the last one.
    pub next: Option<String>,
}

/// `POST /api/v1/tenants`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewTenant {
    /// Its id.
    pub tenant: TenantId,
}

/// `POST /api/v1/tenants/<tenant>/sites`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct NewSite {
    /// Its id.
    pub site: SiteId,
}

/// One incident, as `GET /api/v1/tenants/<tenant>/incidents` lists it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct IncidentView {
    /// Its id.
    pub incident: IncidentId,
    /// Where.
    pub site: SiteId,
    /// On which machine.
    pub host: HostId,
    /// When it was first found.
    pub found: UtcTime,
    /// What was found.
    pub what: What,
    /// How often the same was reported while it was open.
    pub reports: u64,
    /// Where it stands.
    pub state: IncidentState,
    /// What the planner chose, once it has.
    pub decision: Option<Decision>,
    /// Why it stands as it does, in one line; none where nobody has thought of it yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The incident of the same machine that this one follows from: nothing is ordered for it until that one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<IncidentId>,
    /// Whether nothing goes on with it before a person does something.
    pub waits_for_person: bool,
}

/// A decision, with all that it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DecisionView {
    /// Its place among all of this hub's.
    pub number: u64,
    /// About which machine.
    pub host: HostId,
    /// About which incident.
    pub incident: IncidentId,
    /// When.
    pub at: UtcTime,
    /// The order that came of it, where one did.
    pub order: Option<OrderId>,
    /// What was decided; none where it follows from something else, for which it waits.
    pub decision: Option<Decision>,
    /// The case, what the planner made of it, and the digests of the files that it was decided by: one line of JSON, which the planner decides again.
    /// Where a model was asked, the line says that it was to be, and the decision what came of that. None where a person chose.
    pub line: Option<String>,
}

/// Where an incident stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum IncidentState {
    /// Durable, not yet planned.
    Drifted,
    /// Handed to a person.
    Escalated,
    /// An order is signed and waits for its answer.
    Ordered(OrderId),
    /// An order ended without healing; the record says how.
    Open {
        /// How it ended.
        outcome: Outcome,
        /// The evidence record that says so.
        record: u64,
    },
    /// Closed, by an observation that stands in this evidence record.
    Closed {
        /// The record's index in the host's log.
        record: u64,
    },
    /// Nothing measures it, and this person looked after it. For what a detector saw alone: whether a control passes, nobody's word says.
    LookedAfter(OperatorId),
}

impl IncidentState {
    /// Whether it is over.
    pub const fn is_over(&self) -> bool {
        match self {
            Self::Closed { .. } | Self::LookedAfter(_) => true,
            Self::Drifted | Self::Escalated | Self::Ordered(_) | Self::Open { .. } => false,
        }
    }
}

/// `POST /api/v1/tenants/<tenant>/standing` and `POST /api/v1/tenants/<tenant>/hosts/<host>/standing`: whether standing orders are withheld there. A host
/// has one only where neither says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Withholding {
    /// True: what was granted is taken back when the host next asks.
    pub withheld: bool,
}

/// One order that waits on its host, as `GET /api/v1/tenants/<tenant>/orders` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OrderView {
    /// Its id.
    pub order: OrderId,
    /// Where.
    pub site: SiteId,
    /// On which machine.
    pub host: HostId,
    /// What it answers.
    pub incident: IncidentId,
    /// The failing control.
    pub control: ControlId,
    /// What would run.
    pub runbook: RunbookId,
    /// What it waits for, by the host's evidence.
    pub waiting_for: WaitingFor,
    /// Then it is no longer meant.
    pub until: UtcTime,
    /// Signatures beside the hub's on the envelope that is handed out. Only the host can tell whose they are.
    pub signatures: u32,
}

/// A DSSE envelope: the answer to `GET /api/v1/tenants/<tenant>/orders/<order>`, and the body of `POST …/orders/<order>/approve` and of
/// `POST /api/v1/tenants/<tenant>/hosts/<host>/break-glass`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct EnvelopeCarried {
    /// Its exact bytes.
    pub envelope: Blob,
}

/// `POST /api/v1/tenants/<tenant>/orders/<order>/decline`: a person says no to an order that waits for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Declining {
    /// Why.
    pub because: Because,
}

/// `POST /api/v1/tenants/<tenant>/hosts/<host>/incidents/<incident>/order`: a person chooses the runbook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PersonOrder {
    /// What is to run.
    pub runbook: RunbookId,
    /// Who says so.
    pub person: OperatorId,
    /// The break-glass grant that it is to make use of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub break_glass: Option<GrantId>,
}

/// Its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Ordered {
    /// The order.
    pub order: OrderId,
}
