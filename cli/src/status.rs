//! `suture status`: what a running hub knows of one tenant: how its hosts fare, and its incidents.

mod hosts;

use std::path::PathBuf;

use contract::ids::TenantId;
use contract::plane::{IncidentState, IncidentView};

use crate::exit::Failure;
use crate::operator::Operator;
use crate::say::{Tone, Voice};
use crate::trial::words;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Status {
    /// The data directory of `suture try`.
    #[arg(long, default_value = "./suture-data")]
    dir: PathBuf,
    /// The hub's operator plane.
    #[arg(long, default_value = "127.0.0.1:6767")]
    operator: String,
    /// The tenant. Never guessed: what is shown is always one tenant's.
    #[arg(long, default_value = "local")]
    tenant: TenantId,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Shows it.
pub(crate) fn run(told: &Status) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let operator = Operator::new(&told.operator, &told.dir.join("operator.token"))?;
    let incidents = operator.incidents(&told.tenant)?;
    let hub = operator.status()?;
    if told.json {
        voice.line(
            &serde_json::json!({ "tenant": told.tenant, "hub": hub, "incidents": incidents }).to_string(),
        );
        return Ok(());
    }
    hosts::show(voice, &hub, &told.tenant)?;
    voice.heading(&format!("Tenant {}: {} incidents", told.tenant, incidents.len()));
    for incident in &incidents {
        voice.line(&one_line(voice, incident));
    }
    Ok(())
}

fn one_line(voice: Voice, incident: &IncidentView) -> String {
    let state = match &incident.state {
        IncidentState::Drifted => voice.tone(Tone::Unsure, "not planned yet"),
        IncidentState::Escalated => voice.tone(Tone::Unsure, "a person has to look"),
        IncidentState::Ordered(order) => voice.tone(Tone::Unsure, &format!("order {order} under way")),
        IncidentState::Open { outcome, record } => {
            voice.tone(Tone::Unsure, &format!("{outcome}, says record {record}"))
        }
        IncidentState::LookedAfter(person) => voice.tone(Tone::Good, &format!("{person} looked after it")),
        IncidentState::Closed { record } => voice.tone(Tone::Good, &format!("closed by record {record}")),
    };
    format!("{}  {:<34} {:<34} {state}", incident.found, words::what(&incident.what), words::choice(incident))
}
