//! `suture packet`: what a month of a tenant came to, made at the hub of verified evidence alone, and written here file by file.

mod bar;

use std::path::{Path, PathBuf};

use contract::exception::Prose;
use contract::ids::TenantId;
use contract::packet::{PacketFileView, PacketRequest, PacketTook, PacketView};

use crate::exit::{Failure, Status};
use crate::kit::Where;
use crate::operator::Operator;
use crate::save::{Expected, save};
use crate::say::{Tone, Voice};

const EXIT_STATUS: &str = "\
Exit status:
   0  the packet is there, or would be (--dry-run)
   1  what came is not what the hub said; that file was not kept
   2  the command line cannot be used, or the month is none
  66  there is no such tenant, no evidence of it, or the month is not over
  69  the hub cannot be reached, or refused: a log of the tenant does not verify
  73  a file cannot be used, or another file has that name

A month has one packet, the same bytes each time. What was wrong in it is corrected by a further one, which names it: --correct.";

/// What it is told.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_STATUS)]
pub(crate) struct Packet {
    /// Whose.
    #[arg(long)]
    tenant: TenantId,
    /// Which month, such as 2026-10; it has to be over by the clinic's clock. Not with --preview, which is of the month that runs.
    #[arg(long, value_name = "MONTH", required_unless_present = "preview", conflicts_with = "preview")]
    month: Option<String>,
    /// Make a new packet in the place of the one that is there, for this reason.
    #[arg(long, value_name = "REASON", value_parser = prose, conflicts_with = "preview")]
    correct: Option<Prose>,
    /// Write what the packet of the month that runs would be now. Nothing of it is kept at the hub.
    #[arg(long)]
    preview: bool,
    /// The directory to write into; made if need be. packet-<tenant>-<month>-<number> if not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    hub: Where,
    /// Say whether there is a packet of the month already; make and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn prose(text: &str) -> Result<Prose, String> {
    Prose::try_from(text.to_owned()).map_err(|e| e.to_string())
}

/// Has it made, and writes its files.
pub(crate) fn run(told: &Packet) -> Result<(), Failure> {
    let operator = told.hub.operator()?;
    match &told.month {
        None => preview(&operator, told),
        Some(month) if told.dry_run => dry_run(&operator, told, month),
        Some(month) => make(&operator, told, month),
    }
}

fn make(operator: &Operator, told: &Packet, month: &str) -> Result<(), Failure> {
    let request = PacketRequest { month: month.to_owned(), corrects: told.correct.clone() };
    let packet = bar::beside(operator, &told.tenant, || operator.packet(&told.tenant, &request))?;
    let name = || PathBuf::from(format!("packet-{}-{month}-{}", told.tenant, packet.number));
    let out = told.out.clone().unwrap_or_else(name);
    // The hub says what its files are called, and not where they go.
    let plain = |name: &str| {
        let letters = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
        letters && !name.is_empty() && !name.starts_with('.') && name.len() <= 80
    };
    if let Some(odd) = packet.files.iter().find(|file| !plain(&file.name)) {
        let words =
            format!("the hub names a file {:?}, which is no plain name: nothing was written", odd.name);
        return Err(Failure::new(Status::NotProven, words));
    }
    directory(&out)?;
    for PacketFileView { name, bytes, digest } in &packet.files {
        let expected = Expected { bytes: *bytes, digest: *digest };
        save(&out.join(name), expected, || operator.packet_file(&told.tenant, &packet.id, name))?;
    }
    let voice = Voice::for_stdout();
    if told.json {
        voice.line(&serde_json::json!({ "packet": packet, "out": out.display().to_string() }).to_string());
    } else {
        say(voice, &packet, Some(&out));
    }
    Ok(())
}

fn dry_run(operator: &Operator, told: &Packet, month: &str) -> Result<(), Failure> {
    let all = operator.packets(&told.tenant)?;
    let there = all.into_iter().find(|packet| packet.period == month);
    let voice = Voice::for_stdout();
    match there {
        _ if told.json => voice.line(&serde_json::json!({ "packet": there }).to_string()),
        Some(packet) => say(voice, &packet, None),
        None => voice.line(&format!("there is no packet of {month} yet: without --dry-run it is made")),
    }
    Ok(())
}

/// The files of a preview are whatever the hub makes of them now: no digest is known beforehand.
fn preview(operator: &Operator, told: &Packet) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    if told.dry_run {
        voice.line("a preview keeps nothing at the hub: without --dry-run its files are written here");
        return Ok(());
    }
    let out = told.out.clone().unwrap_or_else(|| PathBuf::from(format!("packet-{}-preview", told.tenant)));
    directory(&out)?;
    let mut written = Vec::new();
    for name in ["packet.pdf", "packet.html", "packet.json"] {
        let fetch = || operator.preview_file(&told.tenant, name);
        // A hub without a typesetter has no PDF, and says so in its packets.
        let Some(bytes) = bar::beside(operator, &told.tenant, fetch)? else { continue };
        let path = out.join(name);
        edge::file::write_durably(&path, &bytes)?;
        written.push(path.display().to_string());
    }
    if told.json {
        voice.line(&serde_json::json!({ "preview": written }).to_string());
    } else {
        voice.heading(&format!("Preview of {}, of the month so far", told.tenant));
        for path in &written {
            voice.line(&format!("  {path}"));
        }
    }
    Ok(())
}

fn directory(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|e| {
        Failure::new(Status::CannotCreate, format!("{}: the directory cannot be made: {e}", path.display()))
    })
}

fn say(voice: Voice, packet: &PacketView, out: Option<&Path>) {
    voice.heading(&format!("Packet {} of {} for {}", packet.number, packet.tenant, packet.period));
    let by = packet.by.as_ref().map_or("the hub itself", |by| by.as_str());
    let again = if packet.again { ": made before, and the same bytes" } else { "" };
    voice.line(&format!("  {}, by {by}, {}{again}", packet.id, packet.made));
    if let Some(earlier) = &packet.corrects {
        voice.line(&format!("  stands in the place of {earlier}"));
    }
    if let Some(PacketTook { records, verified_ms, written_ms }) = packet.took {
        voice.line(&format!(
            "  {records} records verified in {verified_ms} ms; written down in {written_ms} ms"
        ));
    }
    for PacketFileView { name, bytes, digest } in &packet.files {
        voice.line(&format!("  {name}: {bytes} bytes, {digest}"));
    }
    if let Some(why) = &packet.no_pdf {
        voice.line(&format!("  {}", voice.tone(Tone::Unsure, &format!("no PDF: {why}"))));
    }
    if packet.locked_in.is_empty() {
        voice.line(&format!("  {}", voice.tone(Tone::Unsure, "in no write-once store yet")));
    } else {
        voice.line(&format!("  locked in: {}", packet.locked_in.join(", ")));
    }
    for read in &packet.acknowledged {
        voice.line(&format!("  read by {}, {}", read.person, read.time));
    }
    if let Some(out) = out {
        voice.line(&format!("  written to {}", voice.tone(Tone::Strong, &out.display().to_string())));
    }
}
