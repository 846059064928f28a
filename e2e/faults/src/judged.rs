//! Whether a case is as it has to be: by its end, by the machine itself, and by its evidence.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use contract::event::Event;
use contract::ids::OrderId;
use contract::plane::IncidentView;
use contract::record::Record;

use crate::Result;
use crate::catalogue::{Ends, Fault};
use crate::end::word;
use crate::runs::{Stage, cut_a_record_off, names, waited};
use crate::site::Site;

/// What is held against it so far.
pub(crate) struct Judged {
    /// Why it is not as it has to be.
    pub(crate) failed: Option<String>,
    /// A repair that waited was followed until it had healed.
    pub(crate) is_followed: bool,
    /// It is said to be healed, and is not.
    pub(crate) unverified: bool,
}

impl Judged {
    /// After it was waited for.
    pub(crate) const fn new(failed: Option<String>) -> Self {
        Self { failed, is_followed: false, unverified: false }
    }

    /// Where it is not as it has to be, the refusals may say why.
    pub(crate) fn say_refusals(&mut self, events: &[(f64, Event)]) {
        let Some(stands) = &mut self.failed else { return };
        for (_, event) in events {
            if let Event::Refused { refusal, .. } = event {
                let _ = write!(stands, "; refused: {refusal:?}");
            }
        }
    }

    /// Looks at the machine without Suture.
    pub(crate) fn prove(&mut self, site: &mut Site, fault: &Fault) -> Result<()> {
        if let (None, Some(proof)) = (&self.failed, &fault.proof) {
            let ran = site.machine.sh(proof)?;
            if !ran.is_good() {
                self.unverified = fault.ends == Ends::Healed || self.is_followed;
                self.failed = Some(format!("it came to its end, and the proof says: {}{}", ran.out, ran.err));
            }
        }
        Ok(())
    }

    /// As what it ended.
    pub(crate) fn ended(&self, fault: &Fault, incident: Option<&IncidentView>) -> String {
        match incident {
            None => "not noticed".to_owned(),
            Some(_) if self.is_followed => "deferred, then healed".to_owned(),
            Some(_) if self.failed.is_none() && fault.ends == Ends::Deferred => "deferred".to_owned(),
            Some(incident) => word(incident),
        }
    }
}

/// What an evidence that is intact holds against it.
pub(crate) fn against(
    fault: &Fault,
    healing: &BTreeSet<OrderId>,
    was_cut_in: Option<Stage>,
    records: &[Record],
    held: u64,
) -> Option<String> {
    if (fault.ends == Ends::Healed || fault.later.is_some()) && healing.is_empty() {
        return Some("it is whole, and no right runbook healed all of it".to_owned());
    }
    if fault.later.is_some() && !waited(healing, records) {
        return Some("it is healed, and had not waited".to_owned());
    }
    if fault.torn_record && !cut_a_record_off(held, records) {
        return Some("no record was cut off".to_owned());
    }
    if let Some(culprit) = fault.culprit.as_ref().filter(|culprit| !names(culprit, held, records)) {
        return Some(format!("{culprit} sets it back, and is not named"));
    }
    let is_cut_right =
        fault.power_cut.is_empty() || was_cut_in.is_some_and(|stage| fault.power_cut.contains(&stage));
    (!is_cut_right).then(|| format!("the power was cut elsewhere: {was_cut_in:?}"))
}
