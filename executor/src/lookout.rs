//! What root alone may watch: directories that are closed to others, the packet filter, the audit trail. The executor listens for the agent, says which
//! facts to look at again, and looks at nothing itself.

mod calm;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use calm::Calm;
use changes::{Ear, Interests, Live, Paths, Stir};
use contract::fact::FactId;
use contract::probe;
use facts::Reader;
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec};

/// One change often makes several events.
const SETTLE: Duration = Duration::from_millis(20);
/// How long nothing is watched where watching failed.
const ANEW: Duration = Duration::from_secs(5);
/// How often it is found out anew what there is to watch.
const REARM: Duration = Duration::from_secs(300);

/// Where the agent hears of it.
#[derive(Debug, Clone)]
pub struct Lookout(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    told: Mutex<Told>,
    changed: Condvar,
    /// Rings where facts were looked at: what they hang on may be something else now.
    bell: OwnedFd,
}

#[derive(Debug, Default)]
struct Told {
    changed: BTreeSet<FactId>,
    looked_at: BTreeSet<FactId>,
}

impl Lookout {
    /// Listens from now on, on a thread of its own that ends with the process.
    pub fn begin(config: facts::Config) -> io::Result<Self> {
        let bell = rustix::event::eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        let shared = Arc::new(Shared { told: Mutex::default(), changed: Condvar::new(), bell });
        let watcher = Watcher::new(config.clone())?;
        let told = Arc::clone(&shared);
        std::thread::Builder::new()
            .name("lookout".to_owned())
            .spawn(move || without_end(watcher, &config, &told))?;
        Ok(Self(shared))
    }

    /// The facts to look at again, as soon as there are any; none where there were none for so long.
    pub fn changed(&self, within: Duration) -> Vec<FactId> {
        let told = self.0.told();
        let waited = self.0.changed.wait_timeout_while(told, within, |told| told.changed.is_empty());
        let (mut told, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut told.changed).into_iter().collect()
    }

    /// These facts were looked at just now: what they hang on is found out anew.
    pub fn looked_at(&self, facts: &[FactId]) {
        self.0.told().looked_at.extend(facts.iter().cloned());
        // Full, it rings already.
        let _ = rustix::io::write(&self.0.bell, &1_u64.to_ne_bytes());
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, touched: BTreeSet<FactId>) {
        if !touched.is_empty() {
            self.told().changed.extend(touched);
            self.changed.notify_all();
        }
    }
}

/// Watches, and begins anew where that fails: all may have changed meanwhile.
fn without_end(mut watcher: Watcher, config: &facts::Config, told: &Shared) {
    loop {
        let Err(error) = watcher.follow(told);
        tracing::error!(%error, "what root alone may watch is not watched: full scans find it until it is again");
        watcher = loop {
            std::thread::sleep(ANEW);
            if let Ok(anew) = Watcher::new(config.clone()) {
                break anew;
            }
        };
        told.tell(watcher.wanted.iter().cloned().collect());
    }
}

struct Watcher {
    reader: Reader,
    wanted: Vec<FactId>,
    interests: Interests,
    paths: Paths,
    ears: Vec<Ear>,
}

impl Watcher {
    fn new(config: facts::Config) -> io::Result<Self> {
        let mut watcher = Self {
            reader: Reader::new(config),
            wanted: probe::PROBED.iter().filter_map(|fact| fact.parse().ok()).collect(),
            interests: Interests::default(),
            paths: Paths::new()?,
            ears: Vec::new(),
        };
        watcher.rearm(None);
        let heard = |stir: &&Stir| matches!(stir, Stir::Firewall | Stir::Audit);
        watcher.ears = watcher.interests.stirs().filter(heard).filter_map(changes::listen).collect();
        Ok(watcher)
    }

    /// Finds out what these facts hang on, or all of them; those about what is watched anew, which may have changed before.
    fn rearm(&mut self, facts: Option<&BTreeSet<FactId>>) -> BTreeSet<FactId> {
        let wanted = self.wanted.iter().filter(|fact| facts.is_none_or(|facts| facts.contains(fact)));
        let wanted: Vec<_> = wanted.map(|fact| (fact.clone(), self.reader.inputs(fact))).collect();
        self.interests.renew(&wanted, &Live);
        // The agent watches the rest itself.
        self.interests.retain_directories(is_closed);
        self.paths.arm(&self.interests)
    }

    /// Never well over.
    fn follow(&mut self, told: &Shared) -> io::Result<Infallible> {
        let (mut rearm_at, mut calm) = (Instant::now() + REARM, Calm::default());
        loop {
            let now = Instant::now();
            let until = calm.due(now).map_or(rearm_at, |due| due.min(rearm_at));
            let stirred = self.wait(&told.bell, until.saturating_duration_since(now))?;
            let touched = self.heard(stirred)?;
            if !touched.is_empty() {
                std::thread::sleep(SETTLE);
                calm.touched(touched);
                calm.touched(self.paths.pending(&self.interests)?);
            }
            let mut ring = [0; 8];
            if rustix::io::read(&told.bell, &mut ring).is_ok() {
                let looked_at = std::mem::take(&mut told.told().looked_at);
                calm.touched(self.rearm(Some(&looked_at)));
            }
            if rearm_at <= Instant::now() {
                rearm_at = Instant::now() + REARM;
                calm.touched(self.rearm(None));
            }
            let ready = calm.ready(Instant::now());
            if !ready.is_empty() {
                // What is watched may follow from what changed.
                calm.touched(self.rearm(Some(&ready)));
                told.tell(ready);
            }
        }
    }

    fn heard(&mut self, stirred: Vec<bool>) -> io::Result<BTreeSet<FactId>> {
        let mut touched = self.paths.pending(&self.interests)?;
        for (ear, _) in self.ears.iter().zip(stirred).filter(|(_, stirred)| *stirred) {
            touched.extend(ear.heard()?.iter().flat_map(|stir| self.interests.stirred(stir)).cloned());
        }
        Ok(touched)
    }

    /// Waits for anything; which of the ears stirred.
    fn wait(&self, bell: &OwnedFd, limit: Duration) -> io::Result<Vec<bool>> {
        let limit =
            Timespec { tv_sec: limit.as_secs().cast_signed(), tv_nsec: i64::from(limit.subsec_nanos()) };
        let mut fds = vec![PollFd::new(bell, PollFlags::IN), PollFd::new(&self.paths, PollFlags::IN)];
        fds.extend(self.ears.iter().map(Ear::poll));
        match rustix::event::poll(&mut fds, Some(&limit)) {
            // Interrupted is the same as nothing: whoever waits comes back here.
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(fds.iter().skip(2).map(|fd| !fd.revents().is_empty()).collect())
    }
}

/// What the agent's unit hides from it altogether: see systemd.exec(5), `ProtectHome=`.
const HIDDEN: [&str; 3] = ["/home", "/root", "/run/user"];

/// Whether somebody without any privilege may not watch a directory: it is not theirs to list, or one on the way to it is not theirs to pass.
fn is_closed(directory: &Path) -> bool {
    if HIDDEN.iter().any(|hidden| directory.starts_with(hidden)) {
        return true;
    }
    let lacks =
        |path: &Path, bit| fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bit == 0);
    lacks(directory, 0o004) || directory.ancestors().any(|path| lacks(path, 0o001))
}

#[cfg(test)]
mod tests;
