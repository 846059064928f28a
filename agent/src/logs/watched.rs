//! What the kernel is asked to tell of: the directories that are followed, and those that links lead to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::followed::{Due, Touch};
use super::listing::Scope;

/// So many names are held of what happened; beyond it every file is looked at.
const NAMES_MAX: usize = 4_096;
/// So many names that are no log's are looked at together: files that were let go of may be among them.
const OTHERS_MAX: usize = 64;

/// Whose events a watch gives.
#[derive(Debug, Default)]
struct Watch {
    /// A directory that is followed.
    directory: Option<PathBuf>,
    /// Names in it that links lead to, and the links.
    targets: BTreeMap<OsString, PathBuf>,
}

/// The watches.
#[derive(Debug)]
pub(super) struct Watched {
    fd: OwnedFd,
    scope: Scope,
    watches: HashMap<i32, Watch>,
    /// Links that are watched, with where they lead.
    links: BTreeMap<PathBuf, PathBuf>,
    /// Log files that were made lately.
    fresh: BTreeSet<PathBuf>,
    /// True where some directory could not be watched.
    pub(super) is_partial: bool,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) due: Due,
    /// Directories came or went.
    pub(super) rearm: bool,
    /// So often the kernel dropped events.
    pub(super) dropped: u64,
    /// So many log files came and went before anybody looked.
    pub(super) unseen: u64,
    /// Renames of files with a log's name, by the kernel's number for each.
    renamed: BTreeSet<u32>,
    /// Log files that were made since the last look, and those from before it: whether it still found them is not known here.
    fresh: BTreeSet<PathBuf>,
    before: BTreeSet<PathBuf>,
    /// As `renamed`, of the latter.
    perhaps: BTreeSet<u32>,
}

impl Watched {
    pub(super) fn new(scope: Scope) -> Result<Self, Errno> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let (watches, links) = (HashMap::new(), BTreeMap::new());
        Ok(Self { fd, scope, watches, links, fresh: BTreeSet::new(), is_partial: false })
    }

    pub(super) const fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Watches every directory there is now. True where one is new: what is in it has to be looked at.
    pub(super) fn arm(&mut self) -> bool {
        let mut is_new = false;
        self.is_partial = false;
        for directory in self.scope.directories() {
            match self.add(&directory) {
                Ok(watch) if watch.directory.is_none() => {
                    watch.directory = Some(directory);
                    is_new = true;
                }
                Ok(_) => {}
                // It is looked at now and then, and tried again.
                Err(_) => self.is_partial = true,
            }
        }
        is_new
    }

    /// Watches where `links` lead, by the directory of each target: the file there may be exchanged for another.
    pub(super) fn follow_links(&mut self, links: &BTreeSet<PathBuf>) {
        self.links.retain(|link, _| links.contains(link));
        for link in links {
            let Some(target) = leads_to(link).filter(|t| self.links.get(link) != Some(t)) else { continue };
            if let (Some(directory), Some(name)) = (target.parent(), target.file_name())
                && let Ok(watch) = self.add(directory)
            {
                watch.targets.insert(name.to_owned(), link.clone());
                self.links.insert(link.clone(), target);
            }
        }
    }

    fn add(&mut self, directory: &Path) -> Result<&mut Watch, Errno> {
        let mask = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVE
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let wd = inotify::add_watch(&self.fd, directory, mask)?;
        Ok(self.watches.entry(wd).or_default())
    }

    /// All that was told by now. Where names that are no log's are of interest `others` is true.
    pub(super) fn news(&mut self, others: bool) -> io::Result<News> {
        let mut news = News { before: std::mem::take(&mut self.fresh), ..News::default() };
        let mut gone = Vec::new();
        let mut other = 0;
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut reader = inotify::Reader::new(&self.fd, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::WOULDBLOCK) => break,
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            let flags = event.events();
            if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
                news.dropped += 1;
                continue;
            }
            let Some(watch) = self.watches.get(&event.wd()) else { continue };
            if flags.intersects(ReadFlags::IGNORED | ReadFlags::MOVE_SELF | ReadFlags::DELETE_SELF) {
                gone.push(event.wd());
                continue;
            }
            let Some(name) = event.file_name().map(|n| OsStr::from_bytes(n.to_bytes())) else { continue };
            let appeared = flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO);
            let touch = if appeared { Touch::Appeared } else { Touch::Changed };
            if let Some(link) = watch.targets.get(name) {
                news.due.add(link.clone(), touch);
            }
            let Some(directory) = &watch.directory else { continue };
            if flags.contains(ReadFlags::ISDIR) {
                news.rearm |= self.scope.root() == Some(directory);
                continue;
            }
            let path = directory.join(name);
            let is_log = self.scope.is_log(&path);
            news.went(&path, flags, event.cookie(), is_log);
            if is_log {
                news.due.add(path, touch);
            } else if other < OTHERS_MAX && (others || flags.contains(ReadFlags::CREATE)) {
                other += 1;
                if flags.contains(ReadFlags::CREATE) {
                    news.due.made.push(path.clone());
                }
                news.due.add(path, touch);
            }
        }
        news.rearm |= !gone.is_empty();
        // Renamed to where we do not look.
        news.unseen += news.renamed.len() as u64;
        self.drop_gone(&gone);
        self.fresh = std::mem::take(&mut news.fresh);
        Ok(news)
    }

    /// A directory that went or was renamed is watched anew under its name, if there is one again.
    fn drop_gone(&mut self, gone: &[i32]) {
        for wd in gone {
            if let Some(watch) = self.watches.remove(wd) {
                let _ = inotify::remove_watch(&self.fd, *wd);
                watch.targets.values().for_each(|link| drop(self.links.remove(link)));
            }
        }
    }
}

impl News {
    /// Follows files that are renamed before anybody looked at them.
    fn went(&mut self, path: &Path, flags: ReadFlags, cookie: u32, is_log: bool) {
        if self.fresh.len() + self.due.moved.len() > NAMES_MAX {
            return;
        }
        if flags.contains(ReadFlags::CREATE) && is_log {
            self.fresh.insert(path.to_owned());
        } else if flags.contains(ReadFlags::DELETE) {
            self.unseen += u64::from(self.fresh.remove(path) || self.due.moved.remove(path));
        } else if flags.contains(ReadFlags::MOVED_FROM) {
            if self.fresh.remove(path) || self.due.moved.remove(path) {
                self.renamed.insert(cookie);
            } else if self.before.remove(path) {
                self.perhaps.insert(cookie);
            }
        } else if flags.contains(ReadFlags::MOVED_TO)
            && (self.renamed.remove(&cookie) || self.perhaps.remove(&cookie))
        {
            let names = if is_log { &mut self.fresh } else { &mut self.due.moved };
            names.insert(path.to_owned());
        }
    }
}

impl Due {
    fn add(&mut self, path: PathBuf, touch: Touch) {
        if self.paths.len() >= NAMES_MAX && !self.paths.contains_key(&path) {
            self.all = true;
            return;
        }
        let known = self.paths.entry(path).or_insert(touch);
        *known = (*known).max(touch);
    }
}

/// Where a link leads in the end; where nothing is there, what it names.
fn leads_to(link: &Path) -> Option<PathBuf> {
    if let Ok(target) = std::fs::canonicalize(link) {
        return Some(target);
    }
    let named = link.parent()?.join(std::fs::read_link(link).ok()?);
    Some(std::fs::canonicalize(named.parent()?).ok()?.join(named.file_name()?))
}
