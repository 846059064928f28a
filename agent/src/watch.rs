//! The watch: the kernel says which of the watched paths was touched, and only the facts about it are looked at again.
//!
//! Straight over inotify, whose mask leaves out opens, reads and writes: the product writes into these directories all the time, and files of
//! `/etc` are opened by every process there is. None of that wakes this one.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use contract::fact::FactId;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use tokio::sync::mpsc;

use crate::interest::Interests;
use crate::observe::News;
use crate::thread::{Stop, Woken};

/// One change often makes several events.
const SETTLE: Duration = Duration::from_millis(20);
/// Something that changes without end is looked at once a second: it must not fill the evidence log.
const SETTLE_WHEN_BUSY: Duration = Duration::from_secs(1);
const BUSY: usize = 20;
const BUSY_WITHIN: Duration = Duration::from_secs(10);
/// How often directories that could not be watched are tried again.
const REARM: Duration = Duration::from_secs(60);

/// The watched directories.
#[derive(Debug)]
pub struct Watch {
    fd: OwnedFd,
    interests: Interests,
    armed: HashMap<i32, PathBuf>,
    /// Directories that could not be watched, so that each is named once.
    unwatched: BTreeSet<PathBuf>,
    recent: VecDeque<Instant>,
}

impl Watch {
    /// Watches from now on. Whoever looks at the machine after this misses no change.
    pub fn arm(interests: Interests) -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let mut watch = Self {
            fd,
            interests,
            armed: HashMap::new(),
            unwatched: BTreeSet::new(),
            recent: VecDeque::new(),
        };
        watch.rearm();
        Ok(watch)
    }

    /// Tells the observer until told to stop. Blocks: for a thread of its own.
    pub fn follow(mut self, observer: &mpsc::Sender<News>, stop: &Stop) -> io::Result<()> {
        loop {
            let mut touched = match stop.wait(Some(&self.fd), REARM) {
                Woken::Stopped => return Ok(()),
                Woken::Readable => self.pending()?,
                Woken::Nothing => self.rearm(),
            };
            if touched.is_empty() {
                continue;
            }
            if stop.within(self.settle()) {
                return Ok(());
            }
            touched.extend(self.pending()?);
            // A directory that was made anew has to be watched anew.
            touched.extend(self.rearm());
            if observer.blocking_send(News::Changed(touched)).is_err() {
                return Ok(());
            }
        }
    }

    fn settle(&mut self) -> Duration {
        let now = Instant::now();
        self.recent.retain(|t| now.duration_since(*t) < BUSY_WITHIN);
        self.recent.push_back(now);
        if self.recent.len() > BUSY { SETTLE_WHEN_BUSY } else { SETTLE }
    }

    /// The facts behind all events that are there.
    fn pending(&mut self) -> io::Result<BTreeSet<FactId>> {
        let mut touched = BTreeSet::new();
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.fd, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(rustix::io::Errno::WOULDBLOCK) => break,
                Err(rustix::io::Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                tracing::warn!("the kernel dropped change events: everything watched is looked at again");
                touched.extend(self.armed.values().flat_map(|d| self.interests.all_facts(d)).cloned());
                continue;
            }
            let Some(directory) = self.armed.get(&event.wd()) else { continue };
            if event.events().contains(ReadFlags::IGNORED) {
                touched.extend(self.interests.all_facts(directory).cloned());
                gone.push(event.wd());
                continue;
            }
            let name = event.file_name().map(|n| OsStr::from_bytes(n.to_bytes()));
            touched.extend(self.interests.facts(directory, name).cloned());
        }
        for wd in gone {
            self.armed.remove(&wd);
        }
        Ok(touched)
    }

    /// Watches what is not watched yet; the facts about it, which may have changed meanwhile.
    fn rearm(&mut self) -> BTreeSet<FactId> {
        let itself =
            WatchFlags::ATTRIB | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
        let entries = WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
        let mut fresh = BTreeSet::new();
        let mut armed: HashMap<i32, PathBuf> = HashMap::new();
        for (directory, entries_matter) in self.interests.directories() {
            let mask = if entries_matter { itself | entries } else { itself };
            match inotify::add_watch(&self.fd, directory, mask) {
                Ok(wd) => {
                    if self.armed.get(&wd).is_none_or(|known| known != directory) {
                        fresh.extend(self.interests.all_facts(directory).cloned());
                    }
                    armed.insert(wd, directory.to_owned());
                    self.unwatched.remove(directory);
                }
                Err(error) => {
                    if self.unwatched.insert(directory.to_owned()) {
                        tracing::warn!(directory = %directory.display(), %error, "not watched: changes there are found by the next full scan");
                    }
                }
            }
        }
        // What moved away under its old watch is no longer ours to hear of.
        for wd in self.armed.keys().filter(|wd| !armed.contains_key(wd)) {
            let _ = inotify::remove_watch(&self.fd, *wd);
        }
        self.armed = armed;
        fresh
    }
}
