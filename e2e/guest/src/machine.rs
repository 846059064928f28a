//! One systemd-nspawn: started, waited for, ended, and swept up after.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};

use crate::cgroup;
use crate::image::Image;
use crate::state::{self, STATE, State};

/// A boot takes half a second on a machine with nothing else to do.
const BOOT_LIMIT: Duration = Duration::from_secs(60);
/// How long a guest whose init was killed may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How long whoever started a program inside has to wait for its end himself.
const GRACE: Duration = Duration::from_millis(200);

/// Moves itself into each cgroup before `--`, then becomes the rest.
pub(crate) const ENTER: &str =
    r#"while [ "$1" != -- ]; do echo 0 >"$1/cgroup.procs"; shift; done; shift; exec "$@""#;

/// A booted machine. Ended when dropped.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) name: String,
    /// The guest's init, as this machine counts processes.
    pub(crate) init: u32,
    pub(crate) init_fd: OwnedFd,
    /// Where programs from outside are put: version 2's first.
    pub(crate) cgroups: Vec<PathBuf>,
    /// Programs that were started inside by this process, for as long as the machine is there.
    pub(crate) children: Mutex<Vec<OwnedFd>>,
    nspawn: Child,
    /// Ends all of it when this process ends, in whatever way: its input is closed then.
    watcher: Child,
    state: State,
}

impl Machine {
    /// Boots; each of `binds` is an argument of systemd-nspawn. An error ends with what the console showed.
    pub(crate) fn boot(binds: &[String]) -> Result<Self, String> {
        let image = Image::ready();
        state::sweep_dead();
        let state = State::new().map_err(|e| format!("{STATE}: {e}"))?;
        let cgroups = cgroup::make(state.name()).map_err(|e| format!("cgroup {}: {e}", state.name()))?;
        let socket = state.dir().join("notify");
        let notify = UnixDatagram::bind(&socket).map_err(|e| format!("{}: {e}", socket.display()))?;
        let console = File::create(state.dir().join("console")).map_err(|e| format!("{STATE}: {e}"))?;
        let errors = console.try_clone().map_err(|e| format!("{STATE}: {e}"))?;
        let mut command = Command::new("/bin/sh");
        command.args(["-c", ENTER, "sh"]).args(&cgroups).arg("--");
        command.args(["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]);
        command.args(["--volatile=overlay", "--private-network", "--notify-ready=yes", "--link-journal=no"]);
        command
            .arg("--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self bpf");
        command.args(["--resolv-conf=off", "--timezone=off", "--drop-capability=CAP_MKNOD"]);
        command.arg(format!("--machine={}", state.name()));
        command.arg(format!("--directory={}", image.root().display())).args(binds);
        command.env("NOTIFY_SOCKET", &socket);
        // The image is shared: the overlay keeps it as it is, so no lock is wanted.
        command.env("SYSTEMD_NSPAWN_LOCK", "0").env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1");
        command.stdin(Stdio::null()).stdout(console).stderr(errors);
        let mut watcher = watch(&cgroups[0]).map_err(|e| format!("/bin/sh: {e}"))?;
        let mut nspawn = command.spawn().map_err(|e| format!("/bin/sh: {e}"))?;
        let init = await_boot(&notify, &mut nspawn);
        let shown = |e: String| format!("{e}; its console:\n{}", state.console());
        let init = match init {
            Ok(init) => init,
            Err(e) => {
                let said = shown(e);
                drop(state);
                let _ = nspawn.kill();
                let _ = nspawn.wait();
                end(&mut watcher);
                return Err(said);
            }
        };
        let pid = Pid::from_raw(init.cast_signed()).ok_or("the guest's init is no process")?;
        let init_fd = rustix::process::pidfd_open(pid, PidfdFlags::empty())
            .map_err(|e| shown(format!("the guest's init is gone: {e}")))?;
        let mut inside = vec![cgroup::root_of(init).map_err(|e| e.to_string())?.join("tests.scope")];
        fs::create_dir(&inside[0]).map_err(|e| format!("{}: {e}", inside[0].display()))?;
        inside.extend(cgroups.into_iter().skip(1));
        Ok(Self {
            name: state.name().to_owned(),
            init,
            init_fd,
            cgroups: inside,
            children: Mutex::default(),
            nspawn,
            watcher,
            state,
        })
    }

    pub(crate) fn console(&self) -> String {
        self.state.console()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // With its init all of the guest ends; systemd-nspawn sees it and tidies up after itself.
        let _ = rustix::process::pidfd_send_signal(&self.init_fd, Signal::KILL);
        let begun = Instant::now();
        while matches!(self.nspawn.try_wait(), Ok(None)) && begun.elapsed() < END_LIMIT {
            std::thread::sleep(Duration::from_millis(2));
            if begun.elapsed() > GRACE {
                self.reap();
            }
        }
        cgroup::end(&self.name);
        let _ = self.nspawn.wait();
        end(&mut self.watcher);
    }
}

impl Machine {
    /// An init cannot end before each of its processes has been waited for. Those that this process started are its own to wait for; where
    /// it forgot, it is done here.
    fn reap(&self) {
        let Ok(children) = self.children.lock() else { return };
        for child in children.iter() {
            let ended = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
            let _ = rustix::process::waitid(WaitId::PidFd(child.as_fd()), ended);
        }
    }
}

/// A process, in a group of its own so that what ends a test's group spares it, that waits for this one's end and then ends the guest. A death
/// signal on systemd-nspawn would not do: the guest's init outlives it.
fn watch(cgroup: &Path) -> io::Result<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", r#"read -r _; echo 1 2>/dev/null >"$1/cgroup.kill""#, "sh"]).arg(cgroup);
    command.env_clear().stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0).spawn()
}

/// Waiting closes its input first.
fn end(watcher: &mut Child) {
    let _ = watcher.wait();
}

/// Waits until systemd-nspawn has said which process is the guest's init, and init that its units are up.
fn await_boot(notify: &UnixDatagram, nspawn: &mut Child) -> Result<u32, String> {
    let limit = Instant::now() + BOOT_LIMIT;
    notify.set_read_timeout(Some(Duration::from_millis(50))).map_err(|e| e.to_string())?;
    let mut init = None;
    let mut buffer = [0; 4096];
    while Instant::now() < limit {
        if !matches!(nspawn.try_wait(), Ok(None)) {
            return Err("systemd-nspawn ended (Debian: apt-get install systemd-container)".into());
        }
        let Ok(size) = notify.recv(&mut buffer) else { continue };
        for line in String::from_utf8_lossy(&buffer[..size]).lines() {
            if let Some(pid) = line.strip_prefix("X_NSPAWN_LEADER_PID=") {
                init = pid.parse().ok();
            }
            if let ("READY=1", Some(init)) = (line, init) {
                return Ok(init);
            }
        }
    }
    Err(format!("the guest was not up after {} s", BOOT_LIMIT.as_secs()))
}
