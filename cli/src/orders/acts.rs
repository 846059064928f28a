//! What people do about orders: fetch one to sign it, hand it in signed, decline it, order for themselves, break the glass, withhold standing orders.

use std::path::{Path, PathBuf};

use contract::blob::Blob;
use contract::decision::Because;
use contract::dsse::ENVELOPE_MAX_BYTES;
use contract::ids::{GrantId, HostId, IncidentId, OperatorId, OrderId, RunbookId, TenantId};
use contract::plane::{EnvelopeCarried, PersonOrder};
use edge::file;

use crate::exit::Failure;
use crate::operator::Operator;
use crate::say::{Tone, Voice};

/// What to do.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Act {
    /// Write the envelope of an order that waits into a file, to be signed with `suture approve`.
    Fetch {
        /// Which order.
        order: OrderId,
        /// Where to.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Hand in an order's envelope with one more signature. Its machine fetches it again.
    HandIn {
        /// Which order.
        order: OrderId,
        /// The signed envelope.
        #[arg(value_name = "FILE")]
        envelope: PathBuf,
    },
    /// Say no to an order that waits for people: it is taken back, and its incident waits for a person.
    Decline {
        /// Which order.
        order: OrderId,
        /// Why: not-now (a bad time), not-this (not the repair for what is wrong), by-hand (somebody repairs it).
        #[arg(long, value_parser = because)]
        because: Because,
    },
    /// Order a runbook for an incident, in a person's name. The machine's guardrails judge it like any other order.
    Place {
        /// Which machine.
        #[arg(long)]
        host: HostId,
        /// Which incident.
        #[arg(long)]
        incident: IncidentId,
        /// What is to run.
        #[arg(long)]
        runbook: RunbookId,
        /// Who says so.
        #[arg(long)]
        person: OperatorId,
        /// The break-glass grant that it is to make use of.
        #[arg(long, value_name = "GRANT")]
        break_glass: Option<GrantId>,
    },
    /// Carry a signed break-glass grant to a machine, which alone can judge it.
    BreakGlass {
        /// Which machine.
        #[arg(long)]
        host: HostId,
        /// The signed envelope.
        #[arg(value_name = "FILE")]
        envelope: PathBuf,
    },
    /// Withhold standing orders, or grant them again.
    Standing {
        /// From one machine only.
        #[arg(long)]
        host: Option<HostId>,
        /// Take back what was granted, and grant nothing until told otherwise.
        #[arg(long, conflicts_with = "grant", required_unless_present = "grant")]
        withhold: bool,
        /// Grant again.
        #[arg(long)]
        grant: bool,
    },
}

/// Does it.
pub(super) fn run(voice: Voice, operator: &Operator, tenant: &TenantId, act: &Act) -> Result<(), Failure> {
    let done = match act {
        Act::Fetch { order, out } => {
            file::write_durably(out, &operator.order(tenant, order)?.envelope.0)?;
            format!("order {order} is in {}", out.display())
        }
        Act::HandIn { order, envelope } => {
            operator.approve(tenant, order, &read(envelope)?)?;
            format!("order {order} is handed out again, with that signature")
        }
        Act::Decline { order, because } => {
            operator.decline(tenant, order, *because)?;
            format!("order {order} is taken back: {}; its incident waits for a person", because.words())
        }
        Act::Place { host, incident, runbook, person, break_glass } => {
            let chosen = PersonOrder {
                runbook: runbook.clone(),
                person: person.clone(),
                break_glass: break_glass.clone(),
            };
            let placed = operator.order_by_person(tenant, host, incident, &chosen)?;
            format!("order {} for {incident} on {host}: {runbook}", placed.order)
        }
        Act::BreakGlass { host, envelope } => {
            operator.break_glass(tenant, host, &read(envelope)?)?;
            format!("the grant is on its way to {host}; whether it was taken stands in the evidence")
        }
        Act::Standing { host, withhold, grant: _ } => {
            operator.withhold_standing(tenant, host.as_ref(), *withhold)?;
            let whom = host.as_ref().map_or_else(|| format!("all of {tenant}"), ToString::to_string);
            let what = if *withhold { "withheld from" } else { "no longer withheld from" };
            format!("standing orders are {what} {whom}")
        }
    };
    voice.line(&format!("  {}", voice.tone(Tone::Good, &done)));
    Ok(())
}

fn because(text: &str) -> Result<Because, String> {
    Because::ALL
        .into_iter()
        .find(|because| because.word() == text)
        .ok_or_else(|| format!("{text:?} is none of {}", Because::ALL.map(Because::word).join(", ")))
}

fn read(path: &Path) -> Result<EnvelopeCarried, Failure> {
    Ok(EnvelopeCarried { envelope: Blob(file::read(path, ENVELOPE_MAX_BYTES as u64)?) })
}
