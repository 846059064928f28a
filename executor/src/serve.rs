//! The socket: a Unix socket of mode 0600 in a private directory, for one user, checked by the kernel's word (`SO_PEERCRED`).

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use contract::frame::{self, FrameError};
use contract::ids::HostId;
use contract::socket::{Answer, PROTOCOL, Question};
use edge::file::{self, FileError};
use evidence::AppendError;
use rustix::net::sockopt::socket_peercred;
use tlog::{SignedNote, VerifierKey};

use crate::run::Runner;

/// An agent that reconnects may overlap with its former self; more than this is a flood.
const CONNECTIONS_MAX: usize = 4;

/// The longest receipt: a note with two signatures.
const RECEIPT_MAX_BYTES: u64 = 4096;

/// What all connections share.
#[derive(Debug)]
pub struct Served {
    /// Carries orders out, one at a time: the lock is the queue.
    pub runner: Mutex<Runner>,
    /// Which machine this is.
    pub host: HostId,
    /// The hub's witness key.
    pub witness: VerifierKey,
    /// The log's own key.
    pub log_key: VerifierKey,
    /// Where the hub's receipt is kept.
    pub receipt: std::path::PathBuf,
    /// Where a person looks when the disk is full.
    pub directory: std::path::PathBuf,
}

impl Served {
    /// The runner. A thread that panicked while holding it has left the log whole: the writer stops itself on any error.
    pub fn lock(&self) -> MutexGuard<'_, Runner> {
        self.runner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Binds the socket. A socket that an earlier executor left is replaced: the log's lock has shown that it is gone.
pub fn bind(path: &Path) -> Result<UnixListener, FileError> {
    let failed = |action| move |source| FileError { path: path.to_owned(), action, source };
    file::private_directory(path.parent().unwrap_or(Path::new(".")))?;
    if path.symlink_metadata().is_ok() {
        std::fs::remove_file(path).map_err(failed("remove the socket of an earlier run"))?;
    }
    let listener = UnixListener::bind(path).map_err(failed("listen on it"))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(failed("make it private"))?;
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
        let mut runner = served.lock();
        match answer(question, &mut runner, served) {
            Ok(answer) => {
                frame::write(stream, &answer)?;
                stream.flush().map_err(FrameError::Io)?;
                publish(&mut runner, served);
            }
            Err(e) => {
                frame::write(stream, &Answer::Sorry { why: e.to_string() })?;
                stop(&e, served);
            }
        }
    }
}

fn answer(question: Question, runner: &mut Runner, served: &Served) -> Result<Answer, AppendError> {
    match question {
        Question::Hello { .. } => Ok(Answer::Sorry { why: "hello was said already".to_owned() }),
        Question::Findings { trigger, findings } => {
            let machine = runner.machine();
            let stamp = machine.stamp();
            let size = machine.recorder.findings(stamp, trigger, &findings)?.size();
            Ok(Answer::Recorded { size })
        }
        Question::Order { envelope } => runner.order(&envelope.0).map(Answer::Order),
        Question::Entries { from } => Ok(match runner.machine().recorder.package(from)? {
            Some(package) => Answer::Entries(package),
            None => Answer::Sorry { why: format!("there is no entry {from} yet") },
        }),
        Question::Receipt { note } => Ok(match keep_receipt(&note, served) {
            Ok(()) => Answer::Kept,
            Err(why) => Answer::Sorry { why },
        }),
    }
}

/// Keeps a receipt if the hub's witness really cosigned a head that this log signed. What is kept is never older than what was kept before.
fn keep_receipt(note: &str, served: &Served) -> Result<(), String> {
    let signed = |text: &str| -> Result<u64, String> {
        let note = SignedNote::parse(text.as_bytes()).map_err(|e| e.to_string())?;
        tlog::cosignature::verify(&note, &served.witness).map_err(|e| e.to_string())?;
        let ours = tlog::VerifiedCheckpoint::from_note(note, &served.log_key).map_err(|e| e.to_string())?;
        Ok(ours.checkpoint().size.get())
    };
    let size = signed(note)?;
    let kept = file::read_text(&served.receipt, RECEIPT_MAX_BYTES).ok().and_then(|text| signed(&text).ok());
    if kept.is_some_and(|kept| kept > size) {
        return Ok(());
    }
    file::write_durably(&served.receipt, note.as_bytes()).map_err(|e| e.to_string())
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
