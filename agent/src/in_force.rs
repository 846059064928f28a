//! What the machine is held against now: baseline, exceptions and allowlist, read from the disk, opened with the pinned key, and exchanged as a whole
//! when the hub has signed another. Whoever looks takes it once for a look, so no look is held against two.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use contract::exception::Exceptions;

use crate::config::Config;
use crate::look::{Eyes, Looker};
use crate::run::RunError;
use crate::site::{self, Identity, Places};

/// The longest file of exceptions.
const EXCEPTIONS_BYTES_MAX: u64 = 1 << 20;

/// What is in force. Cheap to clone; all clones see an exchange.
#[derive(Debug, Clone)]
pub struct InForce(Arc<Held>);

#[derive(Debug)]
struct Held {
    looker: RwLock<Arc<Looker>>,
    /// The other ends of those that a thread waits on.
    bells: Mutex<Vec<UnixStream>>,
}

impl InForce {
    /// Begins with `looker`.
    pub fn new(looker: Looker) -> Self {
        Self(Arc::new(Held { looker: RwLock::new(Arc::new(looker)), bells: Mutex::default() }))
    }

    /// What is in force now.
    pub fn now(&self) -> Arc<Looker> {
        Arc::clone(&self.0.looker.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another in its place: it counts from the next look on.
    pub fn exchange(&self, looker: Looker) {
        *self.0.looker.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(looker);
        // A bell that is full has rung already, and nobody waits on one that is gone.
        let mut bells = self.0.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.iter_mut().for_each(|bell| drop(bell.write(&[1])));
    }

    /// Becomes readable with each exchange, for a thread that waits for much else.
    pub fn bell(&self) -> std::io::Result<UnixStream> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        theirs.set_nonblocking(true)?;
        self.0.bells.lock().unwrap_or_else(PoisonError::into_inner).push(ours);
        Ok(theirs)
    }
}

/// What lies on the disk, to look with.
pub fn looker(config: &Config, places: &Places, identity: &Identity) -> Result<Looker, RunError> {
    let baseline = site::read_baseline(places, identity)?;
    let exceptions = exceptions(config, places, identity)?;
    if let Err(unfitting) = exceptions.check_against(&baseline) {
        // In the configuration's file it is a slip of the pen. What the hub signed fitted its baseline of then; that may have dropped a control since.
        if site::read_exceptions(places, identity).is_none() {
            return Err(unfitting.into());
        }
        tracing::warn!(%unfitting, "an exception excuses nothing");
    }
    for expired in exceptions.expired(edge::clock::utc()) {
        tracing::warn!(control = %expired.control, until = %expired.until, "an exception has expired and excuses nothing");
    }
    let eyes = Eyes::Live(facts::Reader::new(told(config, places, identity)));
    Ok(Looker { baseline, exceptions, users: config.users(rustix::process::geteuid().as_raw()), eyes })
}

/// What the readers of facts are told: what is configured, and what was signed.
pub fn told(config: &Config, places: &Places, identity: &Identity) -> facts::Config {
    facts::Config { allowed: site::read_allowlist(places, identity), ..config.facts() }
}

/// Those that the hub signed, also where it took them all back; where it never did, those of the configuration.
pub fn exceptions(config: &Config, places: &Places, identity: &Identity) -> Result<Exceptions, RunError> {
    match (site::read_exceptions(places, identity), &config.exceptions) {
        (Some(signed), _) => Ok(signed),
        (None, Some(path)) => read_exceptions(path.path()),
        (None, None) => Ok(Exceptions::default()),
    }
}

/// Reads a tenant's accepted failures.
pub fn read_exceptions(path: &Path) -> Result<Exceptions, RunError> {
    let text = edge::file::read_text(path, EXCEPTIONS_BYTES_MAX)?;
    Ok(Exceptions::parse(&path.display().to_string(), &text)?)
}
