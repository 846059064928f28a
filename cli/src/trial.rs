//! `suture try`: the whole loop, once, on this machine, with no part faked.

mod account;
mod bundle;
mod heal;
mod layout;
mod observed;
mod processes;
mod proof;
mod scan;
mod setup;
pub(crate) mod words;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use contract::event::Event;

use crate::exit::{Failure, Status};
use crate::say::{Tone, Voice};
use layout::Layout;
use processes::Processes;

/// What it is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// Where everything is kept. A second run with the same directory resumes the same log.
    #[arg(long, default_value = "./suture-data")]
    dir: PathBuf,
    /// Go on watching until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

/// Runs it.
pub(crate) fn run(told: &Try) -> Result<(), Failure> {
    let voice = Voice::for_stdout();
    let stop = stop_flag()?;
    let layout = Layout::prepare(&told.dir)?;
    loop_once(voice, told, &layout, &stop).map_err(|mut failure| {
        if let Some(full) = layout.full_disk() {
            failure.words = format!("{}\n{full}", failure.words);
        }
        failure
    })
}

fn loop_once(voice: Voice, told: &Try, layout: &Layout, stop: &AtomicBool) -> Result<(), Failure> {
    let mut processes = Processes::new(voice, layout)?;
    voice.heading("1. Setting up");
    voice.line(&format!("  everything goes to {}", layout.root().display()));
    let set_up = setup::set_up(voice, layout, &mut processes)?;
    voice.heading("2. This machine against the HIPAA baseline, and 3. its logs");
    let scanned = scan::show(voice, &mut processes, &set_up.baseline)?;
    voice.heading("   What the planner would have chosen (observe mode: nothing is touched)");
    observed::show(voice, &mut processes, &set_up.operator, &set_up.tenant, scanned.tally.fail)?;
    voice.heading("4. One real drift, healed");
    heal::show(voice, layout, &mut processes, &set_up)?;
    voice.heading("5. The evidence, verified");
    proof::show(voice, layout, &processes, &set_up.witness)?;
    voice.heading("6. Where everything is");
    where_everything_is(voice, layout, &set_up, told);
    if told.keep {
        keep(voice, &mut processes, stop)?;
    }
    processes.stop();
    Ok(())
}

/// Ctrl-C reaches all processes of the terminal; this one only has to notice.
fn stop_flag() -> Result<Arc<AtomicBool>, Failure> {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // A second signal ends the process at once; the children end with it.
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&stop))
            .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&stop)))
            .map_err(|e| Failure::new(Status::CannotCreate, format!("cannot listen for signals: {e}")))?;
    }
    Ok(stop)
}

fn where_everything_is(voice: Voice, layout: &Layout, set_up: &setup::SetUp, told: &Try) {
    let shown = |path: &Path| path.display().to_string();
    let program = |name: &str| {
        let here = std::env::current_exe().map_or_else(|_| name.into(), |p| p.with_file_name(name));
        here.display().to_string()
    };
    let (evidence, key) = (shown(&layout.evidence()), shown(&layout.public_key()));
    let line = |what: &str, how: String| voice.line(&format!("  {what:<15} {how}"));
    line("evidence log", evidence.clone());
    line("its public key", key.clone());
    line("verify it", format!("{} {evidence} --key-file {key}", program("suture-verify")));
    line("the hub's copy", shown(&layout.hub().join("archive")));
    line(
        "scan again",
        format!("{} scan --config {}", program("suture-agent"), shown(&layout.agent_config())),
    );
    line("diagnostics", shown(&layout.root().join("logs")));
    if told.keep {
        let (root, address) = (shown(layout.root()), &set_up.operator_address);
        line("incidents", format!("{} status --dir {root} --operator {address}", program("suture")));
    } else {
        voice.line("  Nothing runs any more. With --keep it goes on watching, and `suture status` shows what the hub knows.");
    }
    if set_up.resumed {
        voice.line("  This was a further run over the same log.");
    }
}

/// Watches until somebody says stop.
fn keep(voice: Voice, processes: &mut Processes, stop: &AtomicBool) -> Result<(), Failure> {
    let rss = |name| processes.resident_kb(name).map_or("?".to_owned(), |kb| format!("{:.1} MB", mb(kb)));
    voice.heading("Watching. Ctrl-C stops it.");
    voice.line(&format!("  resident: agent {}, executor {}", rss("suture-agent"), rss("suture-executor")));
    while !stop.load(Ordering::SeqCst) {
        match processes.next() {
            Ok(Some(traced)) => tell(voice, &traced.event),
            Ok(None) => {}
            // On Ctrl-C the terminal asks the children too; that they end is what was wanted.
            Err(_) if stop.load(Ordering::SeqCst) => {}
            Err(failure) => return Err(failure),
        }
    }
    voice.line("  stopping");
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "a display of megabytes")]
fn mb(kb: u64) -> f64 {
    kb as f64 / 1024.0
}

fn tell(voice: Voice, event: &Event) {
    match event {
        Event::Drifted { control } => voice.line(&voice.tone(Tone::Bad, &format!("  drifted: {control}"))),
        Event::Decided { incident, runbook } => {
            let choice = runbook.as_ref().map_or("a person has to look".to_owned(), ToString::to_string);
            voice.line(&format!("  planned: {incident}: {choice}"));
        }
        Event::Ended { order, outcome, seq } => {
            voice.line(&voice.tone(Tone::Good, &format!("  {outcome}: order {order}, record {seq}")));
        }
        Event::Tailed { lines, matched } => {
            voice.line(&format!("  logs: {lines} lines read, {matched} matched a detector"));
        }
        _ => {}
    }
}
