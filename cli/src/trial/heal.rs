//! One real drift, end to end: loosened here, repaired by the loop, timed leg by leg.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use contract::event::{Event, Traced};
use contract::ids::{ControlId, IncidentId, OrderId};
use contract::incident::What;
use contract::outcome::Outcome;
use contract::plane::IncidentState;
use contract::record::{Body, Record};
use contract::time::MonoNs;

use super::bundle;
use super::layout::Layout;
use super::processes::Processes;
use super::setup::SetUp;
use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};

/// The control that is made to fail.
pub(crate) const CONTROL: &str = "suture.evidence-directory";
/// How long the loop may take, restarts included.
const LOOP_MAX: Duration = Duration::from_secs(60);

/// The legs, in the order in which the loop goes round.
const LEGS: [&str; 10] = [
    "found",
    "incident kept",
    "on the queue",
    "planned",
    "order signed",
    "guardrails passed",
    "repaired",
    "same check passes",
    "recorded",
    "receipt kept",
];

/// When each leg was reached, as far as it was seen.
#[derive(Default)]
struct Legs {
    at: [Option<MonoNs>; LEGS.len()],
    incident: Option<IncidentId>,
    order: Option<OrderId>,
    record: Option<u64>,
    receipt: u64,
    /// Why earlier orders were not carried out; the hub plans again.
    refused: Vec<String>,
}

/// Loosens, watches, and checks the end with the hub and with its own eyes.
pub(crate) fn show(
    voice: Voice,
    layout: &Layout,
    processes: &mut Processes,
    set_up: &SetUp,
) -> Result<(), Failure> {
    let target = layout.evidence();
    let began = edge::clock::mono();
    let before = last_closing_record(set_up)?;
    set_mode(&target, 0o755)?;
    voice.line(&format!(
        "  loosened  {} to 0755: anyone on this machine could read the evidence",
        target.display()
    ));
    let mut legs = Legs::default();
    let deadline = Instant::now() + LOOP_MAX;
    loop {
        if let Some(traced) = processes.next()? {
            legs.note(&traced);
        }
        if let Some(record) = closed_since(set_up, before)?
            && legs.receipted(record)
            && let Some(record) = bundle::record(&layout.evidence(), record)
        {
            healed(&record)?;
            legs.record = Some(record.seq);
            break;
        }
        if Instant::now() > deadline {
            legs.print(voice, began);
            return Err(Failure::new(
                Status::NotProven,
                format!("the loop did not close within {} s", LOOP_MAX.as_secs()),
            ));
        }
    }
    legs.print(voice, began);
    let mode = mode_of(&target)?;
    if mode != 0o700 {
        return Err(Failure::new(
            Status::NotProven,
            format!("{}: its mode is {mode:04o}, not 0700", target.display()),
        ));
    }
    let healed = legs.at[8].map_or(String::new(), |at| format!(" {} ms after the drift", at.ms_since(began)));
    let record = legs.record.unwrap_or_default();
    voice.line(&voice.tone(
        Tone::Good,
        &format!("  healed{healed}; the mode is 0700 again; incident closed by record {record}"),
    ));
    Ok(())
}

/// The incident may have been closed by whatever was seen. Only the end of a run that healed our control counts here.
fn healed(record: &Record) -> Result<(), Failure> {
    match &record.body {
        Body::Ended(Outcome::Healed, ended) if ended.control.as_str() == CONTROL => Ok(()),
        _ => {
            let words = format!(
                "the incident was closed by record {}, which is not the end of a run that healed it",
                record.seq
            );
            Err(Failure::new(Status::NotProven, words))
        }
    }
}

/// The last record that closed an incident of our control.
fn last_closing_record(set_up: &SetUp) -> Result<Option<u64>, Failure> {
    let control = |what: &What| matches!(what, What::Drift { control, .. } if control.as_str() == CONTROL);
    let incidents = set_up.operator.incidents(&set_up.tenant)?;
    let records = incidents.iter().filter(|i| control(&i.what)).filter_map(|i| match i.state {
        IncidentState::Closed { record } => Some(record),
        _ => None,
    });
    Ok(records.max())
}

fn closed_since(set_up: &SetUp, before: Option<u64>) -> Result<Option<u64>, Failure> {
    let now = last_closing_record(set_up)?;
    Ok(if now > before { now } else { None })
}

impl Legs {
    /// Notes an event that belongs to our drift. Only the first of its kind counts.
    fn note(&mut self, traced: &Traced) {
        let ours = |c: &ControlId| c.as_str() == CONTROL;
        let leg = match &traced.event {
            Event::Drifted { control } if ours(control) => 0,
            Event::IncidentKept { incident, control: Some(control) } if ours(control) => {
                self.incident.get_or_insert_with(|| incident.clone());
                1
            }
            Event::Queued { incident } if self.is_incident(incident) => {
                // Planned again: the legs from here on are the later order's.
                self.at[2..].fill(None);
                self.order = None;
                2
            }
            Event::Refused { order: Some(order), refusal } if self.is_order(order) => {
                self.refused.push(refusal.to_string());
                return;
            }
            Event::Decided { incident, .. } if self.is_incident(incident) => 3,
            Event::Ordered { incident, order } if self.is_incident(incident) => {
                self.order.get_or_insert_with(|| order.clone());
                4
            }
            Event::Permitted { order } if self.is_order(order) => 5,
            Event::Acted { order } if self.is_order(order) => 6,
            Event::Verified { order, passes: true } if self.is_order(order) => 7,
            Event::Ended { order, seq, outcome: Outcome::Healed } if self.is_order(order) => {
                self.record = Some(*seq);
                8
            }
            // A receipt for more than our record has it covered.
            Event::Receipted { size } => {
                self.receipt = self.receipt.max(*size);
                match self.record {
                    Some(record) if *size > record => 9,
                    _ => return,
                }
            }
            _ => return,
        };
        self.at[leg].get_or_insert(traced.at);
    }
}

impl Legs {
    fn is_incident(&self, incident: &IncidentId) -> bool {
        self.incident.as_ref() == Some(incident)
    }

    fn is_order(&self, order: &OrderId) -> bool {
        self.order.as_ref() == Some(order)
    }

    /// Whether the executor keeps a receipt that covers this record.
    fn receipted(&self, record: u64) -> bool {
        self.receipt > record
    }

    /// Each leg with the time since the one before it. A leg that a restart swallowed is said to be so.
    fn print(&self, voice: Voice, began: MonoNs) {
        for refusal in &self.refused {
            voice.line(&format!("  an order was not carried out ({refusal}), and planned again"));
        }
        let mut last = began;
        for (name, at) in LEGS.iter().zip(self.at) {
            let time = match at {
                Some(at) => {
                    let leg = format!("{:>6.1} ms", ms(last, at));
                    last = at;
                    format!(
                        "{leg}  {}",
                        voice.tone(Tone::Quiet, &format!("{:>7.1} ms since the drift", ms(began, at)))
                    )
                }
                None => "     not seen".to_owned(),
            };
            voice.line(&format!("  {name:<18} {time}"));
        }
    }
}

/// Milliseconds with a fraction, for people.
#[expect(clippy::cast_precision_loss, reason = "a display of milliseconds")]
fn ms(from: MonoNs, to: MonoNs) -> f64 {
    to.0.saturating_sub(from.0) as f64 / 1e6
}

fn set_mode(path: &Path, mode: u32) -> Result<(), Failure> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|e| Failure::new(Status::CannotCreate, format!("{}: cannot loosen it: {e}", path.display())))
}

fn mode_of(path: &Path) -> Result<u32, Failure> {
    let metadata = fs::metadata(path);
    metadata.map(|m| m.permissions().mode() & 0o7777).map_err(|e| {
        Failure::new(Status::CannotCreate, format!("{}: cannot look at it: {e}", path.display()))
    })
}
