//! The decision itself.

use contract::baseline::Baseline;
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::Catalogue;

use crate::rules::{Answer, Rule, Rules};

/// Chooses a runbook for `what`, or hands it to a person. The order of the rules never matters: two that disagree are a question for a person.
pub fn decide(what: &What, rules: &Rules, catalogue: &Catalogue) -> Decision {
    let matching: Vec<&Rule> = rules.iter().filter(|rule| rule.when.matches(what)).collect();
    let choice = match matching.as_slice() {
        [] => Choice::Escalate(Escalation::NoRule),
        [first, others @ ..] if others.iter().any(|other| disagree(first, other)) => {
            Choice::Escalate(Escalation::RulesDisagree)
        }
        [first, ..] => match first.answer() {
            Answer::Person(_) => Choice::Escalate(Escalation::ByRule),
            Answer::Run(runbook) if catalogue.runbook(runbook).is_none() => {
                Choice::Escalate(Escalation::RunbookMissing)
            }
            Answer::Run(runbook) => Choice::Run(runbook.clone()),
        },
    };
    let rule = matching.first().map(|rule| rule.id.to_string());
    Decision { choice, provenance: Provenance::Rules { table: rules.digest(), rule } }
}

/// As [`decide`], and hands to a person what no order could be made of: a signal, which names nothing to measure, and a control that this baseline lacks
/// or that the chosen runbook cannot be bound to. Hub and site both decide by this, so that they decide the same.
pub fn plan(what: &What, rules: &Rules, baseline: &Baseline, catalogue: &Catalogue) -> Decision {
    let Decision { choice, provenance } = decide(what, rules, catalogue);
    let choice = match choice {
        Choice::Run(runbook) if is_bindable(&runbook, what, baseline, catalogue) => Choice::Run(runbook),
        Choice::Run(_) => Choice::Escalate(Escalation::NoRule),
        escalated @ Choice::Escalate(_) => escalated,
    };
    Decision { choice, provenance }
}

fn is_bindable(runbook: &RunbookId, what: &What, baseline: &Baseline, catalogue: &Catalogue) -> bool {
    let What::Drift { control, fact: _, observed: _ } = what else { return false };
    match (baseline.control(control), catalogue.runbook(runbook)) {
        (Some(declared), Some(approved)) => {
            approved.runbook.triggers.contains(control) && approved.runbook.bind(declared).is_ok()
        }
        (None, _) | (_, None) => false,
    }
}

/// Two runbooks, or a runbook and a person. Two reasons for a person are one answer.
fn disagree(one: &Rule, other: &Rule) -> bool {
    match (one.answer(), other.answer()) {
        (Answer::Run(one), Answer::Run(other)) => one != other,
        (Answer::Person(_), Answer::Person(_)) => false,
        (Answer::Run(_), Answer::Person(_)) | (Answer::Person(_), Answer::Run(_)) => true,
    }
}
