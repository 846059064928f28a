//! How long to wait before trying again: exponential, capped, with full jitter, so that a thousand sites that lost the same hub come back evenly spread
//! and not all in the same second. Pure: randomness is handed in.

use std::time::Duration;

/// For whatever asks the hub.
pub const HUB: Backoff = Backoff::new(1_000, 60_000);

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

    /// The next wait: anything from nothing to the current step. `random` is any random number.
    pub fn next(&mut self, random: u64) -> Duration {
        let step = self.first_ms.saturating_mul(1 << self.tries.min(30)).clamp(1, self.max_ms.max(1));
        self.tries = self.tries.saturating_add(1);
        Duration::from_millis(random % (step + 1))
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
    tokio::time::sleep(backoff.next(random())).await;
}

/// From the kernel. Without it waits are merely not spread out, and never nothing.
pub(crate) fn random() -> u64 {
    edge::random::bytes::<8>().map_or(0x5555_5555, u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_one_second_to_sixty_and_are_spread_over_all_of_it() {
        let mut hub = HUB;
        for step in [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000] {
            assert_eq!(hub.clone().next(0).as_millis(), 0);
            assert_eq!(hub.clone().next(step / 2).as_millis(), u128::from(step / 2));
            assert_eq!(hub.next(step).as_millis(), u128::from(step));
        }
        hub.reset();
        assert_eq!(hub.next(1_000).as_millis(), 1_000);
    }

    #[test]
    fn a_thousand_sites_do_not_come_back_at_once() {
        let mut tenths = [0_u32; 10];
        for _ in 0..1_000 {
            let mut site = HUB;
            for _ in 0..6 {
                site.next(0);
            }
            let wait = site.next(random()).as_millis();
            tenths[usize::try_from(wait / 6_001).unwrap()] += 1;
        }
        assert!(tenths.iter().all(|sites| (50..=160).contains(sites)), "{tenths:?}");
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
