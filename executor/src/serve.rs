//! The socket: a Unix socket of mode 0600 in a private directory, for one user, checked by the kernel's word (`SO_PEERCRED`).

mod converse;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::frame::FrameError;
use edge::file::{self, FileError};
use rustix::net::sockopt::socket_peercred;

use crate::publish::Written;
use crate::start::{Ground, Stage};
use converse::{converse, stop};

/// An agent that reconnects may overlap with its former self; more than this is a flood.
const CONNECTIONS_MAX: usize = 4;

/// How long the agent may take to read an answer.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Debug)]
pub struct Served {
    /// Carries orders out, one at a time: the lock is the queue.
    pub stage: Mutex<Stage>,
    /// What the stage stands on.
    pub ground: Ground,
    /// Who hears of every record.
    pub written: Written,
}

impl Served {
    /// The stage. A thread that panicked while holding it has left the log whole: the writer stops itself on any error.
    pub fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the last signed head. A disk that cannot be written ends the process. While what it gives is held, nothing else is done.
    pub fn publish(&self) -> MutexGuard<'_, Stage> {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Ready(runner) => {
                if let Err(e) = runner.machine().recorder.publish() {
                    stop(evidence::AppendError::File(e), self);
                }
            }
            // Nothing is written.
            Stage::Lacking(_) | Stage::Changing => {}
        }
        stage
    }

    /// Drops entries that the hub holds, where there are more than this machine is to keep.
    pub fn prune(&self) {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Ready(runner) => {
                if let Err(e) = self.ground.prune(&mut runner.machine().recorder) {
                    stop(evidence::AppendError::File(e), self);
                }
            }
            // Nothing is known of what the hub holds, or too little is here.
            Stage::Lacking(_) | Stage::Changing => {}
        }
    }
}

/// Binds the socket for the agent's user. A socket that an earlier executor left is replaced: the log's lock has shown that it is gone.
pub fn bind(path: &Path, agent_uid: u32) -> Result<UnixListener, FileError> {
    let failed = |action| move |source| FileError { path: path.to_owned(), action, source };
    file::private_directory(path.parent().unwrap_or(Path::new(".")))?;
    if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path).map_err(failed("remove the socket of an earlier run"))?;
    }
    let listener = UnixListener::bind(path).map_err(failed("listen on it"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(failed("make it private"))?;
    if agent_uid != rustix::process::geteuid().as_raw() {
        // Another user's socket in our directory: it may pass through, and look at nothing.
        std::os::unix::fs::chown(path, Some(agent_uid), None)
            .map_err(failed("give it to the agent's user"))?;
        let directory = path.parent().unwrap_or(Path::new("."));
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o711))
            .map_err(failed("let the agent's user through to it"))?;
    }
    Ok(listener)
}

/// Answers agents until the process ends.
pub fn serve(listener: &UnixListener, served: &Arc<Served>) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if !is_agent(&stream, served.ground.config.agent_uid) {
            continue;
        }
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS_MAX {
            open.fetch_sub(1, Ordering::SeqCst);
            tracing::warn!("a further connection was closed: {CONNECTIONS_MAX} are open");
            continue;
        }
        if let Err(e) = stream.set_write_timeout(Some(WRITE_MAX)) {
            tracing::warn!("a connection cannot be given a time limit: {e}");
            open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let (served, open) = (Arc::clone(served), Arc::clone(&open));
        std::thread::spawn(move || {
            match converse(&mut &stream, &served) {
                Ok(()) | Err(FrameError::Closed) => {}
                Err(e) => tracing::warn!("the agent's connection was closed: {e}"),
            }
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn is_agent(stream: &UnixStream, agent_uid: u32) -> bool {
    match socket_peercred(stream) {
        Ok(peer) if peer.uid.as_raw() == agent_uid => true,
        Ok(peer) => {
            tracing::error!(
                "refused a connection from uid {}: only uid {agent_uid} may connect",
                peer.uid.as_raw()
            );
            false
        }
        Err(e) => {
            tracing::error!("refused a connection whose user the kernel does not tell: {e}");
            false
        }
    }
}
