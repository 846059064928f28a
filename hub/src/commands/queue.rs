//! `suture-hub queue`: the queue's accounts and streams on NATS servers.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use contract::ids::TenantId;
use hub::machine::provision::{ProvisionError, Tenant, Told, Wanted, provision, remove};
use queue::nats::Change;
use serde_json::json;

use super::{now, say};
use crate::{Exit, complain};

#[derive(Debug, Subcommand)]
pub(crate) enum Queue {
    /// Make accounts, streams and credentials for tenants, as far as they are missing; running servers are told
    Provision(Provision),
    /// Remove tenants' streams and accounts from the servers, with everything that waits there
    Deprovision(Deprovision),
}

#[derive(Debug, Args)]
struct Place {
    /// Where the servers are: a nats.yaml
    #[arg(long, value_name = "FILE")]
    nats: PathBuf,
    /// Where the operator's keys are, or are to be drawn; a hub that serves need not read them
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
    /// For this tenant; several times for several
    #[arg(long = "tenant", value_name = "TENANT")]
    tenants: Vec<TenantId>,
    /// Answer with one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Provision {
    #[command(flatten)]
    place: Place,
    /// Where each server is to keep the accounts that it is told of
    #[arg(long, value_name = "DIR", default_value = "/var/lib/nats/accounts")]
    accounts: PathBuf,
    /// Say what would be made, and make nothing
    #[arg(long)]
    dry_run: bool,
    /// Draw keys and write files, and connect to nothing: the first step, before the servers know the operator
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Deprovision {
    #[command(flatten)]
    place: Place,
    /// What waits there, is dead there or can be replayed there is lost
    #[arg(long, required = true)]
    lose_what_waits: bool,
}

pub(crate) async fn queue(queue: Queue) -> Exit {
    match queue {
        Queue::Provision(Provision { place, accounts, dry_run, offline }) => {
            let Place { nats, keys, tenants, json } = place;
            let wanted = Wanted { nats, keys, accounts, tenants, dry_run, offline };
            match provision(&wanted, now()).await {
                Ok(told) => say(json, &lines(&told), &told),
                Err(e) => failed(&e),
            }
        }
        Queue::Deprovision(Deprovision { place, lose_what_waits: _ }) => {
            let Place { nats, keys, tenants, json } = place;
            let accounts = PathBuf::new();
            let wanted = Wanted { nats, keys, accounts, tenants, dry_run: false, offline: false };
            match remove(&wanted, now()).await {
                Ok(()) => {
                    let names = wanted.tenants.iter().map(TenantId::as_str).collect::<Vec<_>>();
                    say(json, &format!("removed: {}", names.join(", ")), &json!({ "removed": names }))
                }
                Err(e) => failed(&e),
            }
        }
    }
}

const fn word(change: Change, dry_run: bool) -> &'static str {
    match (change, dry_run) {
        (Change::WasThere, _) => "was there",
        (Change::Made, false) => "made",
        (Change::Made, true) => "would be made",
        (Change::Changed, false) => "changed",
        (Change::Changed, true) => "would be changed",
    }
}

fn lines(told: &Told) -> String {
    let Told { operator, server_lines, tenants, dry_run } = told;
    let word = |change: Change| word(change, *dry_run);
    let first = format!("operator: {}; lines for each server: {}", word(*operator), server_lines.display());
    let mut lines = vec![first];
    for Tenant { servers, name, key, credentials } in tenants {
        let mut parts = vec![("key", word(*key)), ("credentials", word(*credentials))];
        match servers {
            Some(servers) => {
                parts.push(("account", word(servers.account)));
                parts.extend(servers.things.iter().map(|(thing, change)| (*thing, word(*change))));
            }
            None => parts.push(("servers", "not asked")),
        }
        let parts = parts.iter().map(|(what, how)| format!("{what} {how}")).collect::<Vec<_>>();
        lines.push(format!("{name}: {}", parts.join(", ")));
    }
    lines.join("\n")
}

fn failed(error: &ProvisionError) -> Exit {
    let exit = match error {
        ProvisionError::Settings(_) => Exit::BadInput,
        ProvisionError::File(_) => Exit::CannotCreate,
        ProvisionError::Nats(_) | ProvisionError::Unreached { .. } => Exit::Unavailable,
        ProvisionError::Unknown(_) => Exit::NothingThere,
    };
    complain(error, exit)
}
