//! The service manager's watchdog: it hears that the agent lives for as long as the agent's own thread goes round.
//!
//! Looks at the machine are made on other threads, each within a limit. One that hangs is given up, and what it was to tell is not assessed: that is no
//! reason to end the agent, so no look stands between two of these signs.

use std::time::Duration;

/// Tells the service manager again and again, where it asked for that; otherwise waits for ever.
pub async fn reassure() {
    let Some(limit) = sd_notify::watchdog_enabled() else { return std::future::pending().await };
    // Half of what would be too late, as sd_watchdog_enabled(3) advises.
    let mut signs = tokio::time::interval((limit / 2).max(Duration::from_millis(1)));
    loop {
        signs.tick().await;
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
    }
}
