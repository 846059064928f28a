//! The executor's own measurement of a control: the agent's word is never taken for it.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract::allowlist::Allowlist;
use contract::baseline::{Control, Users};
use contract::fact::{Absence, FactId, FactSet, FactValue, Observation};
use contract::finding::Verdict;
use contract::time::{ClockOffset, MonoNs};
use facts::Reader;

/// Proof that the executor itself saw the control fail. Its only constructor is [`Meter::measure`].
#[derive(Debug)]
pub struct FailingCheck {
    seen: FactValue,
}

impl FailingCheck {
    /// What was seen.
    pub const fn seen(&self) -> &FactValue {
        &self.seen
    }
}

/// What a measurement came to.
#[derive(Debug)]
pub enum Measured {
    /// The control fails.
    Fails(FailingCheck),
    /// The control passes.
    Passes(FactValue),
    /// The control could not be measured.
    NotMeasured(Absence),
}

/// How long a reading of the clock's discipline is good for: asking may start a program, and every record says how good the clock is.
const CLOCK_FRESH_MS: u64 = 60_000;

/// Measures controls on this machine.
#[derive(Debug)]
pub struct Meter {
    reader: RwLock<Arc<Reader>>,
    alone: Mutex<()>,
    users: Users,
    clock: Mutex<Option<(MonoNs, ClockOffset)>>,
    /// What tests say of the clock; nothing in what is shipped can.
    #[cfg(test)]
    pub(crate) discipline: Option<ClockOffset>,
}

impl Meter {
    /// One that reads through `reader`.
    pub fn new(reader: Reader, users: Users) -> Self {
        Self {
            reader: RwLock::new(Arc::new(reader)),
            alone: Mutex::new(()),
            users,
            clock: Mutex::new(None),
            #[cfg(test)]
            discipline: None,
        }
    }

    /// From the next look on the host may have what `allowed` says.
    pub fn allow(&self, allowed: Result<Allowlist, Absence>) {
        let other = Arc::new(self.reader().allowing(allowed));
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = other;
    }

    fn reader(&self) -> Arc<Reader> {
        Arc::clone(&self.reader.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the control's fact, now.
    pub fn measure(&self, control: &Control) -> Measured {
        // One at a time: a source that is being read is not asked a second time, and would count as absent.
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        self.judge(control, &self.reader().read(&control.observe))
    }

    fn judge(&self, control: &Control, seen: &Observation) -> Measured {
        match control.judge(seen, self.users) {
            Verdict::Pass(seen) => Measured::Passes(seen),
            // No exception reaches this measurement: a fail is a fail.
            Verdict::Fail(seen) | Verdict::Excepted(seen) => Measured::Fails(FailingCheck { seen }),
            Verdict::NotAssessed(absence) => Measured::NotMeasured(absence),
        }
    }

    /// Looks at the facts of all these controls at once: what several share is read once.
    pub fn measure_all(&self, controls: &[Control]) -> Vec<Measured> {
        let facts: Vec<FactId> = controls.iter().map(|control| control.observe.clone()).collect();
        let seen = self.probe(&facts);
        controls.iter().map(|control| self.judge(control, &seen.observation(&control.observe))).collect()
    }

    /// Looks at these facts for the agent, which may not look itself.
    pub fn probe(&self, facts: &[FactId]) -> FactSet {
        let _alone = self.alone.lock().unwrap_or_else(PoisonError::into_inner);
        self.reader().read_all(facts, |_, _| ())
    }

    /// How far this machine's clock can be trusted, as it was at most a minute before `now`.
    pub fn clock(&self, now: MonoNs) -> ClockOffset {
        #[cfg(test)]
        if let Some(discipline) = self.discipline {
            return discipline;
        }
        let mut kept = self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        match *kept {
            Some((read, offset)) if now.ms_since(read) < CLOCK_FRESH_MS => offset,
            Some(_) | None => {
                let offset = self.read_clock();
                *kept = Some((now, offset));
                offset
            }
        }
    }

    fn read_clock(&self) -> ClockOffset {
        let Ok(fact) = "time:synchronised".parse() else { return ClockOffset::Unknown };
        match self.reader().read(&fact) {
            Ok(FactValue::Flag(true)) => self.clock_error(),
            Ok(FactValue::Flag(false)) => ClockOffset::Unsynchronised,
            Ok(_) | Err(_) => ClockOffset::Unknown,
        }
    }

    fn clock_error(&self) -> ClockOffset {
        let Ok(fact) = "time:error_ms_max".parse() else { return ClockOffset::Unknown };
        match self.reader().read(&fact) {
            Ok(FactValue::Number(ms)) => {
                u32::try_from(ms).map_or(ClockOffset::Unknown, ClockOffset::SynchronisedWithinMs)
            }
            Ok(_) | Err(_) => ClockOffset::Unknown,
        }
    }
}
