//! The socket: a Unix socket of mode 0600 in a private directory, for one user, checked by the kernel's word (`SO_PEERCRED`).

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::frame::{self, FrameError};
use contract::ids::HostId;
use contract::socket::{Answer, PROTOCOL, Question};
use edge::file::{self, FileError};
use evidence::AppendError;
use rustix::net::sockopt::socket_peercred;

use crate::receipt::Receipts;
use crate::run::{FindingsError, Runner};

/// An agent that reconnects may overlap with its former self; more than this is a flood.
const CONNECTIONS_MAX: usize = 4;

/// How long the agent may take to read an answer.
const WRITE_MAX: Duration = Duration::from_secs(10);

/// What all connections share.
#[derive(Debug)]
pub struct Served {
    /// Carries orders out, one at a time: the lock is the queue.
    pub runner: Mutex<Runner>,
    /// Which machine this is.
    pub host: HostId,
    /// The hub's receipts.
    pub receipts: Receipts,
    /// Where a person looks when the disk is full.
    pub directory: std::path::PathBuf,
}

impl Served {
    /// The runner. A thread that panicked while holding it has left the log whole: the writer stops itself on any error.
    pub fn lock(&self) -> MutexGuard<'_, Runner> {
        self.runner.lock().unwrap_or_else(PoisonError::into_inner)
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
pub fn serve(listener: &UnixListener, served: &Arc<Served>, agent_uid: u32) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        if !is_agent(&stream, agent_uid) {
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

fn converse(stream: &mut &UnixStream, served: &Served) -> Result<(), FrameError> {
    match frame::read(stream)? {
        Question::Hello { protocol: PROTOCOL, software: _ } => {
            let size = served.lock().machine().recorder.size();
            let software = env!("CARGO_PKG_VERSION").to_owned();
            frame::write(
                stream,
                &Answer::Welcome { protocol: PROTOCOL, software, host: served.host.clone(), size },
            )?;
        }
        Question::Hello { protocol, .. } => {
            let why = format!(
                "this executor speaks protocol {PROTOCOL}, not {protocol}: update the older of the two"
            );
            return frame::write(stream, &Answer::Sorry { why });
        }
        Question::Findings { .. }
        | Question::Order { .. }
        | Question::Entries { .. }
        | Question::Receipt { .. } => {
            return frame::write(stream, &Answer::Sorry { why: "say hello first".to_owned() });
        }
    }
    loop {
        let question = frame::read(stream)?;
        // The lock is not held while the agent is written to: one that does not read holds up nobody but itself.
        let answered = answer(question, &mut served.lock(), served);
        match answered {
            Ok(answer) => {
                frame::write(stream, &answer)?;
                publish(&mut served.lock(), served);
            }
            Err(e) => {
                let _ = frame::write(stream, &Answer::Sorry { why: e.to_string() });
                stop(&e, served);
            }
        }
    }
}

fn answer(question: Question, runner: &mut Runner, served: &Served) -> Result<Answer, AppendError> {
    match question {
        Question::Hello { .. } => Ok(Answer::Sorry { why: "hello was said already".to_owned() }),
        Question::Findings { trigger, findings } => match runner.findings(trigger, findings) {
            Ok(size) => Ok(Answer::Recorded { size }),
            Err(FindingsError::Append(e)) => Err(e),
            Err(e) => Ok(Answer::Sorry { why: e.to_string() }),
        },
        Question::Order { envelope } => runner.order(&envelope.0).map(Answer::Order),
        Question::Entries { from } => Ok(match runner.machine().recorder.package(from)? {
            Some(package) => Answer::Entries(package),
            None => Answer::Sorry { why: format!("there is no entry {from} yet") },
        }),
        Question::Receipt { note } => {
            let kept = served.receipts.keep(&note, runner.machine().recorder.size());
            Ok(kept.map_or_else(|e| Answer::Sorry { why: e.to_string() }, |()| Answer::Kept))
        }
    }
}

fn publish(runner: &mut Runner, served: &Served) {
    if let Err(e) = runner.machine().recorder.publish() {
        stop(&AppendError::File(e), served);
    }
}

/// Without evidence nothing may be done: the process ends, says why, and leaves it to its supervisor and to people to start it again.
fn stop(e: &AppendError, served: &Served) -> ! {
    let advice = if e.is_disk_full() {
        format!("; the disk is full: free space for {} and start it again", served.directory.display())
    } else {
        String::new()
    };
    let mut chain = format!("{e}");
    let mut source = std::error::Error::source(e);
    while let Some(cause) = source {
        chain = format!("{chain}: {cause}");
        source = cause.source();
    }
    edge::trace::complain(&format!("suture-executor: {chain}{advice}"));
    std::process::exit(crate::EXIT_EVIDENCE);
}
