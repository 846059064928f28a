//! The container backend: a step in a container of podman, off by default. **Absent:** everything that podman's own command line does not say; our
//! filters, Landlock and proxy are not in it, and neither is the account of time and memory used.

mod arguments;

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Instant;

use crate::confinement::{Confinement, Limits};
use crate::error::LaunchError;
use crate::features::{Absence, Feature};
use crate::finished::{Cost, Exit, Finished, Layer, Means};

/// Podman's own codes for a container that did not start.
const NOT_STARTED: std::ops::RangeInclusive<i32> = 125..=127;

/// Which limits this machine's podman can hold for a whole container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Controllers {
    memory: bool,
    cpu: bool,
    pids: bool,
}

/// Podman, as this machine has it, with one image.
#[derive(Debug)]
pub struct Podman {
    program: PathBuf,
    image: String,
    controllers: Controllers,
}

impl Podman {
    /// Asks podman what it can hold. `image` is `name@sha256:…`, of this machine: nothing is pulled.
    pub fn new(program: PathBuf, image: String) -> Result<Self, LaunchError> {
        let mut command = Command::new(&program);
        command.args(["info", "--format", "{{.Host.CgroupControllers}}"]).stdin(Stdio::null());
        let told = command.output().map_err(LaunchError::setup("podman"))?;
        if !told.status.success() {
            return Err(failed(&told.stderr));
        }
        let told = String::from_utf8_lossy(&told.stdout);
        let has = |name| told.trim().trim_matches(['[', ']']).split_whitespace().any(|told| told == name);
        let controllers = Controllers { memory: has("memory"), cpu: has("cpu"), pids: has("pids") };
        Ok(Self { program, image, controllers })
    }

    /// Starts a program of the image, waits for its end, and leaves nothing of it.
    pub fn run(&self, args: &[String], confinement: &Confinement) -> Result<Finished, LaunchError> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("suture-step-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let args = arguments::arguments(&name, &self.image, args, confinement, self.controllers)?;
        self.demanded(confinement)?;
        let began = Instant::now();
        let mut command = Command::new(&self.program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(LaunchError::setup("podman"))?;
        let pipes = Pipes::of(&mut child, confinement.stdin.clone())?;
        let (outputs, cause) = pipes.follow(began, confinement.limits, || self.kill(&name));
        let status = child.wait().map_err(LaunchError::setup("waiting for podman"))?;
        let [stdout, stderr] = outputs;
        let exit = match (cause, status.code()) {
            (Some(cause), _) => cause,
            (None, Some(code)) if NOT_STARTED.contains(&code) => return Err(failed(&stderr)),
            // So podman tells of a signal.
            (None, Some(code @ 129..=192)) => Exit::Signal(code - 128),
            (None, Some(code)) => Exit::Code(code),
            (None, None) => Exit::Lost,
        };
        let cost = Cost { wall: began.elapsed(), ..Cost::default() };
        let (confined_by, missing) = (self.layers(), self.missing());
        Ok(Finished { exit, stdout, stderr, cost, confined_by, missing, connections: Vec::new() })
    }

    fn demanded(&self, confinement: &Confinement) -> Result<(), LaunchError> {
        let missing = self.missing();
        let demanded = missing.into_iter().find(|(feature, _)| confinement.demands.contains(feature));
        demanded.map_or(Ok(()), |(feature, absence)| Err(LaunchError::Demanded { feature, absence }))
    }

    fn missing(&self) -> Vec<(Feature, Absence)> {
        let Controllers { memory, cpu, pids } = self.controllers;
        let all = [(memory, Feature::MemoryLimit), (cpu, Feature::CpuLimit), (pids, Feature::PidsLimit)];
        all.into_iter().filter(|(has, _)| !has).map(|(_, what)| (what, Absence::NotDelegated)).collect()
    }

    fn layers(&self) -> Vec<Layer> {
        let Controllers { memory, cpu, pids } = self.controllers;
        let memory = Layer::Memory(if memory { Means::Cgroup } else { Means::EachProcess });
        let mut layers = vec![Layer::Container, memory, Layer::Kill(Means::Tree)];
        layers.extend(cpu.then_some(Layer::Cpu(Means::Cgroup)));
        layers.extend(pids.then_some(Layer::Pids(Means::Cgroup)));
        layers
    }

    /// Should this fail, podman's own end comes two seconds later.
    fn kill(&self, name: &str) {
        let mut command = Command::new(&self.program);
        command.args(["kill", "--signal=KILL", name]);
        let _ = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// What podman said last.
fn failed(stderr: &[u8]) -> LaunchError {
    let said = String::from_utf8_lossy(stderr);
    LaunchError::Launcher {
        at: "podman".to_owned(),
        why: said.lines().last().unwrap_or("nothing").to_owned(),
    }
}

/// Both outputs, read by a thread each.
struct Pipes(Receiver<(usize, Vec<u8>)>);

impl Pipes {
    fn of(child: &mut Child, input: Vec<u8>) -> Result<Self, LaunchError> {
        let lacking = || LaunchError::setup("a pipe")(std::io::ErrorKind::BrokenPipe);
        let mut stdin = child.stdin.take().ok_or_else(lacking)?;
        let stdout = child.stdout.take().ok_or_else(lacking)?;
        let stderr = child.stderr.take().ok_or_else(lacking)?;
        // A program that does not read its input is none of our business.
        thread::spawn(move || drop(stdin.write_all(&input)));
        let (sender, receiver) = mpsc::sync_channel(4);
        let second = sender.clone();
        thread::spawn(move || read(stdout, 0, &sender));
        thread::spawn(move || read(stderr, 1, &second));
        Ok(Self(receiver))
    }

    /// All that is written until both are closed, up to the limit; and why it was killed, if it was.
    fn follow(self, began: Instant, limits: Limits, kill: impl Fn()) -> ([Vec<u8>; 2], Option<Exit>) {
        let mut room = usize::try_from(limits.output_bytes).unwrap_or(usize::MAX);
        let (mut outputs, mut cause) = ([Vec::new(), Vec::new()], None);
        loop {
            let left = limits.wall.saturating_sub(began.elapsed());
            let patience = if cause.is_some() { limits.wall } else { left };
            let ended = match self.0.recv_timeout(patience) {
                Ok((index, bytes)) => {
                    let kept = bytes.get(..bytes.len().min(room)).unwrap_or_default();
                    room -= kept.len();
                    if let Some(output) = outputs.get_mut(index) {
                        output.extend_from_slice(kept);
                    }
                    (kept.len() < bytes.len()).then_some(Exit::OutputCap)
                }
                Err(RecvTimeoutError::Timeout) => Some(Exit::WallClock),
                Err(RecvTimeoutError::Disconnected) => return (outputs, cause),
            };
            if let (Some(ended), None) = (ended, cause) {
                cause = Some(ended);
                kill();
            }
        }
    }
}

fn read(mut from: impl Read, index: usize, to: &SyncSender<(usize, Vec<u8>)>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        if to.send((index, bytes)).is_err() {
            return;
        }
    }
}
