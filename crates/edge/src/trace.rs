//! Trace events on standard output, where somebody asked for them.

use std::io::Write;

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

    /// Writes one event. A reader that went away is no reason to stop working: events are diagnostics.
    pub fn emit(self, event: Event) {
        if self.on
            && let Ok(mut line) = serde_json::to_vec(&Traced { at: crate::clock::mono(), event })
        {
            line.push(b'\n');
            let _ = std::io::stdout().lock().write_all(&line);
        }
    }
}
