//! When a message was published, and how long ago that is.

use std::time::Duration;

use contract::time::UtcTime;
use tokio::time::Instant;

/// A date that was read once, and the time that has gone by since, which nobody can set.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// Milliseconds since 1970 at `since`: no earlier than when the newest message says that it was published, so a clock that was set back between
    /// two openings makes no message come from the future.
    base_ms: i64,
    since: Instant,
}

impl Clock {
    pub(super) fn new(now: UtcTime, newest: i64, since: Instant) -> Self {
        Self { base_ms: now.unix_ms().max(newest), since }
    }

    /// Milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.base_ms.saturating_add(i64::try_from(self.since.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// How long ago that was. What an earlier version published, which did not write down when, is as old as this opening.
    pub(super) fn age(&self, published: i64) -> Duration {
        let published = if published == 0 { self.base_ms } else { published };
        Duration::from_millis(u64::try_from(self.now() - published).unwrap_or(0))
    }
}
