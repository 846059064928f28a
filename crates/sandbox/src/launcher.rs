//! The launcher: our own binary, started anew with one thread, so that what it does to itself is done to nobody else.
//!
//! ```text
//! we ── launcher ── init (1 in its own process tree) ── the program
//!          │          │ mounts, waits, ends with our end      │ identity, limits, Landlock, filter; then exec
//!          │          └ our child, or the launcher's          └ everything it starts
//!          └ namespaces, the network's listening socket
//! ```
//!
//! Where we started the launcher, init is born as our own child, and the launcher goes as soon as it has told us of it: its end costs no time then, for
//! it falls into init's work. Where systemd did, the launcher is the unit's main process, and waits.
//!
//! When init ends, the kernel kills whatever is left in the tree, however it forked. Init ends when the program has, when its parent dies
//! (`PR_SET_PDEATHSIG`), and when our end of the socket closes, which it does when we die. Init keeps its privileges and is not dumpable, so that the
//! program, which has fewer, can neither trace it nor look into its descriptors.
//!
//! **Absent:** a shell, a search path, and any way to go on after a part of the confinement could not be put up.

mod landlocked;
mod loopback;
mod person;
mod tree;

use std::convert::Infallible;
use std::fmt::Display;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, exit};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, Signal, WaitStatus, pidfd_open, setrlimit,
};
use rustix::thread::UnshareFlags;

use crate::channel::{self, Order, Said};
use crate::confinement::Network;
use crate::kernel::{self, Fork, Whose};
use crate::seccomp;

/// How a process knows that it is the launcher: its `argv[0]`.
pub(crate) const NAME: &str = "suture-launcher";

/// Becomes the launcher, and does not return, if this process was started as one. Call it first in `main`, before any thread is started.
pub fn launcher_main() {
    if std::env::args_os().next().is_some_and(|name| name == NAME) {
        exit(launch());
    }
}

/// What could not be put up, and why.
struct Failure {
    at: String,
    why: String,
}

/// Says where something failed.
trait At<T> {
    fn at(self, place: &str) -> Result<T, Failure>;
}

impl<T, E: Display> At<T> for Result<T, E> {
    fn at(self, place: &str) -> Result<T, Failure> {
        self.map_err(|why| Failure { at: place.to_owned(), why: why.to_string() })
    }
}

fn launch() -> i32 {
    // Who starts this by hand has no socket on its standard input.
    let Ok(control) = std::io::stdin().as_fd().try_clone_to_owned() else { return 2 };
    let tried = receive(&control).and_then(|given| outside(&control, &given));
    let Err(Failure { at, why }) = tried;
    let _ = channel::send(&control, &Said::Failed { at, why }, &[]);
    1
}

/// What we handed over.
struct Given {
    order: Order,
    program: OwnedFd,
    cgroup: Option<OwnedFd>,
}

fn receive(control: &OwnedFd) -> Result<Given, Failure> {
    kernel::close_on_exec_from(3).at("close_range")?;
    let order = channel::receive::<Order>(control).at("the order")?;
    let (order, descriptors) = order.ok_or("there is none").at("the order")?;
    let mut descriptors = descriptors.into_iter();
    let (Some(program), Some(stdin)) = (descriptors.next(), descriptors.next()) else {
        return Err("fewer than two").at("descriptors");
    };
    rustix::stdio::dup2_stdin(&stdin).at("standard input")?;
    Ok(Given { order, program, cgroup: descriptors.next() })
}

/// The launcher itself: makes the namespaces and starts init in them.
fn outside(control: &OwnedFd, given: &Given) -> Result<Infallible, Failure> {
    let Given { order, program, cgroup } = given;
    if let Some(parent) = order.parent {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).at("pdeathsig")?;
        // It may have died before that call.
        if rustix::process::getppid().map(Pid::as_raw_pid) != i32::try_from(parent).ok() {
            return Err("is gone").at("the parent");
        }
    }
    namespaces(&order.confinement.network)?;
    let proxied = matches!(order.confinement.network, Network::Proxy(_));
    let listener = if proxied { Some(loopback::listen().at("the network's own address")?) } else { None };
    let port = listener.as_ref().map(std::net::TcpListener::local_addr).transpose().at("its port")?;
    let whose = if order.parent.is_some() { Whose::OurParents } else { Whose::Ours };
    let forked = kernel::fork_init(cgroup.as_ref().map(AsFd::as_fd), whose);
    let init = match forked.at("fork")? {
        Fork::Child => exit(inside(control, order, program, port.map(|address| address.port()))),
        Fork::Parent(init) => init,
    };
    let handle = pidfd_open(init, PidfdFlags::empty()).at("pidfd_open")?;
    let mut beside = vec![handle.as_fd()];
    beside.extend(listener.as_ref().map(AsFd::as_fd));
    channel::send(control, &Said::Ready, &beside).at("the answer")?;
    if whose == Whose::Ours {
        let _ = rustix::process::waitpid(Some(init), rustix::process::WaitOptions::empty());
    }
    exit(0)
}

fn namespaces(network: &Network) -> Result<(), Failure> {
    let mut flags = UnshareFlags::NEWNS | UnshareFlags::NEWPID | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS;
    match network {
        Network::None | Network::Proxy(_) => flags |= UnshareFlags::NEWNET,
        Network::Host => {}
    }
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    if uid.is_root() {
        return kernel::unshare(flags).at("namespaces");
    }
    flags |= UnshareFlags::NEWUSER;
    kernel::unshare(flags).at("namespaces")?;
    let (uid, gid) = (uid.as_raw(), gid.as_raw());
    std::fs::write("/proc/self/setgroups", "deny").at("setgroups")?;
    std::fs::write("/proc/self/uid_map", format!("{uid} {uid} 1")).at("uid_map")?;
    std::fs::write("/proc/self/gid_map", format!("{gid} {gid} 1")).at("gid_map")
}

/// Init: the first process of the tree.
fn inside(control: &OwnedFd, order: &Order, program: &OwnedFd, port: Option<u16>) -> i32 {
    let ended = prepare(order).and_then(|()| match kernel::fork().at("fork")? {
        Fork::Child => {
            let Err(Failure { at, why }) = start(order, program, port);
            let _ = channel::send(control, &Said::Failed { at, why }, &[]);
            exit(1)
        }
        Fork::Parent(child) => wait(control, child),
    });
    let said = match ended {
        Ok(Some(status)) => {
            let (user, system, peak_bytes) = kernel::used_by_children().unwrap_or_default();
            let (code, signal) = (status.exit_status(), status.terminating_signal());
            Said::Ended { code, signal, user, system, peak_bytes }
        }
        // Our end is closed: nobody listens.
        Ok(None) => return 1,
        Err(Failure { at, why }) => Said::Failed { at, why },
    };
    let _ = channel::send(control, &said, &[]);
    0
}

fn prepare(order: &Order) -> Result<(), Failure> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).at("pdeathsig")?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).at("dumpable")?;
    // Now that it is in its cgroup, so that it sees none above.
    kernel::unshare(UnshareFlags::NEWCGROUP).at("the cgroup's namespace")?;
    tree::build(order)
}

/// Waits for the program, and buries whoever else dies in the tree; `None` when our end of the socket is closed.
fn wait(control: &OwnedFd, child: Pid) -> Result<Option<WaitStatus>, Failure> {
    let handle = pidfd_open(child, PidfdFlags::empty()).at("pidfd_open")?;
    let pause = Timespec { tv_sec: 0, tv_nsec: 200_000_000 };
    loop {
        let mut waited = [
            PollFd::new(&handle, PollFlags::IN),
            PollFd::from_borrowed_fd(control.as_fd(), PollFlags::empty()),
        ];
        match poll(&mut waited, Some(&pause)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e).at("poll"),
        }
        if waited.get(1).is_some_and(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR)) {
            return Ok(None);
        }
        while let Some((pid, status)) = kernel::reap().at("wait")? {
            if pid == child {
                return Ok(Some(status));
            }
        }
    }
}

/// The program's own process, up to the exec.
fn start(order: &Order, program: &OwnedFd, port: Option<u16>) -> Result<Infallible, Failure> {
    let confinement = &order.confinement;
    rustix::process::setsid().at("setsid")?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let file = same(order, program)?;
    rustix::process::chdir(&confinement.directory).at("the directory")?;
    limits(order)?;
    person::become_whom(confinement)?;
    rustix::thread::set_no_new_privs(true).at("no_new_privs")?;
    if order.landlock {
        landlocked::restrict(order, port).at("landlock")?;
    }
    let mut command = Command::new(format!("/proc/self/fd/{}", file.as_raw_fd()));
    command.arg0(&order.path).args(&order.args).env_clear();
    command.envs(confinement.environment.iter().map(|(name, value)| (name, value)));
    if let Some(port) = port {
        let proxy = format!("http://127.0.0.1:{port}");
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env(name, &proxy);
        }
    }
    seccomp::apply(confinement.profile).at("seccomp")?;
    Err(command.exec()).at("exec")
}

/// The program as the step sees it, which must be the file that was hashed. Started by this descriptor, it has its own path in `/proc/self/exe`.
fn same(order: &Order, hashed: &OwnedFd) -> Result<File, Failure> {
    let file = File::open(&order.path).at("the program")?;
    let (seen, hashed) = (file.metadata().at("the program")?, rustix::fs::fstat(hashed).at("the program")?);
    if (seen.dev(), seen.ino()) == (hashed.st_dev, hashed.st_ino) {
        Ok(file)
    } else {
        Err("its path leads to another file now").at("the program")
    }
}

fn limits(order: &Order) -> Result<(), Failure> {
    let both = |value| Rlimit { current: Some(value), maximum: Some(value) };
    setrlimit(Resource::Core, both(0)).at("core limit")?;
    setrlimit(Resource::Nofile, both(4096)).at("descriptor limit")?;
    if order.memory_per_process {
        let bytes = order.confinement.limits.memory_bytes;
        setrlimit(Resource::Data, both(bytes)).at("memory limit")?;
        // Shared memory is not data. Runtimes reserve far more than they touch, so this one is wide.
        setrlimit(Resource::As, both(bytes.saturating_mul(4).max(2 << 30))).at("address space limit")?;
    }
    Ok(())
}
