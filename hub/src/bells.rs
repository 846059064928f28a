//! Waking the hosts that wait for an order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use contract::ids::HostId;
use tokio::sync::Notify;

/// One bell for each host that ever waited.
#[derive(Debug, Default)]
pub(crate) struct Bells(Mutex<HashMap<HostId, Arc<Notify>>>);

impl Bells {
    /// The host's bell.
    pub(crate) fn of(&self, host: &HostId) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(bells.entry(host.clone()).or_default())
    }

    /// Wakes all of the host's requests that wait.
    pub(crate) fn ring(&self, host: &HostId) {
        self.of(host).notify_waiters();
    }
}
