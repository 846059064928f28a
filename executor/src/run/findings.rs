//! Taking findings over from the agent: as its word, and no further than that.
//!
//! A finding that contradicts the signed baseline is not taken. A pass that follows a recorded fail would close an incident, so it is measured
//! here: incidents close on what the executor saw itself.

use contract::finding::{Finding, Verdict};
use contract::record::Trigger;
use evidence::AppendError;
use thiserror::Error;

use super::Runner;
use crate::machine::GivenUp;
use crate::measure::Measured;

/// Why findings were not taken.
#[derive(Debug, Error)]
pub enum FindingsError {
    /// The baseline has no such control.
    #[error("{0}: the signed baseline has no such control")]
    UnknownControl(String),
    /// The control looks at another fact.
    #[error("{control}: the baseline looks at {observe} and not at {fact}")]
    OtherFact {
        /// The control.
        control: String,
        /// What it looks at.
        observe: String,
        /// What the finding looked at.
        fact: String,
    },
    /// The value does not amount to the verdict.
    #[error("{0}: the value and the verdict contradict each other")]
    Contradiction(String),
    /// The log cannot be written.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log is being put back.
    #[error(transparent)]
    GivenUp(#[from] GivenUp),
}

impl Runner {
    /// Writes findings down. Returns the log's size.
    pub fn findings(&self, trigger: Trigger, mut findings: Vec<Finding>) -> Result<u64, FindingsError> {
        for finding in &mut findings {
            self.check(finding)?;
        }
        let stamp = self.machine.stamp();
        self.machine.with_log(|recorder| recorder.findings(stamp, trigger, &findings))??;
        self.note_health(trigger, &findings)?;
        Ok(self.machine.with_log(|recorder| recorder.size())?)
    }

    fn check(&self, finding: &mut Finding) -> Result<(), FindingsError> {
        let id = finding.control.to_string();
        let site = self.site();
        let control = site
            .baseline
            .control(&finding.control)
            .ok_or_else(|| FindingsError::UnknownControl(id.clone()))?;
        if finding.fact != control.observe {
            let (observe, fact) = (control.observe.to_string(), finding.fact.to_string());
            return Err(FindingsError::OtherFact { control: id, observe, fact });
        }
        let judged = |seen: &contract::fact::FactValue| control.judge(&Ok(seen.clone()), site.users);
        let consistent = match &finding.verdict {
            Verdict::Pass(seen) => matches!(judged(seen), Verdict::Pass(_)),
            Verdict::Fail(seen) | Verdict::Excepted(seen) => matches!(judged(seen), Verdict::Fail(_)),
            Verdict::NotAssessed(_) => true,
        };
        if !consistent {
            return Err(FindingsError::Contradiction(id));
        }
        if matches!(finding.verdict, Verdict::Pass(_))
            && self.machine.with_ledger(|l| l.fails(&finding.control))?
        {
            finding.verdict = match self.machine.meter.measure(control) {
                Measured::Passes(seen) => Verdict::Pass(seen),
                Measured::Fails(failing) => Verdict::Fail(failing.seen().clone()),
                Measured::NotMeasured(absence) => Verdict::NotAssessed(absence),
            };
        }
        Ok(())
    }
}
