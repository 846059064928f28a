//! The two proposals, and the table's text with each of them carried out.

use contract::fact::FactValue;
use contract::ids::{ControlId, RunbookId};
use contract::runbook::TargetOs;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{ADOPT_HEALED, ADOPT_PERCENT, ADOPT_SITES, Figures, RETIRE_PERCENT, RETIRE_RUNS, Ran, text};
use crate::decide::Knowledge;
use crate::fit::MisfitError;
use crate::rules::{RuleId, RulePriority, Rules, RulesError, os_word};

/// A model's pick that heals is to become a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adopt {
    /// What the rule is to be called.
    pub rule: RuleId,
    /// What it answers.
    pub control: ControlId,
    /// On which systems.
    pub os: TargetOs,
    /// With what.
    pub runbook: RunbookId,
    /// What it rests on.
    pub figures: Figures,
}

/// A rule that does not heal is to go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retire {
    /// Which rule.
    pub rule: RuleId,
    /// What that rests on.
    pub figures: Figures,
}

/// Why no table comes of a proposal.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoRule {
    /// The rule is not in the table, or is its only one.
    #[error("the table has no rule {0} besides which there is another")]
    NotThere(RuleId),
    /// A rule of this name is there already.
    #[error("the table has a rule {0} already")]
    ThereAlready(RuleId),
    /// The table cannot be read with it.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// It could never be carried out.
    #[error(transparent)]
    Misfit(#[from] MisfitError),
    /// The new text says something else about other rules, too: the table is written in a way that cannot be changed by lines.
    #[error("the table's text cannot be changed by lines without touching other rules: change it by hand")]
    TouchesOthers,
}

/// What the runs speak for: picks of models that no rule speaks of yet, and rules of the table that fail. In the order of controls, then of rules.
pub fn proposals(runs: &[Ran], rules: &Rules) -> (Vec<Adopt>, Vec<Retire>) {
    let adopt = super::by_pick(runs).into_iter().filter_map(|(pick, (os, figures))| {
        let enough = figures.healed >= ADOPT_HEALED
            && figures.is_at_least(ADOPT_PERCENT)
            && figures.places.len() >= ADOPT_SITES;
        let rule = rule_name(&pick.control, os)?;
        let spoken = is_spoken_of(rules, &pick.control, os);
        (enough && !spoken).then_some(Adopt {
            rule,
            control: pick.control,
            os,
            runbook: pick.runbook,
            figures,
        })
    });
    let retire = super::by_rule(runs).into_iter().filter_map(|(rule, figures)| {
        let fails = figures.tried >= RETIRE_RUNS && !figures.is_at_least(RETIRE_PERCENT);
        (fails && rules.rule(&rule).is_some()).then_some(Retire { rule, figures })
    });
    (adopt.collect(), retire.collect())
}

/// `learnt-<control>-<system>`, as far as a rule's name goes.
fn rule_name(control: &ControlId, os: TargetOs) -> Option<RuleId> {
    let plain: String = control.as_str().chars().map(|c| if c == '.' { '-' } else { c }).take(24).collect();
    RuleId::try_from(format!("learnt-{plain}-{}", os_word(os))).ok()
}

/// A rule that names the control at all, narrowed or not: a second voice is not for a machine to add.
fn is_spoken_of(rules: &Rules, control: &ControlId, os: TargetOs) -> bool {
    use crate::rules::{Condition, serves};
    rules.iter().any(|rule| match &rule.when {
        Condition::Drifts(drifts) => serves(rule.os, os) && drifts.controls.members().contains(control),
        Condition::Signals(_) => false,
    })
}

impl Adopt {
    /// The rule as it stands in a table. `seen` is a value that the control was found with: it makes the rule's case.
    pub fn rule_text(&self, seen: &FactValue) -> String {
        let Self { rule, control, os, runbook, figures } = self;
        let Figures { healed, tried, places, .. } = figures;
        let (os, priority, sites) = (os_word(*os), RulePriority::LEARNT, places.len());
        // JSON is YAML, and a fact's value is made of words, numbers and modes only.
        let observed = serde_json::to_string(seen).unwrap_or_default();
        format!(
            "- id: {rule}  # learnt: healed {healed} of {tried} times on {sites} sites\n  os: {os}\n  priority: {priority}\n  when: {{ controls: [{control}] }}\n  run: {runbook}\n  tests:\n    - {{ drift: {control}, observed: {observed}, on: {os}, matches: true }}\n"
        )
    }

    /// The table with the rule added, as text and as rules. It must fit the baseline and the catalogue.
    pub fn carried_out(
        &self,
        table: &str,
        seen: &FactValue,
        knowledge: &Knowledge<'_>,
    ) -> Result<(String, Rules), NoRule> {
        let before = Rules::parse(&knowledge.rules.file, table)?;
        if before.rule(&self.rule).is_some() {
            return Err(NoRule::ThereAlready(self.rule.clone()));
        }
        let text = text::with_added(table, &before, &self.rule_text(seen));
        let rules = Rules::parse(&before.file, &text)?;
        let others = rules.iter().filter(|rule| rule.id != self.rule);
        if !text::are_the_same(before.iter(), others) || rules.rule(&self.rule).is_none() {
            return Err(NoRule::TouchesOthers);
        }
        rules.fit(knowledge.baseline, knowledge.catalogue)?;
        Ok((text, rules))
    }
}

impl Retire {
    /// The table without the rule, as text and as rules.
    pub fn carried_out(&self, file: &str, table: &str) -> Result<(String, Rules), NoRule> {
        let before = Rules::parse(file, table)?;
        let text = text::without(table, &before, &self.rule);
        let text = text.ok_or_else(|| NoRule::NotThere(self.rule.clone()))?;
        let rules = Rules::parse(file, &text)?;
        let others = before.iter().filter(|rule| rule.id != self.rule);
        if text::are_the_same(others, rules.iter()) { Ok((text, rules)) } else { Err(NoRule::TouchesOthers) }
    }
}
