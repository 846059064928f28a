//! The last heartbeat of each host. In memory alone: nothing is decided by it, and after a restart all are heard again within a minute.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use contract::heartbeat::{Condition, Heartbeat, Said};
use contract::ids::HostId;
use contract::time::UtcTime;
use serde::Serialize;

/// A heartbeat as it was heard.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct Heard {
    /// When, by this hub's clock.
    pub(crate) at: UtcTime,
    /// How far the host's clock is ahead of this hub's, in milliseconds, the way here included.
    pub(crate) ahead_ms: i64,
    /// What it said. Where it said that nothing changed, what it had said before is filled in.
    pub(crate) said: Heartbeat,
}

/// One for each host.
#[derive(Debug, Default)]
pub(crate) struct Pulses(Mutex<HashMap<HostId, Heard>>);

impl Pulses {
    /// `host` said so now. Nothing where it said that nothing changed, and it is not known here from what: it has to say all of it again.
    pub(crate) fn hear(&self, host: HostId, mut said: Heartbeat, now: UtcTime) -> Option<Condition> {
        let ahead_ms = said.at.unix_ms().saturating_sub(now.unix_ms());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Said::Unchanged, Some(before)) = (&said.condition, all.get(&host)) {
            said.condition = before.said.condition.clone();
        }
        let known = said.condition.now().cloned();
        all.insert(host, Heard { at: now, ahead_ms, said });
        known
    }

    /// What `host` said last.
    pub(crate) fn of(&self, host: &HostId) -> Option<Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).cloned()
    }
}
