//! The host's logs: followed line by line on threads of their own, looked at by the detectors, and forgotten.
//!
//! No line leaves this module, not even into our own trace: what leaves are signals. How far everything was read is durable, together with
//! what came of it, so a restart neither loses lines nor makes anything of them twice; what was lost all the same is counted, is an incident
//! and a record.
//!
//! Who wrote a line is known in the journal alone, where the kernel says it. In a file any local user may have written, through syslog, under
//! any name.

mod entry;
pub mod files;
mod followed;
mod health;
pub mod journal;
mod kept;
mod listing;
mod loss;
mod place;
mod reading;
mod rotated;
mod tail;
mod watched;

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use contract::heartbeat::Following;
use thiserror::Error;

use crate::config::Logs;
use crate::thread::{Stop, Thread};
pub use health::{Health, Pulse, SourceHealth};
pub use kept::Told;
pub use listing::Scope;
pub use loss::Loss;
pub use reading::{Inlet, Outlet, Reading, Shared, hold, outlet};

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
    #[error("no log file can be followed: none in {0} may be read")]
    NothingReadable(String),
    /// The kernel does not let us.
    #[error("no log file can be followed: {0}")]
    Refused(String),
}

/// Begins to follow `logs`.
pub fn follow(logs: Logs, shared: Shared) -> io::Result<Thread> {
    Thread::begin("logs", move |stop| match logs {
        Logs::Directories(list) => {
            follow_files(&shared, &stop, || {
                Scope::Directories(list.iter().map(|d| d.path().to_owned()).collect())
            });
        }
        Logs::Auto => follow_both(&shared, &stop),
    })
}

/// The journal where there is one that may be read, and the files that are not written from it.
fn follow_both(shared: &Shared, stop: &Stop) {
    let mut journal = None;
    let scope = || {
        if journal.is_none() && JOURNALS.iter().any(|j| is_readable_journal(Path::new(j))) {
            let shared = Shared::clone(shared);
            let begun = Thread::begin("journal", move |stop| {
                journal::follow(Path::new("journalctl"), &shared, &stop);
            });
            journal = begun.inspect_err(|error| tracing::error!(%error, "the journal")).ok();
        }
        Scope::Below { root: LOG_FILES.into(), beside_journal: journal.is_some() }
    };
    follow_files(shared, stop, scope);
    if let Some(thread) = journal {
        thread.end();
    }
}

fn follow_files(shared: &Shared, stop: &Stop, mut scope: impl FnMut() -> Scope) {
    let mut said = None;
    loop {
        let scope = scope();
        let Err(reason) = files::follow(&scope, shared, stop) else { return };
        let state = match &reason {
            NoLogs::NothingReadable(_) => Following::NothingReadable,
            NoLogs::Refused(_) => Following::Refused,
        };
        hold(shared).follows_no_file(state);
        // Beside the journal it is no trouble that there is no file.
        let is_alone = !matches!(scope, Scope::Below { beside_journal: true, .. });
        if said.as_ref() != Some(&reason) && is_alone {
            let hint = "is this user in the groups systemd-journal and adm?";
            edge::trace::complain(&format!("suture-agent: {reason}; {hint}"));
            tracing::error!(%reason, hint, "logs");
        }
        said = Some(reason);
        if stop.within(AGAIN) {
            return;
        }
    }
}

/// Only the system's own journal counts: a user's holds nothing of the machine.
fn is_readable_journal(store: &Path) -> bool {
    let Ok(machines) = std::fs::read_dir(store) else { return false };
    machines.flatten().any(|machine| File::open(machine.path().join("system.journal")).is_ok())
}
