//! What the planner would have done about every other finding: said, and not done.

use std::time::{Duration, Instant};

use contract::ids::TenantId;
use contract::outcome::Outcome;
use contract::plane::{IncidentState, IncidentView};

use super::processes::Processes;
use super::words;
use crate::exit::{Failure, Status};
use crate::operator::Operator;
use crate::say::{Tone, Voice};

/// How long the hub and the executor may take over all findings of a scan.
const SETTLE_MAX: Duration = Duration::from_secs(60);

/// Waits until as many incidents as there are failing controls have their answer, and lists them.
pub(crate) fn show(
    voice: Voice,
    processes: &mut Processes,
    operator: &Operator,
    tenant: &TenantId,
    failing: u32,
) -> Result<(), Failure> {
    let began = Instant::now();
    loop {
        let open: Vec<IncidentView> =
            operator.incidents(tenant)?.into_iter().filter(|i| !i.state.is_over()).collect();
        let settled = open.iter().filter(|i| is_settled(&i.state)).count();
        if settled == open.len() && open.len() >= failing as usize {
            list(voice, &open);
            return Ok(());
        }
        if began.elapsed() > SETTLE_MAX {
            let words = format!(
                "of {failing} failing controls only {settled} were answered within {} s",
                SETTLE_MAX.as_secs()
            );
            return Err(Failure::new(Status::NotProven, words));
        }
        processes.next()?;
    }
}

fn is_settled(state: &IncidentState) -> bool {
    match state {
        IncidentState::Escalated
        | IncidentState::Open { .. }
        | IncidentState::Closed { .. }
        | IncidentState::LookedAfter(_) => true,
        IncidentState::Drifted | IncidentState::Ordered(_) => false,
    }
}

fn list(voice: Voice, open: &[IncidentView]) {
    for incident in open {
        let end = match &incident.state {
            IncidentState::Open { outcome: Outcome::Observed, record } => {
                voice.tone(Tone::Quiet, &format!("observed only, says record {record}"))
            }
            IncidentState::Open { outcome, record } => format!("{outcome}, says record {record}"),
            IncidentState::Escalated => voice.tone(Tone::Quiet, "nothing ordered"),
            IncidentState::Closed { .. }
            | IncidentState::LookedAfter(_)
            | IncidentState::Drifted
            | IncidentState::Ordered(_) => String::new(),
        };
        voice.line(&format!("  {:<29} {:<34} {end}", words::what(&incident.what), words::choice(incident)));
    }
    if open.is_empty() {
        voice.line("  nothing fails");
    }
}
