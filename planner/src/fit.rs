//! Whether a rule table, a catalogue and a baseline fit together: asked once, before the first incident, so that no decision fails later.

use contract::baseline::Baseline;
use contract::ids::{ControlId, ParameterName, RunbookId};
use contract::runbook::{Catalogue, ParameterFault, TargetOs};
use thiserror::Error;

use crate::rules::{Answer, Condition, Rule, RuleId, Rules, SYSTEMS, os_word, serves};

/// A rule that could never be carried out, with its place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{file}:{line}: rule {rule}: {misfit}")]
pub struct MisfitError {
    /// The table's file, as it was named to us.
    pub file: String,
    /// Counted from 1.
    pub line: u64,
    /// Which rule.
    pub rule: RuleId,
    /// Why.
    pub misfit: Box<Misfit>,
}

/// Why a rule could never be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Misfit {
    /// The baseline has no such control.
    #[error("the baseline has no control {0}")]
    NoControl(ControlId),
    /// The baseline names another runbook, or none, for the control.
    #[error("the baseline does not name {runbook} for control {control}")]
    NotTheBaselines {
        /// The control.
        control: ControlId,
        /// What the rule chooses.
        runbook: RunbookId,
    },
    /// The catalogue holds no such runbook.
    #[error("the catalogue holds no runbook {0}")]
    NoRunbook(RunbookId),
    /// The runbook may not repair the control.
    #[error("{runbook} does not list {control} among its triggers")]
    NotTriggered {
        /// The control.
        control: ControlId,
        /// The runbook.
        runbook: RunbookId,
    },
    /// The runbook asks for, proves or looks at a control that the baseline has not got.
    #[error("{runbook} names control {control}, which the baseline does not have")]
    NamesNoControl {
        /// The control.
        control: ControlId,
        /// The runbook.
        runbook: RunbookId,
    },
    /// The control does not yield what the runbook needs to be told.
    #[error("{runbook} cannot be bound from control {control}: {parameter}: {fault}")]
    Unbindable {
        /// The control.
        control: ControlId,
        /// The runbook.
        runbook: RunbookId,
        /// Which parameter.
        parameter: ParameterName,
        /// What is wrong with it.
        fault: ParameterFault,
    },
    /// The rule speaks for systems that the runbook is not written for.
    #[error("the rule speaks for {}, and {runbook} is written for {}", os_word(*os), os_word(*target))]
    OtherSystem {
        /// What the rule chooses.
        runbook: RunbookId,
        /// For what it is written.
        target: TargetOs,
        /// For what the rule speaks.
        os: TargetOs,
    },
    /// An order names the control that is measured before and after; a signal names none.
    #[error(
        "a detector's signal names no control that could be measured, so no runbook can be ordered for it"
    )]
    NothingToMeasure,
}

impl Rules {
    /// Checks every rule against the baseline and the catalogue.
    pub fn fit(&self, baseline: &Baseline, catalogue: &Catalogue) -> Result<(), MisfitError> {
        self.table.iter().try_for_each(|(line, rule)| {
            fit_rule(rule, baseline, catalogue).map_err(|misfit| MisfitError {
                file: self.file.clone(),
                line: *line,
                rule: rule.id.clone(),
                misfit: Box::new(misfit),
            })
        })
    }
}

fn fit_person(rule: &Rule, baseline: &Baseline) -> Result<(), Misfit> {
    let Condition::Drifts(drifts) = &rule.when else { return Ok(()) };
    for id in drifts.controls.members() {
        let declared = baseline.control(id).ok_or_else(|| Misfit::NoControl(id.clone()))?;
        // A rule that narrows, or speaks for some systems only, leaves the rest to the baseline's runbook.
        let whole = rule.when.is_plain() && rule.os == TargetOs::Linux;
        if let Some(runbook) = declared.runbook.as_ref().filter(|_| whole) {
            return Err(Misfit::NotTheBaselines { control: id.clone(), runbook: runbook.clone() });
        }
    }
    Ok(())
}

pub(crate) fn fit_rule(rule: &Rule, baseline: &Baseline, catalogue: &Catalogue) -> Result<(), Misfit> {
    let runbook = match rule.answer() {
        Answer::Run(runbook) => runbook.clone(),
        // A person needs no runbook. A control that is left to one says so in the baseline.
        Answer::Person(_) => return fit_person(rule, baseline),
    };
    let approved = catalogue.runbook(&runbook).ok_or_else(|| Misfit::NoRunbook(runbook.clone()))?;
    let named = approved.runbook.named_controls();
    if let Some(control) = named.into_iter().find(|id| baseline.control(id).is_none()) {
        return Err(Misfit::NamesNoControl { control: control.clone(), runbook });
    }
    let target = approved.runbook.target_os;
    // Wherever the rule speaks, the runbook must be at home: what is for any Linux cannot choose what is for Debian.
    if SYSTEMS.into_iter().any(|host| serves(rule.os, host) && !serves(target, host)) {
        return Err(Misfit::OtherSystem { runbook, target, os: rule.os });
    }
    let Condition::Drifts(drifts) = &rule.when else { return Err(Misfit::NothingToMeasure) };
    for id in drifts.controls.members() {
        let (control, runbook) = (id.clone(), runbook.clone());
        let Some(declared) = baseline.control(id) else { return Err(Misfit::NoControl(control)) };
        if declared.runbook.as_ref() != Some(&runbook) {
            return Err(Misfit::NotTheBaselines { control, runbook });
        }
        if !approved.runbook.triggers.contains(id) {
            return Err(Misfit::NotTriggered { control, runbook });
        }
        if let Err((parameter, fault)) = approved.runbook.bind(declared) {
            return Err(Misfit::Unbindable { control, runbook, parameter, fault });
        }
    }
    Ok(())
}
