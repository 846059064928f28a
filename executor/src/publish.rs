//! Publishing by timer: what the world reads follows the log within ten seconds while records are written, and is put right every ten minutes
//! while there are none. Every record is durable under a signed head long before.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use crate::serve::Served;

/// From a record to its publishing, at most.
const BUSY: Duration = Duration::from_secs(10);
/// Between two looks while nothing is written.
const IDLE: Duration = Duration::from_mins(10);
/// Between two looks at how much is kept.
const PRUNE: Duration = Duration::from_hours(1);

/// Tells the timer that something was written.
#[derive(Debug, Clone)]
pub struct Written(SyncSender<()>);

impl Written {
    /// Something was written. Told twice before the timer looks is told once.
    pub fn now(&self) {
        match self.0.try_send(()) {
            // The timer ends with the process only.
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}

/// A way to tell, and the other end of it.
pub fn channel() -> (Written, Receiver<()>) {
    let (tell, told) = sync_channel(1);
    (Written(tell), told)
}

/// Publishes until the process ends.
pub fn by_timer(served: Arc<Served>, told: Receiver<()>) {
    std::thread::spawn(move || {
        let mut pruned = Instant::now();
        loop {
            let wait =
                served.intrusions_wait_ms().map_or(IDLE, |ms| Duration::from_millis(ms).clamp(BUSY, IDLE));
            match told.recv_timeout(wait) {
                Ok(()) => std::thread::sleep(BUSY),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            // What was told meanwhile is published now, too.
            let _ = told.try_recv();
            served.tell_intrusions();
            drop(served.publish());
            if pruned.elapsed() >= PRUNE {
                served.prune();
                pruned = Instant::now();
            }
        }
    });
}
