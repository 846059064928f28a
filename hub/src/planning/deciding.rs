//! The decision about one incident, and the order that comes of it: pure.

use contract::baseline::Control;
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::dsse::{HubSigner, PayloadType};
use contract::ids::{GrantId, IncidentId, OrderId, RunbookId};
use contract::incident::What;
use contract::order::{LIFETIME_MS, Order};
use contract::time::UtcTime;
use identity::Holder;
use models::Asked;
use planner::coalesce::Root;
use planner::model::{Question, candidates, conclude, control_for};
use planner::{Case, Knowledge, NoLine, Verdict};

use crate::library::Library;
use crate::store::NewOrder;
use crate::tables::Table;

/// What an order needs besides the decision and the counter.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) id: OrderId,
    pub(super) holder: Holder,
    pub(super) incident: IncidentId,
    pub(super) now: UtcTime,
    pub(super) break_glass: Option<GrantId>,
}

/// What was thought of an incident, with the order where one comes of it.
#[derive(Debug)]
pub(crate) struct Thought {
    pub(crate) comes: Comes,
    /// Why, in one line for a technician.
    pub(crate) why: String,
    /// All that the planner made it of: it can be thought again from it, with the same result, up to what a model was asked.
    pub(crate) line: String,
}

/// What comes of an incident.
#[derive(Debug)]
pub(crate) enum Comes {
    /// It follows from something else, and waits for that.
    Follows(Root),
    /// It is decided.
    Decided(Decision, Option<NewOrder>),
    /// No rule speaks of it, and a model may be asked this first. Nothing is changed meanwhile.
    Asks(Box<Question>),
}

/// What a model was asked, and what came of it.
#[derive(Debug)]
pub(crate) struct Consulted {
    pub(super) question: Question,
    pub(super) asked: Asked,
}

/// What is decided by.
const fn knowledge<'a>(library: &'a Library, table: &'a Table) -> Knowledge<'a> {
    Knowledge { rules: &table.rules, baseline: &library.baseline, catalogue: &library.catalogue }
}

/// Whether a model may be asked, and what it said where one was.
#[derive(Debug)]
pub(super) enum Asking {
    /// None may be asked.
    Nobody,
    /// One may be.
    Somebody,
    /// One was.
    Was(Box<Consulted>),
}

/// Decides and signs. Pure: clock and randomness are in case and draft.
pub(super) fn decide(
    (library, table): (&Library, &Table),
    signer: &HubSigner,
    draft: &Draft,
    (case, counter): (&Case, u64),
    asking: &Asking,
) -> Result<Thought, NoLine> {
    let knowledge = knowledge(library, table);
    let considered = planner::consider(case, &knowledge);
    let line = planner::line(case, &considered, &knowledge)?;
    let mut why = considered.why.to_string();
    let decision = match considered.verdict {
        Verdict::Follow(root) => return Ok(Thought { comes: Comes::Follows(root), why, line }),
        Verdict::Decided(decision) => decision,
        Verdict::Ask => match unspoken(case, (library, table), asking) {
            Unspoken::Asks(question) => return Ok(Thought { comes: Comes::Asks(question), why, line }),
            Unspoken::Decided(decision) => {
                if let Some(said) = planner::Why::of(&decision) {
                    why = said.to_string();
                }
                decision
            }
        },
    };
    let (decision, ordered) = match order(library, draft, &case.what, &decision, counter) {
        Ok(order) => (decision, order.map(|order| sign(signer, order))),
        // What cannot be bound is a person's already; should the two ever part, it still is.
        Err(Unbound) => (no_rule(table), None),
    };
    Ok(Thought { comes: Comes::Decided(decision, ordered), why, line })
}

enum Unspoken {
    Asks(Box<Question>),
    Decided(Decision),
}

/// What comes of what no rule speaks of: a model's answer, where one may be asked and there is something to choose from; a person else.
fn unspoken(case: &Case, (library, table): (&Library, &Table), asking: &Asking) -> Unspoken {
    let choices = candidates(&case.what, case.os, &library.baseline, &library.catalogue);
    match asking {
        Asking::Somebody => match Question::new(case.what.clone(), case.os, choices, Vec::new()) {
            Some(question) => Unspoken::Asks(Box::new(question)),
            None => {
                let Decision { choice: _, provenance } = no_rule(table);
                Unspoken::Decided(Decision { choice: Choice::Escalate(Escalation::NothingFits), provenance })
            }
        },
        // What was asked about is what may be chosen now: else a person decides.
        Asking::Was(consulted) if consulted.question.candidates() == choices => {
            let Consulted { question, asked } = &**consulted;
            let (digest, model) = (table.rules.digest(), asked.model.clone());
            Unspoken::Decided(conclude(question, digest, model, &asked.reply, asked.threshold))
        }
        Asking::Nobody | Asking::Was(_) => Unspoken::Decided(no_rule(table)),
    }
}

fn no_rule(table: &Table) -> Decision {
    let provenance = Provenance::Rules { table: table.rules.digest(), rule: None };
    Decision { choice: Choice::Escalate(Escalation::NoRule), provenance }
}

pub(super) fn sign(signer: &HubSigner, order: Order) -> NewOrder {
    let payload = serde_json::to_vec(&order).unwrap_or_default();
    let envelope = signer.sign(PayloadType::Order, &payload);
    NewOrder { id: order.order, expires: order.expires, envelope }
}

pub(super) fn order_id() -> std::io::Result<OrderId> {
    format!("o-{}", edge::random::opaque()?).parse().map_err(std::io::Error::other)
}

/// The control that is measured before and after, where this runbook may be ordered for what was found: it is triggered by the control, and can be bound to
/// it.
pub(crate) fn control_of<'a>(what: &What, runbook: &RunbookId, library: &'a Library) -> Option<&'a Control> {
    control_for(what, runbook, &library.baseline, &library.catalogue)
}

/// The runbook cannot be bound to what was found.
#[derive(Debug)]
pub(super) struct Unbound;

pub(super) fn order(
    library: &Library,
    draft: &Draft,
    what: &What,
    decision: &Decision,
    counter: u64,
) -> Result<Option<Order>, Unbound> {
    let Choice::Run(runbook) = &decision.choice else { return Ok(None) };
    let declared = control_of(what, runbook, library).ok_or(Unbound)?;
    let approved = library.catalogue.runbook(runbook).ok_or(Unbound)?;
    let parameters = approved.runbook.bind(declared).map_err(|_| Unbound)?;
    let Draft { id, holder, incident, now, break_glass } = draft;
    Ok(Some(Order {
        order: id.clone(),
        tenant: holder.tenant.clone(),
        site: holder.site.clone(),
        host: holder.host.clone(),
        incident: incident.clone(),
        control: declared.id.clone(),
        runbook: runbook.clone(),
        runbook_digest: approved.digest,
        catalogue_digest: library.catalogue.digest(),
        parameters,
        counter,
        issued: *now,
        expires: now.plus_ms(LIFETIME_MS),
        provenance: decision.provenance.clone(),
        break_glass: break_glass.clone(),
    }))
}
