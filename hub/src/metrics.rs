//! Numbers for Prometheus, in its text format.
//!
//! Nothing here names a tenant, a host or a person: how many lines there are does not depend on how large the fleet is, and whoever may read numbers learns
//! no more than that. What is counted since the start is counted for the process; everything else is asked of the databases when somebody looks.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::time::UtcTime;
use queue::Queue as _;

use crate::heads::HeadsFault;
use crate::hub::Hub;
use crate::machine::last_backup;
use crate::store::{Numbers, StoreError};

/// Something that is counted since the process began.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub(crate) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers when.
    pub(crate) fn mark(&self, now: UtcTime) {
        self.0.store(now.unix_seconds(), Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Handshakes at the device plane that came to nothing.
pub(crate) static HANDSHAKES_REFUSED: Counter = Counter::new();
/// When evidence was last taken.
pub(crate) static EVIDENCE_TAKEN: Counter = Counter::new();
/// Packages of evidence that were taken.
pub(crate) static PACKAGES_TAKEN: Counter = Counter::new();

/// Why there are no numbers.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MetricsError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Heads(#[from] HeadsFault),
    #[error("the queue did not answer")]
    Queue(#[from] queue::QueueError),
}

/// All of them, in Prometheus' text format.
pub(crate) async fn exposition(
    hub: &Arc<Hub>,
    directory: &Path,
    now: UtcTime,
) -> Result<String, MetricsError> {
    let numbers = hub.store.numbers(now).await?;
    let pending = hub.queue.depth_of_all().await?.pending();
    let (heads, quorum) = hub.heads.view().await?.standing();
    let mut text = Text(String::new());
    text.all("suture_build_info", "gauge", "What runs.", &[("version", env!("CARGO_PKG_VERSION"), 1)]);
    let Numbers { hosts, incidents, unplanned_oldest, records, alarms, alerts, messages, archive_waiting } =
        numbers;
    text.all("suture_hosts", "gauge", "Hosts by how they stand.", &hosts);
    text.all("suture_incidents", "gauge", "Incidents by how they stand.", &incidents);
    text.one("suture_queue_messages", "gauge", "Messages that wait for the planner.", pending);
    let oldest = unplanned_oldest.map_or(0, |found| now.ms_since(found) / 1000);
    text.one(
        "suture_queue_oldest_seconds",
        "gauge",
        "Age of the oldest incident that waits for the planner.",
        oldest,
    );
    text.one("suture_evidence_records", "gauge", "Evidence records that are held and verified.", records);
    text.one(
        "suture_evidence_packages_total",
        "counter",
        "Packages of evidence that were taken.",
        PACKAGES_TAKEN.get(),
    );
    text.one(
        "suture_evidence_last_success_timestamp_seconds",
        "gauge",
        "When evidence was last taken; 0 where none was since the start.",
        EVIDENCE_TAKEN.get(),
    );
    let backup = last_backup(directory).map_or(0, UtcTime::unix_seconds);
    text.one(
        "suture_backup_last_success_timestamp_seconds",
        "gauge",
        "When the hub was last backed up; 0 where it never was.",
        backup,
    );
    text.one(
        "suture_archive_waiting_logs",
        "gauge",
        "Logs of which something waits for a write-once store.",
        archive_waiting,
    );
    text.one("suture_heads_entries_total", "counter", "Entries of the log of all sites' heads.", heads);
    if let Some(met) = quorum {
        let help = "Whether enough outside witnesses cosigned the newest head.";
        text.one("suture_heads_witnessed", "gauge", help, u64::from(met));
    }
    text.one(
        "suture_handshakes_refused_total",
        "counter",
        "Handshakes at the device plane that came to nothing.",
        HANDSHAKES_REFUSED.get(),
    );
    text.one("suture_alarms_total", "counter", "Alarms that hosts' evidence gave.", alarms);
    text.all("suture_alerts", "gauge", "Alerts by how they stand.", &alerts);
    text.one("suture_alert_messages", "gauge", "Messages on their way to people.", messages);
    Ok(text.0)
}

struct Text(String);

impl Text {
    fn head(&mut self, name: &str, sort: &str, help: &str) {
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {sort}\n");
    }

    fn one(&mut self, name: &str, sort: &str, help: &str, value: u64) {
        self.head(name, sort, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// One line for each value of a label. The values are words of ours.
    fn all(&mut self, name: &str, sort: &str, help: &str, lines: &[(&str, &str, u64)]) {
        self.head(name, sort, help);
        for (label, word, value) in lines {
            let _ = writeln!(self.0, "{name}{{{label}=\"{word}\"}} {value}");
        }
    }
}
