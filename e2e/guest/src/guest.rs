//! What a test does with a guest: boots it, runs programs in it, puts files into it, reads its journal.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, PidfdFlags};
use rustix::thread::{CapabilitySet, LinkNameSpaceType};

use crate::machine::{ENTER, Machine};
use crate::plan::Plan;

/// How long [`Guest::run`] lets a program take.
const RUN_LIMIT: &str = "60";

/// A running machine. Ended, with all that runs in it, when it is dropped; when that is by a panic, the end of its journal is printed first.
#[derive(Debug)]
pub struct Guest {
    pub(crate) machine: Machine,
}

impl Guest {
    /// What a guest may have beyond the image.
    pub fn plan() -> Plan {
        Plan::default()
    }

    /// Boots one that shares nothing.
    pub fn boot() -> Self {
        Self::plan().boot()
    }

    /// Its name, as its host name and its cgroup have it.
    pub fn name(&self) -> &str {
        &self.machine.name
    }

    /// Its init, as this machine counts processes.
    pub fn init(&self) -> u32 {
        self.machine.init
    }

    /// Its cgroup (version 2), as this machine sees it: what the guest sees as `/sys/fs/cgroup`.
    pub fn cgroup(&self) -> PathBuf {
        self.machine.cgroups[0].parent().map(Path::to_owned).unwrap_or_default()
    }

    /// A program inside, to be started with [`Guest::spawn`], [`Guest::output`] and nothing else: those put it among the guest's processes.
    /// It is looked for inside, begins in `/`, as root, with a small environment and without input.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ENTER, "sh"]).args(&self.machine.cgroups).arg("--");
        command.args(["nsenter", "--mount", "--net", "--uts", "--ipc", "--cgroup", "--target"]);
        command.arg(self.machine.init.to_string()).arg("--").arg(program);
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", "/root").env("LANG", "C.UTF-8").stdin(Stdio::null());
        command
    }

    /// Starts what [`Guest::command`] made. The child is the program itself, under the number that this machine counts it by: signals, waiting
    /// and strace work as on any child. It has the guest's capabilities, not this process's.
    ///
    /// Wait for it before the guest is dropped: afterwards it has ended, and nobody can say how.
    pub fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        let child = self.enter(command)?;
        let fd = rustix::process::pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
        self.machine.children.lock().map_err(|e| io::Error::other(e.to_string()))?.push(fd);
        Ok(child)
    }

    fn enter(&self, command: &mut Command) -> io::Result<Child> {
        // Namespaces and capabilities are a thread's own; a child gets those of the thread that started it.
        std::thread::scope(|scope| scope.spawn(|| self.spawn_here(command)).join())
            .unwrap_or_else(|_| Err(io::Error::other("the thread that starts programs panicked")))
    }

    fn spawn_here(&self, command: &mut Command) -> io::Result<Child> {
        let processes = fs::File::open(format!("/proc/{}/ns/pid", self.machine.init))?;
        rustix::thread::move_into_link_name_space(processes.as_fd(), Some(LinkNameSpaceType::ProcessID))?;
        let allowed = bounding_set(self.machine.init)?;
        for capability in CapabilitySet::all().iter() {
            // Newer kernels know more than older ones: what is unknown cannot be held.
            let held = rustix::thread::capability_is_in_bounding_set(capability).unwrap_or(false);
            if held && allowed & capability.bits() == 0 {
                rustix::thread::remove_capability_from_bounding_set(capability)?;
            }
        }
        command.spawn()
    }

    /// Starts what [`Guest::command`] made, and waits for its end.
    pub fn output(&self, command: &mut Command) -> io::Result<Output> {
        self.enter(command.stdout(Stdio::piped()).stderr(Stdio::piped()))?.wait_with_output()
    }

    /// Connects to a Unix socket as a process inside does, root's. A connection made from outside comes from a process that has no number
    /// inside, and whoever asks for its credentials is told 0: the executor refuses it.
    pub fn connect(&self, socket: &Path) -> io::Result<UnixStream> {
        let (near, far) = UnixStream::pair()?;
        let mut command = self.command("socat");
        command.arg("-").arg(format!("UNIX-CONNECT:{}", socket.display()));
        command.stdin(OwnedFd::from(far.try_clone()?)).stdout(OwnedFd::from(far));
        let mut child = self.enter(&mut command)?;
        std::thread::spawn(move || child.wait());
        Ok(near)
    }

    /// Runs a program to its end. Ends it after a minute, with status 124.
    pub fn run(&self, words: &[&str]) -> Output {
        let mut command = self.command("timeout");
        command.args(["--kill-after=1", RUN_LIMIT]).args(words);
        self.output(&mut command).unwrap_or_else(|e| panic!("{words:?} in the guest: {e}"))
    }

    /// Runs a line of shell to its end.
    pub fn sh(&self, script: &str) -> Output {
        self.run(&["sh", "-c", script])
    }

    /// Runs a line of shell that must succeed; what it printed, without the last line's end. Panics with its words otherwise.
    pub fn ok(&self, script: &str) -> String {
        let output = self.sh(script);
        assert!(
            output.status.success(),
            "{script:?} in the guest: {}\n{}{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Writes a file inside, with its directories. One that is there keeps its mode and owner.
    pub fn put(&self, path: &str, bytes: &[u8]) {
        let mut command = self.command("sh");
        command.args(["-euc", r#"mkdir -p "$(dirname "$1")"; cat >"$1""#, "sh", path]).stdin(Stdio::piped());
        let put = self.enter(&mut command).and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                stdin.write_all(bytes)?;
            }
            child.wait()
        });
        assert!(put.as_ref().is_ok_and(std::process::ExitStatus::success), "{path} in the guest: {put:?}");
    }

    /// A file's bytes. Panics where it cannot be read.
    pub fn read(&self, path: &str) -> Vec<u8> {
        let output = self.run(&["cat", "--", path]);
        assert!(output.status.success(), "{path}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// All of the journal, synced first.
    pub fn journal(&self) -> String {
        self.ok("journalctl --sync; journalctl --no-pager --output=short-precise")
    }

    /// What the console has shown.
    pub fn console(&self) -> String {
        self.machine.console()
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nothing here may panic again.
            let mut command = self.command("journalctl");
            let last = match self.output(command.args(["--no-pager", "--lines=40"])) {
                Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
                Err(e) => format!("(not to be had: {e})"),
            };
            eprintln!("── the end of the guest's journal\n{last}");
        }
    }
}

/// The capabilities that a process may ever have.
fn bounding_set(pid: u32) -> io::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let set = status.lines().find_map(|l| l.strip_prefix("CapBnd:")).map(str::trim);
    set.and_then(|s| u64::from_str_radix(s, 16).ok())
        .ok_or_else(|| io::Error::other("no CapBnd in its status"))
}
