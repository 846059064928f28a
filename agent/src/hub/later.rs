//! A hub that says when to come again is not asked before: what it said for one kind of request counts for that kind, whoever asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use tokio::time::Instant;

use crate::backoff::random;

/// A hub that says more is asked again nevertheless: nobody is put off for a day by a mistake.
const WAIT_MAX: Duration = Duration::from_secs(10 * 60);

/// What the hub put off, and until when.
#[derive(Debug, Clone, Default)]
pub(super) struct Later(Arc<Mutex<HashMap<&'static str, Instant>>>);

impl Later {
    /// Returns once the hub may be asked for this.
    pub(super) async fn wait(&self, what: &'static str) {
        let until = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(what);
        if let Some(until) = until {
            tokio::time::sleep_until(until).await;
        }
    }

    /// The hub did not do it, and may have said when to come again: then how long this waits. Up to half as much is added: others were told the same.
    pub(super) fn told(&self, what: &'static str, headers: &HeaderMap) -> Option<Duration> {
        let wait = said(headers)?;
        let half_ms = u64::try_from(wait.as_millis() / 2).unwrap_or(0);
        let wait = wait + Duration::from_millis(random() % (half_ms + 1));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(what, Instant::now() + wait);
        Some(wait)
    }
}

/// The seconds that `Retry-After` says. A date, which ours never says, is not read: the backoff does without.
fn said(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &str) -> HeaderMap {
        [(RETRY_AFTER, value.parse().unwrap())].into_iter().collect()
    }

    #[tokio::test]
    async fn what_was_put_off_waits_once_and_nothing_else_does() {
        let later = Later::default();
        later.told("incident", &headers("1"));
        let began = Instant::now();
        later.wait("heartbeat").await;
        assert!(began.elapsed() < Duration::from_secs(1));
        later.wait("incident").await;
        assert!(began.elapsed() >= Duration::from_secs(1));
        let began = Instant::now();
        later.wait("incident").await;
        assert!(began.elapsed() < Duration::from_secs(1));
    }

    #[test]
    fn what_is_no_number_of_seconds_is_not_read_and_nobody_is_put_off_for_a_day() {
        assert_eq!(said(&headers("86400")), Some(WAIT_MAX));
        for bad in ["", "-1", "soon", "Fri, 31 Dec 1999 23:59:59 GMT", "99999999999999999999999"] {
            assert_eq!(said(&headers(bad)), None, "{bad}");
        }
        assert_eq!(said(&HeaderMap::new()), None);
    }
}
