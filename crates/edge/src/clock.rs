//! The two clocks: UTC for instants, monotonic for durations.

use contract::time::{MonoNs, UtcTime};
use rustix::time::{ClockId, clock_gettime};

/// Both clocks and a way to wait, for whoever has to be tested over days.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// Now, in UTC.
    fn utc(&self) -> UtcTime;
    /// Now, monotonic.
    fn mono(&self) -> MonoNs;
    /// Waits.
    fn wait_ms(&self, ms: u64);
}

/// This machine's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn utc(&self) -> UtcTime {
        utc()
    }
    fn mono(&self) -> MonoNs {
        mono()
    }
    fn wait_ms(&self, ms: u64) {
        std::thread::sleep(std::time::Duration::from_millis(ms));
    }
}

/// Now, in UTC. A clock that stands before 1970 or after 9999 is read as 1970: every expiry then refuses, which is the safe side.
pub fn utc() -> UtcTime {
    let t = clock_gettime(ClockId::Realtime);
    let ms = t.tv_sec.saturating_mul(1000).saturating_add(t.tv_nsec / 1_000_000);
    #[cfg(feature = "moved-clock")]
    let ms = ms.saturating_add(moved::by());
    UtcTime::from_unix_ms(ms).unwrap_or_else(|_| epoch())
}

/// The clock of this process as somebody set it who should not have. For tests alone.
#[cfg(feature = "moved-clock")]
pub mod moved {
    use std::sync::atomic::{AtomicI64, Ordering};

    static BY_MS: AtomicI64 = AtomicI64::new(0);

    /// From now on [`super::utc`] is so far from the machine's clock, at once.
    pub fn set(ms: i64) {
        BY_MS.store(ms, Ordering::SeqCst);
    }

    pub(super) fn by() -> i64 {
        BY_MS.load(Ordering::SeqCst)
    }
}

fn epoch() -> UtcTime {
    #[expect(clippy::expect_used, reason = "0 is within the range that UtcTime takes")]
    UtcTime::from_unix_ms(0).expect("0 is within range")
}

/// Now, in nanoseconds since this machine started, sleep included.
pub fn mono() -> MonoNs {
    let t = clock_gettime(ClockId::Boottime);
    let ns = i128::from(t.tv_sec) * 1_000_000_000 + i128::from(t.tv_nsec);
    MonoNs(u64::try_from(ns).unwrap_or(0))
}
