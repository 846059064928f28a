//! What came back, held to what was asked.

use contract::decision::{Asked, Choice, Decision, Escalation, Provenance};
use contract::digest::Digest;
use contract::ids::{ModelId, RunbookId};
use serde::Deserialize;

use super::{ESCALATE, Question, REASONS, REPAIRS};

/// The most bytes of an answer that is looked at.
pub const ANSWER_BYTES_MAX: usize = 4096;

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The model said this: bytes of a stranger.
    Said(Vec<u8>),
    /// It would not answer, or its provider would not let it.
    Refused,
    /// It said more than it may, or was cut off.
    CutOff,
    /// Nothing came in time.
    Silent,
    /// It could not be reached, or what came was no answer of its wire.
    Failed,
    /// What may be spent on asking is spent.
    BudgetSpent,
}

/// An answer, as the schema asks for it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    runbook_id: String,
    confidence: u8,
    reason: String,
}

/// The decision that comes of a reply. `table` is the rule table that did not speak, `threshold` how sure the model has to be, of a hundred. Whatever was
/// said: the choice is one of the question's candidates, or a person.
pub fn conclude(
    question: &Question,
    table: Digest,
    model: ModelId,
    reply: &Reply,
    threshold: u8,
) -> Decision {
    let (choice, confidence) = match reply {
        Reply::Said(bytes) => judged(question, bytes, threshold),
        Reply::Refused => (Choice::Escalate(Escalation::ModelDeclined), None),
        Reply::CutOff => (Choice::Escalate(Escalation::ModelAstray), None),
        Reply::Silent | Reply::Failed => (Choice::Escalate(Escalation::ModelSilent), None),
        Reply::BudgetSpent => (Choice::Escalate(Escalation::ModelBudget), None),
    };
    let answer = match reply {
        Reply::Said(bytes) => Some(Digest::of(bytes)),
        Reply::Refused | Reply::CutOff | Reply::Silent | Reply::Failed | Reply::BudgetSpent => None,
    };
    let prompt = question.prompt().digest();
    Decision { choice, provenance: Provenance::Model(Asked { table, model, prompt, answer, confidence }) }
}

fn judged(question: &Question, bytes: &[u8], threshold: u8) -> (Choice, Option<u8>) {
    let astray = (Choice::Escalate(Escalation::ModelAstray), None);
    // A list of the same values in their order would be read as well.
    let is_object = bytes.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    if bytes.len() > ANSWER_BYTES_MAX || !is_object {
        return astray;
    }
    let Ok(Answer { runbook_id, confidence, reason }) = serde_json::from_slice(bytes) else { return astray };
    if confidence > 100 || !REASONS.contains(&reason.as_str()) {
        return astray;
    }
    if runbook_id == ESCALATE {
        return (Choice::Escalate(Escalation::ModelDeclined), Some(confidence));
    }
    let chosen: Option<&RunbookId> =
        question.candidates().iter().map(|c| &c.runbook).find(|id| id.as_str() == runbook_id);
    match chosen {
        None => (Choice::Escalate(Escalation::ModelAstray), Some(confidence)),
        // Whoever says that it does not fit, or that somebody attacks, has not chosen it.
        Some(_) if !REPAIRS.contains(&reason.as_str()) => {
            (Choice::Escalate(Escalation::ModelAstray), Some(confidence))
        }
        Some(_) if confidence < threshold => (Choice::Escalate(Escalation::ModelUnsure), Some(confidence)),
        Some(runbook) => (Choice::Run(runbook.clone()), Some(confidence)),
    }
}
