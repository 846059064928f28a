//! Evidence: the records of one machine's log, searched, and one record with the proof that it stands there.
//!
//! The search reads the archive itself, a bounded piece of it at a time, and says how far it looked: there is no index beside the log that could say
//! something else than the log does.

use contract::finding::Finding;
use contract::ids::{ControlId, HostId, IncidentId, OrderId, TenantId};
use contract::outcome::Outcome;
use contract::record::{Body, Kind, Record, Signalled};
use contract::time::UtcTime;
use identity::Holder;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tlog::leaf_hash;
use utoipa::ToSchema;

use crate::hub::Hub;
use crate::mirror::{self, ArchiveError, NoTurn, Turn};
use crate::people::Scope;
use crate::store::StoreError;

/// The most records on one page.
const PAGE: usize = 50;
/// The most that one question looks at: sixteen bundles.
const LOOK_MAX: u64 = 16 * BUNDLE;
/// Entries of a full bundle.
const BUNDLE: u64 = 256;

/// What is searched for. All of it has to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) kind: Option<Kind>,
    pub(crate) control: Option<ControlId>,
    pub(crate) incident: Option<IncidentId>,
    pub(crate) from: Option<UtcTime>,
    pub(crate) to: Option<UtcTime>,
    /// Records below this index.
    pub(crate) before: Option<u64>,
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/evidence`: the newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EvidenceView {
    pub(crate) tenant: TenantId,
    pub(crate) host: HostId,
    pub(crate) origin: String,
    /// Records under the newest head that this hub cosigned: those that there are to search.
    pub(crate) size: u64,
    /// How many of them were looked at for this answer.
    pub(crate) looked_at: u64,
    pub(crate) records: Vec<RecordRow>,
    /// Where there is more to look at: what the next question's `before` must be.
    pub(crate) next: Option<u64>,
}

/// One record, in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct RecordRow {
    pub(crate) index: u64,
    /// By the machine's clock.
    pub(crate) time: UtcTime,
    #[schema(value_type = String)]
    pub(crate) kind: Kind,
    pub(crate) subject: String,
    pub(crate) outcome: Option<Outcome>,
}

/// `GET /api/v1/tenants/{tenant}/hosts/{host}/evidence/{index}`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct RecordView {
    pub(crate) tenant: TenantId,
    pub(crate) host: HostId,
    pub(crate) origin: String,
    pub(crate) row: RecordRow,
    /// The exact bytes of the entry: what is hashed and proven.
    pub(crate) entry: String,
    /// The same, taken apart.
    #[schema(value_type = Object)]
    pub(crate) record: Value,
    /// The hash of the leaf, in base64.
    pub(crate) leaf: String,
    /// The size of the log that the proof is for.
    pub(crate) size: u64,
    /// The C2SP tlog-proof under the newest head that the machine signed and this hub cosigned.
    pub(crate) proof: String,
    /// The first key of the log, as it was pinned at enrolment. Whoever checks the proof has it from elsewhere: from the installation sheet.
    pub(crate) key: String,
    /// The key that this hub cosigns with.
    pub(crate) witness: String,
}

/// Why there is no answer. Ours.
#[derive(Debug, Error)]
pub(crate) enum EvidenceFault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error(transparent)]
    NoTurn(#[from] NoTurn),
    #[error("a record cannot be written as JSON")]
    Record(#[from] contract::record::RecordError),
}

/// Searches the records of a machine; none where it never enrolled.
pub(crate) async fn search(
    hub: &Hub,
    of: Scope<Holder>,
    wanted: Wanted,
) -> Result<Option<EvidenceView>, EvidenceFault> {
    let Some(subject) = hub.store.log_within(of.clone()).await? else { return Ok(None) };
    let orders = match &wanted.incident {
        Some(incident) => hub.store.orders_of(of.clone(), incident.clone()).await?,
        None => Vec::new(),
    };
    let (holder, origin) = (subject.holder.clone(), subject.origin.clone());
    let (turn, held) = mirror::turn(hub, subject).await?.held().await;
    let size = held?.verified;
    let mut look = Look { top: wanted.before.unwrap_or(size).min(size), looked_at: 0, found: Vec::new() };
    look.over(turn, &wanted, &orders).await?;
    let Look { top, looked_at, found } = look;
    Ok(Some(EvidenceView {
        tenant: holder.tenant,
        host: holder.host,
        origin,
        size,
        looked_at,
        records: found,
        next: Some(top).filter(|top| *top > 0),
    }))
}

/// A look from above.
struct Look {
    /// What is below this was not looked at yet.
    top: u64,
    looked_at: u64,
    found: Vec<RecordRow>,
}

impl Look {
    async fn over(
        &mut self,
        mut turn: Turn,
        wanted: &Wanted,
        orders: &[OrderId],
    ) -> Result<(), EvidenceFault> {
        while self.top > 0 && self.looked_at < LOOK_MAX && self.found.len() < PAGE {
            let first = (self.top - 1) / BUNDLE * BUNDLE;
            let (back, records) = turn.records(first).await;
            turn = back;
            let records = records?;
            let below = records.iter().take_while(|record| record.seq < self.top).count();
            if below == 0 {
                self.top = 0;
            }
            for record in records.iter().take(below).rev() {
                self.top = record.seq;
                self.looked_at += 1;
                if wanted.fits(record, orders) {
                    self.found.push(row(record));
                    if self.found.len() == PAGE {
                        break;
                    }
                }
            }
        }
        Ok(())
    }
}

fn row(record: &Record) -> RecordRow {
    RecordRow {
        index: record.seq,
        time: record.time,
        kind: record.body.kind(),
        subject: record.subject.clone(),
        outcome: About::of(&record.body).outcome,
    }
}

impl Wanted {
    fn fits(&self, record: &Record, orders: &[OrderId]) -> bool {
        self.kind.is_none_or(|kind| record.body.kind() == kind)
            && self.from.is_none_or(|from| record.time >= from)
            && self.to.is_none_or(|to| record.time <= to)
            && self.control.as_ref().is_none_or(|control| speaks_of(&record.body, control))
            && self.incident.as_ref().is_none_or(|incident| is_about(&record.body, incident, orders))
    }
}

/// Whether a record says something of a control.
fn speaks_of(body: &Body, control: &ControlId) -> bool {
    let about = About::of(body);
    about.control == Some(control) || about.findings.iter().any(|finding| finding.control == *control)
}

/// Whether a record is about an incident, by itself or by one of its orders.
fn is_about(body: &Body, incident: &IncidentId, orders: &[OrderId]) -> bool {
    let about = About::of(body);
    about.incident == Some(incident)
        || about.signals.iter().any(|signal| signal.incident == *incident)
        || about.order.is_some_and(|order| orders.contains(order))
}

/// What a record names.
#[derive(Default)]
struct About<'a> {
    order: Option<&'a OrderId>,
    incident: Option<&'a IncidentId>,
    control: Option<&'a ControlId>,
    findings: &'a [Finding],
    signals: &'a [Signalled],
    outcome: Option<Outcome>,
}

impl<'a> About<'a> {
    fn of(body: &'a Body) -> Self {
        let order = |order: &'a OrderId| Self { order: Some(order), ..Self::default() };
        match body {
            Body::Findings(taken) => Self { findings: &taken.findings, ..Self::default() },
            Body::Signals(taken) => Self { signals: &taken.signals, ..Self::default() },
            Body::Accepted(a) => {
                Self { incident: Some(&a.incident), control: Some(&a.control), ..order(&a.order) }
            }
            Body::Waiting(w) => {
                Self { incident: Some(&w.incident), control: Some(&w.control), ..order(&w.order) }
            }
            Body::Ended(outcome, e) => Self {
                incident: Some(&e.incident),
                control: Some(&e.control),
                outcome: Some(*outcome),
                ..order(&e.order)
            },
            Body::Refused(outcome, refused) => Self {
                order: refused.order.as_ref(),
                incident: refused.incident.as_ref(),
                outcome: Some(*outcome),
                ..Self::default()
            },
            Body::Escalated(e) => Self { incident: Some(&e.incident), ..order(&e.order) },
            Body::Intent(intent) => order(&intent.order),
            Body::Moved(moved) => order(&moved.order),
            Body::Resumed(resumed) => order(&resumed.order),
            Body::Connection(connection) => order(&connection.order),
            Body::DeadManFired(fired) => order(&fired.order),
            Body::Opened(_)
            | Body::StandingTaken(_)
            | Body::BreakGlass(_)
            | Body::PolicyTaken(_)
            | Body::PaperTaken(_)
            | Body::Confined(_)
            | Body::Intruded(_)
            | Body::GenerationHealthy(_)
            | Body::Recovered(_)
            | Body::Standing(_)
            | Body::Gap(_)
            | Body::Restored(_)
            | Body::KeyNamed(_)
            | Body::KeyTaken(_)
            | Body::Acted(_)
            | Body::LoggedIn(_)
            | Body::Device(_)
            | Body::Packet(_) => Self::default(),
        }
    }
}

/// One record with its proof; none where the log has none of this index under a cosigned head.
pub(crate) async fn record(
    hub: &Hub,
    of: Scope<Holder>,
    index: u64,
) -> Result<Option<RecordView>, EvidenceFault> {
    let Some(subject) = hub.store.log_within(of).await? else { return Ok(None) };
    let (holder, origin, key) =
        (subject.holder.clone(), subject.origin.clone(), subject.evidence_key.clone());
    let (_turn, proven) = mirror::turn(hub, subject).await?.proven(index).await;
    let Some(proven) = proven? else { return Ok(None) };
    let leaf = leaf_hash(proven.entry.as_bytes());
    Ok(Some(RecordView {
        tenant: holder.tenant,
        host: holder.host,
        origin,
        row: row(&proven.record),
        record: proven.record.to_value()?,
        leaf: leaf.to_base64(),
        entry: proven.entry,
        size: proven.size,
        proof: proven.proof,
        key,
        witness: hub.keys.witness.verifier().to_string(),
    }))
}
