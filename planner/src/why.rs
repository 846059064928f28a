//! Why something was decided, in one line that a technician can read. A line is made of ids and figures only, so no text of anybody's log can stand in it,
//! and it never exceeds [`LINE_MAX`] characters.

use std::fmt::{self, Display, Formatter};

use contract::decision::{Asked, Choice, Decision, Escalation, Provenance};
use contract::ids::{ControlId, DetectorId, ModelId, OperatorId, RunbookId};
use contract::incident::What;
use contract::runbook::TargetOs;
use serde::{Deserialize, Serialize};

use crate::coalesce::Root;
use crate::flap::Flapping;
use crate::rules::{RuleId, RulePriority, os_word};

/// The most characters that a line has.
pub const LINE_MAX: usize = 200;
/// The most characters that a name has in a line; a longer one is cut, and says so.
const NAME_MAX: usize = 40;

/// What an incident is about, without what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// A control that fails.
    Control(ControlId),
    /// A detector that fired.
    Detector(DetectorId),
}

impl About {
    /// What `what` is about.
    pub fn of(what: &What) -> Self {
        match what {
            What::Drift { control, .. } => Self::Control(control.clone()),
            What::Signal(signal) => Self::Detector(signal.detector.clone()),
        }
    }
}

/// Why something was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Why {
    /// A rule names the runbook.
    Rule {
        /// Which rule.
        rule: RuleId,
        /// Its priority.
        priority: RulePriority,
        /// What was found.
        about: About,
        /// For which systems the rule speaks.
        os: TargetOs,
        /// What it names.
        runbook: RunbookId,
    },
    /// A rule hands it to a person.
    RulePerson {
        /// Which rule.
        rule: RuleId,
        /// Its priority.
        priority: RulePriority,
        /// What was found.
        about: About,
        /// For which systems the rule speaks.
        os: TargetOs,
    },
    /// Two rules that are both heard disagree.
    Disagree {
        /// The one.
        one: RuleId,
        /// The other.
        other: RuleId,
        /// What was found.
        about: About,
        /// The host's system, where it is known.
        os: Option<TargetOs>,
    },
    /// A rule names a runbook that the catalogue does not hold.
    RunbookMissing {
        /// Which rule.
        rule: RuleId,
        /// What it names.
        runbook: RunbookId,
    },
    /// A rule names a runbook of which no order can be made here.
    Unbindable {
        /// Which rule.
        rule: RuleId,
        /// What was found.
        about: About,
        /// What it names.
        runbook: RunbookId,
    },
    /// No rule speaks of it.
    Silent {
        /// What was found.
        about: About,
        /// The host's system, where it is known.
        os: Option<TargetOs>,
    },
    /// It follows from something else.
    Follows(Box<Root>),
    /// It comes back again and again.
    Flapping(Box<Flapping>),
    /// A model was asked, or was to be asked.
    Model {
        /// Which.
        model: ModelId,
        /// How sure it said it was, of a hundred.
        confidence: Option<u8>,
        /// What came of it.
        choice: Choice,
    },
    /// A person decided.
    Person {
        /// Who.
        operator: OperatorId,
        /// What they chose.
        choice: Choice,
    },
}

impl Why {
    /// Why a decision was taken that a model or a person had a part in; none where rules alone decided, which say more themselves.
    pub fn of(decision: &Decision) -> Option<Self> {
        let choice = decision.choice.clone();
        match &decision.provenance {
            Provenance::Rules { .. } => None,
            Provenance::Model(Asked { model, confidence, .. }) => {
                Some(Self::Model { model: model.clone(), confidence: *confidence, choice })
            }
            Provenance::Person(operator) => Some(Self::Person { operator: operator.clone(), choice }),
        }
    }
}

/// A name as it stands in a line: cut where it is too long for one.
pub(crate) struct Name<'a>(pub(crate) &'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Ids are ASCII, so a byte is a character.
        match self.0.get(..NAME_MAX - 1) {
            Some(head) if self.0.len() > NAME_MAX => write!(f, "{head}…"),
            Some(_) | None => f.write_str(self.0),
        }
    }
}

impl Display for About {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(control) => Name(control.as_str()).fmt(f),
            Self::Detector(detector) => write!(f, "detector {}", Name(detector.as_str())),
        }
    }
}

fn host(os: Option<TargetOs>) -> &'static str {
    os.map_or("an unknown system", os_word)
}

impl Display for Why {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule, priority, about, os, runbook } => {
                let (rule, runbook) = (Name(rule.as_str()), Name(runbook.as_str()));
                write!(
                    f,
                    "rule {rule} (priority {priority}) answers {about} on {} with {runbook}",
                    os_word(*os)
                )
            }
            Self::RulePerson { rule, priority, about, os } => {
                let rule = Name(rule.as_str());
                write!(f, "rule {rule} (priority {priority}) hands {about} on {} to a person", os_word(*os))
            }
            Self::Disagree { one, other, about, os } => {
                let (one, other) = (Name(one.as_str()), Name(other.as_str()));
                write!(f, "rules {one} and {other} disagree about {about} on {}: a person decides", host(*os))
            }
            Self::RunbookMissing { rule, runbook } => {
                let (rule, runbook) = (Name(rule.as_str()), Name(runbook.as_str()));
                write!(f, "rule {rule} names {runbook}, which the catalogue does not hold: a person decides")
            }
            Self::Unbindable { rule, about, runbook } => {
                let (rule, runbook) = (Name(rule.as_str()), Name(runbook.as_str()));
                write!(f, "rule {rule} names {runbook}, which cannot be bound to {about}: a person decides")
            }
            Self::Silent { about, os } => write!(f, "no rule speaks of {about} on {}", host(*os)),
            Self::Follows(root) => write!(f, "follows {root}: nothing is ordered until that ends"),
            Self::Flapping(flapping) => flapping.fmt(f),
            Self::Model { model, confidence, choice } => model_line(f, model, *confidence, choice),
            Self::Person { operator, choice } => {
                let operator = Name(operator.as_str());
                match choice {
                    Choice::Run(runbook) => write!(f, "{operator} chose {}", Name(runbook.as_str())),
                    Choice::Escalate(Escalation::Declined(because)) => {
                        write!(f, "{operator} declined the order, because {}", because.words())
                    }
                    Choice::Escalate(escalation) => write!(f, "{operator}: {}", escalation.words()),
                }
            }
        }
    }
}

fn model_line(f: &mut Formatter<'_>, model: &ModelId, sure: Option<u8>, choice: &Choice) -> fmt::Result {
    let model = Name(model.as_str());
    match choice {
        Choice::Run(runbook) => {
            write!(f, "no rule speaks of it; model {model} chose {}", Name(runbook.as_str()))?;
        }
        Choice::Escalate(escalation) => write!(f, "model {model}: {}: a person decides", escalation.words())?,
    }
    match sure {
        Some(sure) => write!(f, " ({sure} % sure)"),
        None => Ok(()),
    }
}
