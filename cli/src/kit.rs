//! `suture kit`: a period of a tenant's evidence as one zip. And `suture sheet`: what is pinned on paper to check it by.
//!
//! The hub makes the kit and says what the zip must come to; the file gets its name only once exactly those bytes are on the disk.

mod sheet;
mod told;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use contract::exception::Person;
use contract::ids::TenantId;
use contract::kit::{KitLogView, KitRequest, KitView};

use crate::exit::Failure;
use crate::operator::Operator;
use crate::save::{self, Expected, Saved};
use crate::say::{Tone, Voice};
use told::Instant;

pub(crate) use told::Where;

pub(crate) use sheet::{Sheet, run as sheet};

const EXIT_STATUS: &str = "\
Exit status:
   0  the kit is there, or would be (--dry-run)
   1  what came is not what the hub exported; nothing was kept
   2  the command line cannot be used, or the period is too long for one kit
  66  there is no such tenant, or no evidence of that period
  69  the hub cannot be reached, or failed
  73  a file cannot be used, or another file has that name

The same person asking for the same period again gets the same export, byte for byte, unless more of the period has arrived since.";

/// What it is told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Kit {
    /// Whose evidence.
    #[arg(long)]
    tenant: TenantId,
    /// From when: a day (UTC) like 2026-10-01, or an instant like 2026-10-01T06:00:00.000Z.
    #[arg(long)]
    from: Instant,
    /// Up to when, not included: --to 2026-11-01 ends with the last of October.
    #[arg(long)]
    to: Instant,
    /// Who exports it: stands in the kit and in the history of exports. The login name, if not given.
    #[arg(long, value_parser = person)]
    by: Option<Person>,
    /// Where to write the zip; kit-<tenant>-<from>-<to>.zip if not given.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    hub: Where,
    /// Say what the kit would be; keep and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn person(text: &str) -> Result<Person, String> {
    Person::try_from(text.to_owned()).map_err(|e| e.to_string())
}

/// Exports, and writes the zip.
pub(crate) fn run(told: &Kit) -> Result<(), Failure> {
    let by = match &told.by {
        Some(by) => by.clone(),
        None => told::login_name()?,
    };
    let operator = told.hub.operator()?;
    if std::io::stderr().is_terminal() {
        eprintln!("the hub goes through every log of {}: that takes as long as they are", told.tenant);
    }
    let request = KitRequest { from: told.from.time(), to: told.to.time(), by, dry_run: told.dry_run };
    let kit = operator.kit(&told.tenant, &request)?;
    let saved = match &kit.id {
        Some(id) => Some(save(&operator, told, &kit, id)?),
        None => None,
    };
    let voice = Voice::for_stdout();
    if told.json {
        let out = saved.as_ref().map(|s| s.path.display().to_string());
        voice.line(&serde_json::json!({ "kit": kit, "out": out }).to_string());
    } else {
        say(voice, &kit, saved.as_ref());
    }
    Ok(())
}

fn save(operator: &Operator, told: &Kit, kit: &KitView, id: &str) -> Result<Saved, Failure> {
    let name = || PathBuf::from(format!("kit-{}-{}-{}.zip", told.tenant, told.from.short(), told.to.short()));
    let path = told.out.clone().unwrap_or_else(name);
    let expected = Expected { bytes: kit.bytes, digest: kit.digest };
    save::save(&path, expected, || operator.kit_zip(&told.tenant, id))
}

fn say(voice: Voice, kit: &KitView, saved: Option<&Saved>) {
    let KitView { id, tenant, from, to, by, time, again, bytes, digest, logs } = kit;
    voice.heading(&format!("Evidence of {tenant}, {from} up to {to}"));
    match (id, again) {
        (None, _) => voice.line("  nothing was exported: this is what the kit would be"),
        (Some(id), false) => voice.line(&format!("  export {id}, by {by}, {time}")),
        (Some(id), true) => {
            voice.line(&format!("  export {id}, by {by}, {time}: made before, and the same bytes"));
        }
    }
    for log in logs {
        voice.line(&one_line(voice, log));
    }
    voice.line(&format!("  {bytes} bytes, {digest}"));
    let Some(Saved { path, fresh }) = saved else { return };
    let what = if *fresh { "written to" } else { "already there, with exactly these bytes:" };
    voice.line(&format!("  {what} {}", voice.tone(Tone::Strong, &path.display().to_string())));
    voice.line(&format!(
        "\nCheck it offline: suture-verify {} --key <the machine's key, from its installation sheet: see `suture sheet`>",
        path.display()
    ));
}

fn one_line(voice: Voice, log: &KitLogView) -> String {
    let KitLogView { host, site, size, first, end, records } = log;
    let records = match records {
        0 => voice.tone(Tone::Unsure, "no record of the period"),
        _ => format!("{records} records of the period"),
    };
    format!("  host {host} at {site}: {records}; entries {first} to {} of {size}", end - 1)
}
