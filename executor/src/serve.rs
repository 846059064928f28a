//! The socket: a Unix socket of mode 0600 in a private directory, for one user, checked by the kernel's word (`SO_PEERCRED`).

mod converse;
mod intrusions;
mod line;
mod places;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use contract::record::{Body, Intrusion};
use edge::file::{self, FileError};
use rustix::net::sockopt::socket_peercred;

use crate::lookout::Lookout;
use crate::machine::GivenUp;
use crate::publish::Written;
use crate::start::{Ground, Stage};
pub(crate) use converse::{chain, last_words};
use converse::{converse, stop};
use intrusions::Intrusions;
use places::{CONNECTIONS_MAX, Came, Places};

/// How long nobody is let in after the system could not let somebody in.
const BREATH: Duration = Duration::from_millis(100);

/// What is said of an intrusion, at most: a peer chooses the words.
const WORDS_MAX: usize = 200;

/// How long a stop waits for the runs under way.
const STOP_WITHIN_MS: u64 = 20_000;

/// What all connections share.
#[derive(Debug)]
pub struct Served {
    /// Carries orders out, one at a time: the lock is the queue.
    pub stage: Mutex<Stage>,
    /// What the stage stands on.
    pub ground: Ground,
    /// Who hears of every record.
    pub written: Written,
    /// What root alone may watch, for the agent.
    pub lookout: Lookout,
    /// What was tried at the socket.
    intrusions: Mutex<Intrusions>,
}

impl Served {
    /// From what stands.
    pub fn new(stage: Stage, ground: Ground, written: Written, lookout: Lookout) -> Self {
        Self { stage: Mutex::new(stage), ground, written, lookout, intrusions: Mutex::default() }
    }

    /// The stage. A thread that panicked while holding it has left the log whole: the writer stops itself on any error.
    pub fn lock(&self) -> MutexGuard<'_, Stage> {
        self.stage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes the last signed head. A disk that cannot be written ends the process. While what it gives is held, nothing else is done.
    pub fn publish(&self) -> MutexGuard<'_, Stage> {
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Ready(runner) => {
                if let Ok(Err(e)) = runner.machine().with_log(crate::recorder::Recorder::publish) {
                    stop(evidence::AppendError::File(e), self);
                }
            }
            // Nothing is written.
            Stage::Lacking(_) | Stage::Changing => {}
        }
        stage
    }

    /// Somebody tried something: it is counted, and written down where it is time to.
    fn intruded(&self, what: Intrusion, uid: Option<u32>, words: &str) {
        if self.intrusions().seen(what, uid) {
            let words: String = words.chars().take(WORDS_MAX).collect();
            tracing::warn!("{words}; further ones like this are counted");
        }
        self.tell_intrusions();
        // What is not due yet has the timer.
        self.written.now();
    }

    /// How long until an intrusion is due to be written; none where none is left to write.
    pub fn intrusions_wait_ms(&self) -> Option<u64> {
        self.intrusions().due_in_ms(edge::clock::mono())
    }

    /// Writes down what is due of what was tried. Not while the log lacks entries; and not as the first record of this process: the hub's copy has to
    /// be compared before anything is written.
    pub fn tell_intrusions(&self) {
        let now = edge::clock::mono();
        let mut intrusions = self.intrusions();
        let Some(record) = intrusions.due(now) else { return };
        let runner = match &*self.lock() {
            Stage::Ready(runner) => Arc::clone(runner),
            Stage::Lacking(_) | Stage::Changing => return,
        };
        let machine = runner.machine();
        let stamp = machine.stamp();
        let written = machine.with_log(|recorder| {
            let body = Body::Intruded(record.clone());
            recorder.has_written().then(|| recorder.about_the_log(stamp, vec![body]))
        });
        match written {
            Ok(Some(Ok(_))) => intrusions.written(&record, now),
            Ok(Some(Err(e))) => stop(e, self),
            Ok(None) | Err(GivenUp) => {}
        }
    }

    fn intrusions(&self) -> MutexGuard<'_, Intrusions> {
        self.intrusions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets nothing begin any more, and waits a while for what is under way.
    pub fn close(&self) {
        let runner = match &*self.lock() {
            Stage::Ready(runner) => Some(Arc::clone(runner)),
            Stage::Lacking(_) | Stage::Changing => None,
        };
        if let Some(runner) = runner {
            runner.close(STOP_WITHIN_MS);
        }
    }

    /// Drops entries that the hub holds, where there are more than this machine is to keep.
    pub fn prune(&self) {
        let runner = match &*self.lock() {
            Stage::Ready(runner) => Some(Arc::clone(runner)),
            Stage::Lacking(_) | Stage::Changing => None,
        };
        if let Some(runner) = runner {
            runner.prune_snapshots();
        }
        let mut stage = self.lock();
        match &mut *stage {
            Stage::Ready(runner) => {
                if let Ok(Err(e)) = runner.machine().with_log(|recorder| self.ground.prune(recorder)) {
                    stop(evidence::AppendError::File(e), self);
                }
            }
            // Nothing is known of what the hub holds, or too little is here.
            Stage::Lacking(_) | Stage::Changing => {}
        }
    }
}

/// The socket that the service manager opened for the agent, where it did (`sd_listen_fds(3)`): whose it is its unit says, and [`serve`] asks each peer
/// again. More than one, or one of another kind, is an error: nothing is served by halves.
pub fn handed_over(path: &Path) -> Result<Option<UnixListener>, FileError> {
    let failed =
        |source| FileError { path: path.to_owned(), action: "take it over from the service manager", source };
    let mut handed = listenfd::ListenFd::from_env();
    if handed.len() > 1 {
        return Err(failed(std::io::Error::other(format!("{} sockets were handed over", handed.len()))));
    }
    let listener = handed.take_unix_listener(0).map_err(failed)?;
    if let Some(listener) = &listener {
        let bound = listener.local_addr().map_err(failed)?;
        if bound.as_pathname() != Some(path) {
            return Err(failed(std::io::Error::other(format!("what was handed over listens on {bound:?}"))));
        }
        listener.set_nonblocking(false).map_err(failed)?;
    }
    Ok(listener)
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
    let places = Arc::new(Places::default());
    for stream in listener.incoming() {
        let Ok(stream) = stream else {
            std::thread::sleep(BREATH);
            continue;
        };
        if !is_agent(&stream, served) {
            continue;
        }
        let place = match places.come(stream, edge::clock::mono()) {
            Came::In(place) => place,
            Came::InsteadOf(place) => {
                let words =
                    "a connection that said nothing was closed: another came, and all places were taken";
                served.intruded(Intrusion::Idle, None, words);
                place
            }
            Came::Full => {
                let words = format!("a further connection was closed: {CONNECTIONS_MAX} are open");
                served.intruded(Intrusion::Flood, None, &words);
                continue;
            }
        };
        let (served, places) = (Arc::clone(served), Arc::clone(&places));
        std::thread::spawn(move || {
            let end = converse(&place, &served);
            // Before the peer can see that it ended: one that comes back at once finds its place free.
            places.gone(&place);
            drop(place);
            let Err(end) = end else { return };
            match line::intrusion(&end) {
                Some(what) => {
                    served.intruded(
                        what,
                        None,
                        &format!("the agent's connection was closed: {}", chain(&end)),
                    );
                }
                None => tracing::debug!("the agent's connection ended: {end}"),
            }
        });
    }
}

fn is_agent(stream: &UnixStream, served: &Served) -> bool {
    let agent_uid = served.ground.config.agent_uid;
    match socket_peercred(stream) {
        Ok(peer) if peer.uid.as_raw() == agent_uid => true,
        Ok(peer) => {
            let uid = peer.uid.as_raw();
            let words = format!("refused a connection from uid {uid}: only uid {agent_uid} may connect");
            served.intruded(Intrusion::WrongUser, Some(uid), &words);
            false
        }
        Err(e) => {
            tracing::debug!("refused a connection whose user the kernel does not tell: {e}");
            served.intruded(
                Intrusion::WrongUser,
                None,
                "refused a connection whose user the kernel does not tell",
            );
            false
        }
    }
}
