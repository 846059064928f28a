//! Threads for work that blocks, which end when they are told to and not a moment later: no flag that is polled, no wake-up while idle.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// A thread at work.
#[derive(Debug)]
pub struct Thread {
    handle: JoinHandle<()>,
    hold: UnixStream,
}

/// The thread's view of its end: readable once the other side was closed.
#[derive(Debug)]
pub struct Stop(UnixStream);

/// Why a wait was over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// The thread is to end.
    Stopped,
    /// What it waited for is there.
    Readable,
    /// The time is over.
    Nothing,
}

impl Thread {
    /// Begins `work` on a thread of its own.
    pub fn begin(name: &str, work: impl FnOnce(Stop) + Send + 'static) -> io::Result<Self> {
        let (hold, stop) = UnixStream::pair()?;
        let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || work(Stop(stop)))?;
        Ok(Self { handle, hold })
    }

    /// Tells it to end, and waits until it has.
    pub fn end(self) {
        let Self { handle, hold } = self;
        drop(hold);
        if handle.join().is_err() {
            tracing::error!("a thread had panicked");
        }
    }
}

impl Stop {
    /// Waits for the end; false where it did not come within `limit`.
    pub fn within(&self, limit: Duration) -> bool {
        self.wait::<UnixStream>(None, limit) == Woken::Stopped
    }

    /// Waits for `other` to become readable, for the end, or for `limit`.
    pub fn wait<F: AsFd>(&self, other: Option<&F>, limit: Duration) -> Woken {
        let others: Vec<_> = other.into_iter().map(|o| PollFd::new(o, PollFlags::IN)).collect();
        match self.wait_any(&others, limit) {
            None => Woken::Stopped,
            Some(stirred) if stirred.contains(&true) => Woken::Readable,
            Some(_) => Woken::Nothing,
        }
    }

    /// Waits for any of `others`, for the end, or for `limit`. Says which of them stirred; none where the thread is to end.
    pub fn wait_any(&self, others: &[PollFd<'_>], limit: Duration) -> Option<Vec<bool>> {
        let limit =
            Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: i64::from(limit.subsec_nanos()) };
        let mut fds = vec![PollFd::new(&self.0, PollFlags::IN)];
        fds.extend_from_slice(others);
        // Interrupted is the same as nothing: whoever waits comes back here.
        let _ = poll(&mut fds, Some(&limit));
        let mut stirred = fds.iter().map(|fd| !fd.revents().is_empty());
        match stirred.next() {
            Some(true) => None,
            Some(false) | None => Some(stirred.collect()),
        }
    }
}
