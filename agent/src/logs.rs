//! The host's logs: followed line by line on a thread of their own, looked at by the detectors, and forgotten.
//!
//! No line leaves this module, not even into our own trace: what leaves are signals. Positions are durable, so a restart neither loses lines
//! nor reads them twice; what was lost all the same is a signal too.

mod entry;
pub mod files;
mod followed;
pub mod journal;
mod place;
mod reading;
mod rotated;
mod tail;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use edge::trace::Tracer;
use thiserror::Error;
use tokio::sync::mpsc::UnboundedSender;

use crate::config::Logs;
use crate::detectors::{Detectors, Signal};
use crate::site::Places;
use crate::thread::{Stop, Thread};
pub use reading::Reading;

/// Where journald keeps its store: on the disk, or in memory.
const JOURNALS: [&str; 2] = ["/var/log/journal", "/run/log/journal"];
/// Where everything else writes.
const LOG_FILES: &str = "/var/log";
/// How long until a machine without logs is looked at again.
const AGAIN: Duration = Duration::from_secs(60);

/// Why no logs are followed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoLogs {
    /// There is nothing to follow, or none of it may be read.
    #[error(
        "no logs can be followed: no journal that this user may read (is it in the group systemd-journal?), and no readable log file in {0}"
    )]
    NothingReadable(String),
    /// The kernel does not let us.
    #[error("no logs can be followed: {0}")]
    Refused(String),
}

/// Begins to follow `logs`.
pub fn follow(
    logs: Logs,
    places: Places,
    detectors: Detectors,
    signals: UnboundedSender<Signal>,
    tracer: Tracer,
) -> io::Result<Thread> {
    Thread::begin("logs", move |stop| {
        let mut reading = Reading::new(detectors, signals, tracer);
        while let Err(reason) = follow_once(&logs, &places, &mut reading, &stop) {
            edge::trace::complain(&format!("suture-agent: {reason}"));
            tracing::error!(%reason, "logs");
            if stop.within(AGAIN) {
                return;
            }
        }
    })
}

fn follow_once(logs: &Logs, places: &Places, reading: &mut Reading, stop: &Stop) -> Result<(), NoLogs> {
    let directories = match logs {
        Logs::Auto if JOURNALS.iter().any(|j| is_readable_journal(Path::new(j))) => {
            journal::follow(Path::new("journalctl"), &places.journal_cursor(), reading, stop);
            return Ok(());
        }
        Logs::Auto => files::below(Path::new(LOG_FILES)),
        Logs::Directories(list) => list.iter().map(|d| d.path().to_owned()).collect(),
    };
    files::follow(&directories, &places.log_positions(), reading, stop)
}

/// Only the system's own journal counts: a user's holds nothing of the machine.
fn is_readable_journal(store: &Path) -> bool {
    let Ok(machines) = std::fs::read_dir(store) else { return false };
    machines.flatten().any(|machine| File::open(machine.path().join("system.journal")).is_ok())
}

/// The names that log files have, for the directories that are followed.
fn is_log_name(name: &str) -> bool {
    const PLAIN: [&str; 8] = ["syslog", "messages", "secure", "maillog", "cron", "daemon", "debug", "warn"];
    let path = PathBuf::from(name);
    path.extension().is_some_and(|e| e == "log") || PLAIN.contains(&name)
}
