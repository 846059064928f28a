//! The processes of a trial: started as they run on a site, watched through their trace events, started again when they die.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use contract::event::Traced;
use rustix::process::{Pid, Signal, kill_process};

use super::layout::Layout;
use crate::exit::{Failure, Status};
use crate::say::Voice;

/// How often a process may die before the trial gives up.
const RESTARTS_MAX: u32 = 5;
/// How long is waited for an event before the processes are looked at again.
const POLL: Duration = Duration::from_millis(50);
/// The exit status of a hub whose address is taken (`sysexits.h`).
const EX_UNAVAILABLE: i32 = 69;
/// How long a process may take to stop when it is asked to.
const STOP_MAX: Duration = Duration::from_secs(8);

/// One process.
struct Running {
    name: &'static str,
    arguments: Vec<String>,
    child: Child,
    restarts: u32,
}

/// All processes of a trial and what they say.
pub(crate) struct Processes {
    binaries: PathBuf,
    running: Vec<Running>,
    sender: Sender<Traced>,
    events: Receiver<Traced>,
    logs: Vec<(&'static str, PathBuf)>,
    voice: Voice,
}

impl Processes {
    /// None yet. The binaries are those beside this one: the same build.
    pub(crate) fn new(voice: Voice, layout: &Layout) -> Result<Self, Failure> {
        let here = std::env::current_exe()
            .map_err(|e| Failure::new(Status::CannotCreate, format!("cannot find myself: {e}")))?;
        let binaries = here.parent().map(PathBuf::from).unwrap_or_default();
        for name in ["suture-hub", "suture-agent", "suture-executor", "suture-verify"] {
            if !binaries.join(name).is_file() {
                let words = format!(
                    "{} is missing: build the whole workspace, for example with ./try",
                    binaries.join(name).display()
                );
                return Err(Failure::new(Status::CannotCreate, words));
            }
        }
        let (sender, events) = channel();
        let logs =
            ["suture-hub", "suture-agent", "suture-executor", "events"].map(|name| (name, layout.log(name)));
        Ok(Self { binaries, running: Vec::new(), sender, events, logs: logs.into(), voice })
    }

    /// Starts a process that goes on running.
    pub(crate) fn start(&mut self, name: &'static str, arguments: Vec<String>) -> Result<(), Failure> {
        let child = self.spawn(name, &arguments)?;
        self.running.push(Running { name, arguments, child, restarts: 0 });
        Ok(())
    }

    /// Runs a process to its end.
    pub(crate) fn run(&self, name: &str, arguments: &[&str]) -> Result<Output, Failure> {
        let output = Command::new(self.binaries.join(name)).args(arguments).stdin(Stdio::null()).output();
        output.map_err(|e| Failure::new(Status::CannotCreate, format!("{name} cannot be started: {e}")))
    }

    fn spawn(&self, name: &'static str, arguments: &[String]) -> Result<Child, Failure> {
        let cannot =
            |e: std::io::Error| Failure::new(Status::CannotCreate, format!("{name} cannot be started: {e}"));
        let log = self.log_file(name).map_err(cannot)?;
        let mut child = Command::new(self.binaries.join(name))
            .args(arguments)
            .arg("--events")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(cannot)?;
        if let Some(stdout) = child.stdout.take() {
            let sender = self.sender.clone();
            let kept = self.log_file("events").map_err(cannot)?;
            std::thread::spawn(move || forward(stdout, &sender, kept));
        }
        Ok(child)
    }

    fn log_file(&self, name: &str) -> std::io::Result<File> {
        let path = self.log_path(name);
        OpenOptions::new().create(true).append(true).open(path)
    }

    fn log_path(&self, name: &str) -> PathBuf {
        self.logs.iter().find(|(n, _)| *n == name).map(|(_, path)| path.clone()).unwrap_or_default()
    }

    /// Waits for the next event, at most [`POLL`], and starts again what died meanwhile.
    pub(crate) fn next(&mut self) -> Result<Option<Traced>, Failure> {
        // What a process said before it died still counts.
        if let Ok(event) = self.events.try_recv() {
            return Ok(Some(event));
        }
        if let Some((name, status)) = self.restart_one()? {
            self.voice.line(&format!("  {name} died ({status}) and was started again"));
        }
        Ok(self.events.recv_timeout(POLL).ok())
    }

    fn restart_one(&mut self) -> Result<Option<(&'static str, ExitStatus)>, Failure> {
        let died = self
            .running
            .iter_mut()
            .enumerate()
            .find_map(|(i, r)| Some((i, r.child.try_wait().ok().flatten()?)));
        let Some((i, status)) = died else { return Ok(None) };
        let Running { name, restarts, arguments, .. } = &self.running[i];
        let name = *name;
        // A process that ended by itself has said why; one that was killed is started again, as its supervisor on a site would.
        if status.code().is_some() || *restarts >= RESTARTS_MAX {
            let words = format!("{name} ended ({status}):\n{}", self.last_words(name));
            self.running.remove(i);
            let kind =
                if status.code() == Some(EX_UNAVAILABLE) { Status::Unavailable } else { Status::NotProven };
            return Err(Failure::new(kind, words));
        }
        let child = self.spawn(name, &arguments.clone())?;
        let running = &mut self.running[i];
        running.child = child;
        running.restarts += 1;
        Ok(Some((name, status)))
    }

    /// The end of a process's diagnostics, for the message.
    fn last_words(&self, name: &str) -> String {
        let path = self.log_path(name);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines[lines.len().saturating_sub(5)..].join("\n  ");
        format!("  {last}\n(all of it: {})", path.display())
    }

    /// Asks the executor to publish its log now, which it would do within ten seconds.
    pub(crate) fn have_published(&self) {
        let executor = self.running.iter().find(|r| r.name == "suture-executor");
        if let Some(pid) = executor.and_then(|r| i32::try_from(r.child.id()).ok()).and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::HUP);
        }
    }

    /// How much memory a process has resident, in kilobytes (`VmRSS` of proc(5)).
    pub(crate) fn resident_kb(&self, name: &str) -> Option<u64> {
        let pid = self.running.iter().find(|r| r.name == name)?.child.id();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        status.lines().find_map(|l| l.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
    }

    /// Asks all of them to stop, last started first, and waits.
    pub(crate) fn stop(&mut self) {
        while let Some(mut running) = self.running.pop() {
            if let Some(pid) = i32::try_from(running.child.id()).ok().and_then(Pid::from_raw) {
                let _ = kill_process(pid, Signal::TERM);
            }
            let began = Instant::now();
            while matches!(running.child.try_wait(), Ok(None)) {
                if began.elapsed() > STOP_MAX {
                    let _ = running.child.kill();
                    let _ = running.child.wait();
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Hands on every line that is an event, and keeps it. A line that is none is a fault of ours, and shows as a leg that never comes.
fn forward(stdout: ChildStdout, sender: &Sender<Traced>, mut kept: File) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let _ = writeln!(kept, "{line}");
        if let Ok(event) = serde_json::from_str(&line)
            && sender.send(event).is_err()
        {
            return;
        }
    }
}
