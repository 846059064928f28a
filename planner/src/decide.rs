//! The decision of the rules alone: what a site can decide by itself, and what stands at the end of [`crate::consider`] where nothing around an incident
//! says otherwise.

use contract::baseline::Baseline;
use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::{Catalogue, TargetOs};

use crate::rules::{Answer, Rule, Rules, SYSTEMS};
use crate::why::{About, Why};

/// What is decided by: the three files that a site and its hub share.
#[derive(Debug, Clone, Copy)]
pub struct Knowledge<'a> {
    /// The rule table.
    pub rules: &'a Rules,
    /// The baseline.
    pub baseline: &'a Baseline,
    /// The catalogue.
    pub catalogue: &'a Catalogue,
}

/// What the rules say about one incident.
#[derive(Debug)]
pub(crate) enum Spoken<'a> {
    /// No rule speaks of it.
    Nothing,
    /// One answer, and the rule that gives it.
    One(&'a Rule),
    /// Two that are heard and disagree.
    Disagree(&'a Rule, &'a Rule),
}

/// Asks the rules. Where the host's system is not known they are asked for each, and must agree as far as they speak: a wrong guess would be refused at
/// the site, but it is no guess where all answers are one.
pub(crate) fn spoken<'a>(rules: &'a Rules, what: &What, os: Option<TargetOs>) -> Spoken<'a> {
    let systems = os.map_or_else(|| SYSTEMS.to_vec(), |os| vec![os]);
    let heard: Vec<&Rule> = systems.into_iter().flat_map(|os| rules.heard(what, os)).collect();
    let Some(first) = heard.iter().copied().max_by(|a, b| {
        // The strongest, and among equals the one whose name comes first.
        a.priority.cmp(&b.priority).then_with(|| b.id.cmp(&a.id))
    }) else {
        return Spoken::Nothing;
    };
    match heard.iter().copied().find(|other| first.disagrees(other)) {
        Some(other) => Spoken::Disagree(first, other),
        None => Spoken::One(first),
    }
}

/// Chooses a runbook for `what`, or hands it to a person. The order of the rules never matters: the highest priority is heard, and two of the same that
/// disagree are a question for a person.
pub fn decide(what: &What, os: Option<TargetOs>, rules: &Rules, catalogue: &Catalogue) -> Decision {
    decided(&spoken(rules, what, os), rules, catalogue)
}

fn decided(spoken: &Spoken<'_>, rules: &Rules, catalogue: &Catalogue) -> Decision {
    let (choice, rule) = match spoken {
        Spoken::Nothing => (Choice::Escalate(Escalation::NoRule), None),
        Spoken::Disagree(first, _) => (Choice::Escalate(Escalation::RulesDisagree), Some(*first)),
        Spoken::One(rule) => {
            let choice = match rule.answer() {
                Answer::Person(_) => Choice::Escalate(Escalation::ByRule),
                Answer::Run(runbook) if catalogue.runbook(runbook).is_none() => {
                    Choice::Escalate(Escalation::RunbookMissing)
                }
                Answer::Run(runbook) => Choice::Run(runbook.clone()),
            };
            (choice, Some(*rule))
        }
    };
    let rule = rule.map(|rule| rule.id.to_string());
    Decision { choice, provenance: Provenance::Rules { table: rules.digest(), rule } }
}

/// As [`decide`], and hands to a person what no order could be made of: a signal, which names nothing to measure, and a control that this baseline lacks
/// or that the chosen runbook cannot be bound to. Hub and site both decide by this, so that they decide the same.
pub fn plan(what: &What, os: Option<TargetOs>, knowledge: &Knowledge<'_>) -> Decision {
    ruled(what, os, knowledge).0
}

/// What [`plan`] decides, and why.
pub(crate) fn ruled(what: &What, os: Option<TargetOs>, knowledge: &Knowledge<'_>) -> (Decision, Why) {
    let Knowledge { rules, baseline, catalogue } = *knowledge;
    let spoken = spoken(rules, what, os);
    let Decision { choice, provenance } = decided(&spoken, rules, catalogue);
    let about = About::of(what);
    let by = |rule: &Rule| (rule.id.clone(), rule.priority, rule.os);
    let (choice, why) = match (choice, &spoken) {
        (Choice::Run(runbook), Spoken::One(rule)) => {
            let (rule, priority, os) = by(rule);
            if is_bindable(&runbook, what, baseline, catalogue) {
                let why = Why::Rule { rule, priority, about, os, runbook: runbook.clone() };
                (Choice::Run(runbook), why)
            } else {
                (Choice::Escalate(Escalation::NoRule), Why::Unbindable { rule, about, runbook })
            }
        }
        (escalated, Spoken::One(rule)) => {
            let (id, priority, os) = by(rule);
            let why = match rule.answer() {
                Answer::Run(runbook) => Why::RunbookMissing { rule: id, runbook: runbook.clone() },
                Answer::Person(_) => Why::RulePerson { rule: id, priority, about, os },
            };
            (escalated, why)
        }
        (escalated, Spoken::Disagree(one, other)) => {
            let (one, other) = (one.id.clone(), other.id.clone());
            (escalated, Why::Disagree { one, other, about, os })
        }
        (escalated, Spoken::Nothing) => (escalated, Why::Silent { about, os }),
    };
    (Decision { choice, provenance }, why)
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
