//! Trace events on standard output, where somebody asked for them.

use std::io::Write;
use std::str::FromStr;

use contract::event::{Event, Traced};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{PidfdFlags, Signal, getpid, getppid, kill_process, pidfd_open};

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
            end_with_supervisor();
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
                ask_to_stop();
            }
        }
    }
}

/// Asks this process to stop once its parent has gone. The kernel's own signal for that (prctl(2), `PR_SET_PDEATHSIG`) comes already where the parent's
/// *thread* ends that started this process; so the parent is watched itself, by a handle that no other process can come to bear.
fn end_with_supervisor() {
    let Some(parent) = getppid().filter(|parent| !parent.is_init()) else { return };
    let Ok(handle) = pidfd_open(parent, PidfdFlags::empty()) else { return };
    if getppid() != Some(parent) {
        // It went before it could be watched.
        return ask_to_stop();
    }
    let wait = move || {
        let mut ended = [PollFd::new(&handle, PollFlags::IN)];
        while poll(&mut ended, None) == Err(Errno::INTR) {}
        ask_to_stop();
    };
    // Without a thread to spare a broken pipe tells it later.
    let _ = std::thread::Builder::new().name("supervisor".to_owned()).spawn(wait);
}

fn ask_to_stop() {
    let _ = kill_process(getpid(), Signal::TERM);
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
