//! The last heartbeat of each host. In memory alone: nothing is decided by it, and after a restart all are heard again within a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use contract::heartbeat::Heartbeat;
use contract::ids::HostId;
use contract::time::UtcTime;
use serde::Serialize;

/// A heartbeat as it was heard.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Heard {
    /// When, by this hub's clock.
    pub(crate) at: UtcTime,
    /// How far the host's clock is ahead of this hub's, in milliseconds, the way here included.
    pub(crate) ahead_ms: i64,
    /// What it said.
    pub(crate) said: Heartbeat,
}

/// One for each host.
#[derive(Debug, Default)]
pub(crate) struct Pulses(Mutex<HashMap<HostId, Heard>>);

impl Pulses {
    /// `host` said so now.
    pub(crate) fn hear(&self, host: HostId, said: Heartbeat, now: UtcTime) {
        let ahead_ms = said.at.unix_ms().saturating_sub(now.unix_ms());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(host, Heard { at: now, ahead_ms, said });
    }

    /// What `host` said last.
    pub(crate) fn of(&self, host: &HostId) -> Option<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }
}
