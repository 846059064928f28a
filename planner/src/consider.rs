//! The decision with all that is around an incident: first whether it follows from something else, then what the rules say, and before a repair is ordered
//! or a model asked whether it has been repaired too often. What a site decides alone ([`crate::plan`]) is the rules' part of this, and the same.

use contract::decision::{Choice, Decision, Escalation, Provenance};
use contract::ids::{HostId, IncidentId, RunbookId};
use contract::incident::What;
use contract::runbook::TargetOs;
use contract::time::UtcTime;
use serde::{Deserialize, Serialize};

use crate::coalesce::{self, Around, HostLife, Root, Sibling};
use crate::decide::{Knowledge, ruled};
use crate::flap::{self, Episode, Scope};
use crate::why::Why;

/// An incident with all that is around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Its id.
    pub incident: IncidentId,
    /// On which machine.
    pub host: HostId,
    /// What was found.
    pub what: What,
    /// The machine's system, where it is known.
    pub os: Option<TargetOs>,
    /// When it was found.
    pub found: UtcTime,
    /// When this is decided.
    pub now: UtcTime,
    /// What is open at the site, itself or not.
    pub open: Vec<Sibling>,
    /// The site's machines.
    pub hosts: Vec<HostLife>,
    /// What was found there before, without this incident.
    pub past: Vec<Episode>,
}

/// What comes of a case, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Considered {
    /// What comes of it.
    pub verdict: Verdict,
    /// Why.
    pub why: Why,
}

/// What comes of a case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Verdict {
    /// It follows from something else: nothing is ordered and nobody is asked until that ends.
    Follow(Root),
    /// It is decided.
    Decided(Decision),
    /// No rule speaks of it: a model may be asked, and a person is where none is.
    Ask,
}

/// Whether the machine may run it at any hour.
fn runs_by_day(runbook: &RunbookId, knowledge: &Knowledge<'_>) -> bool {
    knowledge.catalogue.runbook(runbook).is_some_and(|listed| !listed.runbook.disruptive)
}

/// Decides `case`.
pub fn consider(case: &Case, knowledge: &Knowledge<'_>) -> Considered {
    let Case { incident, host, what, os, found, now: _, open, hosts, past } = case;
    let own = Sibling { host: host.clone(), incident: incident.clone(), found: *found, what: what.clone() };
    if let Some(root) = coalesce::root(&own, &Around { open, hosts }) {
        return Considered { verdict: Verdict::Follow(root.clone()), why: Why::Follows(Box::new(root)) };
    }
    let (decision, why) = ruled(what, *os, knowledge);
    // Only what would act again is held back: what goes to a person for another reason goes for that reason.
    let silent = matches!(why, Why::Silent { .. });
    let would_act = silent || matches!(decision.choice, Choice::Run(_));
    let subject = what.subject();
    let mut flaps = would_act.then(|| flap::flapping(&subject, host, *found, past)).flatten();
    // What may wait for days before its guardrail is asked is a person's at once.
    let is_asked_at_once = matches!(&decision.choice, Choice::Run(id) if runs_by_day(id, knowledge));
    let is_hosts = flaps.as_ref().is_some_and(|flapping| flapping.scope == Scope::Host);
    if is_hosts && is_asked_at_once && flap::is_the_machines(&subject, host, *found, past) {
        flaps = flap::over_site(&subject, host, *found, past);
    }
    if let Some(flapping) = flaps {
        let provenance = Provenance::Rules { table: knowledge.rules.digest(), rule: None };
        let decision = Decision { choice: Choice::Escalate(Escalation::Flapping), provenance };
        return Considered { verdict: Verdict::Decided(decision), why: Why::Flapping(Box::new(flapping)) };
    }
    let verdict = if silent { Verdict::Ask } else { Verdict::Decided(decision) };
    Considered { verdict, why }
}
