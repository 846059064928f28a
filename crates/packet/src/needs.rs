//! What a person has to see to: what fails, what failed when it was seen last, what was handed over, and what detectors noticed.

use contract::baseline::Severity;
use contract::ids::{ControlId, DetectorId, HostId, OrderId, RunbookId};
use contract::score::Counted;
use contract::signal::SignalKind;
use serde::{Deserialize, Serialize};

use crate::claim::Cite;
use crate::incidents::Repair;
use crate::signals::Noticed;
use crate::standing::{Seen, Standing, folded};

/// One thing that a person has to see to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Need {
    /// A control fails.
    Fails {
        /// Which.
        control: ControlId,
        /// On which machines.
        hosts: Vec<HostId>,
        /// The records of the last looks.
        records: Vec<Cite>,
    },
    /// A control failed when it was seen last, and nobody has seen it since: looking away mends nothing.
    FailedLast {
        /// Which.
        control: ControlId,
        /// On which machines.
        hosts: Vec<HostId>,
        /// The records of the last looks.
        records: Vec<Cite>,
    },
    /// A repair was handed to a person, and has not ended.
    HandedOver {
        /// The machine.
        host: HostId,
        /// Its order.
        order: OrderId,
        /// By which runbook.
        runbook: RunbookId,
        /// The records of it.
        records: Vec<Cite>,
    },
    /// A detector fired for something that matters much.
    Noticed {
        /// Which.
        detector: DetectorId,
        /// What it looks for.
        kind: SignalKind,
        /// How often it fired.
        times: u32,
        /// On which machines.
        hosts: Vec<HostId>,
        /// The records that say so.
        records: Vec<Cite>,
    },
}

/// All of them: what fails first, what matters most first.
pub(crate) fn needs(controls: &[Standing], repairs: &[Repair], noticed: &[Noticed]) -> Vec<Need> {
    let mut by_severity: Vec<&Standing> = controls.iter().collect();
    by_severity.sort_by_key(|standing| std::cmp::Reverse(standing.severity));
    let fails = by_severity.iter().filter_map(|standing| {
        let (hosts, records) = of(standing, Counted::Fails)?;
        Some(Need::Fails { control: standing.control.clone(), hosts, records })
    });
    let failed_last = by_severity.iter().filter_map(|standing| {
        let (hosts, records) = of(standing, Counted::UnknownUnmet)?;
        Some(Need::FailedLast { control: standing.control.clone(), hosts, records })
    });
    let handed_over = repairs.iter().filter(|repair| repair.handed_over.is_some() && repair.end.is_none());
    let handed_over = handed_over.map(|repair| Need::HandedOver {
        host: repair.host.clone(),
        order: repair.order.clone(),
        runbook: repair.runbook.clone(),
        records: folded(repair.cites()),
    });
    let grave = noticed.iter().filter(|one| one.severity == Severity::Critical).map(|one| Need::Noticed {
        detector: one.detector.clone(),
        kind: one.kind,
        times: one.times,
        hosts: one.hosts.clone(),
        records: one.records.clone(),
    });
    fails.chain(failed_last).chain(handed_over).chain(grave).collect()
}

/// The machines on which a control counts so, with the records of the last looks; none where it does on none.
fn of(standing: &Standing, state: Counted) -> Option<(Vec<HostId>, Vec<Cite>)> {
    let seen: Vec<&Seen> = standing.machines_that(state).collect();
    let records = folded(seen.iter().filter_map(|seen| seen.cite()).collect());
    (!seen.is_empty()).then(|| (seen.iter().map(|seen| seen.host.clone()).collect(), records))
}
