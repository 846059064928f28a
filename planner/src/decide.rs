//! The decision itself.

use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::incident::What;
use contract::runbook::Catalogue;

use crate::rules::{Rule, Rules};

/// Chooses a runbook for `what`, or hands it to a person. The order of the rules never matters: two that disagree are a question for a person.
pub fn decide(what: &What, rules: &Rules, catalogue: &Catalogue) -> Decision {
    let matching: Vec<&Rule> = rules.iter().filter(|rule| rule.when.matches(what)).collect();
    let choice = match matching.as_slice() {
        [] => Choice::Escalate(Escalation::NoRule),
        [first, others @ ..] if others.iter().any(|other| other.run != first.run) => {
            Choice::Escalate(Escalation::RulesDisagree)
        }
        [first, ..] if catalogue.runbook(&first.run).is_none() => {
            Choice::Escalate(Escalation::RunbookMissing)
        }
        [first, ..] => Choice::Run(first.run.clone()),
    };
    let rule = matching.first().map(|rule| rule.id.to_string());
    Decision { choice, provenance: Provenance::Rules { table: rules.digest(), rule } }
}
