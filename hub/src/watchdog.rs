//! The service manager's watchdog: it hears that the hub lives for as long as the database answers.
//!
//! Everything that the hub promises goes through that thread. One that hangs, on a disk that does, serves nobody, and is better begun anew.

use std::sync::Arc;
use std::time::Duration;

use crate::hub::Hub;
use crate::problem::chain;

/// Tells the service manager again and again, where it asked for that; otherwise waits for ever.
pub(crate) async fn reassure(hub: &Arc<Hub>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    // Half of what would be too late, as sd_watchdog_enabled(3) advises.
    let mut signs = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        signs.tick().await;
        match hub.store.answers().await {
            Ok(()) => {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
            Err(e) => tracing::error!(cause = chain(&e), "the database does not answer"),
        }
    }
}
