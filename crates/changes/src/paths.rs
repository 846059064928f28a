//! Files and directories, straight over inotify.
//!
//! Its mask leaves out opens and reads, and writes wherever only owner and mode matter: the product writes into its own directories all the time, and
//! files of `/etc` are opened by every process there is. None of that wakes this one.

use std::borrow::Borrow;
use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use contract::fact::FactId;
use contract::probe;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use crate::interest::{Interests, Mask, Touch};

/// The watched directories.
#[derive(Debug)]
pub struct Paths {
    fd: OwnedFd,
    /// By the kernel's number: where a directory is mounted at two places, both have one.
    armed: HashMap<i32, BTreeSet<PathBuf>>,
    /// Directories that could not be watched, so that each is named once.
    unwatched: BTreeSet<PathBuf>,
}

impl AsFd for Paths {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Paths {
    /// With nothing watched yet.
    pub fn new() -> io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self { fd, armed: HashMap::new(), unwatched: BTreeSet::new() })
    }

    /// The facts behind all events that are there.
    pub fn pending(&mut self, interests: &Interests) -> io::Result<BTreeSet<FactId>> {
        let mut touched = BTreeSet::new();
        let mut gone = Vec::new();
        let mut buffer = [MaybeUninit::uninit(); 4096];
        let mut events = inotify::Reader::new(&self.fd, &mut buffer);
        loop {
            let event = match events.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                tracing::warn!("the kernel dropped change events: everything watched is looked at again");
                touched.extend(self.armed.values().flatten().flat_map(|d| interests.all_facts(d)));
                continue;
            }
            let Some(directories) = self.armed.get(&event.wd()) else { continue };
            if event.events().contains(ReadFlags::IGNORED) {
                touched.extend(directories.iter().flat_map(|d| interests.all_facts(d)));
                gone.push(event.wd());
                continue;
            }
            let name = event.file_name().map(|n| OsStr::from_bytes(n.to_bytes()));
            let written = event.events().contains(ReadFlags::MODIFY);
            let touch = if written { Touch::Content } else { Touch::Place };
            touched.extend(directories.iter().flat_map(|d| interests.facts(d, name, touch)));
        }
        for wd in gone {
            self.armed.remove(&wd);
        }
        Ok(touched)
    }

    /// Watches what is not watched yet; the facts about it, which may have changed meanwhile.
    pub fn arm(&mut self, interests: &Interests) -> BTreeSet<FactId> {
        let mut fresh = BTreeSet::new();
        let mut armed: HashMap<i32, (BTreeSet<PathBuf>, WatchFlags)> = HashMap::new();
        for (directory, wanted) in interests.directories() {
            match inotify::add_watch(&self.fd, directory, flags(wanted)) {
                Ok(wd) => {
                    if self.armed.get(&wd).is_none_or(|known| !known.contains(directory)) {
                        fresh.extend(interests.all_facts(directory));
                    }
                    let (places, all) =
                        armed.entry(wd).or_insert_with(|| (BTreeSet::new(), WatchFlags::empty()));
                    places.insert(directory.to_owned());
                    *all |= flags(wanted);
                    if places.len() > 1 {
                        // What the other place asks for was replaced just now. That it was watched before is known: this changes no number.
                        let _ = inotify::add_watch(&self.fd, directory, *all);
                    }
                    self.unwatched.remove(directory);
                }
                // That it comes is noticed in the directory above.
                Err(Errno::NOENT | Errno::NOTDIR) => {}
                Err(error) => {
                    if self.unwatched.insert(directory.to_owned()) {
                        // By the facts behind it: a directory may bear a person's name.
                        let facts = unheard(interests.all_facts(directory), error);
                        if !facts.is_empty() {
                            tracing::warn!(facts = facts.join(" "), %error, "a directory is not watched: changes there are found by the next full scan");
                        }
                    }
                }
            }
        }
        // What moved away under its old watch is no longer ours to hear of.
        for wd in self.armed.keys().filter(|wd| !armed.contains_key(wd)) {
            let _ = inotify::remove_watch(&self.fd, *wd);
        }
        self.armed = armed.into_iter().map(|(wd, (places, _))| (wd, places)).collect();
        fresh
    }
}

/// Those of the facts that nobody hears of. What is closed to the agent the executor watches for it, where it looks at the fact too.
fn unheard(facts: impl IntoIterator<Item = impl Borrow<FactId>>, error: Errno) -> Vec<String> {
    let is_told = |fact: &FactId| error == Errno::ACCESS && probe::is_probed(fact);
    let unheard = facts.into_iter().filter(|fact| !is_told(fact.borrow()));
    unheard.map(|fact| fact.borrow().to_string()).collect()
}

fn flags(wanted: Mask) -> WatchFlags {
    let mut flags =
        WatchFlags::ATTRIB | WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
    if wanted.entries {
        flags |= WatchFlags::CREATE | WatchFlags::DELETE | WatchFlags::MOVE;
    }
    if wanted.content {
        flags |= WatchFlags::MODIFY;
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_executor_hears_for_the_agent_is_not_called_unheard() {
        let facts: Vec<FactId> =
            ["accounts:unlisted_ssh_keys", "path:/srv/x"].map(|id| id.parse().unwrap()).into();
        assert_eq!(unheard(&facts, Errno::ACCESS), ["path:/srv/x"]);
        assert_eq!(unheard(&facts, Errno::NOSPC), ["accounts:unlisted_ssh_keys", "path:/srv/x"]);
    }
}
