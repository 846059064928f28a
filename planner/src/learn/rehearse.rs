//! What another table would have done with what was: asked before anybody is asked to approve it.

use contract::decision::Choice;
use contract::ids::RunbookId;
use contract::incident::What;
use contract::runbook::TargetOs;
use serde::{Deserialize, Serialize};

use crate::decide::{Knowledge, plan};

/// An incident that was decided and is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Past {
    /// What was found.
    pub what: What,
    /// The machine's system.
    pub os: TargetOs,
    /// What was decided.
    pub choice: Choice,
    /// The runbook that healed it; none where a person did or nothing.
    pub healed_by: Option<RunbookId>,
}

/// What another table would have done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rehearsal {
    /// So many incidents were asked about.
    pub asked: u32,
    /// It would have decided so many of them otherwise than the table in force.
    pub changed: u32,
    /// Of these it would have ordered what was chosen then, by whomever;
    pub as_then: u32,
    /// another runbook than the one that healed them;
    pub healed_by_others: u32,
    /// or nothing, and would have asked.
    pub left_to_people: u32,
}

/// Asks both tables about all that was. `changed` differs from `now` in its rules alone.
pub fn rehearse(history: &[Past], now: &Knowledge<'_>, changed: &Knowledge<'_>) -> Rehearsal {
    let mut rehearsal = Rehearsal::default();
    for past in history {
        rehearsal.asked = rehearsal.asked.saturating_add(1);
        let choice = plan(&past.what, Some(past.os), changed).choice;
        if choice == plan(&past.what, Some(past.os), now).choice {
            continue;
        }
        rehearsal.changed += 1;
        rehearsal.as_then += u32::from(choice == past.choice);
        match &choice {
            Choice::Run(runbook) => {
                let other = past.healed_by.as_ref().is_some_and(|healer| healer != runbook);
                rehearsal.healed_by_others += u32::from(other);
            }
            Choice::Escalate(_) => rehearsal.left_to_people += 1,
        }
    }
    rehearsal
}
