//! How long to wait before trying again: exponential, capped, with jitter, so that a thousand sites that lost the same hub do not all come
//! back in the same second. Pure: randomness is handed in.

use std::time::Duration;

/// The waits between tries.
#[derive(Debug, Clone)]
pub struct Backoff {
    first_ms: u64,
    max_ms: u64,
    tries: u32,
}

impl Backoff {
    /// From `first_ms`, doubling, to `max_ms`.
    pub const fn new(first_ms: u64, max_ms: u64) -> Self {
        Self { first_ms, max_ms, tries: 0 }
    }

    /// The next wait: between half and all of the current step. `random` is any random number.
    pub fn next(&mut self, random: u64) -> Duration {
        let step = self.first_ms.saturating_mul(1 << self.tries.min(30)).clamp(1, self.max_ms.max(1));
        self.tries = self.tries.saturating_add(1);
        let half = step / 2;
        Duration::from_millis(half + random % (step - half + 1))
    }

    /// It worked: begin again from the first step.
    pub const fn reset(&mut self) {
        self.tries = 0;
    }

    /// How often it was tried in vain since it last worked.
    pub const fn tries(&self) -> u32 {
        self.tries
    }
}

/// Sleeps for the next wait, with jitter from the kernel.
pub async fn pause(backoff: &mut Backoff) {
    // Without randomness the wait is merely not spread out.
    let random = edge::random::bytes::<8>().map_or(0, u64::from_le_bytes);
    tokio::time::sleep(backoff.next(random)).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_to_a_cap_and_stay_within_half_and_all_of_it() {
        let mut low = Backoff::new(100, 1_000);
        let lows: Vec<_> = (0..6).map(|_| low.next(0).as_millis()).collect();
        assert_eq!(lows, [50, 100, 200, 400, 500, 500]);
        let mut wide = Backoff::new(100, 1_000);
        for step in [100, 200, 400, 800, 1_000, 1_000] {
            let wait = wide.next(u64::MAX).as_millis();
            assert!((step / 2..=step).contains(&wait), "{wait} of {step}");
        }
        wide.reset();
        assert_eq!(wide.next(50).as_millis(), 100);
    }

    #[test]
    fn a_thousand_tries_do_not_overflow() {
        let mut backoff = Backoff::new(u64::MAX / 2, u64::MAX - 1);
        for _ in 0..1_000 {
            backoff.next(u64::MAX);
        }
        assert_eq!(backoff.tries(), 1_000);
    }
}
