//! Trace events on standard output, where somebody asked for them.

use std::io::Write;
use std::str::FromStr;

use contract::event::{Event, Traced};

/// Writes events, or nothing.
#[derive(Debug, Clone, Copy)]
pub struct Tracer {
    on: bool,
}

impl Tracer {
    /// One that writes where `on`. Whoever asked for events is this process's supervisor: when it goes, however it goes, this process is
    /// asked to stop, so that nothing is left running behind a person's back.
    pub fn new(on: bool) -> Self {
        if on {
            let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM));
        }
        Self { on }
    }

    /// Writes one event. Where nobody can read it any more the supervisor went before it could be watched: this process asks itself to stop.
    pub fn emit(self, event: Event) {
        if self.on
            && let Ok(mut line) = serde_json::to_vec(&Traced { at: crate::clock::mono(), event })
        {
            line.push(b'\n');
            let written = std::io::stdout().lock().write_all(&line);
            if written.is_err_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe) {
                let _ =
                    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TERM);
            }
        }
    }
}

/// How much of its trace a program writes: what `SUTURE_TRACE` says, `otherwise` where it is not set. Nothing is decided by it.
pub fn level<L: FromStr>(otherwise: L) -> Result<L, String> {
    match std::env::var_os("SUTURE_TRACE") {
        None => Ok(otherwise),
        Some(word) => word.to_str().and_then(|word| word.parse().ok()).ok_or_else(|| {
            format!("SUTURE_TRACE is {}: it must be error, warn, info, debug or trace", word.display())
        }),
    }
}

/// Writes one line to standard error. That it cannot be written, on a full disk for example, is no reason to die of it.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
