//! Which NixOS generation was healthy: the one to go back to, and the one that no garbage collection may take.
//!
//! The agent's word only says when it is worth looking. What is written down is what the executor measured itself: a hostile agent that calls a
//! broken generation healthy has it measured, and no more.

use contract::fact::Absence;
use contract::finding::{Finding, Verdict};
use contract::record::{Body, GenerationHealthy, Trigger};
use hands::Generation;

use super::{FindingsError, Runner};
use crate::measure::Measured;

impl Runner {
    /// Notes the generation that runs, where a whole scan found nothing wrong, the executor finds the same, and the log does not say so yet.
    pub(super) fn note_health(&self, trigger: Trigger, findings: &[Finding]) -> Result<(), FindingsError> {
        if trigger != Trigger::FullScan || !findings.iter().all(|finding| is_well(&finding.verdict)) {
            return Ok(());
        }
        let Some((running, healthy)) = self.running() else { return Ok(()) };
        // A run under way changes what is measured.
        let is_settled = |ledger: &crate::ledger::Ledger| {
            ledger.unfinished().next().is_none() && !ledger.healthy().any(|known| *known == healthy)
        };
        if !self.machine.with_ledger(is_settled)? || !self.all_pass() {
            return Ok(());
        }
        // A switch in the middle of it: what was measured is neither the one nor the other.
        if self.running().is_none_or(|(now, _)| now != running) {
            return Ok(());
        }
        self.machine.about_the_log(vec![Body::GenerationHealthy(healthy)])?;
        Ok(())
    }

    /// The generation that runs, as the hands and as records have it.
    fn running(&self) -> Option<(Generation, GenerationHealthy)> {
        let running = match hands::running_generation(&self.machine.nixos().root) {
            Ok(running) => running?,
            Err(e) => {
                tracing::warn!("which generation runs cannot be told: {}", crate::serve::chain(&e));
                return None;
            }
        };
        let closure = running.closure.to_str().and_then(|closure| closure.parse().ok());
        if closure.is_none() {
            tracing::warn!("{}: no record can name it", running.closure.display());
        }
        let healthy = GenerationHealthy { number: running.number, closure: closure? };
        Some((running, healthy))
    }

    fn all_pass(&self) -> bool {
        let measured = self.machine.meter.measure_all(self.site().baseline.controls());
        measured.iter().all(|measured| match measured {
            Measured::Passes(_) => true,
            Measured::Fails(_) => false,
            Measured::NotMeasured(absence) => does_not_count(*absence),
        })
    }
}

fn is_well(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Pass(_) => true,
        Verdict::NotAssessed(absence) => does_not_count(*absence),
        Verdict::Fail(_) | Verdict::Excepted(_) => false,
    }
}

/// What makes no sense on this machine, or was never declared to be looked at, is no part of its health. What could not be seen is no pass.
fn does_not_count(absence: Absence) -> bool {
    match absence {
        Absence::DoesNotApply | Absence::NotDeclared => true,
        Absence::NeedsRoot
        | Absence::NotInstalled
        | Absence::NotRunning
        | Absence::TimedOut
        | Absence::Unreadable
        | Absence::Malformed
        | Absence::Unsupported => false,
    }
}
