//! The hands. One room for each verb; nothing else in the executor changes the machine.
//!
//! A step is armed from a permit and a failing check, which opens its target and notes how it stands. It acts only when handed the proof that
//! its intent is durable. Undoing takes what the intent noted.

mod file_restore;

use std::path::PathBuf;

use contract::record::{Before, Intent};
use contract::runbook::{OwnDirectory, ParameterValue, Step, Verb};
use evidence::Appended;
use facts::OwnDirectories;
use thiserror::Error;

use crate::guard::Permit;
use crate::measure::FailingCheck;

/// Why a step could not be armed, or did not act.
#[derive(Debug, Error)]
pub enum StepError {
    /// The target cannot be opened without following a link, or is not what it should be.
    #[error("{}: cannot {action}", path.display())]
    File {
        /// The target.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The target is another inode than the one that the intent names.
    #[error("{}: it is not the inode that the intent names", .0.display())]
    Replaced(PathBuf),
    /// This version has no hands for the verb. The policy guardrail refuses it long before.
    #[error("{0} cannot be carried out by this version")]
    NoHands(Verb),
    /// The order lacks a parameter that the step uses. The parameter guardrail refuses it long before.
    #[error("the step's parameter is missing")]
    NoParameter,
    /// The proof of a durable intent is for another step.
    #[error("the durable intent is not this step's")]
    OtherIntent,
}

/// A step with its target opened, ready to act once its intent is durable.
#[derive(Debug)]
pub struct Armed {
    intent: Intent,
    hand: file_restore::Hand,
}

/// Opens step `index` of the permitted runbook. The failing check is asked for because nothing may be armed against a machine that is well.
pub fn arm(
    permit: &Permit<'_>,
    _failing: &FailingCheck,
    own: &OwnDirectories,
    index: u32,
) -> Result<Armed, StepError> {
    let step = permit.runbook().steps.get(index as usize).ok_or(StepError::NoParameter)?;
    let (target, hand) = match step {
        Step::FileRestore { target, mode } => {
            let value = |name| permit.order().parameters.get(name).ok_or(StepError::NoParameter);
            let ParameterValue::FileMode(mode) = value(&mode.0)? else { return Err(StepError::NoParameter) };
            let target = value(&target.0)?;
            (target.clone(), file_restore::Hand::open(path_of(target, own)?, *mode)?)
        }
        Step::SysctlSet { .. } | Step::UnitRestart { .. } => return Err(StepError::NoHands(step.verb())),
    };
    let order = permit.order().order.clone();
    let intent = Intent { order, step: index, verb: step.verb(), target, before: hand.before() };
    Ok(Armed { intent, hand })
}

impl Armed {
    /// What is about to happen, to be written down first.
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// Acts. `durable` must hold exactly this step's intent.
    pub fn act(self, durable: &Appended) -> Result<(), StepError> {
        use contract::record::Body;
        let written =
            durable.records().iter().any(|r| matches!(&r.body, Body::Intent(i) if *i == self.intent));
        if !written {
            return Err(StepError::OtherIntent);
        }
        self.hand.act()
    }
}

/// Undoes a step from its intent: the inverse of its verb, on the very thing it touched.
pub fn undo(intent: &Intent, own: &OwnDirectories) -> Result<(), StepError> {
    match (intent.verb, intent.before) {
        (Verb::FileRestore, Before::FileMode { mode, device, inode }) => {
            let hand = file_restore::Hand::open(path_of(&intent.target, own)?, mode)?;
            hand.is_inode(device, inode)?;
            hand.act()
        }
        (verb @ (Verb::SysctlSet | Verb::UnitRestart), Before::FileMode { .. }) => {
            Err(StepError::NoHands(verb))
        }
    }
}

fn path_of(value: &ParameterValue, own: &OwnDirectories) -> Result<PathBuf, StepError> {
    match value {
        ParameterValue::OwnDirectory(OwnDirectory::Evidence) => Ok(own.evidence.clone()),
        ParameterValue::OwnDirectory(OwnDirectory::ExecutorKeys) => Ok(own.executor_keys.clone()),
        ParameterValue::OwnDirectory(OwnDirectory::AgentKeys) => Ok(own.agent_keys.clone()),
        ParameterValue::Path(path) => Ok(PathBuf::from(path.as_str())),
        ParameterValue::SysctlKey(_)
        | ParameterValue::Unit(_)
        | ParameterValue::FileMode(_)
        | ParameterValue::Number(_) => Err(StepError::NoParameter),
    }
}
