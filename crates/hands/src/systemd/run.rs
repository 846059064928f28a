//! Units that do one piece of work and end: run, waited for, and believed only if they really ran.

use std::time::{Duration, Instant};

use super::unit::LOOK;
use super::{Job, State, Unit};
use crate::error::HandError;
use crate::place::Place;

/// How long a unit may take to stop that is not wanted any longer, before it is left to systemd.
const STOPPING: Duration = Duration::from_secs(5);

impl Unit {
    /// Whether its work is being done at this moment, by somebody else's will.
    pub(crate) fn is_at_work(&self) -> Result<bool, HandError> {
        Ok(match self.state()? {
            State::Inactive | State::Failed => false,
            State::Active => self.sub_state()? != "exited",
            State::Reloading | State::Activating | State::Deactivating => true,
        })
    }

    /// Runs it once, to its end. It must be another run than the last, and a good one. Whoever interrupts this, or its deadline, stops the unit.
    pub(crate) fn run_to_its_end(&self, place: &Place<'_>) -> Result<(), HandError> {
        const RUN: &str = "run it";
        if self.is_at_work()? {
            return Err(self.said(RUN, "it runs already".to_owned()));
        }
        let last = self.invocation()?;
        // One that remains "active" after its last run does nothing when it is started: it has to be restarted.
        let job = if self.state()?.runs() { Job::Restart } else { Job::Start };
        if let Err(why) = self.job(job, place).and_then(|()| self.await_its_end(place)) {
            if matches!(why, HandError::Interrupted | HandError::TooLate) {
                self.stop_it();
            }
            return Err(why);
        }
        if self.invocation()? == last {
            return Err(self.said(RUN, "it did not run: a condition of its is not met".to_owned()));
        }
        let result: String = self.of_kind("Result")?;
        let status: i32 = self.of_kind("ExecMainStatus")?;
        if result != "success" || status != 0 {
            return Err(self.said(RUN, format!("it ended as {result:?}, with status {status}")));
        }
        Ok(())
    }

    /// A oneshot's job ends with its work; another unit's when its work begins.
    fn await_its_end(&self, place: &Place<'_>) -> Result<(), HandError> {
        while self.is_at_work()? {
            place.go_on()?;
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// The time is over: what can be said of this goes to the trace, since the caller has a better reason to give.
    fn stop_it(&self) {
        let asked = self.request(Job::Stop);
        let begun = Instant::now();
        while !self.state().is_ok_and(State::is_down) && begun.elapsed() < STOPPING {
            std::thread::sleep(LOOK);
        }
        tracing::info!(unit = %self.name, ?asked, now = ?self.state(), "stopped: its time was over");
    }
}
