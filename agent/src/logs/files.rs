//! Log files: every text file with a log's name in the followed directories, through rotation by rename, by copy and truncation, and across
//! restarts.

use std::time::Duration;

use contract::record::LineLoss;
use contract::time::MonoNs;

use super::NoLogs;
use super::followed::{Due, Followed};
use super::listing::Scope;
use super::reading::{Shared, hold};
use super::watched::{News, Watched};
use crate::thread::{Stop, Woken};

/// Writes that come together are read together.
const SETTLE: Duration = Duration::from_millis(8);
/// All is looked at without being told, in case the kernel or we missed something.
const IDLE_MS: u64 = 30_000;
/// With something to be written, files without a name to let go of, or directories to be watched that are not there.
const RESTLESS_MS: u64 = 5_000;
/// How long nothing to follow is waited for until it is said.
const NOTHING_MS: u64 = 60_000;
/// A look at all directories may cost one part in so many of the time, where nothing asks for it, and where something does.
const IDLE_SHARE: u64 = 2_000;
const ASKED_SHARE: u64 = 10;

/// Follows the log files in `scope` until told to stop.
pub fn follow(scope: &Scope, shared: &Shared, stop: &Stop) -> Result<(), NoLogs> {
    let refused = |e: rustix::io::Errno| NoLogs::Refused(e.to_string());
    let mut watched = Watched::new(scope.clone()).map_err(refused)?;
    // Before the first look, so that nothing falls between the two.
    watched.arm();
    let mut files = Followed::resume(scope.clone(), &mut hold(shared));
    let mut pace = Pace::new();
    let mut due = Due { all: true, ..Due::default() };
    let mut followed = None;
    loop {
        let listing = due.all;
        {
            let mut reading = hold(shared);
            files.round(std::mem::take(&mut due), &mut reading);
            files.after(&mut reading);
            let changed = followed.replace(files.len()) != Some(files.len());
            if changed || listing {
                reading.follows(files.names(), changed);
            }
        }
        if listing {
            pace.listed(files.listing_ms());
        }
        watched.follow_links(files.links());
        if files.len() == 0 && pace.began_ms_ago() >= NOTHING_MS {
            let list: Vec<_> = scope.directories().iter().map(|d| d.display().to_string()).collect();
            return Err(NoLogs::NothingReadable(list.join(", ")));
        }
        let restless =
            files.is_restless() || watched.is_partial || files.len() == 0 || hold(shared).is_owing();
        let wait = if files.is_behind() { Duration::ZERO } else { pace.wait(restless) };
        match stop.wait(Some(watched.fd()), wait) {
            Woken::Stopped => {
                files.end(&mut hold(shared));
                return Ok(());
            }
            Woken::Readable => {
                // Not where there is more to read at once: it settled long ago.
                if !files.is_behind() && stop.within(SETTLE) {
                    files.end(&mut hold(shared));
                    return Ok(());
                }
                let news = watched.news(files.wants_others()).map_err(|e| NoLogs::Refused(e.to_string()))?;
                due = told(news, &mut watched, &mut pace, shared);
            }
            Woken::Nothing if watched.is_partial => pace.asked |= watched.arm(),
            Woken::Nothing => {}
        }
        due.all |= pace.is_due();
    }
}

/// What is to be looked at, by what the kernel told.
fn told(news: News, watched: &mut Watched, pace: &mut Pace, shared: &Shared) -> Due {
    let mut due = news.due;
    if news.rearm {
        pace.asked |= watched.arm();
    }
    if news.unseen > 0 {
        hold(shared).lost(LineLoss::RotatedAway, news.unseen);
    }
    if news.dropped > 0 {
        hold(shared).lost(LineLoss::EventsDropped, news.dropped);
        pace.asked = true;
        due.known = true;
    }
    if due.all {
        pace.asked = true;
        (due.all, due.known) = (false, true);
    }
    due
}

/// When all directories are looked at: a directory of a million files takes a second of processor time to look at.
struct Pace {
    began: MonoNs,
    listed: MonoNs,
    took_ms: u64,
    /// Something happened that only a look at everything can tell.
    asked: bool,
}

impl Pace {
    fn new() -> Self {
        let now = edge::clock::mono();
        Self { began: now, listed: now, took_ms: 0, asked: false }
    }

    fn listed(&mut self, took_ms: u64) {
        (self.listed, self.took_ms, self.asked) = (edge::clock::mono(), took_ms, false);
    }

    fn interval_ms(&self) -> u64 {
        if self.asked { self.took_ms * ASKED_SHARE } else { IDLE_MS.max(self.took_ms * IDLE_SHARE) }
    }

    fn is_due(&self) -> bool {
        edge::clock::mono().ms_since(self.listed) >= self.interval_ms()
    }

    fn wait(&self, is_restless: bool) -> Duration {
        let passed = edge::clock::mono().ms_since(self.listed);
        let left = self.interval_ms().saturating_sub(passed);
        Duration::from_millis(if is_restless { left.min(RESTLESS_MS) } else { left })
    }

    fn began_ms_ago(&self) -> u64 {
        edge::clock::mono().ms_since(self.began)
    }
}
