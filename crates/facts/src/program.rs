//! Programs that print what the kernel or a daemon holds: run read-only, within a time limit, with nothing of our environment.

use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use contract::fact::Absence;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::inputs::{self, Input};
use crate::root::Root;

/// Where programs may lie: fixed, so that nobody's `PATH` can put another in their place.
const DIRECTORIES: [&str; 5] = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/run/current-system/sw/bin"];

/// Far more than any of them prints.
const OUTPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How often an ending program is looked at, once its output is at its end.
const POLL: Duration = Duration::from_millis(2);

/// What a program came to.
#[derive(Debug)]
pub(crate) struct Printed {
    /// How it ended.
    pub(crate) status: ExitStatus,
    /// What it printed.
    pub(crate) out: String,
    /// What it complained about.
    pub(crate) err: String,
}

/// The absolute path of `name`, in the first directory that has it.
pub(crate) fn find(root: &Root, name: &str) -> Result<PathBuf, Absence> {
    let candidates = DIRECTORIES.iter().map(|dir| root.path(dir).join(name));
    candidates.into_iter().find(|path| path.is_file()).ok_or(Absence::NotInstalled)
}

/// The places at which `name` is looked for: which of them has it decides what is run, and whether it is installed at all.
pub(crate) fn inputs(root: &Root, name: &str) -> Vec<Input> {
    inputs::places(root, DIRECTORIES.iter().map(|directory| format!("{directory}/{name}")))
}

/// Runs `name` with `args`. It is killed, with all it has started, at its limit.
pub(crate) fn run(root: &Root, name: &str, args: &[&str], limit: Duration) -> Result<Printed, Absence> {
    let deadline = Instant::now() + limit;
    let mut child = Command::new(find(root, name)?)
        .args(args)
        .env_clear()
        .env("PATH", DIRECTORIES.join(":"))
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(
            |e| if e.kind() == ErrorKind::NotFound { Absence::NotInstalled } else { root.absence(&e) },
        )?;
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let printed = (|| {
        let text = |stream: Receiver<Vec<u8>>| {
            let left = deadline.saturating_duration_since(Instant::now());
            let bytes = stream.recv_timeout(left).map_err(|_| Absence::TimedOut)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let (out, err) = (text(out)?, text(err)?);
        Ok(Printed { status: ended(&mut child, deadline)?, out, err })
    })();
    if printed.is_err() {
        kill(&mut child);
    }
    printed
}

/// Runs `name` as [`run`] does, where it may take hours: on a processor and a disk that nobody else wants at that moment (the scheduler's class
/// and the disk's are both idle), and gone with this process, however that ends.
pub(crate) fn run_idly(root: &Root, name: &str, args: &[&str], limit: Duration) -> Result<Printed, Absence> {
    let found = [find(root, "chrt")?, find(root, "ionice")?, find(root, name)?];
    let [chrt, ionice, program] = found.each_ref().map(|path| path.to_str().ok_or(Absence::Unreadable));
    let before = ["--pdeathsig", "KILL", chrt?, "--idle", "0", ionice?, "-c", "3", program?];
    run(root, "setpriv", &[&before, args].concat(), limit)
}

/// Reads a stream to its end on a thread, so that a program which keeps it open cannot hold us.
fn drain(stream: Option<impl Read + Send + 'static>) -> Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    // Where no thread can be had, the sender is dropped and the stream counts as one that never ended.
    let _ = thread::Builder::new().name("facts-program".to_owned()).spawn(move || {
        let mut bytes = Vec::new();
        if let Some(stream) = stream
            && stream.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).is_ok()
        {
            let _ = send.send(bytes);
        }
    });
    receive
}

fn ended(child: &mut Child, deadline: Instant) -> Result<ExitStatus, Absence> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
            Ok(None) => return Err(Absence::TimedOut),
            Err(_) => return Err(Absence::Unreadable),
        }
    }
}

fn kill(child: &mut Child) {
    // The group is the child's own: made at its start, and not reaped before `wait` below.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
