//! Watching one tree from its start to its end: its outputs, its time, and whoever cancels it. One thread, which may be the caller's own.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Signal, WaitId, WaitIdOptions, pidfd_send_signal, waitid};

use crate::channel::{self, Said};
use crate::confinement::{Destination, Limits};
use crate::error::LaunchError;
use crate::finished::{Cost, Exit, Finished};
use crate::holder::Holder;
use crate::launch::{Plan, Started};
use crate::proxy::Proxy;
use crate::running::Shared;

/// Starts what is planned, calls `ready` when its tree is made, and answers at its end.
pub(crate) fn watch(
    mut plan: Plan,
    shared: &Arc<Shared>,
    ready: impl FnOnce(),
) -> Result<Finished, LaunchError> {
    let started = plan.start()?;
    let Started { control, stdout, stderr, child, holder } = started;
    shared.hold(holder);
    let mut watched = Watched {
        limits: plan.limits(),
        allowed: plan.allowed(),
        began: plan.began,
        shared,
        control: Some(control),
        outputs: [Output::new(stdout), Output::new(stderr)],
        init: None,
        said: None,
        failed: None,
        cause: None,
        proxy: None,
        made: None,
    };
    let outcome = watched.follow(ready);
    // On every way out: nothing of it may be left.
    watched.kill();
    if let Some(mut child) = child {
        if outcome.is_err() || watched.init.is_none() {
            let _ = child.kill();
        }
        child.wait().map_err(LaunchError::setup("waiting for the launcher"))?;
        // Init is our child too. One that we were never told of ends by itself, with the socket.
        if let Some(init) = &watched.init {
            let waited = waitid(WaitId::PidFd(init.as_fd()), WaitIdOptions::EXITED);
            waited.map_err(LaunchError::setup("waiting for the tree"))?;
        }
    }
    outcome?;
    watched.finish(plan)
}

struct Output {
    file: Option<File>,
    bytes: Vec<u8>,
}

impl Output {
    fn new(file: File) -> Self {
        Self { file: Some(file), bytes: Vec::new() }
    }
}

struct Watched<'a> {
    limits: Limits,
    allowed: Vec<Destination>,
    began: Instant,
    shared: &'a Shared,
    /// Closed when the launcher and init have closed theirs.
    control: Option<OwnedFd>,
    outputs: [Output; 2],
    /// Init, whose end is the end of the tree.
    init: Option<OwnedFd>,
    said: Option<Said>,
    failed: Option<LaunchError>,
    /// Why we killed it.
    cause: Option<Exit>,
    proxy: Option<Proxy>,
    made: Option<Duration>,
}

/// What the kernel woke us for.
struct Woken {
    control: bool,
    outputs: [bool; 2],
    wake: bool,
    dead: bool,
}

impl Watched<'_> {
    fn follow(&mut self, ready: impl FnOnce()) -> Result<(), LaunchError> {
        let mut ready = Some(ready);
        loop {
            let woken = self.sleep(self.patience())?;
            if woken.control {
                self.listen()?;
                if let Some(ready) = ready.take_if(|_| self.init.is_some()) {
                    ready();
                }
            }
            for (index, readable) in woken.outputs.into_iter().enumerate() {
                if readable {
                    self.read(index)?;
                }
            }
            if woken.dead || (self.control.is_none() && self.init.is_none()) {
                break;
            }
            if woken.wake {
                let _ = rustix::io::read(&self.shared.wake, &mut [0u8; 8][..]);
            }
            if self.cause.is_none() && self.said.is_none() {
                if self.shared.cancelled() {
                    self.end(Exit::Cancelled);
                } else if self.patience() == Some(Duration::ZERO) {
                    self.end(Exit::WallClock);
                }
            }
        }
        self.drain()
    }

    /// How long it may still run; for ever while it is frozen, because then it does not.
    fn patience(&self) -> Option<Duration> {
        let (stood_still, frozen) = self.shared.stood_still();
        let until = self.limits.wall + stood_still;
        (!frozen && self.cause.is_none()).then(|| until.saturating_sub(self.began.elapsed()))
    }

    fn sleep(&self, limit: Option<Duration>) -> Result<Woken, LaunchError> {
        let [stdout, stderr] = self.outputs.each_ref().map(|output| output.file.as_ref().map(AsFd::as_fd));
        let control = self.control.as_ref().map(AsFd::as_fd);
        let init = self.init.as_ref().map(AsFd::as_fd);
        // In the order of the fields of `Woken`; what is closed is not waited for.
        let all = [control, stdout, stderr, Some(self.shared.wake.as_fd()), init];
        let mut fds: Vec<_> =
            all.iter().flatten().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        // A millisecond more, so that the time is up when we look.
        let limit = limit.map(|limit| limit + Duration::from_millis(u64::from(!limit.is_zero())));
        let limit = limit.and_then(|limit| Timespec::try_from(limit).ok());
        match poll(&mut fds, limit.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(e) => return Err(LaunchError::setup("waiting for the step")(e)),
        }
        let mut answers = fds.iter().map(|fd| !fd.revents().is_empty());
        let [control, stdout, stderr, wake, dead] =
            all.map(|fd| fd.is_some() && answers.next().unwrap_or_default());
        Ok(Woken { control, outputs: [stdout, stderr], wake, dead })
    }

    fn listen(&mut self) -> Result<(), LaunchError> {
        let Some(control) = &self.control else { return Ok(()) };
        let received =
            channel::receive::<Said>(control).map_err(LaunchError::setup("the launcher's answer"))?;
        match received {
            None => self.control = None,
            Some((Said::Ready, descriptors)) => {
                self.made = Some(self.began.elapsed());
                let mut descriptors = descriptors.into_iter();
                self.init = descriptors.next();
                if self.cause.is_some() {
                    // It was to end before we knew of it.
                    self.kill();
                }
                if let Some(listener) = descriptors.next() {
                    let proxy = Proxy::start(listener, std::mem::take(&mut self.allowed));
                    self.proxy = Some(proxy.map_err(LaunchError::setup("the proxy"))?);
                }
            }
            Some((Said::Failed { at, why }, _)) => {
                self.failed.get_or_insert(LaunchError::Launcher { at, why });
            }
            Some((ended @ Said::Ended { .. }, _)) => self.said = Some(ended),
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> Result<(), LaunchError> {
        let mut buffer = vec![0; 1 << 16];
        let Some(output) = self.outputs.get_mut(index) else { return Ok(()) };
        let Some(file) = &mut output.file else { return Ok(()) };
        let length = file.read(&mut buffer).map_err(LaunchError::setup("reading its output"))?;
        if length == 0 {
            output.file = None;
            return Ok(());
        }
        let held: usize = self.outputs.iter().map(|output| output.bytes.len()).sum();
        let room = usize::try_from(self.limits.output_bytes).unwrap_or(usize::MAX).saturating_sub(held);
        let kept = buffer.get(..length.min(room)).unwrap_or_default();
        if let Some(output) = self.outputs.get_mut(index) {
            output.bytes.extend_from_slice(kept);
        }
        if length > room && self.cause.is_none() {
            self.end(Exit::OutputCap);
        }
        Ok(())
    }

    /// What is still in the pipes of a dead tree.
    fn drain(&mut self) -> Result<(), LaunchError> {
        loop {
            let woken = self.sleep(Some(Duration::ZERO))?;
            if woken.control {
                self.listen()?;
            }
            for (index, readable) in woken.outputs.into_iter().enumerate() {
                if readable {
                    self.read(index)?;
                }
            }
            if !woken.control && woken.outputs == [false; 2] {
                return Ok(());
            }
        }
    }

    fn end(&mut self, cause: Exit) {
        self.cause = Some(cause);
        // A tree that we do not know of yet is killed when we are told of it, so that nobody is left whom we cannot wait for.
        if self.init.is_some() {
            self.kill();
        }
    }

    fn kill(&self) {
        if let Some(holder) = self.shared.holder() {
            holder.kill();
        }
        match (&self.init, &self.control) {
            (Some(init), _) => drop(pidfd_send_signal(init, Signal::KILL)),
            // It is not told to us yet: it ends when it sees that nobody listens.
            (None, Some(control)) => drop(rustix::net::shutdown(control, rustix::net::Shutdown::Both)),
            (None, None) => {}
        }
    }

    fn finish(self, plan: Plan) -> Result<Finished, LaunchError> {
        let connections = self.proxy.map(Proxy::stop).unwrap_or_default();
        let mut cost =
            Cost { ready: self.made.unwrap_or_default(), wall: self.began.elapsed(), ..Cost::default() };
        let out_of_memory = self.shared.holder().is_some_and(Holder::out_of_memory);
        let exit = match (self.cause, self.failed, self.said) {
            (Some(cause), None, _) => cause,
            (_, Some(failed), _) => return Err(failed),
            (None, None, Some(Said::Ended { code, signal, user, system, peak_bytes })) => {
                cost = Cost { user, system, peak_bytes, ..cost };
                match (code, signal) {
                    _ if out_of_memory => Exit::Memory,
                    (Some(code), _) => Exit::Code(code),
                    (None, Some(libc::SIGSYS)) => Exit::BadSyscall,
                    (None, Some(signal)) => Exit::Signal(signal),
                    (None, None) => Exit::Lost,
                }
            }
            (None, None, _) if out_of_memory => Exit::Memory,
            (None, None, _) if self.init.is_none() => return Err(LaunchError::Silent),
            (None, None, _) => Exit::Lost,
        };
        let [stdout, stderr] = self.outputs.map(|output| output.bytes);
        let Plan { layers: confined_by, missing, .. } = plan;
        Ok(Finished { exit, stdout, stderr, cost, confined_by, missing, connections })
    }
}
