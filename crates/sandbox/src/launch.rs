//! From a program and its confinement to a running tree.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Instant;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use crate::cgroup::{self, Group};
use crate::channel::{self, Order};
use crate::confinement::{Confinement, Destination, Limits, Misuse, Network};
use crate::error::LaunchError;
use crate::features::{Absence, Feature, Features};
use crate::finished::{Finished, Layer, Means};
use crate::holder::Holder;
use crate::launcher::NAME;
use crate::program::Program;
use crate::running::{Handle, Running, Shared};
use crate::unit::{Ends, Unit};
use crate::watch;

/// Who starts the launcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// We do, as our child.
    Direct,
    /// systemd does, as a transient unit.
    Systemd,
}

/// Starts programs, confined.
pub struct Launcher {
    program: PathBuf,
    features: Features,
    groups: Result<cgroup::Found, Absence>,
    backend: Backend,
}

impl Launcher {
    /// With this very program as the launcher: its `main` calls [`launcher_main`](crate::launcher_main) first.
    pub fn this_program() -> Result<Self, LaunchError> {
        let program = std::env::current_exe().map_err(LaunchError::setup("our own program"))?;
        Ok(Self::at(program))
    }

    /// With another program as the launcher, which does the same.
    pub fn at(program: PathBuf) -> Self {
        let features = Features::probe();
        let systemd = features.level(Feature::Systemd).is_ok();
        let backend = if systemd { Backend::Systemd } else { Backend::Direct };
        Self { program, features, groups: cgroup::probe(), backend }
    }

    /// The same with another backend than the one that suits this machine.
    #[must_use]
    pub fn with_backend(mut self, backend: Backend) -> Self {
        self.backend = backend;
        self
    }

    /// What this machine has.
    pub fn features(&self) -> &Features {
        &self.features
    }

    /// Starts a program, waits for its end, and leaves nothing of it.
    pub fn run(&self, program: &Program, confinement: &Confinement) -> Result<Finished, LaunchError> {
        let plan = self.plan(program, confinement)?;
        watch::watch(plan, &Arc::new(shared()?), || {})
    }

    /// Starts a program and answers when its tree is made; the program itself may not have begun.
    pub fn start(&self, program: &Program, confinement: &Confinement) -> Result<Running, LaunchError> {
        let plan = self.plan(program, confinement)?;
        let shared = Arc::new(shared()?);
        let handle = Handle(Arc::clone(&shared));
        let (ready, made) = mpsc::channel();
        // A thread of its own for as long as the tree lives: the kernel ends the tree with the thread that started it.
        let watching = thread::Builder::new().name("step".to_owned()).spawn(move || {
            watch::watch(plan, &shared, move || {
                let _ = ready.send(());
            })
        });
        let running = Running { handle, watching: Some(watching.map_err(LaunchError::setup("a thread"))?) };
        match made.recv() {
            Ok(()) => Ok(running),
            // It ended before its tree was made, and says why.
            Err(mpsc::RecvError) => match running.wait() {
                Ok(_) => Err(LaunchError::Silent),
                Err(why) => Err(why),
            },
        }
    }

    fn plan(&self, program: &Program, confinement: &Confinement) -> Result<Plan, LaunchError> {
        confinement.check()?;
        if let Some(hidden) = confinement.hidden.iter().find(|hidden| program.path.starts_with(hidden)) {
            let (path, hidden) = (program.path.clone(), hidden.clone());
            return Err(Misuse::ShownAndHidden { path, hidden }.into());
        }
        let always = [Feature::Seccomp, Feature::Namespaces];
        for feature in always.iter().chain(&confinement.demands) {
            let level = self.features.level(*feature);
            level.map_err(|absence| LaunchError::Demanded { feature: *feature, absence })?;
        }
        let groups = match self.backend {
            Backend::Direct => self.groups.as_ref().map_err(|absence| *absence),
            Backend::Systemd => Err(Absence::NotDelegated),
        };
        let unit = self.backend == Backend::Systemd;
        let memory_per_process = !unit && !groups.is_ok_and(|found| found.memory.is_ok());
        let pids_in_group = unit || groups.is_ok_and(|found| found.pids.is_ok());
        let order = Order {
            confinement: confinement.clone(),
            path: program.path.clone(),
            args: program.args.clone(),
            loader: program.loader.clone(),
            landlock: self.features.level(Feature::Landlock).is_ok(),
            memory_per_process,
            pid_max: !pids_in_group && self.features.level(Feature::PidMax).is_ok(),
            parent: (!unit).then(std::process::id),
        };
        let group = match (self.backend, groups) {
            (Backend::Direct, Ok(found)) => {
                let group = Group::create(&found.parent).map_err(LaunchError::setup("a cgroup"))?;
                group.limit(&confinement.limits, found).map_err(LaunchError::setup("the cgroup's limits"))?;
                Ok((group, found.freeze))
            }
            (_, Ok(_)) => Err(Absence::NotDelegated),
            (_, Err(absence)) => Err(absence),
        };
        Ok(Plan {
            began: Instant::now(),
            launcher: self.program.clone(),
            backend: self.backend,
            layers: self.layers(&order, groups),
            missing: self.features.missing().collect(),
            file: program.file.try_clone().map_err(LaunchError::setup("the program"))?,
            stdin: sealed(&confinement.stdin).map_err(LaunchError::setup("standard input"))?,
            group,
            order,
        })
    }

    fn layers(&self, order: &Order, groups: Result<&cgroup::Found, Absence>) -> Vec<Layer> {
        let outside = if self.backend == Backend::Systemd { Means::Unit } else { Means::Cgroup };
        let mut layers = vec![Layer::Namespaces, Layer::Seccomp(order.confinement.profile)];
        if let (true, Ok(abi)) = (order.landlock, self.features.level(Feature::Landlock)) {
            layers.push(Layer::Landlock(abi));
        }
        layers.push(Layer::Memory(if order.memory_per_process { Means::EachProcess } else { outside }));
        let cpu = groups.is_ok_and(|found| found.cpu.is_ok());
        let pids = groups.is_ok_and(|found| found.pids.is_ok());
        if cpu || outside == Means::Unit {
            layers.push(Layer::Cpu(outside));
        }
        if order.pid_max {
            layers.push(Layer::Pids(Means::Tree));
        } else if pids || outside == Means::Unit {
            layers.push(Layer::Pids(outside));
        }
        let kill = groups.is_ok() || outside == Means::Unit;
        layers.push(Layer::Kill(if kill { outside } else { Means::Tree }));
        if matches!(order.confinement.network, Network::Proxy(_)) {
            layers.push(Layer::Proxy);
        }
        layers
    }
}

fn shared() -> Result<Shared, LaunchError> {
    Shared::new().map_err(LaunchError::setup("an event"))
}

/// What is to be started, checked and opened.
pub(crate) struct Plan {
    pub(crate) began: Instant,
    pub(crate) layers: Vec<Layer>,
    pub(crate) missing: Vec<(Feature, Absence)>,
    launcher: PathBuf,
    backend: Backend,
    order: Order,
    file: File,
    stdin: OwnedFd,
    group: Result<(Group, Result<(), Absence>), Absence>,
}

/// Our ends of a started launcher.
pub(crate) struct Started {
    pub(crate) control: OwnedFd,
    pub(crate) stdout: File,
    pub(crate) stderr: File,
    /// The launcher, where it is our child.
    pub(crate) child: Option<Child>,
    pub(crate) holder: Holder,
}

impl Plan {
    pub(crate) fn limits(&self) -> Limits {
        self.order.confinement.limits
    }

    pub(crate) fn allowed(&self) -> Vec<Destination> {
        match &self.order.confinement.network {
            Network::Proxy(allowed) => allowed.clone(),
            Network::None | Network::Host => Vec::new(),
        }
    }

    /// Starts the launcher and hands it its order.
    pub(crate) fn start(&mut self) -> Result<Started, LaunchError> {
        let (control, theirs) = channel::pair().map_err(LaunchError::setup("a socket pair"))?;
        let pipe = || {
            rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).map_err(LaunchError::setup("a pipe"))
        };
        let ((stdout, to_stdout), (stderr, to_stderr)) = (pipe()?, pipe()?);
        let ends = Ends { control: theirs, stdout: to_stdout, stderr: to_stderr };
        let (child, holder) = match self.backend {
            Backend::Systemd => {
                let unit = Unit::start(&self.launcher, &self.order.confinement.limits, ends);
                (None, Holder::Unit(unit.map_err(|e| LaunchError::Unit(Box::new(e)))?))
            }
            Backend::Direct => {
                let child = spawn(&self.launcher, ends)?;
                let group = std::mem::replace(&mut self.group, Err(Absence::NotRunning));
                (Some(child), held(group))
            }
        };
        let mut started = Started { control, stdout: stdout.into(), stderr: stderr.into(), child, holder };
        let handed = self.hand_over(&started);
        if let (Err(_), Some(child)) = (&handed, &mut started.child) {
            let _ = child.kill();
            let _ = child.wait();
        }
        handed.map(|()| started)
    }

    /// The order, and beside it the program, its input, and the cgroup that the tree is to be born in.
    fn hand_over(&self, started: &Started) -> Result<(), LaunchError> {
        let cgroup = match &started.holder {
            Holder::Group { group, .. } => Some(group.open().map_err(LaunchError::setup("the cgroup"))?),
            Holder::Unit(_) | Holder::Tree(_) => None,
        };
        let mut beside = vec![self.file.as_fd(), self.stdin.as_fd()];
        beside.extend(cgroup.as_ref().map(AsFd::as_fd));
        channel::send(&started.control, &self.order, &beside)
            .map_err(LaunchError::setup("the launcher's order"))
    }
}

fn held(group: Result<(Group, Result<(), Absence>), Absence>) -> Holder {
    match group {
        Ok((group, freeze)) => Holder::Group { group, freeze },
        Err(absence) => Holder::Tree(absence),
    }
}

fn spawn(launcher: &Path, ends: Ends) -> Result<Child, LaunchError> {
    let mut command = Command::new(launcher);
    command.arg0(NAME).env_clear().current_dir("/");
    command
        .stdin(Stdio::from(ends.control))
        .stdout(Stdio::from(ends.stdout))
        .stderr(Stdio::from(ends.stderr));
    command.spawn().map_err(LaunchError::setup("the launcher"))
}

/// What the program reads: memory that nobody can change any more.
fn sealed(bytes: &[u8]) -> std::io::Result<OwnedFd> {
    let memory = memfd_create("stdin", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(memory);
    file.write_all(bytes)?;
    file.seek(SeekFrom::Start(0))?;
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(file.into())
}
