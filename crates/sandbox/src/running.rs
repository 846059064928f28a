//! A step's program while it runs: killed, frozen and thawed from any thread.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, eventfd};

use crate::error::{FreezeError, LaunchError};
use crate::features::Absence;
use crate::finished::Finished;
use crate::holder::Holder;

/// What the thread that watches the tree and the others share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Written to, to have the watching thread look up.
    pub(crate) wake: OwnedFd,
    cancelled: AtomicBool,
    holder: OnceLock<Holder>,
    frozen: Mutex<Frozen>,
}

/// Time in which the tree stood still.
#[derive(Debug, Default)]
struct Frozen {
    since: Option<Instant>,
    before: Duration,
}

impl Shared {
    pub(crate) fn new() -> io::Result<Self> {
        let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let (holder, frozen) = (OnceLock::new(), Mutex::new(Frozen::default()));
        Ok(Self { wake, cancelled: AtomicBool::new(false), holder, frozen })
    }

    /// Says what holds the tree: once, before anybody has a handle.
    pub(crate) fn hold(&self, holder: Holder) {
        let _ = self.holder.set(holder);
    }

    pub(crate) fn holder(&self) -> Option<&Holder> {
        self.holder.get()
    }

    pub(crate) fn cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    /// How long it has stood still until now, and whether it does.
    pub(crate) fn stood_still(&self) -> (Duration, bool) {
        let frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        (frozen.before + frozen.since.map_or(Duration::ZERO, |since| since.elapsed()), frozen.since.is_some())
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Release);
        self.look_up();
    }

    fn look_up(&self) {
        let _ = rustix::io::write(&self.wake, &1u64.to_ne_bytes());
    }

    fn freeze(&self, freeze: bool) -> Result<(), FreezeError> {
        let mut frozen = self.frozen.lock().unwrap_or_else(PoisonError::into_inner);
        let holder = self.holder().ok_or(FreezeError::Unavailable(Absence::NotRunning))?;
        holder.freeze(freeze)?;
        match (freeze, frozen.since) {
            (true, None) => frozen.since = Some(Instant::now()),
            (false, Some(since)) => {
                frozen.before += since.elapsed();
                frozen.since = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
        drop(frozen);
        self.look_up();
        Ok(())
    }
}

/// A handle that other threads can have too.
#[derive(Debug, Clone)]
pub struct Handle(pub(crate) Arc<Shared>);

impl Handle {
    /// Ends the whole tree. Its death is told by [`Running::wait`] as [`Exit::Cancelled`](crate::Exit::Cancelled).
    pub fn kill(&self) {
        self.0.cancel();
    }

    /// Stops every process of the tree, wherever it is; answers when they stand still. Its clock stands still too.
    pub fn freeze(&self) -> Result<(), FreezeError> {
        self.0.freeze(true)
    }

    /// Lets them go on.
    pub fn thaw(&self) -> Result<(), FreezeError> {
        self.0.freeze(false)
    }
}

/// A program that was started. Dropping it kills the tree.
#[derive(Debug)]
pub struct Running {
    pub(crate) handle: Handle,
    pub(crate) watching: Option<JoinHandle<Result<Finished, LaunchError>>>,
}

impl Running {
    /// For another thread.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Ends the whole tree.
    pub fn kill(&self) {
        self.handle.kill();
    }

    /// Stops every process of the tree.
    pub fn freeze(&self) -> Result<(), FreezeError> {
        self.handle.freeze()
    }

    /// Lets them go on.
    pub fn thaw(&self) -> Result<(), FreezeError> {
        self.handle.thaw()
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Result<Finished, LaunchError> {
        match self.watching.take().map(JoinHandle::join) {
            Some(Ok(finished)) => finished,
            // The thread that watched it is gone, and with it the tree.
            Some(Err(_)) | None => Err(LaunchError::Silent),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(watching) = self.watching.take() {
            self.kill();
            let _ = watching.join();
        }
    }
}
